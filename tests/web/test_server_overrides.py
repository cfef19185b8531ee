"""What is overridden of the server's classes, and used of its internals, is there in the release that is installed."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Request
from gunicorn.asgi import protocol
from gunicorn.config import Config
from gunicorn.workers import gasgi

from cds_service.errors import TooSlow
from cds_service.web import server
from cds_service.web.http import connection, request_body
from tests.support import awaited

OVERRIDING = (server.Worker, server._Server, connection.Connection)
OWN = {"register", "unregister", "_close_idle", "is_overdue", "close_now"}


def _overrides() -> Iterator[tuple[type, str]]:
    for cls in OVERRIDING:
        own = ((name, value) for name, value in vars(cls).items() if callable(value) and name[:2] != "__")
        yield from ((cls, name) for name, _ in own if name not in OWN)


@pytest.mark.parametrize(("cls", "name"), list(_overrides()), ids=lambda value: getattr(value, "__name__", value))
def test_overridden_method_is_the_servers_and_takes_what_it_takes(cls: type, name: str) -> None:
    theirs = next((vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)), None)
    assert theirs is not None, f"the server calls no {name}: the override would never run"
    assert list(inspect.signature(vars(cls)[name]).parameters) == list(inspect.signature(theirs).parameters)


@pytest.mark.parametrize("cls", OVERRIDING)
def test_no_method_of_ours_has_the_name_of_one_of_the_servers(cls: type) -> None:
    assert not [name for name in OWN & set(vars(cls)) if any(name in vars(base) for base in cls.__mro__[1:])]


@pytest.mark.parametrize(
    ("module", "call"),
    [
        (gasgi, "ASGIProtocol(self)"),
        (gasgi, "self.notify()"),
        (gasgi, "self.handle_exit_signal"),
        (gasgi, "self.cfg.graceful_timeout"),
        (protocol, "self._close_transport()"),
        (protocol, "self._send_error_response("),
    ],
)
def test_server_calls_what_is_overridden(module: Any, call: str) -> None:
    assert call in inspect.getsource(module)


def test_worker_makes_connections_of_ours() -> None:
    assert gasgi.ASGIProtocol is connection.Connection
    assert issubclass(server.Worker, gasgi.ASGIWorker)


def test_connection_has_the_state_that_is_looked_at() -> None:
    """A connection that waits for its first request, and one with a request under way."""

    async def both() -> None:
        worker = SimpleNamespace(
            cfg=Config(), log=None, asgi=None, loop=asyncio.get_running_loop(), nr_conns=0,
            register=lambda _: None, unregister=lambda _: None,
        )  # fmt: skip
        made = connection.Connection(worker)
        transport = SimpleNamespace(
            get_extra_info=lambda *_: None, set_write_buffer_limits=lambda **_: None, is_closing=lambda: False,
            get_write_buffer_size=lambda: 0, can_write_eof=lambda: False, close=lambda: None, abort=lambda: None,
        )  # fmt: skip
        made.connection_made(transport)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        assert (made.is_idle, made.req_count, made._body_receiver) == (True, 1, None)
        assert not made.is_overdue(made._opened_at + 9, 10)
        assert made.is_overdue(made._opened_at + 11, 10)
        made.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345")
        assert made._body_receiver._complete
        assert made._keepalive == Config().keepalive
        made.close_now()
        await asyncio.sleep(0)
        assert made._closed

    awaited(both())


def test_every_option_is_one_of_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting them checks their values as well, and how many arguments each hook takes."""
    handed: dict[str, Any] = {}

    def keep(_make_app: object, options: dict[str, Any]) -> SimpleNamespace:
        handed.update(options)
        return SimpleNamespace(run=lambda: None)

    listener = SimpleNamespace(fileno=lambda: 3, getsockname=lambda: ("127.0.0.1", 1))
    monkeypatch.setattr(server, "_Server", keep)
    monkeypatch.setattr(server, "_listen", lambda _host, _port: listener)
    monkeypatch.setattr(server.Worker, "seconds", server.Worker.seconds)
    server.run(lambda url: url, "127.0.0.1", 0, 1, "")
    config = Config()
    for name, value in handed.items():
        config.set(name, value)
    assert handed


@pytest.mark.parametrize("terminated", [True, False])
def test_body_that_ends_before_its_length_is_not_whole(terminated: bool) -> None:
    """A server may say that the input is terminated by itself."""
    sent = b'{"hook":'
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "1000",
        "wsgi.input": BytesIO(sent),
        "wsgi.input_terminated": terminated,
    }
    with pytest.raises(TooSlow):
        request_body.read_body(Request(environ), 10_000)
    whole = environ | {"CONTENT_LENGTH": str(len(sent)), "wsgi.input": BytesIO(sent)}
    assert request_body.read_body(Request(whole), 10_000) == sent
