"""The command insulin-pump-cds."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from cds_service import settings as settings_module
from cds_service.cli_report import report_command
from cds_service.cli_store import db, feedback, replay
from cds_service.engine.determination import GROUPS
from cds_service.errors import BadRequest, BadSetting
from cds_service.hooks.discovery import SERVICES
from cds_service.hooks.messages import peek_hook
from cds_service.policies import mp_mm_1316
from cds_service.policies.registry import check_policies
from cds_service.services.determine_coverage import EXTENSION, answer
from cds_service.services.member_roster import load_roster
from cds_service.settings import Settings
from cds_service.store.opening import OFF, check_store, close_stores
from cds_service.store.run_folder import run_key
from cds_service.trust.clients import load_clients

if TYPE_CHECKING:
    from cds_service.web.demo_live import Sandbox


_WARNING = """\
********************************************************************************
WARNING: callers are not authenticated. Anybody who reaches this port is answered,
and can make the service read FHIR servers. Not for patient data: name the clients
in PUMP_CDS_TRUSTED_CLIENTS.
********************************************************************************"""


class _Refused(click.ClickException):
    """Bad usage or unreadable input: one line on standard error, exit code 2."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="insulin-pump-cds")
def main() -> None:
    """Predicts coverage of insulin pump orders under CareSource medical policy MP-MM-1316."""


@main.command(
    epilog="Settings (environment, or a TOML file named by PUMP_CDS_CONFIG):\n\n" + settings_module.explained()
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port to bind.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
@click.option("--allow-open", is_flag=True, help="Serve other hosts although callers are not authenticated.")
def serve(host: str, port: int, workers: int, allow_open: bool) -> None:
    """Serves the hooks on a production WSGI server."""
    _prepare_metrics(workers)
    run_key()  # before workers are forked, so that they share it
    from cds_service.web import create_app, logs
    from cds_service.web.server import run

    settings = _settings()
    try:
        settings_module.guard_exposure(settings, host, allow_open)
    except BadSetting as error:
        raise _Refused(str(error)) from None
    logs.configure()
    warning = "" if settings.authenticates else _WARNING
    words = "insulin-pump-cds serves"
    run(
        lambda url: create_app(_at(settings, url)),
        host,
        port,
        workers,
        words,
        warning=warning,
        seconds=settings.body_seconds,
        on_exit=close_stores,
    )


@main.command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port to bind.")
@click.option("--fhir", is_flag=True, help="Put the charts on a FHIR server of the demo's own, and read them there.")
def demo(port: int, fhir: bool) -> None:
    """Serves sample charts and a page to try them on; nothing leaves this machine."""
    from cds_service.web.demo import create_demo
    from cds_service.web.server import run

    settings = _settings()
    words = "insulin-pump-cds demo: open"
    with _sandbox(settings) if fhir else nullcontext() as sandbox:
        made = _storing_nothing(settings)
        run(lambda url: create_demo(_at(made, url), sandbox), "127.0.0.1", port, 1, words, path="/demo")


@main.command()
@click.argument("request_file", metavar="REQUEST.json", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the determinations as JSON.")
@click.option("--fetch", is_flag=True, help="Read what the request lacks from its fhirServer.")
def check(request_file: Path, as_json: bool, fetch: bool) -> None:
    """Judges one saved hook request with no server."""
    from cds_service.ehr.client import open_client

    try:
        body = request_file.read_bytes()
    except OSError as error:
        raise _Refused(f"{request_file} cannot be read ({error.strerror})") from None
    hook = peek_hook(body)
    service = next((s for s in SERVICES.values() if s.hook == hook), next(iter(SERVICES.values())))
    try:
        settings = settings_module.load()
        result = answer(body, service, settings, datetime.now(UTC), open_client if fetch else None)
    except (BadRequest, BadSetting) as error:
        raise _Refused(f"{request_file}: {error}") from None
    determinations = result.get("extension", {}).get(EXTENSION, [])
    if as_json:
        click.echo(json.dumps(determinations, indent=2, ensure_ascii=False))
    else:
        click.echo("\n\n".join(_table(d) for d in determinations) or "The request holds no orders.")


@main.command()
@click.argument("section", required=False)
def policy(section: str | None) -> None:
    """Prints the policy as this version holds it: sections, readings, parameters with dates and sources."""
    if section is None:
        click.echo(f"{mp_mm_1316.PAYER} {mp_mm_1316.POLICY_ID}, {mp_mm_1316.TITLE}")
        for start in mp_mm_1316.VERSIONS:
            click.echo(f"version in force from {start}")
        wanted = list(mp_mm_1316.SECTIONS)
    else:
        wanted = [s for s in mp_mm_1316.SECTIONS if s == section or s.startswith(f"{section}.")]
        if not wanted:
            raise _Refused(f"no section {section}: `insulin-pump-cds policy` lists all of them")
    for name in wanted:
        click.echo(_section(name))


for _command in (db, replay, feedback, report_command):
    main.add_command(_command)


@contextmanager
def _sandbox(settings: Settings) -> Iterator[Sandbox]:
    """The demo's FHIR server, for as long as the demo runs, however it is stopped."""
    from cds_service.ehr.sandbox_server import ServerError, is_installed
    from cds_service.web.demo_live import running_sandbox

    if not is_installed():
        raise _Refused("the FHIR server is not installed: pip install 'insulin-pump-cds[test]'")
    for number in (signal.SIGTERM, signal.SIGHUP):  # until gunicorn handles them: unwind, and stop the server
        signal.signal(number, lambda caught, _frame: sys.exit(128 + caught))
    try:
        with running_sandbox(datetime.now(ZoneInfo(settings.time_zone)).date()) as sandbox:
            yield sandbox
    except ServerError as error:
        raise _Refused(" ".join(str(error).split())) from None


def _settings() -> Settings:
    """The settings, with the files that they name found readable before any worker needs them."""
    try:
        settings = settings_module.load()
        check_policies(settings.policies)
        if settings.members:
            load_roster(Path(settings.members))
        if settings.authenticates:
            load_clients(Path(settings.trusted_clients))
        check_store(settings)
        return settings
    except BadSetting as error:
        raise _Refused(str(error)) from None


def _prepare_metrics(workers: int) -> None:
    """Several workers share their metrics through a folder, which has to be named before anything is measured."""
    if workers > 1 and not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="pump-cds-metrics-")


def _storing_nothing(settings: Settings) -> Settings:
    """The settings with the store off, where none was named."""
    return settings if settings.database_url else settings_module.replaced(settings, database_url=OFF)


def _at(settings: Settings, url: str) -> Settings:
    """The settings with the bound address as public URL, where none was set."""
    unset = settings.public_url == Settings().public_url
    return settings_module.replaced(settings, public_url=url) if unset else settings


def _section(name: str) -> str:
    section, unit = mp_mm_1316.SECTIONS[name], mp_mm_1316.UNITS.get(name)
    lines = [f"\n{name}  {section.title}", f"  {section.says}"]
    if unit is not None:
        lines.append(f"  Read as: {unit.interpretation}")
    if section.why_not:
        lines.append(f"  Not modelled: {section.why_not}")
    for parameter in mp_mm_1316.PARAMETERS.values():
        if parameter.section == name:
            values = ", ".join(f"{dated.value} from {dated.start}" for dated in parameter.values)
            lines.append(f"  {parameter.name} = {values} [{parameter.unit}] ({parameter.source})")
    return "\n".join(lines)


def _table(determination: dict[str, Any]) -> str:
    policy_version = determination["policy"].get("version", "no version in force")
    lines = [
        f"{determination['order']}: {determination['outcome']}",
        f"as of {determination['asOf']}, {determination['policy']['id']} {policy_version}, "
        f"coverage {determination['coverage']}",
    ]
    if "reason" in determination:
        lines.append(determination["reason"])
    for group in GROUPS:
        for finding in determination.get(group, ()):
            lines += [_row(finding, 0), *(_row(part, 2) for part in finding.get("parts", ()))]
    lines += [f"note: {note}" for note in determination.get("notes", ())]
    return "\n".join(lines)


def _row(finding: dict[str, Any], indent: int) -> str:
    standing = finding.get("basis") or finding.get("gap") or ""
    return f"{' ' * indent}{finding['id']:<12}{finding['truth']:<9}{standing:<18}{finding['explanation']}"


if __name__ == "__main__":
    sys.exit(main())
