"""Routes of CDS Hooks: discovery, hook calls, and feedback on cards."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from flask import Blueprint, Response, current_app, request

from cds_service.errors import BadRequest, NotFound
from cds_service.hooks.discovery import BASES, SERVICES, HookService, ServiceBase, discovery
from cds_service.hooks.feedback import Feedback, parse_feedback
from cds_service.hooks.messages import as_json
from cds_service.policies.registry import policies_in_use
from cds_service.services.answer_hook import EXTENSION, Answered, answer_call
from cds_service.services.record_call import call_record
from cds_service.store.records import FeedbackRecord, stamp
from cds_service.store.store import Store
from cds_service.web.http import metrics
from cds_service.web.http.authentication import client_name, client_of_call, rule_for
from cds_service.web.http.request_body import checked_body
from fhir_mappings.output.crd_versions import V2_0, CrdVersion, version_named

blueprint = Blueprint("hooks", __name__)


def discover(base: ServiceBase) -> Response:
    """The services that are offered at a base URL."""
    policies = policies_in_use(current_app.config["SETTINGS"].policies)
    return Response(as_json(discovery(base, policies)), mimetype="application/json")


def call(base: ServiceBase, service_id: str) -> Response:
    """One hook call."""
    default_version = V2_0 if base.legacy else None
    handle = partial(_handle_call, default_version=default_version)
    return _with_metrics(_service(base, service_id), handle)


def feedback(base: ServiceBase, service_id: str) -> Response:
    """Feedback on cards of a service."""
    return _with_metrics(_service(base, service_id), _handle_feedback)


def _add_routes(base: ServiceBase) -> None:
    root, name = f"{base.path}/cds-services", base.path.strip("/").replace(".", "_") or "all"
    blueprint.add_url_rule(root, f"discover_{name}", partial(discover, base), methods=["GET"], strict_slashes=False)
    blueprint.add_url_rule(f"{root}/<service_id>", f"call_{name}", partial(call, base), methods=["POST"])
    blueprint.add_url_rule(
        f"{root}/<service_id>/feedback", f"feedback_{name}", partial(feedback, base), methods=["POST"]
    )


for _base in BASES:
    _add_routes(_base)


def _service(base: ServiceBase, service_id: str) -> HookService:
    service = SERVICES.get(service_id)
    if service is None or not base.offers(service):
        raise NotFound(f"no such service: GET {base.path}/cds-services lists them")
    return service


def _with_metrics(service: HookService, respond: Callable[[HookService], Response]) -> Response:
    """The response to one call of a client, counted and timed whether it succeeds or fails."""
    began, status = time.monotonic(), 500
    try:
        with current_app.config["CONCURRENCY"].slot(client_name() or ""):
            response = respond(service)
        status = response.status_code
    except BadRequest as error:
        status = error.status
        raise
    finally:
        metrics.labeled(metrics.CALLS, service.id, str(status)).inc()
        metrics.labeled(metrics.SECONDS, service.id).observe(time.monotonic() - began)
    return response


def _handle_call(service: HookService, default_version: CrdVersion | None = None) -> Response:
    config, client = current_app.config, client_of_call()
    settings = config["SETTINGS"]
    received, began = datetime.now(UTC), time.monotonic()
    own_version = version_named(client.crd_version) if client is not None and client.crd_version else None
    answered = answer_call(
        checked_body(request, settings),
        service,
        settings,
        received,
        config["SOURCES"](rule_for(settings, client)),
        roster=config["ROSTER"],
        default_version=default_version or own_version,
        app_links=config["APP_LINKS"],
    )
    body = as_json(answered.response)
    _keep(answered, body, received, (time.monotonic() - began) * 1000)
    return Response(body, mimetype="application/json")


def _keep(answered: Answered, body: bytes, received: datetime, milliseconds: float) -> None:
    """Counts an answer, and gives its record to the recorder, which writes to the store later."""
    determinations = answered.response.get("extension", {}).get(EXTENSION, [])
    metrics.count_answer(answered.call.service.hook, determinations, answered.searches)
    config = current_app.config
    store: Store | None = config["STORE"]
    if store is not None:
        values = config["SETTINGS"].store_values
        record = call_record(answered, client_name(), received, milliseconds, config["SEAL"], body, values)
        store.recorder.accept(record)


def _handle_feedback(service: HookService) -> Response:
    entries = parse_feedback(checked_body(request, current_app.config["SETTINGS"]))
    store: Store | None = current_app.config["STORE"]
    for entry in entries:
        metrics.FEEDBACK.labels(entry.outcome).inc()
        if store is not None:
            store.recorder.accept(_feedback_record(entry, service))
    return Response(b"{}", mimetype="application/json")


def _feedback_record(entry: Feedback, service: HookService) -> FeedbackRecord:
    name = client_name()
    content = "|".join(map(str, (name, service.id, entry)))
    return FeedbackRecord(
        id=sha256(content.encode("utf-8", "replace")).hexdigest(),
        card_uuid=entry.card,
        service=service.id,
        client=name,
        received_at=stamp(datetime.now(UTC)),
        outcome=entry.outcome,
        outcome_timestamp=entry.timestamp,
        timestamp_readable=entry.timestamp_readable,
        override_code=entry.override_code,
        override_system=entry.override_system,
        comment=entry.comment,
        accepted=list(entry.accepted),
    )
