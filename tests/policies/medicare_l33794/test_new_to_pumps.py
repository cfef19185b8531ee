"""IV.C: windows end with the order, or with the start of a pump that is in use since a known day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import GlucoseReading, InsulinAction, InsulinOrder, LabResult, SensorReading
from cds_service.policies.medicare_l33794 import POLICY
from cds_service.policies.medicare_l33794.criteria import history
from cds_service.policies.medicare_l33794.new_to_pumps import before_the_pump, self_tests
from tests.policies.charts import AS_OF, moment
from tests.policies.medicare_l33794.facts import case, part_b, pump_since, stated


def sticks(count: int, last: date = AS_OF - timedelta(days=1), days: int = 60) -> tuple[GlucoseReading, ...]:
    made = [(last - timedelta(days=number % days), 60 + number // days) for number in range(count)]
    return tuple(GlucoseReading(day, minute, 120, False, f"O/{day}-{minute}") for day, minute in sorted(made))


class TestSelfTests:
    """Two months are 60 days, so 240 tests; a sensor counts."""

    @pytest.mark.parametrize(("count", "truth"), [(240, MET), (239, NOT_MET)])
    def test_an_average_of_four_a_day_passes(self, count: int, truth: Truth) -> None:
        assert self_tests(case(self_tests=sticks(count))).truth is truth

    def test_a_sensor_without_one_finger_stick_is_enough(self) -> None:
        days = [AS_OF - timedelta(days=number) for number in range(1, 61)]
        worn = tuple(SensorReading(day, 600, 130) for day in days)
        found = self_tests(case(sensor=worn, sensor_reference="Observation/c"))
        assert (found.truth, found.basis) == (MET, Basis.SUPPORTED)
        assert "Medicare counts documented use of a sensor" in found.explanation

    @pytest.mark.parametrize(("days_ago", "truth"), [(1, MET), (60, MET), (61, UNKNOWN)])
    def test_one_day_of_use_in_the_two_months_is_use(self, days_ago: int, truth: Truth) -> None:
        worn = (SensorReading(AS_OF - timedelta(days=days_ago), 600, 130),)
        assert self_tests(case(sensor=worn, sensor_reference="Observation/c")).truth is truth

    def test_before_2023_a_sensor_is_for_a_reviewer(self) -> None:
        day = date(2022, 12, 31)
        worn = (SensorReading(day - timedelta(days=3), 600, 130),)
        assert self_tests(case(as_of=day, sensor=worn, sensor_reference="Observation/c")).truth is UNKNOWN
        assert POLICY.on(date(2023, 1, 1)).parameters["cgm_counts_as_self_testing"] is True

    def test_few_stated_finger_sticks_beside_a_sensor_are_no_conflict(self) -> None:
        worn = (SensorReading(AS_OF - timedelta(days=3), 600, 130),)
        found = self_tests(case(sensor=worn, sensor_reference="Observation/c", answers=stated("IV.C.T.average", 1)))
        assert found.truth is MET

    def test_a_number_that_answers_another_plans_question_is_said_to_be_one(self) -> None:
        own = self_tests(case(answers=stated("IV.C.T.average", 5)))
        assert (own.truth, own.remarks) == (MET, ())
        elsewhere = self_tests(case(answers=stated("IV.C.T.average", 5, questionnaire="")))
        assert elsewhere.remarks == ()


def lispro(start: str, end: str | None = None, **members: Any) -> InsulinOrder:
    begin, over = moment(start), moment(end)
    assert begin is not None
    return InsulinOrder(
        f"MedicationRequest/{start}",
        "lispro",
        "insulin lispro",
        InsulinAction.RAPID,
        begin.first,
        over.last if over else None,
        4,
        4,
        adjusts="1 unit per 10 g",
        at_meals=True,
        live=end is None,
        status="active" if end is None else "completed",
        **members,
    )


class TestPumpInUse:
    """A pump since May 1, 2026: what was before it counts."""

    def test_the_windows_end_with_its_start(self) -> None:
        before = before_the_pump(case(pumps=(pump_since("2026-05-01"),)))
        assert (before.as_of, before.signed_by, before.chart.pumps) == (date(2026, 5, 1), AS_OF, ())

    def test_without_a_day_they_stay_with_the_order(self) -> None:
        for day in (None, "2026-05"):
            assert before_the_pump(case(pumps=(pump_since(day),))).as_of == AS_OF

    def test_injections_and_tests_from_before_it_count(self) -> None:
        hba1c = LabResult("O/h", moment("2026-04-01"), frozenset({Concept.HBA1C}), "HbA1c", value=8.1, shown="8.1 %")
        facts: dict[str, Any] = {
            "pumps": (pump_since("2026-05-01"),),
            "insulin": (lispro("2025-09-01", "2026-05-01"), lispro("2026-05-01", via_pump=True)),
            "self_tests": sticks(240, date(2026, 4, 30)),
            "hba1c": (hba1c,),
            "answers": stated("IV.C.E.date", "2020-01-01"),
        }
        found = history(case(**facts))
        assert found.truth is MET, found.explanation
        # Six months before May 1 is November 1.
        later = {**facts, "insulin": (lispro("2025-11-02", "2026-05-01"), lispro("2026-05-01", via_pump=True))}
        assert history(case(**later)).truth is not MET

    def test_an_hba1c_since_then_says_nothing(self) -> None:
        hba1c = LabResult("O/h", moment("2026-10-01"), frozenset({Concept.HBA1C}), "HbA1c", value=8.1, shown="8.1 %")
        made = case(pumps=(pump_since("2026-05-01"),), hba1c=(hba1c,))
        assert {part.id: part.truth for part in history(made).tree}["IV.C.1"] is UNKNOWN


class TestWhichWayIsNamedFirst:
    """C or D: the one that lacks less, and D never where nothing shows a pump."""

    def test_nothing_at_all_asks_for_what_a_new_patient_needs(self) -> None:
        assert [part.id for part in history(case()).missing] == ["IV.C.E", "IV.C.I", "IV.C.T", "IV.C.G"]

    def test_a_pump_from_before_medicare_asks_for_the_tests_of_then_alone(self) -> None:
        made = case(coverages=(part_b(),), pump_uses=(pump_since("2015-01-01"),))
        found = history(made)
        assert [part.id for part in found.missing] == ["IV.D.2"]
        assert found.remarks == ("Another way: what is asked of a patient new to pumps (IV.C)",)
