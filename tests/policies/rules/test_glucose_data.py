"""Readings of days with more than a person takes are a sensor's; others keep their reason."""

from __future__ import annotations

from datetime import date

from cds_service.facts import OPEN_ORIGINS, Chart, GlucoseReading, OtherReading, ReadingOrigin
from cds_service.policies.rules.glucose_data import sort_readings

MANY, FEW = date(2026, 11, 1), date(2026, 11, 2)
(OPEN, *_) = sorted(OPEN_ORIGINS)


def sticks(day: date, count: int) -> tuple[GlucoseReading, ...]:
    return tuple(GlucoseReading(day, n, 100 + n, False, f"Observation/{day}-{n}") for n in range(count))


def others(day: date, origin: ReadingOrigin, count: int) -> tuple[OtherReading, ...]:
    return tuple(OtherReading(day, origin, f"Observation/{day}-{origin}-{n}") for n in range(count))


def test_twenty_a_day_are_self_tests_and_one_more_is_a_sensor() -> None:
    assert sort_readings(Chart(self_tests=sticks(MANY, 20)), 20).self_tests == sticks(MANY, 20)
    found = sort_readings(Chart(self_tests=(*sticks(MANY, 21), *sticks(FEW, 4))), 20)
    assert found.self_tests == sticks(FEW, 4)
    assert [(r.day, r.mg_dl) for r in found.sensor] == [(MANY, 100 + n) for n in range(21)]
    assert found.implausible_days == {MANY}


def test_open_readings_count_towards_the_rate_and_go_with_their_day() -> None:
    laboratory = others(MANY, ReadingOrigin.LABORATORY, 1)
    kept = (*laboratory, *others(FEW, OPEN, 2), *others(FEW, ReadingOrigin.LABORATORY, 1))
    chart = Chart(self_tests=sticks(MANY, 11), other_readings=(*others(MANY, OPEN, 10), *kept))
    found = sort_readings(chart, 20)
    assert (found.self_tests, found.others, found.implausible_days) == ((), kept, {MANY})


def test_a_laboratorys_readings_do_not_count_towards_the_rate() -> None:
    chart = Chart(self_tests=sticks(MANY, 11), other_readings=others(MANY, ReadingOrigin.LABORATORY, 30))
    assert sort_readings(chart, 20).implausible_days == frozenset()
