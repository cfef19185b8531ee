"""Glucose by hour of the day over the window of self-tests, the early morning marked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from statistics import quantiles

from cds_service.engine.plain_text import day_text, period_text
from cds_service.engine.plot_data import HourBox, HoursOfDay, PlotData, ReadingKind, Spot
from cds_service.engine.wording import clock_time, counted
from cds_service.facts import ChartSection, GlucoseReading, SensorReading
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.plots.words import MOST_ROWS, not_whole, sentences
from cds_service.policies.rules.self_testing import window

FINGER_STICKS, SENSOR = "finger-sticks", "sensor readings"
# More points than these are a blot, and a file of megabytes.
_MOST_POINTS = 400


def hours_plot(case: Case, section: str) -> PlotData | None:
    """The plot; None without a reading in the window that has a time and a value."""
    level = case.parameters["dawn_level"]
    inside = _readings_in_window(case)
    kinds = _kinds({name: _spots_of(readings, level) for name, readings in inside.items()})
    if not kinds:
        return None

    dawn = case.parameters["dawn_from_minute"], case.parameters["dawn_until_minute"]
    name = f"early morning, {clock_time(dawn[0])} to {clock_time(dawn[1])}"
    columns, rows = _table(kinds, level)
    return PlotData(
        section,
        "Glucose by hour of the day",
        HoursOfDay(tuple(kinds), dawn, name, level, "glucose", "mg/dL"),
        _words(case, kinds, sum(map(len, inside.values()))),
        columns,
        rows,
    )


def _readings_in_window(case: Case) -> dict[str, list[GlucoseReading | SensorReading]]:
    start, end = window(case)
    return {
        FINGER_STICKS: [r for r in case.glucose.self_tests if start <= r.day <= end],
        SENSOR: [r for r in case.glucose.sensor if start <= r.day <= end],
    }


def _spots_of(readings: Sequence[GlucoseReading | SensorReading], level: int) -> tuple[Spot, ...]:
    spots = []
    for r in readings:
        if r.minute is None or r.mg_dl is None:
            continue
        comparator = r.comparator if isinstance(r, GlucoseReading) else ""
        spots.append(Spot(r.day.isoformat(), r.minute, r.mg_dl, f"{comparator}{r.mg_dl}", r.above(level)))
    return tuple(sorted(spots))


def _kinds(by_name: dict[str, tuple[Spot, ...]]) -> list[ReadingKind]:
    """The kinds that have readings; points for the smaller ones as long as there is room for them."""
    kinds, room = {}, _MOST_POINTS
    for name in sorted(by_name, key=lambda name: len(by_name[name])):
        spots = by_name[name]
        if len(spots) > room:
            kinds[name] = ReadingKind(name, spots, _boxes(spots), chief=name == FINGER_STICKS)
        elif spots:
            kinds[name] = ReadingKind(name, spots, chief=name == FINGER_STICKS)
            room -= len(spots)
    return [kinds[name] for name in by_name if name in kinds]


def _boxes(spots: Sequence[Spot]) -> tuple[HourBox, ...]:
    hours: dict[int, list[int]] = defaultdict(list)
    for spot in spots:
        hours[spot.minute // 60].append(spot.value)
    return tuple(HourBox(hour, len(values), *percentiles(values)) for hour, values in sorted(hours.items()))


def percentiles(values: Sequence[int]) -> tuple[float, float, float, float, float]:
    """The 10th, 25th, 50th, 75th and 90th percentile, between neighbors in proportion."""
    twentieths = quantiles(values, n=20, method="inclusive") if len(values) > 1 else [float(values[0])] * 19
    return twentieths[1], twentieths[4], twentieths[9], twentieths[14], twentieths[17]


def _words(case: Case, kinds: Sequence[ReadingKind], inside: int) -> str:
    p, (start, end) = case.parameters, window(case)
    spots = [spot for kind in kinds for spot in kind.spots]
    newest, named = max(spots), " and ".join(counted(len(kind.spots), kind.name[:-1]) for kind in kinds)
    dawn = [s for s in spots if p["dawn_from_minute"] <= s.minute < p["dawn_until_minute"]]
    drawn = (
        f"{named} with a time, {period_text(start, end)}, {_range(spots)} mg/dL; "
        f"the newest is {newest.shown} mg/dL ({day_text(date.fromisoformat(newest.day))} {clock_time(newest.minute)})"
    )
    early = (
        f"from {clock_time(p['dawn_from_minute'])} up to {clock_time(p['dawn_until_minute'])} there are {len(dawn):,}, "
        f"{sum(s.above for s in dawn):,} of them above the line of {p['dawn_level']:g} mg/dL"
    )
    boxed, left_out = " and ".join(kind.name for kind in kinds if kind.boxes), inside - len(spots)
    remarks = [f"{boxed} are drawn as a box for each hour"] if boxed else []
    remarks += [f"{counted(left_out, 'reading')} without a time or value left out"] if left_out else []
    return sentences((drawn, early, "; ".join(remarks + not_whole(case, ChartSection.GLUCOSE))))


def _range(spots: Sequence[Spot]) -> str:
    low, high = min(spots, key=lambda s: s.value), max(spots, key=lambda s: s.value)
    return low.shown if low.shown == high.shown else f"{low.shown} to {high.shown}"


def _table(kinds: Sequence[ReadingKind], level: int) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    above = f"above {level:g} mg/dL"
    if sum(len(kind.spots) for kind in kinds) <= MOST_ROWS:
        spots = sorted((spot, kind.name[:-1]) for kind in kinds for spot in kind.spots)
        rows = (
            (day_text(date.fromisoformat(s.day)), clock_time(s.minute), name, s.shown, "yes" if s.above else "no")
            for s, name in spots
        )
        return ("day", "time", "kind", "mg/dL", above), tuple(rows)
    hours = (_row(kind, box) for kind in kinds for box in kind.boxes or _boxes(kind.spots))
    return ("hour", "kind", "readings", "10 %", "25 %", "median", "75 %", "90 %", above), tuple(hours)


def _row(kind: ReadingKind, box: HourBox) -> tuple[str, ...]:
    above = sum(spot.above for spot in kind.spots if spot.minute // 60 == box.hour)
    return clock_time(box.hour * 60), kind.name, str(box.size), *(f"{value:.0f}" for value in box[2:]), str(above)
