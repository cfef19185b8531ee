"""The demo with --fhir: every chart is read from a real FHIR server, which goes when the demo goes."""

from __future__ import annotations

import html
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from cds_service.demo.charts import DemoChart, all_charts, charts_for
from cds_service.demo.live import Sandbox, running_sandbox
from cds_service.demo.pages import create_demo
from cds_service.demo.send import SERVICE
from cds_service.policies.registry import POLICIES
from cds_service.services.answer_hook import EXTENSION
from cds_service.settings import Settings
from tests.cases.runner import findings
from tests.integration.charts import unavailable
from tests.integration.sekmet import is_installed

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
CHARTS = list(charts_for([policy.id for policy in POLICIES], on_server=True).values())
SECONDS = 30


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Start one server with every chart for this module."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    with running_sandbox(datetime.now(UTC).date()) as started:
        yield started


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.id)
def test_a_chart_ends_as_it_says_when_it_is_read_from_the_server(sandbox: Sandbox, chart: DemoChart) -> None:
    client = create_demo(Settings(), sandbox).test_client()
    response = client.post(SERVICE, json=sandbox.call(chart)).get_json()
    (judged,) = response["extension"][EXTENSION]
    assert judged["outcome"] == chart.expect["outcome"]
    assert [card["indicator"] for card in response["cards"]] == [i for i in [chart.expect["indicator"]] if i]
    found = findings(judged)
    for section, expected in chart.expect["findings"].items():
        assert expected in (found[section]["truth"], found[section].get("gap")), found[section]
    page = html.unescape(client.post(f"/demo/{chart.id}", follow_redirects=True).get_data(as_text=True))
    searches = [note for note in judged.get("notes", ()) if note.startswith("Searched ")]
    assert bool(searches) is ("criteria" in judged and chart.id != "glucose-not-retrieved")
    assert ("What was read from the FHIR server" in page) is bool(searches)
    for note in searches:
        assert note.split(":")[0] in page


# ---------------------------------------------------------------- the command itself


@contextmanager
def _demo(temporary: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command until it says where it is; kill it at the end if it still runs."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    command = [sys.executable, "-m", "cds_service.cli", "demo", "--fhir", "--port", "0"]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            ready, _, _ = select.select([process.stdout], [], [], SECONDS)
            assert ready, "the demo did not start in time"
            line = process.stdout.readline()
            match = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert match, process.stderr.read() if process.stderr else line
            yield process, match[0]
        finally:
            process.kill()


def _server_of(demo: str) -> str:
    """The address of the FHIR server, as the page names it."""
    page = requests.get(f"{demo}/demo/type-1-with-meter-download", timeout=SECONDS).text
    named = re.search(r"http://127\.0\.0\.1:\d+/fhir", page)
    assert named
    return named[0]


def _is_gone(server: str) -> bool:
    """Whether nothing answers at the server's address, within a moment."""
    for _ in range(50):
        try:
            requests.get(f"{server}/metadata", timeout=1)
        except requests.ConnectionError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_the_command_reads_a_chart_live_and_takes_its_server_along(number: signal.Signals, tmp_path: Path) -> None:
    with _demo(tmp_path) as (process, demo):
        server = _server_of(demo)
        assert requests.get(f"{server}/Patient?_count=100", timeout=SECONDS).json()["total"] == len(all_charts())
        page = html.unescape(requests.post(f"{demo}/demo/type-1-with-meter-download", timeout=SECONDS).text)
        assert "likely approved" in page.lower()
        assert "Searched Observation for glucose: complete" in page
        process.send_signal(number)
        _, errors = process.communicate(timeout=SECONDS)
        assert _is_gone(server)
        if number != signal.SIGKILL:
            assert process.returncode == 0
            assert errors == ""
            assert [*tmp_path.glob("sekmet-*"), *tmp_path.glob("insulin-pump-demo-*")] == []


def test_a_demo_that_is_stopped_while_it_starts_leaves_no_server(tmp_path: Path) -> None:
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    command = [sys.executable, "-m", "cds_service.cli", "demo", "--fhir", "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL
    ) as process:
        for _ in range(100 * SECONDS):
            if list(tmp_path.glob("sekmet-*/settings.yaml")):
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 128 + signal.SIGTERM
    assert list(tmp_path.glob("sekmet-*")) == []


def test_temporary_folders_are_where_the_tests_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above name the folder by TMPDIR; a change of that would make them pass for nothing."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert tempfile.gettempdir() == str(tmp_path)
