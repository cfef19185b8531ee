"""Self-tests a day over the last month, or the days of sensor wear where there are no self-tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from cds_service.engine.plain_text import day_text, month_text, period_text
from cds_service.engine.plot_data import DayCounts, PlotData
from cds_service.engine.wording import counted
from cds_service.facts import ChartSection
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.plots.words import MOST_ROWS, days_in_words, not_whole, sentences
from cds_service.policies.rules.self_testing import tenths, window


def days_plot(case: Case, section: str) -> PlotData | None:
    """The plot; None without a self-test and without a sensor reading in the window."""
    tests = _by_day(case, (reading.day for reading in case.glucose.self_tests))
    if any(tests.values()):
        return _self_tests(case, section, tests)
    sensor = _by_day(case, (reading.day for reading in case.glucose.sensor))
    return _wear(case, section, sensor) if any(sensor.values()) else None


def _by_day(case: Case, days: Iterable[date]) -> dict[date, int]:
    """A number for each day of the window, zero where there is nothing."""
    start, end = window(case)
    counts = Counter(days)
    every = (start + timedelta(days=n) for n in range((end - start).days + 1))
    return {day: counts[day] for day in every}


def _self_tests(case: Case, section: str, counts: Mapping[date, int]) -> PlotData:

    goal = case.parameters["self_tests_per_day"]
    total, reached = sum(counts.values()), sum(count >= goal for count in counts.values())
    newest = max(day for day in counts if counts[day])
    average = tenths(total, len(counts))
    clauses = (
        f"{counted(total, 'self-test')} on {_share(counts)}, {average} a day on average",
        f"{counted(reached, 'day')} at or above the line of {goal:g} a day, {len(counts) - reached} below it, "
        f"{_range(counts)}; the newest day with data, {day_text(newest)}, has {counts[newest]}",
        _empty(case, counts),
    )
    return PlotData(
        section,
        f"Self-tests a day over the last {len(counts)} days",
        DayCounts(counts, "self-tests", "self-tests", goal),
        sentences(clauses),
        *_table(counts, "self-tests"),
    )


def _wear(case: Case, section: str, counts: Mapping[date, int]) -> PlotData:

    count_as_tests = case.parameters["cgm_counts_as_self_testing"]
    standing = "counted as self-tests by this plan" if count_as_tests else "not self-tests"
    clauses = (
        f"no self-tests; a sensor was worn on {_share(counts)}",
        f"{counted(sum(counts.values()), 'sensor reading')}, {_range(counts)}; they are {standing}",
        _empty(case, counts),
    )
    return PlotData(
        section,
        f"Days of sensor wear over the last {len(counts)} days (sensor readings, {standing})",
        DayCounts(counts, "sensor readings", f"sensor readings, {standing}"),
        sentences(clauses),
        *_table(counts, f"sensor readings ({standing})"),
    )


def _share(counts: Mapping[date, int]) -> str:
    filled = sum(count > 0 for count in counts.values())
    return f"{filled} of {counted(len(counts), 'day')} ({period_text(min(counts), max(counts))})"


def _range(counts: Mapping[date, int]) -> str:
    fewest, most = min(counts.values()), max(counts.values())
    return f"{most} a day" if fewest == most else f"from {fewest} to {most} a day"


def _empty(case: Case, counts: Mapping[date, int]) -> str:
    days = [day for day, count in counts.items() if not count]
    clause = f"no data on {counted(len(days), 'day')}: {days_in_words(days)}" if days else "no day is without data"
    return "; ".join([clause, *not_whole(case, ChartSection.GLUCOSE)])


def _table(counts: Mapping[date, int], what: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    if len(counts) <= MOST_ROWS:
        return ("day", what), tuple((day_text(day), str(count)) for day, count in counts.items())
    months: Counter[str] = Counter()
    for day, count in counts.items():
        months[month_text(day)] += count
    return ("month", what), tuple((month, str(count)) for month, count in months.items())
