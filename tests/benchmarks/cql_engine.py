"""The reference CQL engine over the charts of the benchmarks: six definitions, about a fifth of what we judge.

It runs in a process of its own, whose library is translated once. Only the CPU time of the thread that parses and
evaluates is counted: its garbage collector and its compiler run in other threads and are not, while ours is.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from tests.conformance import maven

HERE = Path(__file__).parent / "cql"
POM, WHAT = HERE / "pom.xml", "the reference CQL engine"
DEFINITIONS = ("D.I.A", "D.I.F", "D.I.G", "D.I.I.1", "D.I.I.2", "D.I.I.4")
# The charts' day, in the time zone of their member; when the clock there went back an hour in the month before.
NOON, SUMMER_TIME_ENDS = "2026-11-25T12:00:00-05:00", "2026-11-01T06:00:00Z"
# Two ways to write the readings: as CQL is written, and so that the engine is quick.
PLAIN, QUICK = "plain", "quick"
_TRUTHS = {"true": "met", "false": "not-met", "null": "unknown"}
_EXTENSION = "com.insulin-pump-cds.determinations"


class CqlFailed(Exception):
    """The engine cannot run here, or says something else than the service."""


@dataclass(frozen=True)
class Answer:
    """What a definition says: the truth of the criterion, and the figure that decides it, empty where there is none."""

    truth: str
    figure: str


class CqlEngine:
    """A running engine."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """`process`: of Measure.java."""
        self._process = process

    def run(self, chart: Path, times: int) -> tuple[list[float], dict[str, Answer]]:
        """Parses a chart and evaluates all definitions so many times: seconds of CPU of each, and what they say."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{chart}\t{times}\n")
        self._process.stdin.flush()
        nanoseconds, *said = self._process.stdout.readline().rstrip("\n").split("\t")
        if len(said) != len(DEFINITIONS):
            self._process.stdin.close()
            raise CqlFailed(f"{WHAT} ended: {_errors(self._process)}")
        answers = {name: _answer(text) for name, text in zip(DEFINITIONS, said, strict=True)}
        return [int(each) / 1e9 for each in nanoseconds.split()], answers


def _errors(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return " ".join(process.stderr.read().split())[:400]


def _answer(text: str) -> Answer:
    met, figure = text.split(" ", 1)
    return Answer(_TRUTHS[met], "" if figure == "null" else figure)


@contextmanager
def running_engine(readings: str) -> Iterator[CqlEngine]:
    """The engine with one way to write the readings, PLAIN or QUICK. CqlFailed, saying why, where it cannot run."""
    if reason := maven.why_not(POM, WHAT):
        raise CqlFailed(reason)
    with tempfile.TemporaryDirectory() as folder:
        value_sets = Path(folder) / "value-sets"
        value_sets.write_text("".join(_value_set_lines()), encoding="utf-8")
        command = ["java", "-XX:+UseSerialGC", "-cp", maven.class_path(POM, WHAT), str(HERE / "Measure.java")]
        command += [str(HERE / "PumpCriteria.cql"), str(HERE / readings), str(value_sets), NOON, SUMMER_TIME_ENDS]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [*command, *DEFINITIONS], stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"
        ) as process:
            try:
                yield CqlEngine(process)
            finally:
                process.kill()


def _value_set_lines() -> Iterator[str]:
    """Id, system and code of all codes of our value sets."""
    for path in files("fhir_mappings").joinpath("valuesets").iterdir():
        if path.name.endswith(".json"):
            value_set = json.loads(path.read_text(encoding="utf-8"))
            for include in value_set["compose"]["include"]:
                for row in include.get("concept", ()):
                    yield f"{value_set['id']}\t{include['system']}\t{row['code']}\n"


def chart_of(request: bytes) -> bytes:
    """The prefetch of a request as one Bundle, which is what the engine's parser takes."""
    entries: list[Any] = []
    for value in json.loads(request)["prefetch"].values():
        if value is not None:
            entries += value["entry"] if value["resourceType"] == "Bundle" else [{"resource": value}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return json.dumps(bundle, separators=(",", ":")).encode()


def differences(answers: Mapping[str, Answer], response: bytes) -> list[str]:
    """Where the service's response to the same chart says something else: another truth, or not the figure."""
    (determination,) = json.loads(response)["extension"][_EXTENSION]
    findings = {finding["id"]: finding for finding in _findings(determination["criteria"])}
    return [
        f"{name}: CQL says {answer.truth} {answer.figure}, the service {findings[name]}"
        for name, answer in answers.items()
        if answer.truth != findings[name]["truth"] or (answer.figure and not _gives(findings[name], answer.figure))
    ]


def _gives(finding: Mapping[str, Any], figure: str) -> bool:
    """Whether a finding gives a figure: in its explanation, or as a value of its evidence, where codes stand."""
    values = [each.get("value") for each in finding["evidence"]]
    return figure in values or f" {figure} " in f" {finding['explanation']} "


def _findings(findings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for finding in findings:
        yield finding
        yield from _findings(finding.get("parts", []))
