"""Runs the WSGI application in threads; a thread gets a request when all of it has arrived.

The server's event loop reads heads and bodies and writes answers, so that a slow client never holds a thread.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from cds_service.web.http.body_arrival import Arrival, BodyReader, Receive

_THREADS = 16
# A liveness check does not wait behind calls that wait for a FHIR server.
_HEALTH = "/healthz"
# How long the rest of a refused body is read and dropped: closed at once, the client might lose the answer.
_DISCARD_SECONDS = 2.0

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class ThreadedWsgi:
    """An ASGI application that answers with a WSGI application's answers."""

    def __init__(self, application: WsgiApplication, most_bytes: int, seconds: float, threads: int = _THREADS) -> None:
        """`most_bytes` of a body, and the `seconds` it may take to arrive."""
        self._application = application
        # As many bodies as threads are being answered, and as many again may be arriving or waiting.
        self._bodies = BodyReader(most_bytes, seconds, 2 * threads * most_bytes)
        self._threads = ThreadPoolExecutor(threads, "calls")
        self._health_thread = ThreadPoolExecutor(1, "health")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        arrival = await self._bodies.read(receive, _declared_length(scope))
        try:
            status, headers, content = await self._answer(scope, arrival)
        finally:
            self._bodies.release(arrival)
        if not arrival.is_whole:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})
        if not arrival.is_whole:
            await _discard_rest(receive)

    async def _answer(self, scope: dict[str, Any], arrival: Arrival) -> tuple[int, Headers, bytes]:
        threads = self._health_thread if scope["path"] == _HEALTH else self._threads
        environ = wsgi_environ(scope, arrival.stream())
        return await asyncio.get_running_loop().run_in_executor(threads, _run, self._application, environ)


def wsgi_environ(scope: dict[str, Any], body: IO[bytes]) -> dict[str, Any]:
    """The WSGI environment of an ASGI request (PEP 3333: text that stands for bytes is Latin-1)."""
    host, port = scope.get("server") or ("localhost", None)
    client = scope.get("client")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0] if client else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]}{';' if key == 'HTTP_COOKIE' else ','}{text}" if key in environ else text
    return environ


def _run(application: WsgiApplication, environ: dict[str, Any]) -> tuple[int, Headers, bytes]:
    """The application's whole answer; runs in a thread."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    parts: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], None]:
        started.append((status, headers))
        return parts.append

    answer = application(environ, start_response)
    try:
        parts.extend(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    status, headers = started[-1]
    sent = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return int(status.split(" ", 1)[0]), sent, b"".join(parts)


def _declared_length(scope: dict[str, Any]) -> int:
    """Content-Length, which the server has checked; 0 for a body in chunks."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


async def _discard_rest(receive: Receive) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
