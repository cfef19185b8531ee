"""What is overridden of the server's classes, and used of its internals, is there in the release that is installed."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Request
from gunicorn.config import Config
from gunicorn.http import body, errors, message, wsgi
from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import TConn

from cds_service.errors import TooSlow
from cds_service.web import server
from cds_service.web.http import request_body

OVERRIDING = (server.PatientWorker, server._Server)


def _overrides() -> Iterator[tuple[type, str]]:
    for cls in OVERRIDING:
        yield from ((cls, name) for name, value in vars(cls).items() if callable(value) and name[:2] != "__")


@pytest.mark.parametrize(("cls", "name"), list(_overrides()), ids=lambda value: getattr(value, "__name__", value))
def test_overridden_method_is_the_servers_and_takes_what_it_takes(cls: type, name: str) -> None:
    theirs = next((vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)), None)
    assert theirs is not None, f"the server calls no {name}: the override would never run"
    assert list(inspect.signature(vars(cls)[name]).parameters) == list(inspect.signature(theirs).parameters)


@pytest.mark.parametrize("name", ["handle", "handle_request"])
def test_worker_calls_what_is_overridden(name: str) -> None:
    assert f"self.{name}" in inspect.getsource(inspect.getmodule(server.ThreadWorker))  # type: ignore[arg-type]


def test_worker_that_is_told_to_quit_has_a_base_that_does() -> None:
    """The thread worker's own method is left out on purpose, and the one behind it is called."""
    assert server.ThreadWorker.__mro__[1] is Worker
    assert list(inspect.signature(Worker.handle_quit).parameters) == ["self", "sig", "frame"]


def test_connection_has_its_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert TConn(Config(), ours, ("127.0.0.1", 1), ("127.0.0.1", 2)).sock is ours


def test_every_option_is_one_of_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting them checks their values as well, and how many arguments each hook takes."""
    handed: dict[str, Any] = {}

    def keep(_make_app: object, options: dict[str, Any]) -> SimpleNamespace:
        handed.update(options)
        return SimpleNamespace(run=lambda: None)

    listener = SimpleNamespace(fileno=lambda: 3, getsockname=lambda: ("127.0.0.1", 1))
    monkeypatch.setattr(server, "_Server", keep)
    monkeypatch.setattr(server, "_listen", lambda _host, _port: listener)
    monkeypatch.setattr(server.PatientWorker, "seconds", server.PatientWorker.seconds)
    server.run(lambda url: url, "127.0.0.1", 0, 1, "")
    config = Config()
    for name, value in handed.items():
        config.set(name, value)
    assert handed


def test_request_is_handed_its_socket() -> None:
    asked = SimpleNamespace(body=None, method="GET", query="", uri="/", version=(1, 1))
    assert wsgi.default_environ(asked, "the socket", Config())["gunicorn.socket"] == "the socket"


def test_connection_is_closed_behind_chunks_that_cannot_be_read() -> None:
    closed: list[str] = []
    asked = SimpleNamespace(force_close=lambda: closed.append("closed"))
    request_body._close_after(_request(body.ChunkedReader(asked, None)))
    assert closed == ["closed"]
    assert list(inspect.signature(message.Request.force_close).parameters) == ["self"]


def test_body_of_known_length_that_breaks_off_is_no_error_of_ours() -> None:
    """Its reader does not know its request: the server closes the connection of a body whose reading failed."""

    def broken(*_: object, **__: object) -> bytes:
        raise ConnectionResetError

    request = _request(body.LengthReader(SimpleNamespace(read=broken), 5))
    with pytest.raises(ConnectionResetError):
        request.environ["wsgi.input"].read(5)
    request_body._close_after(request)
    assert request.environ["wsgi.input"].failed


@pytest.mark.parametrize("terminated", [True, False])
def test_body_that_ends_before_its_length_is_not_whole(terminated: bool) -> None:
    """gunicorn ends a body where its socket was shut, and says that the input is terminated by itself."""
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


def test_errors_of_reading_are_the_servers() -> None:
    assert issubclass(errors.NoMoreData, OSError)
    assert issubclass(errors.ParseException, Exception)


def _request(reader: object) -> Request:
    return Request({"wsgi.input": body.Body(reader)})
