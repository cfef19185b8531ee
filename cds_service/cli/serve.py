"""The command serve."""

from __future__ import annotations

import os

import click

from cds_service import settings as settings_module
from cds_service.cli.common import Refused, checked_settings, served_at
from cds_service.errors import BadSetting
from cds_service.store.runtime_dir import run_folder, run_key
from cds_service.store.store import close_stores

_WARNING = """\
********************************************************************************
WARNING: callers are not authenticated. Anybody who reaches this port is answered,
and can make the service read FHIR servers. Not for patient data: name the clients
in PUMP_CDS_TRUSTED_CLIENTS.
********************************************************************************"""


class _ServeCommand(click.Command):
    """A command whose help ends with all settings."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each setting as the environment and as the file spell it, with its default."""
        formatter.write_paragraph()
        formatter.write_text(
            "Settings are variables of the environment, or lines of a TOML file that PUMP_CDS_CONFIG names; the "
            "variables win. Each is shown as a variable, then as a line of the file with its default."
        )
        for each in settings_module.settings_help():
            formatter.write(f"\n  {each.variable}\n  {each.line}\n")
            with formatter.indentation(), formatter.indentation():
                formatter.write_text(each.meaning)


@click.command("serve", cls=_ServeCommand)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port to bind.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--allow-open", is_flag=True, help="Serve other hosts although callers are not authenticated.")
def serve_command(host: str, port: int, workers: int, allow_open: bool) -> None:
    """Serves the hooks on a production WSGI server."""
    _prepare_run(workers)
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


def _prepare_run(workers: int) -> None:
    """Makes what the workers share: a key, and a folder for metrics, named before prometheus_client is imported.

    All of it lies in the run's folder, the only place beside the store that is written to.
    """
    try:
        run_key()
        if workers > 1 and not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            metrics = run_folder() / "metrics"
            metrics.mkdir(exist_ok=True)
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    except OSError as error:
        raise Refused(
            f"no folder for temporary files can be written ({error.strerror}): name one in the variable TMPDIR"
        ) from None
