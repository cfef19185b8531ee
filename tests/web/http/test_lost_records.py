"""How many records were lost is said at every scrape, whichever worker answers and whichever lost them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from cds_service.store.recorder import Recorder
from cds_service.store.repository import Repository
from tests import support
from tests.store.samples import call_record

SIGN = "/cds-services/insulin-pump-order-sign"
ROOT = Path(__file__).parents[3]
CLOSE = {"Connection": "close"}


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, int]]:
    """Two workers with neither a database nor a spool: what they keep is in their memory. URL and process id."""
    (folder / "file").write_text("")
    env = os.environ | {
        "PUMP_CDS_DATABASE_URL": f"sqlite:///{folder}/nowhere/x.sqlite3",
        "PUMP_CDS_SPOOL_FOLDER": str(folder / "file" / "spool"),
    }
    command = [sys.executable, "-m", "cds_service.cli", "serve", "--port", "0", "--workers", "2"]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1], process.pid
        process.terminate()
        process.wait(30)


def _children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _scraped(url: str, name: str) -> float:
    text = requests.get(f"{url}/metrics", headers=CLOSE, timeout=20).text
    return sum(s.value for family in text_string_to_metric_families(text) for s in family.samples if s.name == name)


@pytest.mark.real
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the workers through /proc")
def test_no_scrape_hides_what_another_worker_lost(tmp_path: Path) -> None:
    """Neither one that is alive, nor one that has ended since; nobody has to ask /readyz first."""
    with _served(tmp_path) as (url, pid):
        for _ in range(6):
            assert requests.post(f"{url}{SIGN}", json=support.call(), headers=CLOSE, timeout=20).status_code == 200
        assert {_scraped(url, "pump_cds_records_lost") for _ in range(6)} == {0.0}
        assert len({_scraped(url, "pump_cds_records_waiting_bytes") for _ in range(6)}) == 1
        assert _scraped(url, "pump_cds_records_waiting_bytes") > 6 * 500
        first = _children(pid)
        assert len(first) == 2
        for worker in first:
            os.kill(worker, signal.SIGTERM)
        until = time.monotonic() + 40
        while _children(pid) & first or len(_children(pid)) < 2:
            assert time.monotonic() < until, "the workers did not end"
            time.sleep(0.1)
        assert [_scraped(url, "pump_cds_records_lost") for _ in range(8)] == [6.0] * 8
        assert _scraped(url, "pump_cds_records_waiting_bytes") == 0


def test_a_loss_is_told_when_it_happens(tmp_path: Path) -> None:
    def away() -> Repository:
        raise OSError("away")

    lost: list[int] = []
    waiting: list[int] = []
    (tmp_path / "file").write_text("")
    recorder = Recorder(away, tmp_path / "file" / "spool", 1_000_000)
    recorder.report_to(lost.append, waiting.append)
    for _ in range(1003):
        recorder.accept(call_record())
    assert lost == [1, 1, 1]
    assert max(waiting) > 1000 * 500
    recorder.close(0.1)
    assert sum(lost) == 1003
