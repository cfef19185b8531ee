"""A request of the visitor's own, from a file or the editor: read as text, and made from a chart where it is one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Request

from cds_service.engine.plain_text import day_text
from cds_service.errors import BadRequest, TooLarge
from cds_service.services.chart_request import ChartOrder, request_from_chart
from cds_service.services.saved_chart import Chart, read_saved_chart
from cds_service.settings import Settings
from cds_service.web.json_text import JsonFault, parsed, pretty

# An external insulin pump.
_CODE = "E0784"
_MEBIBYTE = 1_000_000
_FORM_BYTES = 20_000


def uploaded(request: Request, most: int) -> str:
    """The text of the file that a form brings. JsonFault when there is none, or when it is no text."""
    if (request.content_length or 0) > most + _FORM_BYTES:
        raise TooLarge(f"the file is over {most // _MEBIBYTE} MB: send it to the service itself, with curl")
    request.max_form_memory_size = most  # the parser's buffer is under this limit, even where it holds a file
    file = request.files.get("file")
    data = file.read(most + 1) if file is not None else b""
    if len(data) > most:
        raise TooLarge(f"the file is over {most // _MEBIBYTE} MB: send it to the service itself, with curl")
    if not data.strip():
        raise JsonFault("No file was chosen, or it is empty: choose a JSON file first")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise JsonFault("The file is no text in UTF-8: save it as UTF-8, without compression") from None


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """A hook request as text. `note`: how it was made, where the text was a chart; empty where it was a request."""

    text: str
    note: str = ""


def own_request(text: str, day: date, settings: Settings) -> OwnRequest:
    """The hook request that a text holds, or that is made from the chart that it holds: with a pump order of `day`.

    JsonFault when it is neither; the message says what is missing.
    """
    try:
        value = parsed(text)
    except JsonFault as fault:
        # A chart may have one resource a line; then the second line is where JSON ends.
        chart = _chart(text) if fault.line > 1 else None
        if chart is None:
            raise
        return _made(chart, day, settings)
    chart = None if isinstance(value, dict) and ("hook" in value or "context" in value) else _chart(text)
    return OwnRequest(text) if chart is None else _made(chart, day, settings)


def _chart(text: str) -> Chart | None:
    try:
        return read_saved_chart(text.encode("utf-8", "replace"))
    except BadRequest:
        return None


def _made(chart: Chart, day: date, settings: Settings) -> OwnRequest:
    try:
        made = request_from_chart(chart, ChartOrder(_CODE, day), settings)
    except BadRequest as error:
        raise JsonFault(f"These are FHIR resources, and no request can be made from them: {error.message}") from None
    by = "by the practitioner in the chart" if made.requester else "by nobody: the chart names no single practitioner"
    rest = "not there" if chart.is_whole else "not read, since the chart may not be whole"
    return OwnRequest(
        pretty(parsed(made.body.decode())),
        f"Your file is a chart ({chart.description}), so an order for a pump ({_CODE}) was made for it, dated "
        f"{day_text(day)}, {by}. What the chart does not hold counts as {rest}.",
    )
