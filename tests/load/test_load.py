"""A minute of mixed traffic on a real server of two worker processes: nothing fails, grows or is lost.

Run on demand: `pytest -s tests/load`. `PUMP_TESTS_LOAD_SECONDS` sets another time, `PUMP_TESTS_LOAD_JSON` a file for
the figures. The clients run beside the server on one machine, so the rate is theirs and the server's together.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.load.traffic import Client, Counted

ROOT = Path(__file__).parents[2]
# Read when this is imported: tests themselves see no settings of the machine.
SECONDS = float(os.environ.get("PUMP_TESTS_LOAD_SECONDS", "60"))
FIGURES = os.environ.get("PUMP_TESTS_LOAD_JSON", "")
WORKERS, CLIENTS = 2, 8
# Of the whole time: when everything is loaded and warm, and the end.
WARM, END = 1 / 3, 1.0
MOST_GROWTH = 0.10
_KIB = 1024


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The URL of a real server and its process; its data lies in the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUMP_CDS_")}
    env = kept | {"XDG_DATA_HOME": str(folder)}
    command = [sys.executable, "-m", "cds_service.cli", "serve", "--port", "0", "--workers", str(WORKERS)]
    with (folder / "stderr").open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1], process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            process.stdout.close()


def _workers(parent: int) -> list[int]:
    """Process ids of the server's workers."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
    return [int(number) for number in listed.split()]


def _resident(processes: list[int]) -> int:
    """Bytes that the processes hold in memory."""
    total = 0
    for number in processes:
        lines = Path(f"/proc/{number}/status").read_text(encoding="ascii", errors="replace").splitlines()
        total += sum(int(line.split()[1]) * _KIB for line in lines if line.startswith("VmRSS:"))
    return total


@dataclass
class Memory(threading.Thread):
    """Watches the workers' memory, once a second; `ids` are all that were seen."""

    parent: int
    seconds: float
    seen: list[tuple[float, int]] = field(default_factory=list)
    ids: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__(name="memory", daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        began = time.monotonic()
        while (passed := time.monotonic() - began) <= self.seconds:
            now = _workers(self.parent)
            self.ids.update(now)
            self.seen.append((passed, _resident(now)))
            time.sleep(min(1.0, self.seconds / 60))

    def at(self, share: float) -> int:
        """Bytes at that share of the whole time; the middle one of the readings around it."""
        near = sorted(self.seen, key=lambda reading: abs(reading[0] - share * self.seconds))[:5]
        return sorted(size for _, size in near)[2]


def _stored(folder: Path) -> dict[str, int]:
    """Rows of the store, and records that are still in the spool, after the server's end."""
    (database,) = folder.rglob("*.sqlite3")
    with sqlite3.connect(database) as connection:
        rows = {t: connection.execute(f"select count(*) from {t}").fetchone()[0] for t in ("calls", "feedback")}
    connection.close()
    waiting = sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.jsonl"))
    return rows | {"waiting": waiting}


def _at(share: float, ordered: list[float]) -> float:
    """A percentile in milliseconds."""
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


def _figures(counted: Counted, memory: Memory, seconds: float, stored: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "seconds": round(seconds, 1),
        "requests": sum(counted.statuses.values()),
        "requests_per_second": round(sum(counted.statuses.values()) / seconds, 1),
        "answered_calls": counted.calls,
        "answered_calls_per_second": round(counted.calls / seconds, 1),
        "cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "statuses": {f"{name} {status}": count for (name, status), count in sorted(counted.statuses.items())},
        "milliseconds": {},
        "stored": stored,
        "resident_mib": {
            f"{at:.0f}": round(size / _KIB**2, 1) for at, size in memory.seen[:: max(1, len(memory.seen) // 12)]
        },
        "resident_mib_warm": round(memory.at(WARM) / _KIB**2, 1),
        "resident_mib_end": round(memory.at(END) / _KIB**2, 1),
    }
    for name, times in sorted(counted.times.items()):
        ordered = sorted(times)
        found["milliseconds"][name] = {
            "count": len(ordered), "p50": _at(0.5, ordered), "p95": _at(0.95, ordered), "p99": _at(0.99, ordered),
            "most": round(1000 * ordered[-1], 1),
        }  # fmt: skip
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Counted, Memory, dict[str, Any], str]:
    """One run, which all the tests look at: what clients saw, memory, figures, what the server logged."""
    folder, counted = tmp_path_factory.mktemp("data"), Counted()
    with _served(folder) as (url, process):
        began = time.monotonic()
        memory = Memory(process.pid, SECONDS)
        clients = [Client(url, seed, began + SECONDS) for seed in range(CLIENTS)]
        for each in (memory, *clients):
            each.start()
        for each in (*clients, memory):
            each.join(SECONDS + 60)
            assert not each.is_alive()
        took = time.monotonic() - began
    for client in clients:
        counted.add(client.counted)
    figures = _figures(counted, memory, took, _stored(folder))
    # Of everything that the server did, start and end included; does not depend on what else the machine does.
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures["server_cpu_seconds"] = round(used.ru_utime + used.ru_stime, 1)
    text = json.dumps(figures, indent=2)
    print(f"\n{text}")
    if FIGURES:
        Path(FIGURES).write_text(text + "\n", encoding="utf-8")
    return counted, memory, figures, (folder / "stderr").read_text(encoding="utf-8")


Run = tuple[Counted, Memory, dict[str, Any], str]


def test_every_request_is_answered_as_it_should_be(run: Run) -> None:
    counted = run[0]
    assert [status for _, status in counted.statuses if status >= 500] == []
    assert counted.broken == []
    assert counted.unexpected == []
    assert counted.calls > 0


def test_memory_does_not_grow(run: Run) -> None:
    memory = run[1]
    assert len(memory.ids) == WORKERS, "a worker was replaced"
    assert memory.at(END) <= memory.at(WARM) * (1 + MOST_GROWTH)


def test_every_answered_call_is_stored(run: Run) -> None:
    counted, _, figures, _ = run
    assert figures["stored"] == {"calls": counted.calls, "feedback": counted.feedback, "waiting": 0}


def test_nothing_is_logged_as_a_fault(run: Run) -> None:
    """Every line is a JSON object, but for the warning of an open server and what gunicorn says of itself."""
    log = run[3]
    assert "Traceback" not in log, log[-2000:]
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert lines
    assert [line for line in lines if line["level"] != "info"] == []
