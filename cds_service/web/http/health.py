"""Health endpoints: whether the process answers, and whether its store and its clients' keys are available."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from cds_service.store.store import Store

blueprint = Blueprint("operations", __name__)


@blueprint.get("/healthz")
def healthy() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def ready() -> Response:
    """The store answers with tables of this version, and the clients' keys can be read."""
    found = faults()
    if found:
        return Response("".join(f"{fault}\n" for fault in found), status=503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")


def faults() -> list[str]:
    """What keeps the service from its work at the moment, a line each; empty when nothing does."""
    found = []
    store: Store | None = current_app.config["STORE"]
    if store is not None and not store.is_ready():
        found.append("store: not reached or not migrated (insulin-pump-cds db upgrade)")
    return [*found, *(f"keys: {name}" for name in current_app.config["KEYS_MISSING"]())]
