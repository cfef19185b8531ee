"""A real FHIR R4 server in a process of its own, for the demo and for tests: PyPI `sekmet-fhir` (FastAPI and SQLite).

It listens on this machine only, stores its data in a temporary folder, and is stopped and deleted with its `with`
block.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, Self

import requests

Resource = dict[str, Any]

# Its standard input is closed when the parent process ends, even when it is killed: then the server exits as well.
_PROGRAM = """
import os, threading
from sekmet.cli import app
threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()
app()
"""
_COMMAND = (sys.executable, "-c", _PROGRAM, "serve")
_START_SECONDS = 30
_STOP_SECONDS = 5
_REQUEST_SECONDS = 60
_BUNDLE_SIZE = 250
_NO_ECHO = {"Prefer": "return=minimal"}


class ServerError(RuntimeError):
    """The server did not start, or refused a resource."""


def is_installed() -> bool:
    """Whether the server's package is installed."""
    return importlib.util.find_spec("sekmet") is not None


@dataclass
class LoadReport:
    """The result of loading resources: how many were stored, and which were refused with which answer."""

    loaded: int = 0
    patients: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def count(self, resource: Resource, status: str, answer: object) -> None:
        """Count one resource by the status of its PUT."""
        if not status.startswith("2"):
            self.refused.append(f"{_path_of(resource)}: {status} {str(answer)[:500]}")
            return
        self.loaded += 1
        if resource["resourceType"] == "Patient":
            self.patients.append(resource["id"])


class FhirServer:
    """A server that runs inside a `with` block, on a free local port, with an empty temporary database.

    Only the process that entered the block stops it, not a process that was forked inside.
    """

    def __init__(self, token: str | None = None) -> None:
        """Prepare a server: without authentication or, with a token, only for requests with that bearer token."""
        self.token = token
        self._name = f"sekmet {uuid.uuid4()}"
        self._stack = ExitStack()
        self._owner: int
        self._port: int
        self._database: Path
        self._session: requests.Session
        self._process: subprocess.Popen[bytes]

    @property
    def base_url(self) -> str:
        """The FHIR base URL, without a final slash."""
        return f"http://127.0.0.1:{self._port}/fhir"

    @property
    def process_id(self) -> int:
        """The id of the server's process."""
        return self._process.pid

    def __enter__(self) -> Self:
        """Start the server and wait until it answers."""
        with ExitStack() as stack:
            folder = Path(mkdtemp(prefix="sekmet-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            self._owner = os.getpid()
            self._port = _free_port()
            self._database = folder / "data" / "sekmet.db"
            self._process = _spawn(folder, self._settings(folder))
            stack.callback(_stop, self._process)
            self._session = stack.enter_context(_session(self.token))
            self._await_answer(folder / "output.txt")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server and delete its data."""
        if os.getpid() == self._owner:
            self._stack.close()

    def put(self, resource: Resource) -> None:
        """Store one resource under its own id; raise if the server refuses it."""
        response = self._put(resource)
        if not response.ok:
            raise ServerError(f"{_path_of(resource)} refused: {response.status_code} {response.text[:500]}")

    def load(self, resources: Sequence[Resource]) -> LoadReport:
        """Store many resources under their own ids; a refusal is counted, not raised."""
        report = LoadReport()
        for start in range(0, len(resources), _BUNDLE_SIZE):
            self._store(resources[start : start + _BUNDLE_SIZE], report)
        return report

    def analyze(self) -> None:
        """Collect SQLite's statistics; without them a sorted search of a large chart takes seconds."""
        with closing(sqlite3.connect(self._database, isolation_level=None, timeout=10)) as database:
            database.execute("ANALYZE")

    def _store(self, resources: Sequence[Resource], report: LoadReport) -> None:
        """Store resources by the fastest way that the server accepts: a transaction, a batch, else one by one."""
        for kind in ("transaction", "batch"):
            bundle = _put_bundle(kind, resources)
            response = self._session.post(self.base_url, json=bundle, headers=_NO_ECHO, timeout=_REQUEST_SECONDS)
            if response.ok:
                answers = [entry["response"] for entry in response.json()["entry"]]
                for resource, answer in zip(resources, answers, strict=True):
                    report.count(resource, answer["status"], answer.get("outcome"))
                return
        for resource in resources:
            response = self._put(resource)
            report.count(resource, str(response.status_code), response.text)

    def _put(self, resource: Resource) -> requests.Response:
        url = f"{self.base_url}/{_path_of(resource)}"
        return self._session.put(url, json=resource, headers=_NO_ECHO, timeout=_REQUEST_SECONDS)

    def _settings(self, folder: Path) -> Resource:
        """Return the server's settings: local only, no validation, no simulated hospital, no traffic log."""
        auth = {"types": ["bearer"], "tokens": [self.token]} if self.token else {"types": ["none"]}
        return {
            "base_url": self.base_url,
            "host": "127.0.0.1",
            "port": self._port,
            "data_dir": str(self._database.parent),
            "software_name": self._name,
            "server_auth": auth,
            "simulator": {"enabled": False},
            "validation": {"inbound": "off"},
            "log_inbound": False,
            "own_private_key_path": str(folder / "key.pem"),
        }

    def _await_answer(self, output: Path) -> None:
        """Wait until this server answers on its port; otherwise fail with the output of its process."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                answer = self._session.get(f"{self.base_url}/metadata", timeout=_START_SECONDS)
                if answer.ok and self._name in answer.text:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        state = "did not answer in time" if self._process.poll() is None else f"ended with {self._process.returncode}"
        raise ServerError(f"sekmet {state}:\n{output.read_text(errors='replace')[-4000:]}")


def _path_of(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _put_bundle(kind: str, resources: Sequence[Resource]) -> Resource:
    """Return a transaction or batch that PUTs each resource under its own id."""
    entries = [{"resource": item, "request": {"method": "PUT", "url": _path_of(item)}} for item in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def _session(token: str | None) -> requests.Session:
    """Return a session that ignores the machine's proxy settings."""
    session = requests.Session()
    session.trust_env = False
    if token:
        session.headers["Authorization"] = f"Bearer {token}"
    return session


def _free_port() -> int:
    """Return a local port that nothing listens on at this moment."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _spawn(folder: Path, settings: Resource) -> subprocess.Popen[bytes]:
    """Start the server in its folder; its output is written to output.txt there.

    It runs in its own process session, so that Ctrl-C in the terminal reaches only the parent, which then stops it.
    """
    path = folder / "settings.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEKMET_")}
    environment["SEKMET_CONFIG"] = str(path)
    with (folder / "output.txt").open("wb") as output:
        return subprocess.Popen(  # noqa: S603  the command is a constant
            _COMMAND,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Terminate the process; kill it if it does not end."""
    with process:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
