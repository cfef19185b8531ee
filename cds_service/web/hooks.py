"""Discovery and the hooks."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, current_app, request

from cds_service.errors import NotFound
from cds_service.hooks.discovery import SERVICES, HookService, discovery
from cds_service.hooks.messages import as_json
from cds_service.services.determine_coverage import answer
from cds_service.web.bodies import read_body
from fhir_mappings.crd_versions import V2_0, CrdVersion

blueprint = Blueprint("hooks", __name__)


# The same CRD services for clients of CDS Hooks 2.0: templates that they can fill, and CRD 2.0.1 unless they ask.
LEGACY = "/crd-2.0"


@blueprint.get("/cds-services", strict_slashes=False)
def discover() -> Response:
    """The services that are here."""
    return Response(as_json(discovery()), mimetype="application/json")


@blueprint.get(f"{LEGACY}/cds-services", strict_slashes=False)
def discover_legacy() -> Response:
    """The CRD services for clients of CDS Hooks 2.0."""
    return Response(as_json(discovery(legacy=True)), mimetype="application/json")


@blueprint.post("/cds-services/<service_id>")
def call(service_id: str) -> Response:
    """One hook call."""
    return _answered(SERVICES.get(service_id), None)


@blueprint.post(f"{LEGACY}/cds-services/<service_id>")
def call_legacy(service_id: str) -> Response:
    """One hook call of a client of CDS Hooks 2.0."""
    service = SERVICES.get(service_id)
    return _answered(service if service is not None and service.crd else None, V2_0)


def _answered(service: HookService | None, default_version: CrdVersion | None) -> Response:
    if service is None:
        raise NotFound("no such service: GET /cds-services lists them")
    config = current_app.config
    settings = config["SETTINGS"]
    result = answer(
        read_body(request, settings.max_body_bytes),
        service,
        settings,
        datetime.now(UTC),
        config["OPEN_SOURCE"],
        roster=config["ROSTER"],
        default_version=default_version,
    )
    return Response(as_json(result), mimetype="application/json")
