"""Authenticates callers on every route that is not public, and limits the FHIR servers that may be read for them."""

from __future__ import annotations

import logging
from functools import lru_cache

from flask import Flask, current_app, g, request

from cds_service.errors import Unauthorized
from cds_service.settings import Settings
from cds_service.trust.clients import TrustedClient
from cds_service.trust.servers import ServerRule, is_loopback, listed
from cds_service.trust.tokens import Caller, TokenVerifier
from cds_service.web.http import metrics
from cds_service.web.http.public_routes import is_public

log = logging.getLogger(__name__)
# Below this path access tokens of the token endpoint are accepted, beside CDS Hooks tokens.
_FHIR = "/fhir/"


def install(app: Flask, verifier: TokenVerifier | None) -> None:
    """With a verifier every route that is not public needs a token; without one, none does."""

    @app.before_request
    def authenticate() -> None:
        g.caller = None
        if verifier is None or request.method == "OPTIONS" or is_public(request.method, request.path):
            return
        if request.path.startswith(_FHIR) and (caller := current_app.config["BACKEND_TOKENS"].caller(request)):
            g.caller = caller
            return
        path = request.path.rstrip("/")
        public: str = current_app.config["SETTINGS"].public_url
        addresses = [f"{public}{path}"]
        if path.endswith("/feedback"):  # some clients sign feedback for the service that it is about
            addresses.append(f"{public}{path.removesuffix('/feedback')}")
        try:
            g.caller = verifier.caller(request.headers.get("Authorization"), tuple(addresses))
        except Unauthorized as error:
            metrics.REFUSED.inc()
            log.warning("a caller was refused: %s", error.reason)
            raise


def client_of_call() -> TrustedClient | None:
    """The client of the present call; None when callers are not authenticated."""
    caller: Caller | None = g.get("caller")
    return caller.client if caller is not None else None


def client_name() -> str | None:
    """The name of the present call's client; None when callers are not authenticated."""
    client = client_of_call()
    return client.name if client is not None else None


def rule_for(settings: Settings, client: TrustedClient | None) -> ServerRule:
    """Which FHIR servers a call may read: its client's own; where callers are not authenticated, public ones too.

    Servers on this machine only while the service itself is on loopback, for trials.
    """
    if client is not None:
        return ServerRule(client.fhir_servers)
    return _rule_for_all(settings.public_url, settings.fhir_servers)


@lru_cache(maxsize=16)
def _rule_for_all(public_url: str, fhir_servers: str) -> ServerRule:
    host = public_url.split("://", 1)[-1].split("/", 1)[0].rsplit(":", 1)[0]
    return ServerRule(listed(fhir_servers.split(",")), others=True, loopback=is_loopback(host))
