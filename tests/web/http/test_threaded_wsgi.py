"""The WSGI application behind the server's event loop: what it is handed, and what becomes of its answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import pytest

from cds_service.web.http.threaded_wsgi import ThreadedWsgi, wsgi_environ
from tests.support import awaited

SCOPE: dict[str, Any] = {
    "type": "http",
    "http_version": "1.1",
    "method": "POST",
    "scheme": "https",
    "path": "/a b/ü",
    "raw_path": b"/a%20b/%C3%BC",
    "query_string": b"x=%20&y=1",
    "headers": [(b"host", b"x"), (b"content-type", b"application/json"), (b"content-length", b"2")],
    "server": ("127.0.0.1", 8080),
    "client": ("127.0.0.1", 50_000),
}


def _asked(
    application: Any, scope: dict[str, Any] = SCOPE, body: bytes = b"{}", more: bool = False, **limits: Any
) -> list[dict[str, Any]]:
    """What is sent in answer to one request."""
    sent: list[dict[str, Any]] = []
    messages = iter([{"type": "http.request", "body": body, "more_body": more}])

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    made = ThreadedWsgi(application, **({"most_bytes": 1000, "seconds": 1.0, "threads": 1} | limits))
    awaited(made(scope, receive, send))
    return sent


def test_the_application_is_handed_what_wsgi_says() -> None:
    environ = wsgi_environ(SCOPE, BytesIO())
    assert environ["PATH_INFO"] == "/a b/ü".encode().decode("latin-1")
    assert environ["QUERY_STRING"] == "x=%20&y=1"
    assert (environ["wsgi.url_scheme"], environ["SERVER_PORT"], environ["REMOTE_ADDR"]) == (
        "https",
        "8080",
        "127.0.0.1",
    )
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"], environ["HTTP_HOST"]) == ("application/json", "2", "x")


@pytest.mark.parametrize(
    ("name", "values", "joined"),
    [(b"x-odd", [b"a", b"b"], "a,b"), (b"cookie", [b"a=1", b"b=2"], "a=1;b=2"), (b"x-odd", [b"\xe9"], "é")],
)
def test_headers_of_one_name_are_one_value(name: bytes, values: list[bytes], joined: str) -> None:
    scope = SCOPE | {"headers": [(name, value) for value in values]}
    assert wsgi_environ(scope, BytesIO())[f"HTTP_{name.decode().upper().replace('-', '_')}"] == joined


def test_it_runs_in_a_thread_and_its_answer_is_closed() -> None:
    seen: list[str] = []

    class Answer(list[bytes]):
        def close(self) -> None:
            seen.append("closed")

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(threading.current_thread().name)
        start_response("201 Created", [("X-Told", "yes")])(b"first ")
        return Answer([environ["wsgi.input"].read(), b" last"])

    start, content = _asked(application)
    assert seen == ["calls_0", "closed"]
    assert (start["status"], start["headers"]) == (201, [(b"x-told", b"yes")])
    assert content["body"] == b"first {} last"
    assert not content.get("more_body")


def test_a_refused_body_is_refused_where_it_is_read_and_closes_the_connection() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("413 Content Too Large", [])
        return [b"%d" % len(environ["wsgi.input"].read())]

    start, content = _asked(application, body=b"x" * 30, more=True, most_bytes=20)
    assert (b"connection", b"close") in start["headers"]
    assert content["body"] == b"30"


def test_a_liveness_check_does_not_wait_for_a_thread() -> None:
    busy, let_go = threading.Event(), threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            busy.set()
            assert let_go.wait(10)
        start_response("200 OK", [])
        return [b"ok"]

    async def both() -> list[dict[str, Any]]:
        made, sent = ThreadedWsgi(application, 1000, 1.0, threads=1), []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        call = asyncio.create_task(made(SCOPE, receive, send))
        while not busy.is_set():
            await asyncio.sleep(0.01)
        health = SCOPE | {"path": "/healthz", "raw_path": b"/healthz"}
        await asyncio.wait_for(made(health, receive, send), 5)
        seen = list(sent)
        let_go.set()
        await call
        return seen

    assert [message.get("body") for message in awaited(both())] == [None, b"ok"]


def test_a_websocket_is_not_served() -> None:
    assert _asked(None, {"type": "websocket"}) == [{"type": "websocket.close"}]
