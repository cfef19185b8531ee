"""The DTR side: the questionnaire, its choices and its package, under /fhir."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, current_app, request

from cds_service.errors import NotFound, Unavailable
from cds_service.hooks.cards import OVERRIDES
from cds_service.hooks.messages import as_json
from cds_service.policies.mp_mm_1316 import VERSIONS
from cds_service.services.package_questionnaire import questionnaire_package
from cds_service.store.store import Store, StoreError
from cds_service.web.backend_services.capabilities import security
from cds_service.web.http.authentication import client_name
from cds_service.web.http.request_body import checked_body
from fhir_mappings.output.prefill import libraries
from fhir_mappings.output.questionnaires import (
    NAME,
    REASON_SET,
    code_system,
    override_reasons,
    questionnaire,
    value_set,
)

blueprint = Blueprint("fhir", __name__, url_prefix="/fhir")
_TYPE = "application/fhir+json"
_OPERATION = "http://hl7.org/fhir/us/davinci-dtr/OperationDefinition/questionnaire-package"


def _reply(resource: dict[str, Any]) -> Response:
    return Response(as_json(resource), mimetype=_TYPE)


def _public_url() -> str:
    url: str = current_app.config["SETTINGS"].public_url
    return url


@blueprint.get("/metadata")
def metadata() -> Response:
    """What is served here, as a CapabilityStatement."""
    reading = [{"code": "read"}]
    operation = {"name": "questionnaire-package", "definition": _OPERATION}
    resources = [
        {"type": "Questionnaire", "interaction": reading, "operation": [operation]},
        {"type": "ValueSet", "interaction": reading},
        {"type": "CodeSystem", "interaction": reading},
        {"type": "Library", "interaction": reading},
    ]
    rest: dict[str, Any] = {"mode": "server", "resource": resources}
    if current_app.config["BACKEND_TOKENS"] is not None:
        rest["security"] = security(_public_url())
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": VERSIONS[0].isoformat(),
        "kind": "instance",
        "implementation": {"description": "insulin-pump-cds: documentation of insulin pump orders", "url": _base()},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [rest],
    }
    return _reply(statement)


def _base() -> str:
    return f"{_public_url()}/fhir"


@blueprint.get("/<kind>/<identity>")
def read(kind: str, identity: str) -> Response:
    """One resource by its id."""
    url = _public_url()
    held: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
        ("Questionnaire", NAME): lambda: questionnaire(url),
        ("ValueSet", REASON_SET): lambda: value_set(url),
        ("CodeSystem", REASON_SET): lambda: code_system(url),
        ("CodeSystem", "override-reason"): lambda: override_reasons(url, dict(OVERRIDES)),
        **{("Library", each["id"]): partial(dict, each) for each in libraries(url)},
    }
    made = held.get((kind, identity))
    if made is None:
        raise NotFound("no such resource is served here: /fhir/metadata says what is")
    return _reply(made())


@blueprint.post("/Questionnaire/$questionnaire-package")
def package() -> Response:
    """The questionnaire for an order, as a DTR client asks for it."""
    settings = current_app.config["SETTINGS"]
    return _reply(questionnaire_package(checked_body(request, settings), settings.public_url, _determined))


def _determined(assertion_id: str) -> dict[str, Any] | None:
    """The determination behind an assertion that the present caller was given."""
    store: Store | None = current_app.config["STORE"]
    if store is None:
        return None
    try:
        row = store.repository().determined(assertion_id, client_name())
    except StoreError:
        raise Unavailable("what was determined cannot be looked up at the moment: try again") from None
    return dict(row.body) if row is not None else None
