"""The command demo."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from cds_service import settings as settings_module
from cds_service.cli.common import Refused, checked_settings, served_at
from cds_service.settings import Settings
from cds_service.store.store import close_stores

if TYPE_CHECKING:
    from cds_service.demo.live import Sandbox


@click.command("demo", short_help="Serves sample charts and a page to sign orders on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port to bind.")
@click.option("--fhir", is_flag=True, help="Put the charts on a FHIR server of the demo's own, and read them there.")
def demo_command(port: int, fhir: bool) -> None:
    """Serves sample charts and a page to try them on; nothing leaves this machine."""
    from cds_service.demo.pages import create_demo
    from cds_service.web.server import run

    settings = checked_settings()
    announcement = "insulin-pump-cds demo: open"
    for number in (signal.SIGTERM, signal.SIGHUP):  # until gunicorn handles them: unwind, and leave nothing behind
        signal.signal(number, lambda caught, _frame: sys.exit(128 + caught))
    with _sandbox(settings) if fhir else nullcontext() as sandbox, _temporary_store(settings) as demo_settings:
        run(
            lambda url: create_demo(served_at(demo_settings, url), sandbox),
            "127.0.0.1",
            port,
            1,
            announcement,
            path="/demo",
            on_exit=close_stores,
        )


@contextmanager
def _sandbox(settings: Settings) -> Iterator[Sandbox]:
    """The demo's FHIR server while the demo runs; it stops with the demo, also on a signal."""
    from cds_service.demo.live import running_sandbox
    from cds_service.demo.sandbox_server import ServerError, is_installed
    from cds_service.services.policies_today import today_of

    if not is_installed():
        raise Refused("the FHIR server is not installed: pip install sekmet-fhir")
    try:
        with running_sandbox(today_of(settings)) as sandbox:
            yield sandbox
    except ServerError as error:
        raise Refused(" ".join(str(error).split())) from None


@contextmanager
def _temporary_store(settings: Settings) -> Iterator[Settings]:
    """The settings with a store that is deleted when the demo stops, unless a store is configured."""
    if settings.database_url:
        yield settings
        return
    with TemporaryDirectory(prefix="insulin-pump-demo-", ignore_cleanup_errors=True) as folder:
        yield settings_module.replaced(settings, database_url=f"sqlite:///{folder}/demo.db")
