"""The command serve."""

from __future__ import annotations

import os
import tempfile

import click

from cds_service import settings as settings_module
from cds_service.cli.common import Refused, checked_settings, served_at
from cds_service.errors import BadSetting
from cds_service.store.runtime_dir import run_key
from cds_service.store.store import close_stores

_WARNING = """\
********************************************************************************
WARNING: callers are not authenticated. Anybody who reaches this port is answered,
and can make the service read FHIR servers. Not for patient data: name the clients
in PUMP_CDS_TRUSTED_CLIENTS.
********************************************************************************"""


@click.command(
    "serve", epilog="Settings (environment, or a TOML file named by PUMP_CDS_CONFIG):\n\n" + settings_module.explained()
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port to bind.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--allow-open", is_flag=True, help="Serve other hosts although callers are not authenticated.")
def serve_command(host: str, port: int, workers: int, allow_open: bool) -> None:
    """Serves the hooks on a production WSGI server."""
    _prepare_metrics(workers)
    run_key()  # before the workers are forked, so that all have the same key
    from cds_service.web import create_app
    from cds_service.web.http import logs
    from cds_service.web.server import run

    settings = checked_settings()
    try:
        settings_module.guard_exposure(settings, host, allow_open)
    except BadSetting as error:
        raise Refused(str(error)) from None
    logs.configure()
    warning = "" if settings.authenticates else _WARNING
    announcement = "insulin-pump-cds serves"
    run(
        lambda url: create_app(served_at(settings, url)),
        host,
        port,
        workers,
        announcement,
        warning=warning,
        seconds=settings.body_seconds,
        most_bytes=settings.max_body_bytes,
        on_exit=close_stores,
    )


def _prepare_metrics(workers: int) -> None:
    """Sets the folder in which several workers share their metrics, before prometheus_client is imported."""
    if workers > 1 and not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="pump-cds-metrics-")
