"""The glucose readings of a case, sorted: self-tests, a sensor's, and what is neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from cds_service.facts import OPEN_ORIGINS, Chart, GlucoseReading, OtherReading, SensorReading


@dataclass(frozen=True, slots=True)
class GlucoseData:
    """Readings by what they are.

    `implausible_days` are days with more readings than a person takes: the readings of those days are a sensor's,
    whatever their code, and no self-tests.
    """

    self_tests: tuple[GlucoseReading, ...]
    sensor: tuple[SensorReading, ...]
    others: tuple[OtherReading, ...]
    implausible_days: frozenset[date] = frozenset()


def sort_readings(chart: Chart, plausible: int) -> GlucoseData:
    """Sorts the readings of a chart; more than `plausible` in a day are a sensor's."""
    counts = Counter(_days(chart.self_tests))
    counts.update(r.day for r in chart.other_readings if r.origin in OPEN_ORIGINS)
    days = frozenset(day for day, count in counts.items() if count > plausible)
    if not days:
        return GlucoseData(chart.self_tests, chart.sensor, chart.other_readings)
    moved = (SensorReading(r.day, r.minute, r.mg_dl) for r in chart.self_tests if r.day in days)
    return GlucoseData(
        tuple(r for r in chart.self_tests if r.day not in days),
        (*chart.sensor, *moved),
        tuple(r for r in chart.other_readings if r.origin not in OPEN_ORIGINS or r.day not in days),
        days,
    )


def _days(readings: Iterable[GlucoseReading]) -> Iterable[date]:
    return (reading.day for reading in readings)
