"""Puts the service together."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from flask import Flask, Response

from cds_service import settings as settings_module
from cds_service.ehr.client import open_client
from cds_service.services.member_roster import load_roster
from cds_service.services.read_chart import OpenSource
from cds_service.settings import Settings
from cds_service.web import cors, errors, hooks, policy_page


def create_app(settings: Settings | None = None, open_source: OpenSource | None = None) -> Flask:
    """The WSGI application. `settings` None reads the environment; `open_source` None reads real FHIR servers."""
    settings = settings or settings_module.load()
    app = Flask(__name__)
    app.config["SETTINGS"] = settings
    app.config["ROSTER"] = load_roster(Path(settings.members)) if settings.members else None
    app.config["OPEN_SOURCE"] = open_source or partial(open_client, max_pages=settings.max_pages)
    errors.install(app)
    cors.install(app, settings.cors_origins)
    app.register_blueprint(hooks.blueprint)
    app.register_blueprint(policy_page.blueprint)
    app.add_url_rule("/healthz", view_func=_healthy, methods=["GET"])
    app.add_url_rule("/readyz", endpoint="readyz", view_func=_healthy, methods=["GET"])
    return app


def _healthy() -> Response:
    return Response("ok\n", mimetype="text/plain")
