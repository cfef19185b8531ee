"""Every limit with its setting and a clear answer; slow and half-open clients do not hold a worker."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from cds_service.errors import BadRequest, TooManyCalls
from cds_service.settings import Settings
from cds_service.web import create_app
from cds_service.web.http.concurrency_limiter import ConcurrencyLimiter
from cds_service.web.http.request_body import refuse_shape
from tests import support
from tests.conformance.checker import check_error
from tests.services.crd import crd_call
from tests.support import JSON, bundle, order

SIGN = "/cds-services/insulin-pump-order-sign"
ROOT = Path(__file__).parents[3]


def _post(request: Any, path: str = SIGN, **settings: Any) -> Any:
    client = create_app(Settings(**{"database_url": "off"} | settings)).test_client()
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return client.post(path, data=body, content_type="application/json")


def _refused(reply: Any, status: int) -> JSON:
    assert reply.status_code == status, reply.data[:300]
    assert check_error(status, reply.content_type, reply.get_json()) == []
    issue: JSON = reply.get_json()["issue"][0]
    return issue


def test_orders() -> None:
    many = support.call(*[order(f"pump-{n}") for n in range(6)])
    assert _refused(_post(many, max_orders=5), 413)["expression"] == ["context.draftOrders.entry"]
    assert _post(many, max_orders=6).status_code == 200
    context = {"patientId": "p1", "performer": "Organization/o"}
    context["dispatchedOrders"] = [f"DeviceRequest/{n}" for n in range(6)]
    dispatch = crd_call() | {"hook": "order-dispatch", "context": context}
    reply = _post(dispatch, "/cds-services/crd-order-dispatch", max_orders=5)
    assert _refused(reply, 413)["expression"] == ["context.dispatchedOrders"]


def test_ten_thousand_orders_are_refused_at_once() -> None:
    many = support.call(*[order(f"pump-{n}") for n in range(10_000)])
    began = time.monotonic()
    _refused(_post(many), 413)
    assert time.monotonic() - began < 1.0


def test_resources_that_the_call_brings_along() -> None:
    held = sum(len(v["entry"]) if v and "entry" in v else bool(v) for v in support.call()["prefetch"].values())
    assert _refused(_post(support.call(), max_resources=held - 1), 413)["expression"] == ["prefetch"]
    assert _post(support.call(), max_resources=held).status_code == 200


def test_depth() -> None:
    deep: Any = "x"
    for _ in range(150):
        deep = {"a": deep}
    request = support.call() | {"zork": deep}
    assert "nests deeper than 100 levels" in _refused(_post(request, max_json_depth=100), 400)["diagnostics"]
    assert _post(request).status_code == 200


@pytest.mark.parametrize(
    ("body", "depth"),
    [
        (b'{"a": [1, {"b": "[[[[{{{{"}]}', 3),
        (rb'{"a": "\"[[[[", "b": "\\", "c": [[]]}', 3),
        (b'["]", "}", ["\\\\\\"]]"]]', 2),
        (b'{"a": {"b": {"c": 1}}, "d": [[[2]]]}', 4),
        (b"[]", 1),
        (b'"text"', 0),
        (b'{"a":"x' + b"\\u005b" * 50 + b'"}', 1),
    ],
)
def test_depth_is_counted_outside_of_strings(body: bytes, depth: int) -> None:
    json.loads(body)
    refuse_shape(body, depth)
    if depth:
        with pytest.raises(BadRequest):
            refuse_shape(body, depth - 1)


@pytest.mark.parametrize(
    "body", [b"[" * 5000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000, b"]" * 500, b'["' + b"[" * 500]
)
def test_deep_and_broken_bodies_are_refused(body: bytes) -> None:
    assert _post(body).status_code == 400


def test_huge_numbers_do_no_harm() -> None:
    for number in (b"1" * 5000, b"1e999999", b"-1e-999999", b"0." + b"1" * 5000):
        body = json.dumps(support.call()).encode().replace(b'"value": 8.1', b'"value": ' + number)
        assert _post(body).status_code in (200, 400)


def test_bombs_are_refused() -> None:
    client = create_app(Settings(database_url="off")).test_client()
    bomb = gzip.compress(b" " * 200_000_000, compresslevel=1)
    reply = client.post(SIGN, data=bomb, content_type="application/json", headers={"Content-Encoding": "gzip"})
    _refused(reply, 413)


# ---------------------------------------------------------------- calls at a time


def test_a_turnstile_lets_so_many_in_by_client() -> None:
    turnstile = ConcurrencyLimiter(2)
    with turnstile.slot("a"), turnstile.slot("a"), turnstile.slot("b"), pytest.raises(TooManyCalls):
        turnstile.slot("a").__enter__()
    with turnstile.slot("a"):
        pass


def test_a_fault_inside_gives_the_place_back() -> None:
    turnstile = ConcurrencyLimiter(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), turnstile.slot("a"):
            raise ValueError("x")


def test_too_many_calls_are_429_and_told_to_wait() -> None:
    entered, leave = threading.Event(), threading.Event()

    def open_source(*_: Any) -> Any:
        entered.set()
        leave.wait(10)
        raise BadRequest("over")

    app = create_app(Settings(database_url="off", concurrent_calls=1), open_source)
    request = support.call() | {"prefetch": {}, "fhirServer": "http://127.0.0.1:9"}
    first = threading.Thread(target=lambda: app.test_client().post(SIGN, json=request))
    first.start()
    try:
        assert entered.wait(10)
        reply = app.test_client().post(SIGN, json=support.call())
        _refused(reply, 429)
        assert reply.headers["Retry-After"] == "1"
        assert app.test_client().get("/cds-services").status_code == 200
    finally:
        leave.set()
        first.join()
    assert app.test_client().post(SIGN, json=support.call()).status_code == 200


# ---------------------------------------------------------------- slow clients


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with one worker and little patience."""
    folder = tmp_path_factory.mktemp("served")
    env = os.environ | {"PUMP_CDS_BODY_SECONDS": "1", "XDG_DATA_HOME": str(folder)}
    command = [sys.executable, "-m", "cds_service.cli", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()
        process.wait(20)


def _connected(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), 10)


HEAD = f"POST {SIGN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode()


@pytest.mark.real
@pytest.mark.parametrize("sent", [b"", b"POST /cds", b"POST / HTTP/1.1\r\nHost: x\r\n", HEAD, HEAD + b"{"])
def test_clients_that_stop_in_the_middle_hold_nobody_up(served: str, sent: bytes) -> None:
    """Forty of them, and the service answers others as if there were none."""
    waiting = [_connected(served) for _ in range(40)]
    try:
        for each in waiting:
            each.sendall(sent)
        began = time.monotonic()
        reply = requests.post(f"{served}{SIGN}", json=support.call(), timeout=20)
        assert reply.status_code == 200
        assert time.monotonic() - began < 6
    finally:
        for each in waiting:
            each.close()


@pytest.mark.real
@pytest.mark.parametrize(
    ("method", "path", "kind", "status"),
    [
        ("POST", "/cds-services/insulin-pump-order-sing", "application/json", 404),
        ("PUT", SIGN, "application/json", 405),
        ("POST", SIGN, "text/plain", 415),
        ("POST", "/healthz", "application/json", 405),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_refused_unread_leaves_the_connection_in_order(
    served: str, method: str, path: str, kind: str, status: int, chunked: bool
) -> None:
    body = b" " * 500_000
    with requests.Session() as session:
        for _ in range(10):
            data = iter([body]) if chunked else body
            reply = session.request(method, served + path, data=data, headers={"Content-Type": kind}, timeout=10)
            assert reply.status_code == status
            assert session.get(f"{served}/healthz", timeout=10).status_code == 200


def test_a_body_that_comes_drop_by_drop_is_given_up(served: str) -> None:
    with _connected(served) as client:
        client.sendall(HEAD)
        client.settimeout(0.1)
        began, got = time.monotonic(), None
        while got is None and time.monotonic() - began < 10:
            try:
                client.sendall(b" ")
                got = client.recv(1000)
            except TimeoutError:
                continue
            except OSError:
                got = b""
        assert time.monotonic() - began < 6
        assert got == b"" or b" 408 " in (got or b"")


@pytest.mark.real
def test_a_head_that_comes_drop_by_drop_is_given_up(served: str) -> None:
    with _connected(served) as client:
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 30:
                client.sendall(b"P")
                time.sleep(0.2)
        assert time.monotonic() - began < 25


def test_what_is_brought_along_is_counted_whatever_its_key(tmp_path: Path) -> None:
    request = support.call()
    request["prefetch"]["mine"] = bundle(*({"resourceType": "Basic", "id": f"b{n}"} for n in range(500)))
    assert _post(request, max_resources=400).status_code == 413


# ---------------------------------------------------------------- malformed chunks


CHUNKED = (
    f"POST {SIGN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
)


@pytest.mark.real
@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}garbage\r\n0\r\n\r\n",
        b"2 x\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nContent-Length: 2\r\n\r\n",
        b"\r\n\r\n",
        b"ffffffffffffffffffff\r\n{}",
    ],
)
@pytest.mark.parametrize("path", [SIGN, f"{SIGN}/feedback", "/fhir/Questionnaire/$questionnaire-package", "/nothing"])
def test_malformed_chunks_are_never_a_fault_of_ours(served: str, chunks: bytes, path: str) -> None:
    """A 4xx, and the connection is closed: where the next request would begin is not known."""
    with _connected(served) as client:
        client.sendall(CHUNKED.replace(SIGN.encode(), path.encode()) + chunks)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(10)
        got = b""
        while part := client.recv(65_536):
            got += part
    assert got.startswith(b"HTTP/1.1 4"), got[:200]
    assert b"connection: close" in got.lower()
    assert requests.get(f"{served}/healthz", timeout=10).status_code == 200


@pytest.mark.real
@pytest.mark.parametrize("trailer", [b"", b"X-Checksum: 1\r\n", b"no field at all\r\n"])
def test_a_trailer_is_passed_over_and_the_next_request_begins_behind_it(served: str, trailer: bytes) -> None:
    with _connected(served) as client:
        client.sendall(CHUNKED + b"2\r\n{}\r\n0\r\n" + trailer + b"\r\n")
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        client.settimeout(10)
        got = b""
        while part := client.recv(65_536):
            got += part
    assert got.startswith(b"HTTP/1.1 400")  # {} is no hook request
    assert got.endswith(b"\r\n\r\nok\n")
    assert got.count(b"HTTP/1.1 ") == 2
