"""Windows of whole days, partial dates, and comparisons that a comparator leaves open."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.engine.days import at_most, compared, days_before, in_range, months_after, months_before, within
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import LabResult, Unusable, When

MONTHS = [
    ("2026-11-20", 12, "2025-11-20"),
    ("2026-11-20", 6, "2026-05-20"),
    ("2026-03-31", 1, "2026-02-28"),
    ("2028-03-31", 1, "2028-02-29"),
    ("2026-08-31", 6, "2026-02-28"),
    ("2026-12-31", 6, "2026-06-30"),
    ("2026-12-31", 1, "2026-11-30"),
    ("2026-01-31", 1, "2025-12-31"),
    ("2026-01-15", 13, "2024-12-15"),
    ("2028-02-29", 12, "2027-02-28"),
    ("2027-02-28", 12, "2026-02-28"),
    ("2026-05-31", 0, "2026-05-31"),
]


@pytest.mark.parametrize(("day", "months", "expected"), MONTHS)
def test_months_before(day: str, months: int, expected: str) -> None:
    assert months_before(date.fromisoformat(day), months) == date.fromisoformat(expected)


DAYS = st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 1, 1))


@given(DAYS, st.integers(0, 60))
def test_months_before_is_the_same_day_or_the_last_of_a_shorter_month(day: date, months: int) -> None:
    found = months_before(day, months)
    assert (day.year * 12 + day.month) - (found.year * 12 + found.month) == months
    assert found.day == day.day or (found.day < day.day and (found + timedelta(days=1)).day == 1)


@given(DAYS, DAYS, st.integers(0, 60))
def test_months_before_keeps_the_order_of_days(one: date, other: date, months: int) -> None:
    first, last = sorted((one, other))
    assert months_before(first, months) <= months_before(last, months)


def test_days_before() -> None:
    assert days_before(date(2026, 3, 1), 30) == date(2026, 1, 30)  # 28 days of February, 2 of January


# ---------------------------------------------------------------- windows

START, END = date(2025, 11, 20), date(2026, 11, 20)


def span(first: str, last: str | None = None) -> When:
    """An interval of days."""
    return When(date.fromisoformat(first), date.fromisoformat(last or first))


WINDOW = {
    "exactly twelve months before": (span("2025-11-20"), MET),
    "a day more": (span("2025-11-19"), NOT_MET),
    "on the day itself": (span("2026-11-20"), MET),
    "a day after": (span("2026-11-21"), NOT_MET),
    "a month inside": (span("2026-03-01", "2026-03-31"), MET),
    "the month in which the window begins": (span("2025-11-01", "2025-11-30"), UNKNOWN),
    "the month in which the window ends, cut at its end": (span("2026-11-01", "2026-11-30"), MET),
    "the month after": (span("2026-12-01", "2026-12-31"), NOT_MET),
    "the year in which the window begins": (span("2025-01-01", "2025-12-31"), UNKNOWN),
    "the year in which the window ends, cut at its end": (span("2026-01-01", "2026-12-31"), MET),
    "the year before": (span("2024-01-01", "2024-12-31"), NOT_MET),
    "an interval around the window": (span("2020-01-01", "2030-12-31"), UNKNOWN),
    "an interval that ends on its first day": (span("2025-10-01", "2025-11-20"), UNKNOWN),
    "no date": (None, UNKNOWN),
}


@pytest.mark.parametrize(("when", "truth"), WINDOW.values(), ids=WINDOW.keys())
def test_within(when: When | None, truth: Truth) -> None:
    assert within(when, START, END) is truth


@given(DAYS, st.integers(0, 800), DAYS, st.integers(0, 800))
def test_within_asks_every_day_up_to_the_end(first: date, length: int, start: date, width: int) -> None:
    # A finished event lies on one of the days of its interval, and not after the end.
    last, end = first + timedelta(days=length), start + timedelta(days=width)
    possible = [first + timedelta(days=n) for n in range(length + 1)]
    answers = {start <= day for day in possible if day <= end}
    expected = NOT_MET if answers in (set(), {False}) else MET if answers == {True} else UNKNOWN
    assert within(When(first, last), start, end) is expected


# ---------------------------------------------------------------- comparisons


def result(value: float | None, comparator: str = "", unusable: Unusable | None = None) -> LabResult:
    """A result."""
    return LabResult("Observation/1", None, frozenset(), "HbA1c", value, comparator, "", unusable)


ABOVE_7 = {
    "7.1": (result(7.1), MET),
    "7.0 is not above": (result(7.0), NOT_MET),
    "6.9": (result(6.9), NOT_MET),
    ">14": (result(14, ">"), MET),
    ">7 is above": (result(7, ">"), MET),
    ">6.5 may be 6.6": (result(6.5, ">"), UNKNOWN),
    ">=7.1": (result(7.1, ">="), MET),
    ">=7 may be 7": (result(7, ">="), UNKNOWN),
    "<7": (result(7, "<"), NOT_MET),
    "<=7": (result(7, "<="), NOT_MET),
    "<6": (result(6, "<"), NOT_MET),
    "<8 may be either": (result(8, "<"), UNKNOWN),
    "<=7.1 may be either": (result(7.1, "<="), UNKNOWN),
    "no value": (result(None), UNKNOWN),
    "unusable": (result(8, "", Unusable.IMPLAUSIBLE), UNKNOWN),
}


@pytest.mark.parametrize(("found", "truth"), ABOVE_7.values(), ids=ABOVE_7.keys())
def test_compared_with_7(found: LabResult, truth: Truth) -> None:
    assert compared(found, 7.0) is truth


FROM_30_TO_300 = {
    "30": (result(30), MET),
    "300": (result(300), MET),
    "45": (result(45), MET),
    "29.9": (result(29.9), NOT_MET),
    "300.1": (result(300.1), NOT_MET),
    "<30 is outside": (result(30, "<"), NOT_MET),
    "<5 is outside": (result(5, "<"), NOT_MET),
    "<=30 may be 30": (result(30, "<="), UNKNOWN),
    "<=29 is outside": (result(29, "<="), NOT_MET),
    "<100 may be 20": (result(100, "<"), UNKNOWN),
    ">300 is outside": (result(300, ">"), NOT_MET),
    ">=300 may be 300": (result(300, ">="), UNKNOWN),
    ">=301 is outside": (result(301, ">="), NOT_MET),
    ">30 is not known": (result(30, ">"), UNKNOWN),
    "no value": (result(None), UNKNOWN),
    "unusable": (result(45, "", Unusable.WRONG_UNIT), UNKNOWN),
}


@pytest.mark.parametrize(("found", "truth"), FROM_30_TO_300.values(), ids=FROM_30_TO_300.keys())
def test_in_range(found: LabResult, truth: Truth) -> None:
    assert in_range(found, 30, 300) is truth


VALUES = st.integers(0, 40).map(lambda n: n / 2)
ALLOWED = {
    "": lambda v, limit: v == limit,
    "<": lambda v, limit: v < limit,
    "<=": lambda v, limit: v <= limit,
    ">": lambda v, limit: v > limit,
    ">=": lambda v, limit: v >= limit,
}


@given(VALUES, st.sampled_from(list(ALLOWED)), VALUES, VALUES)
def test_a_comparator_counts_only_where_every_value_that_it_allows_agrees(
    limit: float, comparator: str, one: float, other: float
) -> None:
    # Quarter steps between and beyond all half steps stand for every value.
    allowed = [n / 4 for n in range(-10, 200) if ALLOWED[comparator](n / 4, limit)]
    truth = {frozenset({True}): MET, frozenset({False}): NOT_MET}
    above = frozenset(v > one for v in allowed)
    assert compared(result(limit, comparator), one) is truth.get(above, UNKNOWN)
    low, high = sorted((one, other))
    inside = frozenset(low <= v <= high for v in allowed)
    found = in_range(result(limit, comparator), low, high)
    # A range that holds all that an open comparator allows would need its far end: never met, so unknown.
    assert found is truth.get(inside, UNKNOWN) or (found is UNKNOWN and comparator)


@pytest.mark.parametrize(
    ("comparator", "value", "truth"),
    [
        ("", 225, MET),
        ("", 225.1, NOT_MET),
        ("<", 225, MET),
        ("<", 226, UNKNOWN),
        (">", 225, NOT_MET),
        (">", 224, UNKNOWN),
    ],
)
def test_at_most_holds_for_every_value_that_a_result_allows(comparator: str, value: float, truth: Truth) -> None:
    result = LabResult("Observation/1", None, frozenset(), "glucose", value=value, comparator=comparator)
    assert at_most(result, 225) is truth


def test_months_later_end_with_a_short_month() -> None:
    assert months_after(date(2026, 1, 31), 3) == date(2026, 4, 30)
    assert months_after(date(2026, 11, 20), 3) == date(2027, 2, 20)
