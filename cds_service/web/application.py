"""Creates the Flask application from the settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask

from cds_service import settings as settings_module
from cds_service.ehr.client import open_client
from cds_service.ehr.key_sets import fetch_key_set
from cds_service.policies.registry import policies_in_use
from cds_service.services.app_links import AppLinks
from cds_service.services.chart_source import ChartSourceFactory
from cds_service.services.member_roster import load_roster
from cds_service.settings import Settings
from cds_service.store.run_database import RunDatabase
from cds_service.store.runtime_dir import run_key
from cds_service.store.sessions import open_sessions
from cds_service.store.store import Store, open_store, seal_of
from cds_service.trust.clients import TrustedClients, load_clients
from cds_service.trust.keys import KeyRing
from cds_service.trust.sealed_context import LinkSeal
from cds_service.trust.servers import ServerRule
from cds_service.trust.tokens import TokenVerifier
from cds_service.web import fhir, hooks, policy_page, start_page
from cds_service.web.backend_services import token_endpoint as smart_backend
from cds_service.web.http import authentication, cors, errors, health, logs, metrics
from cds_service.web.http.concurrency_limiter import ConcurrencyLimiter
from cds_service.web.openapi import document as openapi
from cds_service.web.smart_app import documentation
from cds_service.web.smart_app import launch as smart
from cds_service.web.smart_app.servers import SmartServers

if TYPE_CHECKING:
    from cds_service.web.backend_services.token_server import BackendTokens


_MOST_FORM_BYTES = 64_000
# Concurrent calls per client, so that one client cannot take every thread; no limit where callers are not
# authenticated.
_MOST_CALLS_OF_CLIENT, _NO_LIMIT = 12, 1_000_000


def create_app(settings: Settings | None = None, open_source: ChartSourceFactory | None = None) -> Flask:
    """The WSGI application. `settings` None reads the environment; `open_source` None reads real FHIR servers."""
    settings = settings or settings_module.load()
    policies_in_use(settings.policies)
    app = Flask(__name__)
    app.url_map.merge_slashes = False  # a redirect to one slash would go to whatever host the caller names
    store, run = open_store(settings), RunDatabase()
    clients = load_clients(Path(settings.trusted_clients)) if settings.authenticates else TrustedClients()
    keys = KeyRing(fetch_key_set)
    smart_servers = SmartServers(settings, clients)
    verifier = _verifier(settings, clients, keys, store or run) if settings.authenticates else None
    app.config.update(
        SETTINGS=settings,
        STORE=store,
        MEMORY=store or run,
        MAX_FORM_MEMORY_SIZE=_MOST_FORM_BYTES,
        SEAL=seal_of(settings),
        ROSTER=load_roster(Path(settings.members)) if settings.members else None,
        SMART_SERVERS=smart_servers,
        SESSIONS=open_sessions(store, run),
        APP_LINKS=AppLinks(settings.public_url, LinkSeal(_link_keys(settings)), smart_servers.may_launch),
        SOURCES=_sources(settings, open_source),
        CONCURRENCY=ConcurrencyLimiter(
            settings.concurrent_calls or (_MOST_CALLS_OF_CLIENT if settings.authenticates else _NO_LIMIT)
        ),
        KEYS_MISSING=partial(_keys_missing, clients, keys),
        BACKEND_TOKENS=_backend_tokens(settings, clients, verifier, store or run) if verifier is not None else None,
    )
    logs.install(app)
    errors.install(app)
    cors.install(app, settings.cors_origins, clients.cors_origins() if settings.authenticates else None)
    authentication.install(app, verifier)
    for module in (start_page, hooks, fhir, smart_backend, policy_page, smart, documentation, metrics, health, openapi):
        app.register_blueprint(module.blueprint)
    if store is not None:
        store.recorder.report_to(metrics.LOST.inc, metrics.WAITING.set)
        store.recorder.start()
    return app


def _link_keys(settings: Settings) -> list[str]:
    """Keys that links are encrypted with: the store's, else one that is valid for this run."""
    return [key.strip() for key in settings.store_key.split(",") if key.strip()] or [run_key()]


def _sources(settings: Settings, given: ChartSourceFactory | None) -> Callable[[ServerRule], ChartSourceFactory]:
    """Makes the factory of chart sources for a call from the rule for its caller."""
    if given is not None:
        return lambda _rule: given
    return lambda rule: partial(
        open_client, max_pages=settings.max_pages, most_bytes=settings.max_fetched_bytes, rule=rule
    )


def _verifier(
    settings: Settings, clients: TrustedClients, keys: KeyRing, remembered: Store | RunDatabase
) -> TokenVerifier:
    """A verifier that accepts each token once across all workers."""
    return TokenVerifier(clients, keys, remembered.first_use, time.time, settings.jwt_lifetime_seconds)


def _backend_tokens(
    settings: Settings, clients: TrustedClients, verifier: TokenVerifier, remembered: Store | RunDatabase
) -> BackendTokens:
    """Authlib is slow to import: only where callers are authenticated."""
    from cds_service.web.backend_services.token_server import BackendTokens

    return BackendTokens(settings.public_url, clients, verifier, remembered.first_use, _link_keys(settings)[0])


def _keys_missing(clients: TrustedClients, keys: KeyRing) -> list[str]:
    """Names of clients whose key set cannot be read at the moment."""
    return [client.name for client in clients.by_issuer.values() if not keys.is_readable(client.jwks_file, client.jku)]
