"""Connections to a real server: limits of time and number, half-closed clients, its stop, answers to broken HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import support
from tests.conformance.checker import check_error
from tests.web.http.slow_clients import SIGN, SlowClients, address, ask_health, attack_named, served

pytestmark = pytest.mark.real
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module", name="url")
def _url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on which requests have one second to arrive."""
    with served(tmp_path_factory.mktemp("served"), PUMP_CDS_BODY_SECONDS="1") as (url, _):
        yield url


def _connected(url: str) -> socket.socket:
    return socket.create_connection(address(url), 15)


def _open_files(process: str) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def _all(client: socket.socket) -> bytes:
    got = b""
    while part := client.recv(65_536):
        got += part
    return got


def test_a_first_head_that_stays_away_is_given_up(url: str) -> None:
    """Within the second that it has, and the second between two looks; an idle connection lives on."""
    with _connected(url) as kept, _connected(url) as silent:
        kept.sendall(GET)
        assert kept.recv(1000).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        assert silent.recv(10) == b""
        assert time.monotonic() - began < 4
        kept.sendall(GET)
        assert kept.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_client_that_has_sent_all_may_close_its_side_and_is_answered(url: str) -> None:
    body = json.dumps(support.call()).encode()
    head = f"POST {SIGN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with _connected(url) as client:
        client.sendall(head.encode() + body)
        client.shutdown(socket.SHUT_WR)
        got = _all(client)
    assert got.startswith(b"HTTP/1.1 200")
    assert b"com.insulin-pump-cds.determinations" in got


@pytest.mark.parametrize("size", [500, 20_000_000])
def test_a_body_that_is_cut_off_or_too_long_gets_its_answer(url: str, size: int) -> None:
    """Also while the client still sends: the answer is not lost with the connection."""
    head = f"POST {SIGN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    with _connected(url) as client:
        client.sendall(head.encode() + b" " * min(size - 1, 8_000_000))
        got = _all(client)
    head, _, content = got.partition(b"\r\n\r\n")  # type: ignore[assignment]
    status = 408 if size == 500 else 413
    assert got.startswith(f"HTTP/1.1 {status}".encode())
    assert check_error(status, "application/json", json.loads(content)) == []


def test_answers_that_nobody_reads_are_given_up(url: str) -> None:
    """A hundred answers of the interface's description do not fit on the way; the connection is closed at once."""
    with SlowClients(url, attack_named("answers that are not read"), sockets=1) as clients:
        assert clients.all_open.wait(10)
        (client,) = clients.kept
        time.sleep(4)
        client.settimeout(5)
        got = 0
        try:
            while part := client.recv(1_000_000):
                got += len(part)
        except ConnectionResetError:
            pass
    assert 0 < got < 100 * 50_000


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /secret-name\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nsecret name: x\r\n\r\n", 400),
        (b"GET /" + b"secret-name" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"secret-name" * 2000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: secret-name\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ],
)
def test_broken_http_is_answered_with_an_outcome_that_quotes_nothing(url: str, sent: bytes, status: int) -> None:
    with _connected(url) as client:
        client.sendall(sent)
        head, _, content = _all(client).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), head
    assert check_error(status, "application/json", json.loads(content)) == []
    assert b"content-type: application/json" in head.lower()
    assert b"secret" not in head + content


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts open files through /proc")
def test_clients_that_go_away_in_the_middle_leave_no_file_open(tmp_path: Path) -> None:
    with served(tmp_path) as (url, process):
        ask_health(url)
        worker = Path(f"/proc/{process}/task/{process}/children").read_text().strip()
        before = _open_files(worker)
        for name in ("one byte", "half a body", "half a chunk", "half a second request"):
            with SlowClients(url, attack_named(name), sockets=20) as clients:
                assert clients.all_open.wait(30)
        until = time.monotonic() + 10
        while (left := _open_files(worker) - before) > 0 and time.monotonic() < until:
            time.sleep(0.1)
        assert left <= 0


def test_where_there_are_too_many_connections_the_longest_idle_is_closed(tmp_path: Path) -> None:
    """A worker of 250 connections has 300 silent clients, and answers others."""
    with (
        served(tmp_path, files=500) as (url, _),
        SlowClients(url, attack_named("one byte"), sockets=300) as clients,
    ):
        assert clients.all_open.wait(30)
        assert max(ask_health(url, 10) for _ in range(20)) < 2.0
        assert clients.closed > 0


def test_idle_and_stalled_clients_do_not_hold_up_the_stop(tmp_path: Path) -> None:
    with served(tmp_path) as (url, _):
        idle, silent = _connected(url), _connected(url)
        idle.sendall(GET)
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
    assert time.monotonic() - began < 8
    idle.close()
    silent.close()


def test_a_request_that_is_on_its_way_when_the_server_stops_is_answered(tmp_path: Path) -> None:
    """On a connection that was idle: a proxy that has just sent it cannot know."""
    with served(tmp_path) as (url, process), _connected(url) as idle:
        idle.sendall(GET)
        assert idle.recv(1000).startswith(b"HTTP/1.1 200")
        stop = threading.Timer(0.5, lambda: idle.sendall(GET))
        stop.start()
        os.kill(process, signal.SIGTERM)
        got = _all(idle)
        stop.join()
    assert got.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in got.lower()
