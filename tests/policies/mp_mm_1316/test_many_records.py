"""No chart takes time that grows with the square of its records: a list of each kind, long enough to tell.

Records that are compared with each other are counted; of what costs otherwise, the CPU time is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.determination import Determination
from cds_service.facts import (
    Answer,
    Chart,
    Coverage,
    Credential,
    Diagnosis,
    GlucoseReading,
    InsulinAction,
    InsulinOrder,
    LabResult,
    OtherReading,
    Provider,
    ReadingOrigin,
    Record,
    SensorReading,
    Unusable,
    Visit,
    When,
)
from cds_service.policies.mp_mm_1316 import POLICY
from tests.policies.charts import AS_OF, DIABETES, ORDER, determine

# Records of a list that is counted, and of one that is timed; how often each may be compared with another.
FEW, MANY, COMPARED = 400, 4_000, 20
SECONDS = 1.0
# Every rule is asked: those of a replacement, too.
REPLACES = replace(ORDER, replacement_sign="modifier RA")
Place = Callable[[int], When | None]
_NAMES = ("concepts", "supported", "review")


def _day(number: int, apart: int = 1) -> date:
    return AS_OF - timedelta(days=number * apart)


def _of_each_day(number: int) -> When | None:
    return When(_day(number), _day(number))


def _long_ago(number: int) -> When | None:
    return When(_day(3_000 + number), _day(3_000 + number))


def _undated(_number: int) -> When | None:
    return None


# Which records a rule goes through depends on where they lie.
DAYS = pytest.mark.parametrize("when", [_of_each_day, _long_ago, _undated])


def _said(concept: Concept, number: int) -> dict[str, Any]:
    """A concept as surely as the number says."""
    return {"concepts": frozenset()} | {_NAMES[number % 3]: frozenset({concept})}


def _judged(**chart: Any) -> Determination:
    """Judged, within the time."""
    lists = {"diagnoses": (DIABETES,)} | {name: tuple(found) for name, found in chart.items() if name != "answers"}
    held = Chart(**lists, answers=chart.get("answers", {}))
    began = time.process_time()
    found = determine(REPLACES, held, AS_OF)
    assert time.process_time() - began < SECONDS
    return found


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails when records are compared with each other more often than goes by their number."""
    counted = 0

    def counting(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
        def equal(one: Any, other: Any) -> bool:
            nonlocal counted
            counted += 1
            return compare(one, other)

        return equal

    for kind in (Record, Diagnosis, Visit, LabResult):
        monkeypatch.setattr(kind, "__eq__", counting(kind.__eq__))
    yield
    assert counted < COMPARED * FEW


@pytest.mark.usefixtures("comparisons")
@DAYS
@pytest.mark.parametrize("concept", Concept)
def test_no_number_of_diagnoses_and_visits_takes_long(concept: Concept, when: Place) -> None:
    diagnoses = [
        Diagnosis(f"Condition/{n}", when(n), label=f"label {n}", encounter=f"Encounter/e{n}", **_said(concept, n))
        for n in range(FEW)
    ]
    visits = [
        Visit(
            f"Encounter/{n}",
            when(n),
            label=f"visit {n}",
            end=when(n),
            inpatient=(True, True, None, False)[n % 4],
            diagnoses=frozenset({f"Condition/v{n}"}),
            **_said(concept, n),
        )
        for n in range(FEW)
    ]
    _judged(diagnoses=(DIABETES, *diagnoses), visits=visits)


@pytest.mark.parametrize("apart", [1, 3])
@pytest.mark.parametrize("beside_a_long_one", [False, True])
def test_no_number_of_stays_takes_long(apart: int, beside_a_long_one: bool) -> None:
    """Those that follow each other are one stay, and so are all that lie within one."""
    whole = Visit("Encounter/long", _long_ago(12_000), frozenset({Concept.KETOACIDOSIS}), "a stay", end=_of_each_day(0))
    short = [
        Visit(f"Encounter/{n}", found, frozenset({Concept.KETOACIDOSIS}), "a stay", end=found)
        for n in range(MANY)
        if (found := _of_each_day(n * apart))
    ]
    _judged(visits=[whole, *short] if beside_a_long_one else short)


@pytest.mark.usefixtures("comparisons")
@DAYS
@pytest.mark.parametrize("name", ["education", "dialysis", "pumps", "pump_procedures", "pump_training", "sensor_signs"])
@pytest.mark.parametrize("concept", [Concept.DIABETES_EDUCATION, Concept.CHRONIC_DIALYSIS, Concept.PUMP_IN_USE])
def test_no_number_of_records_takes_long(name: str, concept: Concept, when: Place) -> None:
    _judged(**{name: [Record(f"Procedure/{n}", when(n), label=f"label {n}", **_said(concept, n)) for n in range(FEW)]})


@pytest.mark.usefixtures("comparisons")
@pytest.mark.parametrize("name", ["hba1c", "albumin_creatinine", "egfr", "sensor_wear", "self_test_counts"])
@pytest.mark.parametrize("unusable", [None, Unusable.NAMED_ONLY, Unusable.TEXT_ONLY])
@pytest.mark.parametrize("when", [_of_each_day, lambda _number: _of_each_day(19), _undated])
def test_no_number_of_results_takes_long(name: str, unusable: Unusable | None, when: Place) -> None:
    results = [
        LabResult(
            f"Observation/{n}",
            when(n),
            frozenset(),
            "a result",
            float(n % 200),
            "",
            f"{n}",
            unusable if n % 2 else None,
        )
        for n in range(FEW)
    ]
    found = _judged(**{name: results})
    assert all(len(finding.explanation) < 3_000 for finding in found.criteria)


@pytest.mark.parametrize("status", ["active", "completed"])
def test_no_number_of_insulin_orders_takes_long(status: str) -> None:
    """Each begins on a day of its own and is for another dose, so that no two days have the same regimen."""
    orders = [
        InsulinOrder(
            f"MedicationRequest/{n}",
            "lispro",
            "lispro",
            InsulinAction.RAPID,
            _day(n),
            _day(n // 2) if status == "completed" else None,
            certain=3 + n / 1_000,
            possible=4.0,
            live=status == "active",
            status=status,
        )
        for n in range(MANY)
    ]
    _judged(insulin=orders)


def test_no_number_of_readings_takes_long() -> None:
    readings = [GlucoseReading(_day(n // 8), n % 8 * 180, 40 + n % 30, False, f"Observation/{n}") for n in range(MANY)]
    sensed = [SensorReading(_day(n // 8), n % 8 * 180, 40 + n % 30) for n in range(MANY)]
    others = [OtherReading(_day(n), origin, f"Observation/o{n}") for n in range(MANY // 10) for origin in ReadingOrigin]
    _judged(self_tests=sorted(readings), sensor=sorted(sensed), other_readings=sorted(others))


def test_no_number_of_answers_insurances_and_providers_takes_long() -> None:
    signed = When(date(2026, 11, 18), date(2026, 11, 18))
    answers = {
        question.link_id: tuple(Answer(True, signed, f"QuestionnaireResponse/{n}") for n in range(MANY // 10))
        for question in POLICY.on(AS_OF, None).questions
    }
    insurances = [
        Coverage(f"Coverage/{n}", "active", (None, None), None, frozenset(), ("CareSource",), (), (f"Marketplace {n}",))
        for n in range(MANY // 10)
    ]
    team = [Provider(f"Practitioner/{n}", Credential.UNREAD, endocrinology=n % 2 == 0) for n in range(MANY)]
    _judged(answers=answers, coverages=insurances, care_team=team)


def test_of_very_many_later_events_the_rest_is_counted() -> None:
    later = [
        Diagnosis(f"Condition/{n}", When(AS_OF + timedelta(1), AS_OF + timedelta(1)), frozenset(), "x")
        for n in range(1_000)
    ]
    notes = _judged(diagnoses=(DIABETES, *later)).notes
    assert sum("not used: dated Nov 21, 2026" in note for note in notes) == 50
    assert "950 more not used: dated after the order" in notes
