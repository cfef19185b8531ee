"""`python -m tests.benchmarks.table [--json FILE] [--quick]`: docs/performance.md's table, measured on this machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from cds_service.settings import Settings
from cds_service.web import create_app
from tests.benchmarks import live_fetch, nearest
from tests.benchmarks.assess_alone import assessor
from tests.benchmarks.charts import sensor_month, typical
from tests.benchmarks.cql_engine import PLAIN, QUICK, CqlFailed, chart_of, differences, running_engine
from tests.benchmarks.measuring import SERVICE, alternately, caller, cpu_seconds, rate, running


@dataclass(frozen=True)
class Row:
    """One line: what was measured, the goal in words, the figure, and the two sides behind it.

    `value` None: it was not measured, and `sides` says why.
    """

    measure: str
    goal: str
    value: float | None
    sides: str

    def __str__(self) -> str:
        """The line of the table."""
        value = "not measured" if self.value is None else f"{self.value:.2f}"
        return f"| {self.measure} | {self.goal} | {value} | {self.sides} |"


@dataclass(frozen=True)
class Turns:
    """How two sides are measured in turns: calls of the other side that do not count, turns, and calls in each."""

    warming: int
    turns: int
    calls: int


def parse_ratio(name: str, body: bytes, goal: float, rounds: int) -> Row:
    """A whole call beside a generic parser that reads the same bytes."""
    call = caller(create_app(Settings(max_body_bytes=200_000_000, database_url="off")))
    mine, parser = alternately(lambda: call(body), lambda: orjson.loads(body), rounds, time.thread_time)
    sides = f"{mine * 1000:.2f} ms, {parser * 1000:.2f} ms of CPU"
    return Row(f"{name}, whole WSGI call ÷ orjson.loads", f"≤ {goal:g}", mine / parser, sides)


def beside_cql(name: str, body: bytes, goal: str, readings: str, how: Turns | None) -> Row:
    """A whole call beside the reference CQL engine, which parses the same chart and says the same of six criteria.

    `how` None: it is not measured, since a small table is asked for and the engine takes half a minute to be warm.
    """
    written = "" if readings == PLAIN else ", its readings written for speed"
    measure = f"{name}, whole WSGI call, store off ÷ CQL engine's median{written}"
    if how is None:
        return Row(measure, goal, None, "not in a small table")
    call = caller(create_app(Settings(max_body_bytes=200_000_000, database_url="off")))
    mine, theirs = list[float](), list[float]()
    try:
        with running_engine(readings) as engine, tempfile.TemporaryDirectory() as folder:
            chart = Path(folder) / "chart.json"
            chart.write_bytes(chart_of(body))
            _, answers = engine.run(chart, how.warming)
            if found := differences(answers, call(body)):
                return Row(measure, goal, None, "; ".join(found))
            for _ in range(how.turns):
                mine += cpu_seconds(lambda: call(body), how.calls)
                theirs += engine.run(chart, how.calls)[0]
    except (CqlFailed, OSError) as error:
        return Row(measure, goal, None, str(error))
    ours, other = median(mine), median(theirs)
    return Row(measure, goal, ours / other, f"{ours * 1000:.2f} ms, {other * 1000:.2f} ms of CPU")


def assess_alone(rounds: int) -> Row:
    """The core of a call, without HTTP and without what is made of its determinations; the whole call in turns, since
    milliseconds say little of themselves: the goal is for a machine on which the whole call took 2.2."""
    assess, call, body = assessor(), caller(create_app(Settings(database_url="off"))), typical()
    core, whole = alternately(lambda: assess(body), lambda: call(body), rounds, time.thread_time)
    measure = "`assess` alone, typical chart, from bytes to determination, ms of CPU"
    return Row(measure, "≤ 1.0", core * 1000, f"{core * 1000:.2f} ms, {whole * 1000:.2f} ms for the whole call")


def growth_with_size(most: int) -> Row:
    """Time a reading at most readings, beside that at a thousand."""
    told = alone("growth", sensor_month(1000), sensor_month(most))
    one, other = told["few"] / 1000 * 1e6, told["many"] / most * 1e6
    return Row(f"time a reading, {most:,} ÷ 1,000", "≤ 1", other / one, f"{other:.1f} µs, {one:.1f} µs")


def rates(other: list[str], body: bytes, seconds: float, rounds: int, path: str = SERVICE) -> tuple[float, float]:
    """Calls a second of the whole service with its store on, and of another server's command, in turns."""
    mine = [sys.executable, "-m", "cds_service.cli", "serve", "--port", "0"]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"XDG_DATA_HOME": folder}
        with running(mine, environment) as own, running(other, environment) as beside:
            pairs = [(rate(own, body, seconds), rate(beside, body, seconds, path)) for _ in range(rounds)]
    ours, theirs = (median(side) for side in zip(*pairs, strict=True))
    return ours, theirs


def throughput(body: bytes, seconds: float, rounds: int) -> Row:
    """Throughput beside the floor."""
    ours, floor = rates([sys.executable, "-m", "tests.benchmarks.floor"], body, seconds, rounds)
    sides = f"{ours:.0f} a second, {floor:.0f} a second"
    return Row("throughput, typical chart, one worker, store on ÷ parse-only Flask", "≥ 0.4", ours / floor, sides)


def beside_healthchain(name: str, body: bytes, goal: float, seconds: float, rounds: int) -> Row:
    """Throughput beside HealthChain doing only the count of the readings."""
    ours, theirs = rates(nearest.command(), body, seconds, rounds, nearest.PATH)
    sides = f"{ours:.3g} a second, {theirs:.3g} a second"
    return Row(f"throughput, {name} ÷ HealthChain {nearest.VERSION} counting", f"≥ {goal:g}", ours / theirs, sides)


def live(rounds: int) -> Row:
    """A whole call that fetches everything, beside its slowest search: all take 50 ms, so any one of them."""
    with live_fetch.sides() as (call, search):
        whole, single = alternately(call, search, rounds)
    sides = f"{whole * 1000:.1f} ms, {single * 1000:.1f} ms"
    return Row("live fetch of ten searches ÷ one search of 50 ms", "≤ 1.3", whole / single, sides)


def alone(what: str, *bodies: bytes) -> dict[str, float]:
    """What a fresh process metrics."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(index) for index in range(len(bodies))]
        for path, body in zip(paths, bodies, strict=True):
            path.write_bytes(body)
        command = [sys.executable, "-m", "tests.benchmarks.alone", what, *map(str, paths)]
        told: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return told


def first_answer(rounds: int) -> Row:
    """Import to first answer, in fresh processes."""
    seconds = median(alone("first_answer", typical())["seconds"] for _ in range(rounds))
    return Row("import of the service to first answer, seconds", "≤ 1.0", seconds, f"{seconds:.2f} s")


def memory(most: int) -> Row:
    """Growth of the peak by one large call ÷ its bytes."""
    body = sensor_month(most)
    growth = alone("memory", body, typical())["growth"]
    sides = f"{growth * len(body) / 1e6:.0f} MB, {len(body) / 1e6:.0f} MB"
    return Row(f"memory: growth of the peak for {most:,} readings ÷ bytes", "≤ 3", growth, sides)


def rows(quick: bool) -> list[Callable[[], Row]]:
    """What is measured; `quick` is small enough for every run of the tests."""
    many = 10_000 if quick else 100_000
    return [
        lambda: parse_ratio("sensor month", sensor_month(), 0.45, 3 if quick else 25),
        lambda: parse_ratio("typical chart", typical(), 5, 30 if quick else 400),
        *cql_rows(quick),
        lambda: assess_alone(50 if quick else 400),
        lambda: throughput(typical(), 1.0 if quick else 5.0, 1 if quick else 5),
        lambda: beside_healthchain("120 readings", sensor_month(120), 10, 1.0 if quick else 5.0, 1 if quick else 5),
        lambda: beside_healthchain("sensor month", sensor_month(), 25, 2.0 if quick else 20.0, 1 if quick else 3),
        lambda: live(5 if quick else 30),
        lambda: growth_with_size(many),
        lambda: memory(many),
        lambda: first_answer(1 if quick else 7),
    ]


def cql_rows(quick: bool) -> Iterator[Callable[[], Row]]:
    """Beside the CQL engine; the goals are about CQL as it is written, and the quick way is for comparison."""
    few = None if quick else Turns(warming=3000, turns=30, calls=20)
    many = None if quick else Turns(warming=30, turns=15, calls=2)
    for readings, goals in ((PLAIN, ("≤ 0.4", "≤ 0.25")), (QUICK, ("none", "none"))):
        yield partial(beside_cql, "typical chart", typical(), goals[0], readings, few)
        yield partial(beside_cql, "sensor month", sensor_month(), goals[1], readings, many)


def measured(ways: Iterable[Callable[[], Row]]) -> Iterator[Row]:
    """The rows; one whose other side cannot be installed or started is named, and left out."""
    for way in ways:
        try:
            yield way()
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"a row was not measured: {error}", file=sys.stderr)


def machine() -> str:
    """The machine in words."""
    model = next((line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith("model name")), "")
    processor = model or platform.machine()
    return f"{os.cpu_count()} cores of {processor}, {platform.system()}, Python {platform.python_version()}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def main() -> None:
    """Measures, prints the table, and writes it as JSON when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file to write")
    parser.add_argument("--quick", action="store_true", help="small and rough")
    given = parser.parse_args()
    made = list(measured(rows(given.quick)))
    day = datetime.now(UTC).date().isoformat()
    print(f"{day}, {machine()}\n\n| measure | goal | measured | sides |\n|---|---|---|---|")
    for row in made:
        print(row)
    if given.json:
        table: dict[str, Any] = {"day": day, "machine": machine(), "rows": [asdict(row) for row in made]}
        given.json.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
