"""The DTR side: the questionnaires of the policies in use, their choices, logic and packages, under /fhir."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, request

from cds_service.errors import NotFound, Unavailable
from cds_service.hooks.cards import OVERRIDES
from cds_service.hooks.messages import as_json
from cds_service.policies.registry import policies_in_use
from cds_service.services.package_questionnaire import questionnaire_package
from cds_service.services.policies_today import policies_today
from cds_service.settings import Settings
from cds_service.store.store import Store, StoreError
from cds_service.web.backend_services.capabilities import security
from cds_service.web.http.authentication import client_name
from cds_service.web.http.request_body import checked_body
from fhir_mappings.output.questionnaires import override_reasons, served_resources

blueprint = Blueprint("fhir", __name__, url_prefix="/fhir")
_TYPE = "application/fhir+json"
_OPERATION = "http://hl7.org/fhir/us/davinci-dtr/OperationDefinition/questionnaire-package"


def _reply(resource: dict[str, Any]) -> Response:
    return Response(as_json(resource), mimetype=_TYPE)


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings


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
        rest["security"] = security(_settings().public_url)
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": max(policy.first_day() for policy in policies_in_use(_settings().policies)).isoformat(),
        "kind": "instance",
        "implementation": {"description": "insulin-pump-cds: documentation of insulin pump orders", "url": _base()},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [rest],
    }
    return _reply(statement)


def _base() -> str:
    return f"{_settings().public_url}/fhir"


@blueprint.get("/<kind>/<identity>")
def read(kind: str, identity: str) -> Response:
    """One resource by its id, as its policy reads today."""
    for resource in served(_settings()):
        if (resource["resourceType"], resource["id"]) == (kind, identity):
            return _reply(resource)
    raise NotFound("no such resource is served here: /fhir/metadata says what is")


def served(settings: Settings) -> list[dict[str, Any]]:
    """Every resource that can be read by its id: those of the policies in use, and the reasons to override a card."""
    own = [
        resource for policy in policies_today(settings) for resource in served_resources(policy, settings.public_url)
    ]
    return [*own, override_reasons(settings.public_url, dict(OVERRIDES))]


@blueprint.post("/Questionnaire/$questionnaire-package")
def package() -> Response:
    """The questionnaires for an order, as a DTR client asks for them."""
    settings = _settings()
    return _reply(questionnaire_package(checked_body(request, settings), settings, _find_determination))


def _find_determination(assertion_id: str) -> dict[str, Any] | None:
    """The determination behind an assertion that the present caller was given."""
    store: Store | None = current_app.config["STORE"]
    if store is None:
        return None
    try:
        row = store.repository().determination_of(assertion_id, client_name())
    except StoreError:
        raise Unavailable("what was determined cannot be looked up at the moment: try again") from None
    return dict(row.body) if row is not None else None
