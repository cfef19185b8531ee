"""The regimen as a timeline: what adds, what renews, and which gaps are bridged (D.I.F)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.facts import InsulinAction, InsulinOrder
from cds_service.policies.rules.regimen_count import injections
from cds_service.policies.rules.regimen_timeline import chain_start, segments

AS_OF = date(2026, 11, 20)
GOAL, GAP = 3, 30
PARAMETERS = {"assumed_supply_days": 90, "unstated_ceiling": 3}


def insulin(
    ingredient: str, a_day: float | None, start: date | None, end: date | None = None, most: float | None = None
) -> InsulinOrder:
    """An order of one insulin."""
    return InsulinOrder(
        reference=f"MedicationRequest/{ingredient}-{start}",
        ingredient=ingredient,
        label=ingredient,
        action=InsulinAction.UNSTATED,
        start=start,
        end=end,
        certain=a_day or 0.0,
        possible=a_day if most is None else most,
    )


def day(iso: str) -> date:
    """A day."""
    return date.fromisoformat(iso)


def start_of(*orders: InsulinOrder) -> date | None:
    """First day of the unbroken run at three a day."""
    return chain_start(segments(orders, AS_OF, PARAMETERS), GOAL, GAP, AS_OF)


# ---------------------------------------------------------------- the count of one day

COUNTS = {
    "distinct insulins add": ([insulin("lispro", 3, None), insulin("glargine", 1, None)], (4, 4)),
    "a renewal is the larger, not the sum": ([insulin("lispro", 3, None), insulin("lispro", 2, None)], (3, 3)),
    "a re-entry is no second one": ([insulin("glargine", 1, None), insulin("glargine", 1, None)], (1, 1)),
    "ranges add at both ends": ([insulin("lispro", 2, None, most=4), insulin("glargine", 1, None)], (3, 5)),
    "of two ranges each end is the larger": (
        [insulin("lispro", 2, None, most=3), insulin("lispro", 1, None, most=4)],
        (2, 4),
    ),
    "unreadable leaves the ceiling open": ([insulin("lispro", None, None), insulin("glargine", 1, None)], (1, None)),
    "premix twice a day is two": ([insulin("premix", 2, None)], (2, 2)),
    "nothing": ([], (0, 0)),
}


@pytest.mark.parametrize(("orders", "expected"), COUNTS.values(), ids=COUNTS.keys())
def test_injections_of_one_day(orders: list[InsulinOrder], expected: tuple[float, float | None]) -> None:
    for arranged in (orders, list(reversed(orders))):
        found = injections(arranged, 3)
        assert (found.certain, found.possible) == expected


# ---------------------------------------------------------------- the chain

CHAINS = {
    "one order that runs on": ([insulin("lispro", 3, day("2026-01-05"))], day("2026-01-05")),
    "basal and mealtime, the later one counts": (
        [insulin("glargine", 1, day("2026-01-05")), insulin("lispro", 2, day("2026-03-01"))],
        day("2026-03-01"),
    ),
    # Covered to 31 March, again from 1 May: April, 30 days, lies between.
    "a gap of 30 days is bridged": (
        [insulin("lispro", 3, day("2026-01-05"), day("2026-03-31")), insulin("lispro", 3, day("2026-05-01"))],
        day("2026-01-05"),
    ),
    "a gap of 31 days breaks it": (
        [insulin("lispro", 3, day("2026-01-05"), day("2026-03-31")), insulin("lispro", 3, day("2026-05-02"))],
        day("2026-05-02"),
    ),
    "a day's gap": (
        [insulin("lispro", 3, day("2026-01-05"), day("2026-03-31")), insulin("lispro", 3, day("2026-04-02"))],
        day("2026-01-05"),
    ),
    "no gap": (
        [insulin("lispro", 3, day("2026-01-05"), day("2026-03-31")), insulin("lispro", 3, day("2026-04-01"))],
        day("2026-01-05"),
    ),
    "two gaps of 30 days are each bridged": (
        [
            insulin("lispro", 3, day("2026-01-05"), day("2026-03-31")),
            insulin("lispro", 3, day("2026-05-01"), day("2026-05-31")),
            insulin("lispro", 3, day("2026-07-01")),
        ],
        day("2026-01-05"),
    ),
    # The last 30 days up to 20 November are 22 October to 20 November.
    "the last fill ran out 30 days ago": (
        [insulin("lispro", 3, day("2026-01-05"), day("2026-10-21"))],
        day("2026-01-05"),
    ),
    "the last fill ran out 31 days ago": ([insulin("lispro", 3, day("2026-01-05"), day("2026-10-20"))], None),
    "a renewal of another insulin": (
        [insulin("lispro", 3, day("2026-01-05"), day("2026-06-30")), insulin("aspart", 3, day("2026-07-01"))],
        day("2026-01-05"),
    ),
    "overlapping renewals": (
        [insulin("lispro", 3, day("2026-01-05"), day("2026-06-30")), insulin("lispro", 3, day("2026-06-01"))],
        day("2026-01-05"),
    ),
    "overlapping renewals do not add up to three": (
        [insulin("premix", 2, day("2026-01-05"), day("2026-06-30")), insulin("premix", 2, day("2026-06-01"))],
        None,
    ),
    "a refill is no start": (
        [insulin("lispro", 3, day("2026-01-05")), insulin("lispro", 3, day("2026-09-20"))],
        day("2026-01-05"),
    ),
    "fewer than three between": (
        [
            insulin("lispro", 3, day("2026-01-05"), day("2026-03-31")),
            insulin("glargine", 1, day("2026-01-05")),
            insulin("lispro", 3, day("2026-06-01")),
        ],
        day("2026-06-01"),
    ),
    "an order without start is left out": (
        [insulin("lispro", 3, None), insulin("glargine", 1, day("2026-01-05"))],
        None,
    ),
    "an order of tomorrow": ([insulin("lispro", 3, day("2026-11-21"))], None),
    "an order of today": ([insulin("lispro", 3, AS_OF)], AS_OF),
    "an order that ended before it began": ([insulin("lispro", 3, day("2026-05-01"), day("2026-04-01"))], None),
    "a range whose least is two": ([insulin("lispro", 2, day("2026-01-05"), most=4)], None),
    "nothing": ([], None),
}


@pytest.mark.parametrize(("orders", "expected"), CHAINS.values(), ids=CHAINS.keys())
def test_chain(orders: list[InsulinOrder], expected: date | None) -> None:
    assert start_of(*orders) == expected
    assert start_of(*reversed(orders)) == expected


# ---------------------------------------------------------------- against a count day by day

OFFSETS = st.integers(-400, 10)
ORDERS = st.lists(
    st.builds(
        lambda name, a_day, start, length: insulin(
            name,
            a_day,
            AS_OF + timedelta(days=start),
            None if length is None else AS_OF + timedelta(days=start + length),
        ),
        st.sampled_from(["lispro", "glargine", "premix"]),
        st.sampled_from([None, 1, 2, 3, 4]),
        OFFSETS,
        st.one_of(st.none(), st.integers(0, 120)),
    ),
    max_size=6,
)


def good(orders: list[InsulinOrder], on_day: date) -> bool:
    """Whether a day has three or more injections, counted by hand."""
    most: dict[str, float] = {}
    for one in orders:
        if one.start and one.start <= on_day <= (one.end or AS_OF) and one.certain:
            most[one.ingredient] = max(most.get(one.ingredient, 0), one.certain)
    return sum(most.values()) >= GOAL


def chain_day_by_day(orders: list[InsulinOrder]) -> date | None:
    """Walks back from the day of the order until more than 30 days in a row are missing."""
    start, missing, on_day = None, 0, AS_OF
    while missing <= GAP and on_day >= AS_OF - timedelta(days=440):
        if good(orders, on_day):
            start, missing = on_day, 0
        else:
            missing += 1
        on_day -= timedelta(days=1)
    return start


@settings(max_examples=200, deadline=None)
@given(ORDERS)
def test_the_chain_is_the_one_counted_day_by_day(orders: list[InsulinOrder]) -> None:
    assert start_of(*orders) == chain_day_by_day(orders)


@settings(deadline=None)
@given(ORDERS.flatmap(lambda orders: st.tuples(st.just(orders), st.permutations(orders))))
def test_the_order_of_orders_never_matters(both: tuple[list[InsulinOrder], list[InsulinOrder]]) -> None:
    orders, shuffled = both
    assert segments(orders, AS_OF, PARAMETERS) == segments(shuffled, AS_OF, PARAMETERS)
