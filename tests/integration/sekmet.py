"""A real FHIR R4 server in a process of its own, for tests: PyPI `sekmet-fhir` (FastAPI and SQLite)."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import requests

from tests.integration.charts import Resource, read_chart

EXECUTABLE = Path(sys.executable).parent / "sekmet"
START_SECONDS = 30
STOP_SECONDS = 5
REQUEST_SECONDS = 60
BUNDLE_SIZE = 250
NO_ECHO = {"Prefer": "return=minimal"}


class ServerError(RuntimeError):
    """The server did not start, or refused what a test needs it to hold."""


@dataclass
class LoadReport:
    """What became of one chart: what the server took, and what it said of the resources that it refused."""

    loaded: int = 0
    patients: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def count(self, resource: Resource, status: str, answer: object) -> None:
        """Count one resource by the status of its PUT."""
        if not status.startswith("2"):
            self.refused.append(f"{_place(resource)}: {status} {str(answer)[:500]}")
            return
        self.loaded += 1
        if resource["resourceType"] == "Patient":
            self.patients.append(resource["id"])


class FhirServer:
    """A server that runs inside a `with` block, on a free local port and with an empty temporary store."""

    def __init__(self, token: str | None = None) -> None:
        """Prepare a server, open to all or, with a token, to bearers of that token only."""
        self.token = token
        self.reports: dict[str, LoadReport] = {}
        self._name = f"sekmet {uuid.uuid4()}"
        self._stack = ExitStack()
        self._port: int
        self._database: Path
        self._session: requests.Session

    @property
    def base_url(self) -> str:
        """The FHIR base, with no slash at its end."""
        return f"http://127.0.0.1:{self._port}/fhir"

    def __enter__(self) -> Self:
        """Start the server and wait until it answers."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="sekmet-", ignore_cleanup_errors=True)))
            self._port = _free_port()
            self._database = folder / "data" / "sekmet.db"
            process = _spawn(folder, self._settings(folder))
            stack.callback(_stop, process)
            self._session = stack.enter_context(_session(self.token))
            self._await_answer(process, folder / "output.txt")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server and remove all that it stored."""
        self._stack.close()

    def get(self, where: str, params: Mapping[str, str | list[str]] | None = None) -> requests.Response:
        """GET a path below the base, or a whole URL such as a next link, with the server's token if any."""
        url = where if where.startswith("http://") else f"{self.base_url}/{where}"
        return self._session.get(url, params=params, timeout=REQUEST_SECONDS)

    def put(self, resource: Resource) -> None:
        """Store one resource under its own id; raise if the server refuses it."""
        response = self._put(resource)
        if not response.ok:
            raise ServerError(f"{_place(resource)} refused: {response.status_code} {response.text[:500]}")

    def load(self, path: Path) -> LoadReport:
        """Store the resources of a chart file; those that the server refuses are counted, not raised."""
        report = LoadReport()
        resources = read_chart(path)
        for start in range(0, len(resources), BUNDLE_SIZE):
            self._store(resources[start : start + BUNDLE_SIZE], report)
        self.reports[path.name] = report
        return report

    def analyze(self) -> None:
        """Give SQLite its statistics; without them a sorted search of a large chart takes seconds."""
        with closing(sqlite3.connect(self._database, isolation_level=None, timeout=10)) as database:
            database.execute("ANALYZE")

    def _store(self, resources: list[Resource], report: LoadReport) -> None:
        """Store resources by the fastest route the server takes: as a whole, by entry, else one by one."""
        for kind in ("transaction", "batch"):
            bundle = _put_bundle(kind, resources)
            response = self._session.post(self.base_url, json=bundle, headers=NO_ECHO, timeout=REQUEST_SECONDS)
            if response.ok:
                answers = [entry["response"] for entry in response.json()["entry"]]
                for resource, answer in zip(resources, answers, strict=True):
                    report.count(resource, answer["status"], answer.get("outcome"))
                return
        for resource in resources:
            response = self._put(resource)
            report.count(resource, str(response.status_code), response.text)

    def _put(self, resource: Resource) -> requests.Response:
        """PUT one resource under its own id."""
        url = f"{self.base_url}/{_place(resource)}"
        return self._session.put(url, json=resource, headers=NO_ECHO, timeout=REQUEST_SECONDS)

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

    def _await_answer(self, process: subprocess.Popen[bytes], output: Path) -> None:
        """Wait until the port answers as this very server; otherwise fail with what the process printed."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                answer = self._session.get(f"{self.base_url}/metadata", timeout=START_SECONDS)
                if answer.ok and self._name in answer.text:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        state = "did not answer in time" if process.poll() is None else f"ended with {process.returncode}"
        raise ServerError(f"sekmet {state}:\n{output.read_text(errors='replace')[-4000:]}")


def _place(resource: Resource) -> str:
    """Return `Type/id`."""
    return f"{resource['resourceType']}/{resource['id']}"


def _put_bundle(kind: str, resources: list[Resource]) -> Resource:
    """Return a transaction or batch that PUTs each resource under its own id."""
    entries = [{"resource": item, "request": {"method": "PUT", "url": _place(item)}} for item in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def _session(token: str | None) -> requests.Session:
    """Return a client that no proxy setting of the machine diverts."""
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
    """Start the server in its folder; whatever it prints goes to output.txt there."""
    path = folder / "settings.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEKMET_")}
    environment["SEKMET_CONFIG"] = str(path)
    with (folder / "output.txt").open("wb") as output:
        return subprocess.Popen(
            [str(EXECUTABLE), "serve"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process: ask first, then force."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
