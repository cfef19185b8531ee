"""What is overridden of urllib3, and used of it and of requests, is there in the releases that are installed.

docs/dependencies.md says how this is run against the oldest and the newest that are allowed.
"""

from __future__ import annotations

import inspect
import socket
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3 import connection, connectionpool, poolmanager
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from cds_service.ehr.transport import _adapter, _connect, is_internal_address, restrict_connections
from cds_service.trust.servers import ServerRule
from tests.trust.web import Site

OVERRIDDEN = ("_new_conn", "connect")
SCHEMES = ("http", "https")


def _pool(scheme: str) -> Any:
    return _adapter([], lambda _: True).poolmanager.pool_classes_by_scheme[scheme]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", OVERRIDDEN)
def test_overridden_method_is_theirs_and_takes_what_it_takes(scheme: str, name: str) -> None:
    ours = _pool(scheme).ConnectionCls
    assert {each for each, value in vars(ours).items() if callable(value) and each[:2] != "__"} == set(OVERRIDDEN)
    theirs = getattr(ours.__mro__[1], name)
    assert list(inspect.signature(vars(ours)[name]).parameters) == list(inspect.signature(theirs).parameters)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_socket_is_made_by_what_is_overridden(scheme: str) -> None:
    """Both kinds of connection call it to connect, and use what it returns."""
    theirs = _pool(scheme).ConnectionCls.__mro__[1]
    source = "".join(inspect.getsource(vars(base)["connect"]) for base in theirs.__mro__ if "connect" in vars(base))
    assert "self._new_conn()" in source
    assert "create_connection" not in inspect.getsource(theirs.connect)


def test_pools_are_made_of_the_classes_that_are_named() -> None:
    assert "self.ConnectionCls(" in inspect.getsource(connectionpool.HTTPConnectionPool._new_conn)
    assert "_new_conn" not in vars(connectionpool.HTTPSConnectionPool) or "self.ConnectionCls(" in inspect.getsource(
        connectionpool.HTTPSConnectionPool._new_conn
    )
    assert "self.pool_classes_by_scheme[" in inspect.getsource(poolmanager.PoolManager._new_pool)
    assert set(HTTPAdapter().poolmanager.pool_classes_by_scheme) == set(SCHEMES)
    for scheme, base in zip(
        SCHEMES, (connectionpool.HTTPConnectionPool, connectionpool.HTTPSConnectionPool), strict=True
    ):
        assert issubclass(_pool(scheme), base)


def test_a_connection_has_what_is_read_of_it() -> None:
    made = connection.HTTPConnection("ehr.example.invalid", 8443, timeout=1.5)
    assert (made.host, made.port, made.timeout, made.sock) == ("ehr.example.invalid", 8443, 1.5, None)


def test_failures_are_made_as_theirs_are() -> None:
    made = connection.HTTPConnection("ehr.example.invalid", 8443)
    for failure in (
        NameResolutionError("ehr.example.invalid", made, socket.gaierror("no such name")),
        ConnectTimeoutError(made, "no connection in time"),
        NewConnectionError(made, "no connection"),
    ):
        assert str(failure)


def test_every_connection_is_checked_and_remembered() -> None:
    """With a real server: a session with restricted connections connects through what is overridden."""
    with Site(lambda _: (200, {"Content-Type": "text/plain"}, b"here")) as site:
        connections: list[Any] = []
        with requests.Session() as session:
            restrict_connections(session, site.url, ServerRule(listed=(site.url,)), connections)
            assert session.get(f"{site.url}/x", timeout=5).content == b"here"
            assert len(connections) == 1
        with requests.Session() as session:
            restrict_connections(session, site.url, ServerRule(), connections)
            with pytest.raises(requests.ConnectionError) as refused:
                session.get(f"{site.url}/x", timeout=5)
            assert is_internal_address(refused.value)
    assert len(connections) == 1


def test_what_makes_the_socket_is_asked_for_each_address() -> None:
    made = connection.HTTPConnection("localhost", 9, timeout=1)
    asked: list[str] = []
    with pytest.raises(OSError, match="no address of this name"):
        _connect(made, lambda address: asked.append(address) or False)  # type: ignore[func-returns-value]
    assert asked
