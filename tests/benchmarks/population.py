"""`python -m tests.benchmarks.population [--members N] [--json FILE]`: docs/population.md's figures on this machine.

Processor time is taken where nothing is waited for, since a busy machine takes longer and computes the same; what runs
beside something else is measured in turns.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

from cds_service.services.population.judge_member import MemberJudge
from cds_service.services.population.partition import Partitioner, PartitionTask
from cds_service.services.population.run_rules import Orders, RunRules
from tests.benchmarks.assess_alone import assessor
from tests.benchmarks.charts import typical
from tests.benchmarks.measuring import cpu_seconds
from tests.benchmarks.population_export import lines_of, mixed_templates, typical_template, write_members
from tests.benchmarks.table import Row, machine

DAY = "2026-11-25"
RULES = RunRules(date.fromisoformat(DAY), Orders.SYNTHETIC, ("MP-MM-1316",))


def judging(members: int, rounds: int) -> Row:
    """Lines of typical members in, rows out."""
    one, judge = typical_template(), MemberJudge(RULES)
    charts = [(f"n{number:09d}-p1", lines_of(one, number)) for number in range(members)]
    size = sum(len(line) for _, lines in charts for line in lines) / members
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    rates = []
    for _ in range(rounds + 1):
        began = time.thread_time()
        for member, lines in charts:
            judge.judge(member, lines)
        rates.append(members / (time.thread_time() - began))
    rate = median(rates[1:])
    core, chart_of_a_call = assessor(), typical()
    alone = median(cpu_seconds(lambda: core(chart_of_a_call), 50 * rounds)) * 1000
    chart = f"{len(charts[0][1])} resources, {size / 1000:.0f} kB"
    sides = f"{1000 / rate:.2f} ms of CPU for {chart}; `assess` alone in a call {alone:.2f} ms"
    return Row("judging, typical members, from lines to rows, members a CPU second", "≥ 700", rate, sides)


def partitioning(members: int, rounds: int) -> Row:
    """Bytes of an export that one process sorts in a CPU second."""
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "export"
        write_members(export, [typical_template()], members)
        paths = sorted(path for path in export.iterdir() if path.stat().st_size)
        for number in range(rounds + 1):
            work = Path(folder) / f"work-{number}"
            work.mkdir()
            partitioner, size, began = Partitioner(work, 64, {}, 16_000_000), 0, time.process_time()
            for task, path in enumerate(paths):
                size += path.stat().st_size
                partitioner.run(PartitionTask(task, path.name, str(path), False, 0, None, path.stem))
            rates.append(size / 1e6 / (time.process_time() - began))
            shutil.rmtree(work)
    sides = f"{len(paths)} files, {size / 1e6:.0f} MB; best round {max(rates):.0f}"
    return Row("sorting lines by member, MB a CPU second", "≥ 80", median(rates[1:]), sides)


def _command(export: Path, out: Path, workers: int) -> list[str]:
    name = [sys.executable, "-m", "cds_service.cli", "population", str(export), "--as-of", DAY, "--out", str(out)]
    return [*name, "--csv", "--workers", str(workers)]


def _measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak MB of a command with its processes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, used, usage.ru_maxrss / 1000


def growth(members: int) -> Iterator[Row]:
    """CPU time a member and peak memory of many members, beside those of a thousand. Start-up is taken off both."""
    templates = mixed_templates()
    with tempfile.TemporaryDirectory() as folder:
        told = []
        for count in (1, 1_000, members):
            size = write_members(Path(folder) / str(count), templates, count)
            told.append((*_measured(_command(Path(folder) / str(count), Path(folder) / f"{count}-out", 1)), size))
            shutil.rmtree(Path(folder) / str(count))
    (_, start, _, _), (_, few, small, _), (seconds, many, large, size) = told
    one, other = (few - start) / 1_000 * 1000, (many - start) / members * 1000
    sides = f"{other:.2f} ms, {one:.2f} ms of CPU; {size / 1e6:.0f} MB in {seconds:.0f} s by one worker"
    yield Row(f"time a member, {members:,} ÷ 1,000", "≤ 1.1", other / one, sides)
    sides = f"{large:.0f} MB, {small:.0f} MB"
    yield Row(f"peak memory, {members:,} ÷ 1,000 members", "≤ 1.2", large / small, sides)


def two_workers(members: int, rounds: int) -> Row:
    """Two workers of one run, beside two runs of one worker with half of the members each, in turns."""
    one, apart, together = list[float](), list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        whole, halves = Path(folder) / "whole", [Path(folder) / "half-1", Path(folder) / "half-2"]
        write_members(whole, [typical_template()], members)
        for half in halves:
            write_members(half, [typical_template()], members // 2)
        for number in range(rounds):
            outs = [Path(folder) / f"out-{number}-{name}" for name in ("one", "two", "a", "b")]
            one.append(_measured(_command(whole, outs[0], 1))[0])
            together.append(_measured(_command(whole, outs[1], 2))[0])
            began = time.perf_counter()
            commands = [_command(half, out, 1) for half, out in zip(halves, outs[2:], strict=True)]
            processes = [
                subprocess.Popen(each, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for each in commands
            ]
            assert [process.wait() for process in processes] == [0, 0]
            apart.append(time.perf_counter() - began)
    sides = (
        f"{median(one):.1f} s by one, {median(together):.1f} s by two, {median(apart):.1f} s by two runs of half each"
    )
    measure = f"two workers, {members:,} typical members: time of two independent runs ÷ time of two workers"
    return Row(measure, "≥ 0.9", median(apart) / median(together), sides)


def beside_spark(members: int, rounds: int) -> Row:
    """Spark on two cores, beside two workers; of both what a small run takes is taken off."""
    small = 50
    here, there = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        for count in (small, members):
            write_members(Path(folder) / str(count), [typical_template()], count)
        environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        for number in range(rounds):
            spark, ours = list[float](), list[float]()
            for count in (small, members):
                export, out = Path(folder) / str(count), Path(folder) / f"{count}-{number}"
                ours.append(_measured(_command(export, Path(f"{out}-ours"), 2))[0])
                module = "cds_service.services.population.spark"
                command = [sys.executable, "-m", module, str(export), "--as-of", DAY, "--out", f"{out}-spark"]
                began = time.perf_counter()
                subprocess.run(command, env=environment, check=True, capture_output=True)
                spark.append(time.perf_counter() - began)
            here.append((ours[1] - ours[0]) / (members - small))
            there.append((spark[1] - spark[0]) / (members - small))
    ratio = median(there) / median(here)
    sides = f"{median(there) * 1000:.2f} ms, {median(here) * 1000:.2f} ms a member"
    return Row(f"Spark local[2] ÷ two workers, {members:,} typical members, start-up apart", "≤ 2", ratio, sides)


def rows(members: int, *, quick: bool) -> list[Callable[[], Iterator[Row]]]:
    """What is measured; `quick` is small enough to try."""
    rounds = 2 if quick else 7
    return [
        lambda: iter([judging(100 if quick else 400, rounds)]),
        lambda: iter([partitioning(200 if quick else 1_000, rounds)]),
        lambda: iter([two_workers(400 if quick else 3_000, 1 if quick else 3)]),
        lambda: iter([beside_spark(300 if quick else 3_000, 1 if quick else 3)]),
        lambda: growth(members),
    ]


def main() -> None:
    """Measures, prints the table, and writes it as JSON when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=100_000, help="of the large population")
    parser.add_argument("--quick", action="store_true", help="small and rough")
    parser.add_argument("--only", type=int, help="one of the measurements, by its number")
    parser.add_argument("--json", type=Path, help="file to write")
    given = parser.parse_args()
    ways = rows(given.members, quick=given.quick)
    made = [row for way in (ways if given.only is None else [ways[given.only]]) for row in way()]
    day = datetime.now(UTC).date().isoformat()
    print(f"{day}, {machine()}\n\n| measure | goal | measured | sides |\n|---|---|---|---|")
    for row in made:
        print(row, flush=True)
    if given.json:
        table = {"day": day, "machine": machine(), "rows": [asdict(row) for row in made]}
        given.json.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
