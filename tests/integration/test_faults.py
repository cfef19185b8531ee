"""Processes are killed, the database goes and comes back: every call is answered, and every answer is kept once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from sqlalchemy import select

from cds_service.settings import Settings
from cds_service.store.database import open_engine, upgrade
from cds_service.store.recorder import Recorder
from cds_service.store.repository import Repository
from cds_service.store.schema import calls
from cds_service.web import create_app
from tests.services.crd import crd_call
from tests.store.postgresql import NOT_INSTALLED, PostgreSQL, is_installed
from tests.support import bundle

ROOT = Path(__file__).parents[2]
CRD = "/cds-services/crd-order-sign"
REQUEST = crd_call(glucose=bundle())


class Server:
    """A real process, by its URL."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process
        self.answered: list[str] = []

    def call(self) -> bool:
        """One call with a fresh hook instance; whether it was answered."""
        instance = str(uuid4())
        try:
            reply = requests.post(f"{self.url}{CRD}", json=REQUEST | {"hookInstance": instance}, timeout=20)
        except requests.RequestException:
            return False
        assert reply.status_code == 200, reply.text
        self.answered.append(instance)
        return True

    def workers(self) -> list[int]:
        pid = self.process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def is_ready(self) -> bool:
        return requests.get(f"{self.url}/readyz", timeout=20).status_code == 200

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


@contextmanager
def _started(folder: Path, url: str, workers: int = 2) -> Iterator[Server]:
    variables = {
        "PUMP_CDS_DATABASE_URL": url,
        "PUMP_CDS_SPOOL_FOLDER": str(folder / "spool"),
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
    }
    (folder / "metrics").mkdir()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cds_service.cli", "serve", "--port", "0", "--workers", str(workers)],
            cwd=ROOT, env=os.environ | variables, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().split()[-1], process)
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()


def _stored(url: str) -> Counter[str]:
    """How often each hook instance is in the store."""
    engine = open_engine(url)
    with engine.connect() as connection:
        found = Counter(connection.execute(select(calls.c.hook_instance)).scalars())
    engine.dispose()
    return found


def _inherit(folder: Path, url: str) -> None:
    """Does what the next process does at its start: writes what was left behind."""
    engine = open_engine(url)
    heir = Recorder(lambda: Repository(engine), folder / "spool", 1_000_000)
    heir.start()
    _until(lambda: not list((folder / "spool").glob("*.jsonl")))
    heir.close()
    engine.dispose()


def _until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.05)


@pytest.mark.real
def test_a_worker_is_killed_while_calls_are_under_way(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    with _started(tmp_path, url) as server:
        _until(lambda: len(server.workers()) == 2)
        stop = threading.Event()

        def keep_calling() -> None:
            while not stop.is_set():
                server.call()

        threads = [threading.Thread(target=keep_calling) for _ in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            before = len(server.answered)
            _until(lambda: len(server.answered) > before + 30)  # noqa: B023
            os.kill(server.workers()[0], signal.SIGKILL)
        before = len(server.answered)
        _until(lambda: len(server.answered) > before + 30)
        stop.set()
        for thread in threads:
            thread.join()
        server.end()
    _inherit(tmp_path, url)
    stored = _stored(url)
    assert set(server.answered) <= set(stored)
    assert set(stored.values()) == {1}
    assert len(server.answered) > 90


@pytest.mark.real
def test_calls_under_way_are_answered_and_kept_when_the_server_is_told_to_end(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    instances = [str(uuid4()) for _ in range(6)]
    with _started(tmp_path, url) as server:
        assert server.call()
        port = int(server.url.rsplit(":", 1)[-1])
        bodies = [json.dumps(REQUEST | {"hookInstance": each}).encode() for each in instances]
        sockets = [socket.create_connection(("127.0.0.1", port), 10) for _ in instances]
        for sock, body in zip(sockets, bodies, strict=True):
            head = f"POST {CRD} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            sock.sendall(head.encode() + b"\r\n\r\n" + body[:100])
        time.sleep(0.5)  # until all are being read
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        for sock, body in zip(sockets, bodies, strict=True):
            sock.sendall(body[100:])
        for sock in sockets:
            assert sock.recv(12) == b"HTTP/1.1 200"
            sock.close()
        assert server.process.wait(20) == 0
    assert _stored(url) == Counter([*server.answered, *instances])
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.real
def test_the_database_is_stopped_and_started_again(tmp_path: Path) -> None:
    if not is_installed():
        pytest.skip(NOT_INSTALLED)
    database = PostgreSQL()
    try:
        database.start()
        url = database.new_database()
        engine = open_engine(url)
        upgrade(engine)
        engine.dispose()
        with _started(tmp_path, url) as server:
            assert all(server.call() for _ in range(10))
            assert server.is_ready()
            database.stop()
            assert all(server.call() for _ in range(10))
            assert not server.is_ready()
            database.start()
            assert all(server.call() for _ in range(10))
            _until(server.is_ready)
            _until(lambda: len(_stored(url)) == 30)
            server.end()
        assert _stored(url) == Counter(server.answered)
    finally:
        database.remove()


@pytest.mark.real
def test_what_waits_at_the_end_is_written_by_the_next_start(tmp_path: Path) -> None:
    """The database is away for as long as the first process lives."""
    (tmp_path / "data").write_text("")
    url = f"sqlite:///{tmp_path}/data/x.db"
    with _started(tmp_path, url, workers=1) as server:
        assert all(server.call() for _ in range(5))
        assert not server.is_ready()
        server.end()
    (tmp_path / "data").unlink()
    (tmp_path / "data").mkdir()
    (tmp_path / "metrics").rename(tmp_path / "metrics-before")
    with _started(tmp_path, url, workers=1) as second:
        _until(second.is_ready)
        _until(lambda: _stored(url) == Counter(server.answered))


@pytest.mark.parametrize("url", ["sqlite:///{}/file/x.db", "sqlite:///{}", "postgresql://nobody@127.0.0.1:1/x"])
def test_a_database_that_is_not_there_is_in_nobodys_way(
    tmp_path: Path, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    app = create_app(Settings(database_url=url.format(tmp_path), spool_folder=str(tmp_path / "spool")))
    client = app.test_client()
    for _ in range(3):
        assert client.post(CRD, json=REQUEST).status_code == 200
    told = {"feedback": [{"card": "x", "outcome": "accepted"}]}
    assert client.post(f"{CRD}/feedback", json=told).status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert b"store" in ready.data
    assert client.get("/healthz").status_code == 200
    recorder = app.config["STORE"].recorder
    assert recorder.waiting > 0
    recorder.close(3.0)
    assert recorder.lost == 0
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_neither_database_nor_spool(tmp_path: Path) -> None:
    """Memory is the last resort, and what it held is counted when the process ends."""
    (tmp_path / "file").write_text("")
    folder = str(tmp_path / "file" / "spool")
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/file/x.db", spool_folder=folder))
    assert app.test_client().post(CRD, json=REQUEST).status_code == 200
    recorder = app.config["STORE"].recorder
    assert recorder.waiting > 0
    recorder.close(3.0)
    assert recorder.lost == 1
