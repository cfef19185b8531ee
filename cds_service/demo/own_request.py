"""A request of the visitor's own, from a file or the editor: read as text, and made from a chart where it is one."""

from __future__ import annotations

from flask import Request

from cds_service.errors import TooLarge
from cds_service.web.json_text import JsonFault, parsed

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


def request_from(text: str, code: str = "") -> str:
    """The hook request that a text holds. JsonFault when it is JSON of another kind."""
    value = parsed(text)
    if isinstance(value, dict) and "hook" not in value and "resourceType" in value:
        raise JsonFault(
            f"This is a {value['resourceType']}, not a CDS Hooks request. A request has hook, hookInstance, context "
            "(userId, patientId, draftOrders) and prefetch with the chart: take a sample's request and put it there"
        )
    return text
