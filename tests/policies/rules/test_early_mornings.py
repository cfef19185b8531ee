"""D.I.I.3, D.I.I.4 and the sentence of D.I.I: mornings, readings before meals, and what is said when none is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cds_service.engine.finding import Basis, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.policies.mp_mm_1316.criteria import any_indication
from cds_service.policies.rules.glycemic_indication import (
    dawn_phenomenon,
    premeal_fluctuation,
)
from tests.policies.charts import AS_OF, case, hba1c, sensed, stick

DAYS = [(AS_OF - timedelta(days=n)).isoformat() for n in range(1, 9)]


def mornings(*values: int, days: int = 7) -> object:
    """A case with sensor readings from 03:00 on, on so many mornings."""
    return case(sensor=tuple(r for day in DAYS[:days] for r in sensed(f"{day}T03:00", *values)))


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ((201, 150, 150, 150), MET),  # four readings: one above is enough
        ((201, 150, 150, 150, 150), NOT_MET),  # five: one may be an artifact
        ((201, 201, 150, 150, 150), MET),
        ((200, 200, 200, 200, 200), NOT_MET),
    ],
)
def test_a_morning_with_five_sensor_readings_needs_two_above(values: tuple[int, ...], truth: object) -> None:
    found = dawn_phenomenon(mornings(*values))
    assert (found.truth, found.basis) == (truth, Basis.SUPPORTED)


def test_a_stick_and_a_sensor_reading_above_are_two() -> None:
    sensor = tuple(r for day in DAYS[:7] for r in sensed(f"{day}T03:00", 201, 150, 150, 150, 150))
    sticks = tuple(stick(f"{day}T07:59", 201) for day in DAYS[:7])
    assert dawn_phenomenon(case(sensor=sensor, self_tests=sticks)).truth is MET


def test_six_measured_mornings_are_too_few() -> None:
    found = dawn_phenomenon(mornings(201, 201, days=6))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)


@pytest.mark.parametrize(("count", "gap"), [(10, Gap.NEEDS_REVIEW), (9, Gap.NOT_DOCUMENTED)])
def test_readings_before_meals_are_those_of_the_last_30_days(count: int, gap: Gap) -> None:
    # 2026-10-21 is 30 days before 2026-11-20 and inside; 2026-10-20 and the day of the order are outside.
    inside = [replace_meal(stick("2026-10-21T07:00", 100 + n)) for n in range(count)]
    outside = [replace_meal(stick(day, 90)) for day in ("2026-10-20T07:00", "2026-11-20T07:00")]
    found = premeal_fluctuation(case(self_tests=(*outside, *inside)))
    assert (found.truth, found.gap) == (UNKNOWN, gap)


def replace_meal(reading: object) -> object:
    """The same reading, before a meal."""
    return reading._replace(before_meal=True)  # type: ignore[attr-defined]


def test_an_hba1c_that_is_there_is_named_and_not_asked_for() -> None:
    found = any_indication(case(hba1c=(hba1c("2026-11-08", 7.0),)))
    assert found.truth is UNKNOWN
    assert "HbA1c 7 % on Nov 8, 2026" in found.explanation
    assert (found.closes or "").startswith("Show one of the other five conditions")


def test_sensor_lows_are_not_passed_over_in_silence() -> None:
    sensor = tuple(r for day in DAYS for r in sensed(f"{day}T02:00", 50, 50, 50))
    found = any_indication(case(sensor=sensor, sensor_reference="Observation/s", hba1c=(hba1c("2026-11-08", 6.8),)))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
    assert "on 8 days" in found.explanation
    assert "None of the six" not in found.explanation


def test_nothing_found_is_said_so() -> None:
    found = any_indication(replace(case()))
    assert found.explanation == "None of the six conditions is charted"
