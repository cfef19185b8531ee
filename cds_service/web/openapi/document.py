"""/openapi.json: the service's HTTP surface as an OpenAPI 3.1 document, built from what the services are.

Addresses of services are written out, so that each has the schema of its own hook.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from flask import Blueprint, Response, current_app

from cds_service.engine.policy import Policy
from cds_service.engine.wording import listed
from cds_service.hooks.discovery import BASES, CRD_2_0, PLAIN, SERVICES, HookService, ServiceBase, discovery
from cds_service.hooks.messages import as_json
from cds_service.policies import registry
from cds_service.services.record_call import software_version
from cds_service.settings import Settings
from cds_service.web.backend_services.capabilities import SCOPES
from cds_service.web.fhir import served
from cds_service.web.openapi.pointers import ref
from cds_service.web.openapi.schemas import SCHEMAS, call_body
from cds_service.web.openapi.smart import access_token, backend_operations, smart_operations

JSON = dict[str, Any]

blueprint = Blueprint("openapi", __name__)

# What a call of a hook or feedback on it may be refused with; errors.py has the classes.
_REFUSALS = {
    400: "The body breaks the protocol; `expression` names the field.",
    401: "Callers are authenticated here, and the token is missing or not accepted.",
    408: "The request did not arrive in time.",
    413: "The body, or what it holds, is over a limit.",
    415: "The body is not JSON by its own headers.",
    429: "Too many calls of this client are under way; Retry-After says when to come again.",
    503: "Callers cannot be verified at the moment; Retry-After says when to come again.",
}
_REFUSALS_OF_CRD = {
    412: "Data that the answer cannot do without was neither sent nor readable.",
    422: "Good JSON, but not what Da Vinci CRD, or the version asked for, allows.",
}

_OFFERED = {
    CRD_2_0.path: "The CRD services for clients of CDS Hooks 2.0",
    PLAIN.path: "The plain services alone",
}
_ANYBODY_OR_TOKEN: list[JSON] = [{}, {"token": []}]


@blueprint.get("/openapi.json")
def described() -> Response:
    """This document, for the address that the service is reached at."""
    return Response(as_json(document(current_app.config["SETTINGS"])), mimetype="application/json")


@cache
def document(settings: Settings) -> JSON:
    """The whole document; the public URL is the base of all its paths. Shared between callers: not to be changed."""
    policies = registry.policies_in_use(settings.policies)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "insulin-pump-cds",
            "version": software_version(),
            "summary": f"Coverage of insulin pump orders under {listed(map(_label, policies))}",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": settings.public_url}],
        "paths": _by_path(settings, policies),
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "backend": access_token(settings.public_url),
            },
        },
    }


def _by_path(settings: Settings, policies: Sequence[Policy]) -> JSON:
    paths: JSON = {}
    for path, method, operation in _operations(settings, policies):
        paths.setdefault(path, {})[method] = operation
    return paths


def _operations(settings: Settings, policies: Sequence[Policy]) -> Iterable[tuple[str, str, JSON]]:
    """Path, method and operation of every route. `policies`: those in use."""
    for base in BASES:
        yield f"{base.path}/cds-services", "get", _discovery(base)
        for entry in discovery(base, policies)["services"]:
            service, path = SERVICES[entry["id"]], f"{base.path}/cds-services/{entry['id']}"
            yield path, "post", _hook(service, entry, base)
            yield f"{path}/feedback", "post", _feedback(service, entry, base)
    yield from _dtr(settings)
    yield from backend_operations()
    link_ids = (link_id for policy in policies for link_id in policy.question_meanings)
    yield from smart_operations(list(dict.fromkeys(link_ids)))
    yield "/", "get", _page("start", "What is served here, for people", "text/html")
    for policy in registry.POLICIES:
        yield f"/policy/{policy.id}", "get", _policy_page(policy)
    yield "/healthz", "get", _page("healthy", "Whether the process answers", "text/plain")
    ready = _page("ready", "Whether the service can do its work", "text/plain")
    ready["responses"]["503"] = _replied("What is away, a line each", "text/plain", {"type": "string"})
    yield "/readyz", "get", ready
    yield "/metrics", "get", _page("metrics", "Metrics in the text format of Prometheus", "text/plain")
    yield "/openapi.json", "get", _page("described", "This document", "application/json", {"type": "object"})


def _dtr(settings: Settings) -> Iterable[tuple[str, str, JSON]]:
    """What DTR clients read: FHIR resources, and the packages of the questionnaires."""
    fhir, resource = "application/fhir+json", ref("Resource")
    held = [f"{each['resourceType']}/{each['id']}" for each in served(settings)]
    for path in ("metadata", *held):
        kind = "CapabilityStatement" if path == "metadata" else path.split("/", 1)[0]
        yield f"/fhir/{path}", "get", _page(f"read-{path.replace('/', '-')}", f"A {kind}", fhir, resource)
    yield (
        "/fhir/Questionnaire/$questionnaire-package",
        "post",
        {
            "operationId": "questionnaire-package",
            "summary": "The questionnaire for an order, with what it refers to, as DTR asks for it",
            "tags": ["documentation"],
            "security": [*_ANYBODY_OR_TOKEN, {"backend": [SCOPES[0]]}],
            "requestBody": _sent(ref("Parameters")),
            "responses": {"200": _replied("Parameters with the package", fhir, resource)}
            | _refused(_REFUSALS | {403: "The access token's scope does not cover questionnaires."}),
        },
    )


# ---------------------------------------------------------------- operations


def _label(policy: Policy) -> str:
    return f"{policy.payer} {policy.id}"


def _policy_page(policy: Policy) -> JSON:
    page = _page(f"policy-{policy.id}", f"{_label(policy)} for people, as it reads on a day", "text/html")
    day: JSON = {"name": "on", "in": "query", "description": "The day; default: today"}
    day["schema"] = {"type": "string", "format": "date"}
    refused = _refused({400: "`on` is no day."})
    return page | {"tags": ["policy"], "parameters": [day], "responses": page["responses"] | refused}


def _page(name: str, summary: str, media_type: str, schema: JSON | None = None) -> JSON:
    """A read that is open to everybody."""
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["operations"],
        "responses": {"200": _replied(summary, media_type, schema or {"type": "string"})},
    }


def _discovery(base: ServiceBase) -> JSON:
    answers = {"200": _replied("The services", "application/json", ref("Discovery"))}
    return {
        "operationId": _named("discover", base),
        "summary": _OFFERED.get(base.path, "The services that are here"),
        "tags": ["discovery"],
        "security": _ANYBODY_OR_TOKEN,
        "responses": answers | _refused({status: _REFUSALS[status] for status in (401, 503)}),
    }


def _hook(service: HookService, entry: JSON, base: ServiceBase) -> JSON:
    answers = {"200": _replied("Cards, system actions and determinations", "application/json", ref("HookResponse"))}
    return {
        "operationId": _named(service.id, base),
        "summary": entry["title"],
        "description": f"{entry['description']} {entry['usageRequirements']}",
        "tags": ["hooks"],
        "security": _ANYBODY_OR_TOKEN,
        "requestBody": _sent(call_body(service, entry["prefetch"])),
        "responses": answers | _refused(_REFUSALS | (_REFUSALS_OF_CRD if service.crd else {})),
    }


def _feedback(service: HookService, entry: JSON, base: ServiceBase) -> JSON:
    return {
        "operationId": _named(f"{service.id}-feedback", base),
        "summary": f"Feedback on cards: {entry['title']}",
        "tags": ["feedback"],
        "security": _ANYBODY_OR_TOKEN,
        "requestBody": _sent(ref("Feedback")),
        "responses": {"200": _replied("It is kept", "application/json", {"type": "object"}), **_refused(_REFUSALS)},
    }


def _named(name: str, base: ServiceBase) -> str:
    return f"{name}{base.path.replace('/', '-').replace('crd-', '')}"


def _sent(schema: JSON) -> JSON:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _replied(description: str, media_type: str, schema: JSON) -> JSON:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _refused(reasons: dict[int, str]) -> JSON:
    return {
        str(status): _replied(why, "application/json", ref("OperationOutcome"))
        for status, why in sorted(reasons.items())
    }
