"""Request bodies: content type, size, compression."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress

from flask import Flask, Request, Response, request
from werkzeug.exceptions import ClientDisconnected

from cds_service.errors import BadRequest, TooLarge, TooSlow, WrongMediaType
from cds_service.settings import Settings
from cds_service.web import patience

_PIECE = 262_144
_NO_BRACKETS = bytes(code for code in range(256) if chr(code) not in '{}[]"\\')
_ESCAPES = re.compile(rb"\\.", re.DOTALL)
_STRINGS = re.compile(rb'"[^"]*"')
_JSON = ("application/json", "application/fhir+json", "application/json+fhir", "text/json")


def read_body(request: Request, most: int, seconds: float = 10.0) -> bytes:
    """The body as bytes, decompressed when it came as gzip; at most `most` bytes either way, within `seconds`."""
    if request.mimetype and request.mimetype not in _JSON:
        raise WrongMediaType(f"send Content-Type application/json, not {request.mimetype[:60]}", "Content-Type")
    if (request.content_length or 0) > most:
        raise _too_large(most)
    body = _arrived(request, most, seconds)
    encoding = request.headers.get("Content-Encoding", "identity").strip().casefold()
    if encoding in ("identity", ""):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise WrongMediaType("send the body plain or with Content-Encoding: gzip", "Content-Encoding")
    return _unzipped(body, most)


def checked_body(request: Request, settings: Settings) -> bytes:
    """The body of a request, within all limits."""
    body = read_body(request, settings.max_body_bytes, settings.body_seconds)
    refuse_depth(body, settings.max_json_depth)
    return body


def refuse_depth(body: bytes, most: int) -> None:
    """BadRequest when JSON nests deeper than `most`: brackets are peeled, innermost first, a level at a time."""
    left = body.translate(None, _NO_BRACKETS)
    if b"\\" in left:
        left = _ESCAPES.sub(b"", body).translate(None, _NO_BRACKETS)
    left = _STRINGS.sub(b"", left.replace(b'""', b""))
    for _ in range(most):
        # Marked first and taken out together, so that what closes around them waits for the next level.
        peeled = left.replace(b"{}", b"0").replace(b"[]", b"0").translate(None, b"0")
        if len(peeled) == len(left):
            return  # nothing nests any more; what is left is no JSON, which the parser says
        left = peeled
    if left:
        raise BadRequest(f"the body nests deeper than {most} levels: no FHIR resource does", code="structure")


def install(app: Flask) -> None:
    """Reads what is left of a body that was refused unread, so that the next request on the connection is answered.

    The server closes a connection with more than a little unread in it, when the client has been told to go on.
    """
    settings: Settings = app.config["SETTINGS"]

    @app.after_request
    def discard_rest(response: Response) -> Response:
        if (request.content_length or 0) <= settings.max_body_bytes:
            with suppress(TooSlow):
                for _ in _pieces(request, settings.max_body_bytes, settings.body_seconds):
                    pass
        return response


def _arrived(request: Request, most: int, seconds: float) -> bytes:
    parts = list(_pieces(request, most, seconds))
    if sum(map(len, parts)) > most:
        raise _too_large(most)
    return b"".join(parts)


def _pieces(request: Request, most: int, seconds: float) -> Iterator[bytes]:
    """The body, up to a byte over `most`: a client that sends it drop by drop does not hold a worker."""
    until, size = time.monotonic() + seconds, 0
    try:
        while size <= most and (part := request.stream.read(min(_PIECE, most + 1 - size))):
            size += len(part)
            yield part
            if time.monotonic() > until:
                raise TooSlow("the body did not arrive in time")
    except (TimeoutError, ClientDisconnected):
        raise TooSlow("the body did not arrive in time, or not whole") from None
    finally:
        patience.arrived(request.environ.get("gunicorn.socket"))


def _unzipped(body: bytes, most: int) -> bytes:
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
