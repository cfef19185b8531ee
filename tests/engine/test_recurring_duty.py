"""How long an event fulfils a duty that comes back."""

from __future__ import annotations

from datetime import date

import pytest

from cds_service.engine.recurring_duty import Interval, fulfilled_until, is_due
from cds_service.facts import When


def on(day: date) -> When:
    return When(day, day)


@pytest.mark.parametrize(
    ("seen", "until"),
    [
        (date(2026, 1, 15), date(2026, 4, 15)),
        (date(2026, 1, 31), date(2026, 4, 30)),  # April has 30 days
        (date(2025, 11, 30), date(2026, 2, 28)),
        (date(2026, 11, 20), date(2027, 2, 20)),
    ],
)
def test_an_event_is_good_until_the_same_day_of_the_month(seen: date, until: date) -> None:
    found = fulfilled_until([on(seen)], until, Interval(months=3))
    assert found is not None
    assert found.until == until
    assert not is_due(found, until)
    assert is_due(found, date.fromordinal(until.toordinal() + 1))


def test_the_newest_event_up_to_the_day_counts() -> None:
    events = [on(date(2026, 1, 1)), on(date(2026, 3, 1)), on(date(2026, 9, 1))]
    found = fulfilled_until(events, date(2026, 5, 1), Interval(months=3))
    assert found is not None
    assert found.last == on(date(2026, 3, 1))


def test_of_a_month_only_its_first_day_is_sure() -> None:
    found = fulfilled_until([When(date(2026, 3, 1), date(2026, 3, 31))], date(2026, 6, 2), Interval(months=3))
    assert found is not None
    assert (found.until, is_due(found, date(2026, 6, 2))) == (date(2026, 6, 1), True)


def test_without_an_event_it_is_due() -> None:
    assert fulfilled_until([on(date(2026, 9, 1))], date(2026, 5, 1), Interval(months=3)) is None
    assert is_due(None, date(2026, 5, 1))


@pytest.mark.parametrize(
    ("text", "until"),
    [("3 months", date(2026, 11, 20)), ("91 days", date(2026, 11, 19)), ("1 month", date(2026, 9, 20))],
)
def test_an_interval_is_months_or_days(text: str, until: date) -> None:
    # August 20 + 91 days: 11 + 30 + 31 + 19.
    assert Interval.parsed(text).after(date(2026, 8, 20)) == until


@pytest.mark.parametrize("text", ["", "3", "three months", "3 years", "-3 months", "3 months or so"])
def test_anything_else_is_no_interval(text: str) -> None:
    with pytest.raises(ValueError, match="so many months or days"):
        Interval.parsed(text)
