"""Request bodies: content type, size, compression."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, cast
from urllib.parse import parse_qsl

from flask import Flask, Request, Response, request
from gunicorn.http.errors import NoMoreData, ParseException
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import LimitedStream

from cds_service.errors import BadRequest, TooLarge, TooSlow, WrongMediaType
from cds_service.settings import Settings
from cds_service.web.http import read_timeout
from fhir_mappings.json.json_shape import TooDeep, TooDense, check_shape, most_values

_PIECE = 262_144
_FORM, _MOST_FIELDS = "application/x-www-form-urlencoded", 500
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


def read_form(request: Request, most: int, seconds: float) -> MultiDict[str, str]:
    """The fields of a form, within a size and a time."""
    if request.mimetype not in ("", _FORM):
        raise WrongMediaType(f"send Content-Type {_FORM}", "Content-Type")
    try:
        if (request.content_length or 0) > most:
            raise _too_large(most)
        text = _arrived(request, most, seconds).decode("utf-8", "replace")
        return MultiDict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except (TooLarge, ValueError):
        raise TooLarge(f"the form is over {most} bytes, or has over {_MOST_FIELDS} fields") from None


def checked_body(request: Request, settings: Settings) -> bytes:
    """The body of a request, within all limits."""
    body = read_body(request, settings.max_body_bytes, settings.body_seconds)
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


def install(app: Flask) -> None:
    """Reads what is left of a body that was refused unread, so that the next request on the connection is answered.

    The server closes a connection with more than a little unread in it, when the client has been told to go on.
    """
    settings: Settings = app.config["SETTINGS"]

    @app.after_request
    def discard_rest(response: Response) -> Response:
        if (request.content_length or 0) <= settings.max_body_bytes:
            with suppress(BadRequest, RequestEntityTooLarge):
                for _ in _pieces(request, settings.max_body_bytes, settings.body_seconds):
                    pass
        return response


def _arrived(request: Request, most: int, seconds: float) -> bytes:
    # Where the length is known the server is asked for all at once: to put pieces together costs as much as to parse.
    piece = _PIECE if request.content_length is None else most + 1
    parts = list(_pieces(request, most, seconds, piece))
    size = sum(map(len, parts))
    if size > most:
        raise _too_large(most)
    if size < (request.content_length or 0):
        # The server ends a body where its socket was shut, as if that were all of it.
        _close_after(request)
        raise TooSlow("the body did not arrive in time, or not whole")
    return b"".join(parts)


def _pieces(request: Request, most: int, seconds: float, piece: int = _PIECE) -> Iterator[bytes]:
    """The body, up to a byte over `most`: a client that sends it drop by drop does not hold a worker."""
    until, size = time.monotonic() + seconds, 0
    try:
        stream = _stream(request)
        while size <= most and (part := stream.read(min(piece, most + 1 - size))):
            size += len(part)
            yield part
            if time.monotonic() > until:
                raise TooSlow("the body did not arrive in time")
    except (TimeoutError, ClientDisconnected, NoMoreData):
        _close_after(request)
        raise TooSlow("the body did not arrive in time, or not whole") from None
    except (OSError, ValueError, ParseException):
        _close_after(request)
        raise BadRequest("the body cannot be read: its chunks are not what HTTP says", "Transfer-Encoding") from None
    finally:
        read_timeout.arrived(request.environ.get("gunicorn.socket"))


def _close_after(request: Request) -> None:
    """Closes the connection behind the answer: where the next request would begin in it is not known."""
    reader = getattr(request.environ.get("wsgi.input"), "reader", None)
    asked = getattr(reader, "req", None)  # gunicorn's, of a body in chunks: behind another kind it closes by itself
    if asked is not None:
        asked.force_close()


class _Stream:
    """A body of known length, straight from the server: Werkzeug's own stream copies each piece twice."""

    def __init__(self, source: IO[bytes], length: int) -> None:
        self._source = source
        self._left = length

    def read(self, most: int) -> bytes:
        """The next bytes; empty at the end. ClientDisconnected when they do not come."""
        size = min(most, self._left)
        if size <= 0:
            return b""
        try:
            part = self._source.read(size)
        except (OSError, ValueError):
            raise ClientDisconnected from None
        if not part:
            raise ClientDisconnected
        self._left -= len(part)
        return part


def _stream(request: Request) -> IO[bytes]:
    """What is left of a request's body; a form may have been read from it before."""
    stream = request.stream
    if isinstance(stream, LimitedStream) and request.content_length is not None:
        left = request.content_length - stream.tell()
        request.stream = cast("IO[bytes]", _Stream(request.environ["wsgi.input"], left))
    return request.stream


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
