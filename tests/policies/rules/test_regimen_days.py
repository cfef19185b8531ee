"""When an order ends, what a smaller regimen is, and when the chart leaves nothing out (D.I.F, "Duration")."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from cds_service.facts import InsulinAction, InsulinOrder
from cds_service.policies.rules.regimen_timeline import Starts, covers, current, last_day, segments, smaller_days

AS_OF = date(2026, 11, 20)
PARAMETERS = {"assumed_supply_days": 90, "unstated_ceiling": 3}


def day(iso: str | None) -> date | None:
    return date.fromisoformat(iso) if iso else None


def order(start: str, end: str | None = None, **members: Any) -> InsulinOrder:
    """A stopped order of lispro, unless said otherwise."""
    base: dict[str, Any] = {"ingredient": "lispro", "action": InsulinAction.RAPID, "certain": 3.0, "possible": 3.0}
    base |= {"live": False, "status": "stopped"} | members
    if "supplied_until" in base:
        base["supplied_until"] = day(base["supplied_until"])
    return InsulinOrder(reference=f"MedicationRequest/{start}", label="x", start=day(start), end=day(end), **base)


def active(start: str, **members: Any) -> InsulinOrder:
    """One that runs on."""
    return order(start, **{"live": True, "status": "active"} | members)


NEXT = active("2026-06-01")
LAST = {
    "an active one runs on": (active("2026-01-05"), None, "2026-11-20"),
    "one in progress runs on": (active("2026-01-05", status="in-progress"), None, "2026-11-20"),
    "a stopped one ends on its day": (order("2026-01-05", "2026-03-31"), None, "2026-03-31"),
    "one on hold ends on its day": (order("2026-01-05", "2026-03-31", status="on-hold"), None, "2026-03-31"),
    "its supply alone is no end": (order("2026-01-05", supplied_until="2026-04-04"), None, None),
    "its supply joins it to the next": (order("2026-01-05", supplied_until="2026-04-04"), NEXT, "2026-04-04"),
    "its supply goes beyond its day": (
        order("2026-01-05", "2026-02-01", supplied_until="2026-04-04"),
        NEXT,
        "2026-04-04",
    ),
    "its day goes beyond its supply": (
        order("2026-01-05", "2026-05-01", supplied_until="2026-04-04"),
        NEXT,
        "2026-05-01",
    ),
    "its supply is not used without the next": (
        order("2026-01-05", "2026-02-01", supplied_until="2026-04-04"),
        None,
        "2026-02-01",
    ),
    "a supply ends where the next begins": (order("2026-01-05", supplied_until="2026-09-04"), NEXT, "2026-05-31"),
    # 5 January and 90 days: to 4 April.
    "neither named: 90 days, to join it to the next": (order("2026-01-05"), NEXT, "2026-04-04"),
    "neither named and nothing follows": (order("2026-01-05"), None, None),
    "another class does not follow": (
        order("2026-01-05"),
        active("2026-06-01", ingredient="glargine", action=InsulinAction.LONG),
        None,
    ),
    "the class follows": (order("2026-01-05"), active("2026-02-01", ingredient="aspart"), "2026-01-31"),
    "regular insulin is of the class": (
        order("2026-01-05"),
        active("2026-02-01", ingredient="regular", action=InsulinAction.SHORT),
        "2026-01-31",
    ),
    "an earlier order does not follow": (order("2026-01-05"), active("2025-06-01"), None),
    "a stopped one is over by the day, whatever it named": (order("2026-01-05", "2027-01-05"), None, "2026-11-19"),
}


@pytest.mark.parametrize(("one", "following", "expected"), LAST.values(), ids=LAST.keys())
def test_last_day(one: InsulinOrder, following: InsulinOrder | None, expected: str | None) -> None:
    orders = [one, *([following] if following else [])]
    assert last_day(one, Starts(orders), 90, AS_OF) == day(expected)


@pytest.mark.parametrize(
    ("end", "status", "there"),
    [
        ("2026-11-20", "completed", True),
        ("2026-10-21", "completed", True),  # 30 days ago: a refill is due
        ("2026-10-20", "completed", False),
        ("2026-11-19", "stopped", False),
        ("2026-11-19", "on-hold", False),
    ],
)
def test_what_ran_out_lately_is_still_the_regimen(end: str, status: str, there: bool) -> None:
    one = order("2026-01-05", end, status=status, live=status == "completed")
    assert (one in current([one], AS_OF, 30)) is there


def test_what_ran_out_and_was_ordered_again_is_not_counted_twice() -> None:
    old, new = order("2026-01-05", "2026-11-10", status="completed", live=True), active("2026-11-12")
    assert current([old, new], AS_OF, 30) == [new]


def timeline(*orders: InsulinOrder) -> Any:
    return segments(orders, AS_OF, PARAMETERS)


BASAL = active("2025-01-01", ingredient="glargine", action=InsulinAction.LONG, certain=1.0, possible=1.0)


def _basal(start: str, end: str | None = None) -> InsulinOrder:
    return replace(BASAL, start=day(start), end=day(end))


def test_a_gap_with_basal_insulin_alone_is_smaller_and_a_gap_with_nothing_is_not() -> None:
    since, until = date(2026, 5, 20), date(2026, 8, 1)
    lispro = active("2026-08-01")
    assert smaller_days(timeline(BASAL, lispro), 3, since, until) == (since, date(2026, 7, 31), 1)
    assert smaller_days(timeline(lispro), 3, since, until) is None
    assert smaller_days(timeline(replace(BASAL, possible=None), lispro), 3, since, until) is None


@pytest.mark.parametrize(
    ("orders", "below", "expected"),
    [
        ([BASAL], 3, True),
        ([BASAL], None, True),
        ([replace(BASAL, start=date(2026, 5, 20))], 3, True),
        ([replace(BASAL, start=date(2026, 5, 21))], 3, False),
        ([replace(BASAL, possible=None)], None, False),
        ([BASAL, active("2026-08-01")], 3, False),
        ([BASAL, active("2026-08-01")], None, True),
        ([], 3, False),
        ([_basal("2025-01-01", "2026-06-30"), _basal("2026-07-31")], 3, True),
        ([_basal("2025-01-01", "2026-06-30"), _basal("2026-08-01")], 3, False),
        ([_basal("2025-01-01", "2026-06-30"), _basal("2026-09-01")], 3, False),
    ],
    ids=[
        *(
            "basal",
            "readable",
            "of the first day",
            "a day late",
            "unreadable",
            "more lately",
            "all readable",
            "nothing",
        ),
        *("a gap of 30 days", "a gap of 31 days", "a gap of 62 days"),
    ],
)
def test_a_record_of_the_whole_months(orders: list[InsulinOrder], below: float | None, expected: bool) -> None:
    assert covers(timeline(*orders), date(2026, 5, 20), AS_OF, 30, below) is expected
