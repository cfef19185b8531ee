"""The command check."""

from __future__ import annotations

import json
import sys
import zlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from cds_service import settings as settings_module
from cds_service.cli.check_text import in_words
from cds_service.cli.common import Refused
from cds_service.cli.terminal import progress
from cds_service.errors import BadRequest, BadSetting
from cds_service.hooks.discovery import ORDER_SELECT, ORDER_SIGN, HookService
from cds_service.hooks.messages import peek_hook
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.services.chart_request import ChartOrder, ChartRequest, request_from_chart
from cds_service.services.policies_today import today_of
from cds_service.services.saved_chart import read_saved_chart
from cds_service.settings import Settings
from fhir_mappings.orders.order_reader import PUMP_CODES

_STANDARD_INPUT = "-"
_GZIP, _GZIP_WINDOW = b"\x1f\x8b", 31
_MORE = "--verbose lists every criterion and exclusion; `insulin-pump-cds policy SECTION` explains one."
# The plain services answer with cards, which the summary is made from; at dispatch only CRD has one of its own.
_DISPATCH = HookService("check-order-dispatch", "order-dispatch", "", "")
_SERVICES = {service.hook: service for service in (ORDER_SIGN, ORDER_SELECT, _DISPATCH)}


def _codes(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """What the shell offers for --order."""
    return [code for code in PUMP_CODES if code.startswith(begun.upper())]


@click.command("check", short_help="Checks a saved hook request, or a chart, with no server.")
@click.argument("request_file", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--order",
    "code",
    metavar="CODE",
    shell_complete=_codes,
    help="FILE is a chart: check an order of this HCPCS code for it.",
)
@click.option("--as-of", "day", metavar="DATE", help="Of --order: the day of the order; default: today.")
@click.option("--patient", metavar="ID", help="Of --order: which Patient, where the chart holds several.")
@click.option("--requester", metavar="ID", help="Of --order: which practitioner orders; default: the only one.")
@click.option("--save", type=click.Path(path_type=Path), help="Of --order: also write the request to this file.")
@click.option("--verbose", is_flag=True, help="Print every criterion and exclusion, and notes on the data.")
@click.option("--json", "as_json_", is_flag=True, help="Print the whole list of determinations as JSON.")
@click.option("--fetch", is_flag=True, help="Read what the request lacks from its fhirServer.")
def check_command(
    request_file: Path,
    code: str | None,
    day: str | None,
    patient: str | None,
    requester: str | None,
    save: Path | None,
    verbose: bool,
    as_json_: bool,
    fetch: bool,
) -> None:
    """Checks one saved hook request with no server: what a reviewer will probably say, and what to do next.

    FILE is a CDS Hooks request; `-` is standard input. With --order it is a chart, and the request is made from it: a
    FHIR Bundle, such as an EHR's $everything or a Synthea patient, a list of resources, or one resource a line. Either
    may be compressed by gzip.

    \b
      insulin-pump-cds check request.json
      insulin-pump-cds check chart.json --order E0784
    """
    for option, value in (("--as-of", day), ("--patient", patient), ("--requester", requester), ("--save", save)):
        if value is not None and code is None:
            raise Refused(f"{option} goes with --order: it says something about an order that is made for a chart")
    try:
        settings = settings_module.load()
        body = _read(request_file, settings)
        if code is not None:
            body = _request_for(body, ChartOrder(code, _day(day, settings), patient, requester), settings, save)
        else:
            _refuse_chart(body, request_file)
        response = _answer(body, settings, fetch)
    except (BadRequest, BadSetting) as error:
        raise Refused(f"{_name(request_file)}: {error}") from None
    determinations = response.get("extension", {}).get(EXTENSION, [])
    if as_json_:
        click.echo(json.dumps(determinations, indent=2, ensure_ascii=False))
    else:
        click.echo(in_words(response, determinations, verbose=verbose))
        if not verbose and sys.stdout.isatty():
            click.echo(f"\n{_MORE}")


def _read(file: Path, settings: Settings) -> bytes:
    """The file's bytes, decompressed, of which no more are read than a call may have."""
    most = settings.max_body_bytes
    try:
        if str(file) == _STANDARD_INPUT:
            body = sys.stdin.buffer.read(most + 1)
        else:
            with file.open("rb") as opened:
                body = opened.read(most + 1)
    except OSError as error:
        raise Refused(f"{_name(file)} cannot be read ({error.strerror})") from None
    if body.startswith(_GZIP):
        try:
            body = zlib.decompressobj(wbits=_GZIP_WINDOW).decompress(body, most + 1)
        except zlib.error:
            raise Refused(f"{_name(file)} is no sound gzip file") from None
    if body.lstrip()[:1] == b"<":
        raise Refused(f"{_name(file)} is XML: FHIR and CDS Hooks are read as JSON")
    if len(body) > most:
        raise Refused(
            f"{_name(file)} is larger than {most:,} bytes: raise PUMP_CDS_MAX_BODY_BYTES, or leave out what is old"
        )
    return body


def _name(file: Path) -> str:
    return "standard input" if str(file) == _STANDARD_INPUT else str(file)


def _answer(body: bytes, settings: Settings, fetch: bool) -> dict[str, Any]:
    from cds_service.ehr.client import open_client

    service = _SERVICES.get(peek_hook(body) or "", ORDER_SIGN)
    what = "Reading the FHIR server" if fetch else f"Checking {len(body) / 1e6:.1f} MB"
    with progress(what):
        return answer(body, service, settings, datetime.now(UTC), open_client if fetch else None)


# ---------------------------------------------------------------- charts


def _day(given: str | None, settings: Settings) -> date:
    today = today_of(settings)
    try:
        day = date.fromisoformat(given) if given else today
    except ValueError:
        raise Refused("--as-of must be a day such as 2026-11-01") from None
    if day > today:
        raise Refused(f"--as-of {day} is in the future: a chart is checked as of a day that has come")
    return day


def _request_for(body: bytes, order: ChartOrder, settings: Settings, save: Path | None) -> bytes:
    """The request that is made from a chart, as bytes; what was chosen for it is said on standard error."""
    chart = read_saved_chart(body)
    if chart is None:
        raise BadRequest("it is no chart: --order needs a FHIR Bundle, a list of resources, or one resource a line")
    made = request_from_chart(chart, order, settings)
    click.echo(_made(made, order, chart.is_whole), err=True)
    if save is not None:
        try:
            save.write_bytes(msgspec.json.format(made.body, indent=1))
        except OSError as error:
            raise Refused(f"{save} cannot be written ({error.strerror})") from None
    return made.body


def _made(made: ChartRequest, order: ChartOrder, is_whole: bool) -> str:
    by = f"by {made.requester}" if made.requester else "ordered by nobody that the chart makes sure (see --requester)"
    whole = (
        "What the chart does not hold counts as not there."
        if is_whole
        else "The chart may not be whole: what it does not hold may count as not read."
    )
    return f"An order of {order.code.upper()} on {order.day} for Patient/{made.patient}, {by}. {whole}\n"


def _refuse_chart(body: bytes, file: Path) -> None:
    """A chart is no hook request: says so, and how it becomes one. What is no JSON either is refused further on."""
    try:
        chart = read_saved_chart(body)
    except BadRequest:
        return
    if chart is not None:
        raise BadRequest(
            f"these are FHIR resources ({chart.description}), not a hook request: "
            f"`insulin-pump-cds check {file} --order E0784` makes the request for a pump order from them"
        )
