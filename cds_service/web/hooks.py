"""Discovery and the hooks."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, current_app, request

from cds_service.errors import NotFound
from cds_service.hooks.discovery import SERVICES, discovery
from cds_service.hooks.messages import as_json
from cds_service.services.determine_coverage import answer
from cds_service.web.bodies import read_body

blueprint = Blueprint("hooks", __name__)


@blueprint.get("/cds-services", strict_slashes=False)
def discover() -> Response:
    """The services that are here."""
    return Response(as_json(discovery()), mimetype="application/json")


@blueprint.post("/cds-services/<service_id>")
def call(service_id: str) -> Response:
    """One hook call."""
    service = SERVICES.get(service_id)
    if service is None:
        raise NotFound("no such service: GET /cds-services lists them")
    settings = current_app.config["SETTINGS"]
    body = read_body(request, settings.max_body_bytes)
    result = answer(body, service, settings, datetime.now(UTC), current_app.config["OPEN_SOURCE"])
    return Response(as_json(result), mimetype="application/json")
