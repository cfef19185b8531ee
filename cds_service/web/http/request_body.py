"""Reads and checks request bodies: content type, size, compression, shape of the JSON."""

from __future__ import annotations

import zlib
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import ClientDisconnected

from cds_service.errors import BadRequest, TooLarge, TooSlow, WrongMediaType
from cds_service.settings import Settings
from fhir_mappings.json.json_shape import TooDeep, TooDense, check_shape, most_values

_FORM, _MOST_FIELDS = "application/x-www-form-urlencoded", 500
_JSON = ("application/json", "application/fhir+json", "application/json+fhir", "text/json")


def read_body(request: Request, most: int) -> bytes:
    """The body as bytes, decompressed when it came as gzip; at most `most` bytes either way."""
    if request.mimetype and request.mimetype not in _JSON:
        raise WrongMediaType(f"send Content-Type application/json, not {request.mimetype[:60]}", "Content-Type")
    if (request.content_length or 0) > most:
        raise _too_large(most)
    body = _received(request, most)
    encoding = request.headers.get("Content-Encoding", "identity").strip().casefold()
    if encoding in ("identity", ""):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise WrongMediaType("send the body plain or with Content-Encoding: gzip", "Content-Encoding")
    return _decompressed(body, most)


def read_form(request: Request, most: int) -> MultiDict[str, str]:
    """The fields of a form, within a size."""
    if request.mimetype not in ("", _FORM):
        raise WrongMediaType(f"send Content-Type {_FORM}", "Content-Type")
    try:
        if (request.content_length or 0) > most:
            raise _too_large(most)
        text = _received(request, most).decode("utf-8", "replace")
        return MultiDict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except (TooLarge, ValueError):
        raise TooLarge(f"the form is over {most} bytes, or has over {_MOST_FIELDS} fields") from None


def checked_body(request: Request, settings: Settings) -> bytes:
    """The body of a request, within all limits."""
    body = read_body(request, settings.max_body_bytes)
    refuse_shape(body, settings.max_json_depth)
    return body


def refuse_shape(body: bytes, most: int) -> None:
    """BadRequest when JSON nests deeper than `most`, TooLarge when it holds more values than its size allows."""
    try:
        check_shape(body, most)
    except TooDeep:
        raise BadRequest(f"the body nests deeper than {most} levels: no FHIR resource does", code="structure") from None
    except TooDense:
        values = f"the body holds more than {most_values(len(body))} values in its {len(body)} bytes"
        raise TooLarge(f"{values}: FHIR holds fewer, send resources and nothing else") from None


def _received(request: Request, most: int) -> bytes:
    """The body as it was sent. The server has read all of it already; if it could not, reading it here raises why."""
    length = request.content_length
    try:
        # Where the length is known, not through Werkzeug's stream, which copies what it reads.
        body = request.stream.read(most + 1) if length is None else request.environ["wsgi.input"].read(length)
    except ClientDisconnected:
        raise TooSlow("the body did not arrive whole") from None
    if len(body) > most:
        raise _too_large(most)
    if len(body) < (length or 0):
        raise TooSlow("the body did not arrive whole")
    return body


def _decompressed(body: bytes, most: int) -> bytes:
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(body, most + 1)
    except zlib.error:
        raise BadRequest("the body is no gzip data, though Content-Encoding says so", "Content-Encoding") from None
    if len(plain) > most:
        raise _too_large(most)
    if not inflater.eof:
        raise BadRequest("the gzip body ends too early: send it whole", "Content-Encoding")
    return plain


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the body is over {most} bytes: send less prefetch, the service can read from fhirServer")
