"""Which Observations are passed over by their codes: never one that a rule may read."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from cds_service.services.population.judge_member import MemberJudge
from cds_service.services.population.run_rules import Orders, RunRules
from fhir_mappings.chart.observation_screen import ObservationScreen, is_observation
from tests.support import observation

SCREEN = ObservationScreen(())
PRESSURE = observation("o1", "8480-6", 120, "mm[Hg]", "2026-10-01")


def _line(resource: Any) -> bytes:
    return json.dumps(resource).encode()


def test_a_blood_pressure_is_passed_over() -> None:
    assert is_observation(_line(PRESSURE))
    assert SCREEN.passed_over(_line(PRESSURE)) == "o1"


@pytest.mark.parametrize(
    "change",
    [
        {"code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]}},
        {"code": {"text": "Hemoglobin A1c"}},
        {"code": {"text": "Dexcom G7 glucose"}},
        {"device": {"display": "Dexcom G7"}},
        {"method": {"text": "continuous glucose sensor"}},
        {"extension": [{"url": "x", "valueString": "cgm"}]},
        {"code": {"coding": "no list"}},
    ],
)
def test_what_a_rule_may_read_is_read(change: dict[str, Any]) -> None:
    assert SCREEN.passed_over(_line(PRESSURE | change)) is None


def test_an_old_version_does_not_count_where_the_newest_is_passed_over() -> None:
    old = observation("o1", "4548-4", 9.1, "%", "2026-10-01") | {"meta": {"lastUpdated": "2026-10-01T00:00:00Z"}}
    new = PRESSURE | {"meta": {"lastUpdated": "2026-10-02T00:00:00Z"}}
    judge = MemberJudge(RunRules(date(2026, 11, 20), Orders.SYNTHETIC, ("MP-MM-1316",)))
    rows = judge.judge("p1", [_line(old), _line(new)]).criteria
    assert judge.judge("p1", [_line(new)]).criteria == rows
