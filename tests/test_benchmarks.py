"""The yardstick of the benchmarks: the CQL says what the service says, and a row that is not measured says why."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cds_service.settings import Settings
from cds_service.web import create_app
from tests.benchmarks import cql_engine, population, table
from tests.benchmarks.assess_alone import assessor
from tests.benchmarks.charts import sensor_month, typical
from tests.benchmarks.cql_engine import PLAIN, QUICK, Answer, CqlEngine, chart_of, differences, running_engine
from tests.benchmarks.measuring import caller
from tests.conformance import maven

Resources = list[dict[str, Any]]


@pytest.fixture(scope="module")
def call() -> Callable[[bytes], bytes]:
    return caller(create_app(Settings(database_url="off")))


@pytest.fixture(scope="module", params=[PLAIN, QUICK])
def engine(request: pytest.FixtureRequest) -> Iterator[CqlEngine]:
    if reason := maven.why_not(cql_engine.POM, cql_engine.WHAT):
        pytest.skip(reason)
    with running_engine(request.param) as running:
        yield running


def _changed(key: str, change: Callable[[Resources], Any]) -> bytes:
    """The typical chart with other resources under one prefetch key. `change` alters them, or gives those to keep."""
    request = json.loads(typical())
    resources = [entry["resource"] for entry in request["prefetch"][key]["entry"]]
    kept = change(resources)
    entries = [{"resource": each} for each in (resources if kept is None else kept)]
    request["prefetch"][key] |= {"entry": entries, "total": len(entries)}
    return json.dumps(request).encode()


def _no_diabetes(conditions: Resources) -> Resources:
    return conditions[1:]


def _twice_a_day(insulin: Resources) -> None:
    insulin[0]["dosageInstruction"][0]["timing"]["repeat"]["frequency"] = 2


def _since_august(insulin: Resources) -> None:
    insulin[0]["authoredOn"] = "2026-08-01"


def _two_a_day(glucose: Resources) -> Resources:
    return glucose[::2]


def _half_a_month(glucose: Resources) -> Resources:
    return glucose[:60]


def _lower_a1c(results: Resources) -> None:
    results[-1]["valueQuantity"]["value"] = 6.9


def _two_lows(glucose: Resources) -> None:
    for reading in (glucose[10], glucose[30]):
        reading["valueQuantity"]["value"] = 65


def _high_mornings(glucose: Resources) -> None:
    for reading in glucose:
        if "T03:" in reading["effectiveDateTime"]:
            reading["valueQuantity"]["value"] = 230


# What each chart shows of the criterion that it is about, by policy.md.
CHARTS = [
    pytest.param(typical, "D.I.G", "met", id="four self-tests on each of 30 days"),
    pytest.param(sensor_month, "D.I.G", "unknown", id="a sensor in place of self-tests"),
    pytest.param(sensor_month, "D.I.I.4", "met", id="a sensor that shows high mornings"),
    pytest.param(partial(_changed, "conditions", _no_diabetes), "D.I.A", "unknown", id="no diabetes"),
    pytest.param(partial(_changed, "insulin", _twice_a_day), "D.I.F", "not-met", id="two injections a day"),
    pytest.param(
        partial(_changed, "insulin", _since_august), "D.I.F", "unknown", id="injections for less than six months"
    ),
    pytest.param(partial(_changed, "glucose", _two_a_day), "D.I.G", "not-met", id="two self-tests a day"),
    pytest.param(partial(_changed, "glucose", _half_a_month), "D.I.G", "unknown", id="self-tests of half a month"),
    pytest.param(partial(_changed, "hba1c", _lower_a1c), "D.I.I.1", "not-met", id="the newest HbA1c below 7 %"),
    pytest.param(partial(_changed, "glucose", _two_lows), "D.I.I.2", "met", id="lows on two days"),
    pytest.param(partial(_changed, "glucose", _high_mornings), "D.I.I.4", "met", id="high mornings"),
]


@pytest.mark.real
@pytest.mark.parametrize(("make_chart", "section", "truth"), CHARTS)
def test_the_cql_says_what_the_service_says(
    engine: CqlEngine,
    call: Callable[[bytes], bytes],
    tmp_path: Path,
    make_chart: Callable[[], bytes],
    section: str,
    truth: str,
) -> None:
    chart, path = make_chart(), tmp_path / "chart.json"
    path.write_bytes(chart_of(chart))
    (seconds,), answers = engine.run(path, 1)
    assert answers[section].truth == truth
    assert differences(answers, call(chart)) == []
    assert seconds > 0


def test_another_truth_and_another_figure_are_differences(call: Callable[[bytes], bytes]) -> None:
    response = call(typical())
    same = {"D.I.G": Answer("met", "120 self-tests"), "D.I.I.4": Answer("not-met", "0 of 30")}
    assert differences(same, response) == []
    for name, other in (("D.I.G", Answer("unknown", "120 self-tests")), ("D.I.I.4", Answer("not-met", "1 of 30"))):
        (difference,) = differences({**same, name: other}, response)
        assert difference.startswith(f"{name}: CQL says {other.truth} {other.figure}")


def test_a_code_is_a_figure_of_the_evidence(call: Callable[[bytes], bytes]) -> None:
    response = call(typical())
    assert differences({"D.I.A": Answer("met", "E10.65")}, response) == []
    (difference,) = differences({"D.I.A": Answer("met", "E10.9")}, response)
    assert difference.startswith("D.I.A: CQL says met E10.9")


def test_without_java_the_row_says_why_it_was_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maven, "why_not", lambda _pom, what: f"{what} needs java")
    row = table.beside_cql("typical chart", typical(), "≤ 0.4", PLAIN, table.Turns(1, 1, 1))
    assert row.value is None
    assert str(row).endswith("| ≤ 0.4 | not measured | the reference CQL engine needs java |")


def test_a_small_table_starts_no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    rows = [make() for make in table.cql_rows(quick=True)]
    assert [row.value for row in rows] == [None] * 4


def test_the_core_of_a_call_determines_what_the_whole_call_does(call: Callable[[bytes], bytes]) -> None:
    (alone,) = assessor()(typical())
    (whole,) = json.loads(call(typical()))["extension"]["com.insulin-pump-cds.determinations"]
    assert alone.outcome == whole["outcome"]
    assert [finding.truth.value for finding in alone.criteria] == [finding["truth"] for finding in whole["criteria"]]


def test_figures_of_population_runs_are_measured() -> None:
    judging, sorting = population.judging(3, 1), population.partitioning(3, 1)
    assert "148 resources, 79 kB" in judging.sides
    assert judging.value is not None and sorting.value is not None
    assert min(judging.value, sorting.value) > 0
