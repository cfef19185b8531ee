"""Injections a day of orders that are live together: switches, shared times of day, ceilings (D.I.F)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.facts import InsulinAction, InsulinOrder, Moment
from cds_service.policies.rules.regimen_count import Injections, injections

A = InsulinAction
BREAKFAST, LUNCH, DINNER, BEDTIME = Moment.BREAKFAST, Moment.LUNCH, Moment.DINNER, Moment.BEDTIME
ACTIONS = {
    "glargine": A.LONG,
    "degludec": A.LONG,
    "lispro": A.RAPID,
    "aspart": A.RAPID,
    "regular": A.SHORT,
    "isophane": A.INTERMEDIATE,
    "premix": A.PREMIX,
    "basal with GLP-1": A.COMBINED,
    "insulin": A.UNSTATED,
}


def order(ingredient: str, certain: float, *at: Moment, possible: float | None = -1, **members: Any) -> InsulinOrder:
    """One live order; named times of day are those of its certain injections."""
    return InsulinOrder(
        reference=f"MedicationRequest/{ingredient}",
        ingredient=ingredient,
        label=ingredient,
        action=ACTIONS[ingredient],
        start=date(2026, 1, 5),
        end=None,
        certain=certain,
        possible=certain if possible == -1 else possible,
        certain_at=frozenset(at),
        moments=members.pop("moments", frozenset(at)),
        **members,
    )


def count(*orders: InsulinOrder) -> Injections:
    """The counts of one day; 3 for a line that states no ceiling."""
    found = injections(orders, 3)
    assert found == injections(reversed(orders), 3)
    return found


# Certain, and what it would be if rivals were all current, if shared times were two injections, if both.
CERTAIN = {
    "basal and mealtime": ([order("glargine", 1), order("lispro", 3)], (4, 4, 4, 4)),
    "two basal insulins": ([order("glargine", 1), order("degludec", 1), order("lispro", 1)], (2, 3, 2, 3)),
    "rapid and regular are one class": ([order("lispro", 2), order("regular", 1)], (2, 3, 2, 3)),
    "premix is a class of its own": ([order("premix", 2), order("lispro", 1)], (3, 3, 3, 3)),
    "basal with GLP-1 is its own": ([order("basal with GLP-1", 1), order("glargine", 1)], (2, 2, 2, 2)),
    "different meals of one insulin": (
        [order("lispro", 1, BREAKFAST), order("lispro", 1, LUNCH), order("lispro", 1, DINNER)],
        (3, 3, 3, 3),
    ),
    "a meal named twice": ([order("lispro", 2, BREAKFAST, DINNER), order("lispro", 1, DINNER)], (2, 2, 2, 2)),
    "meals and bedtime": (
        [order("lispro", 3, BREAKFAST, LUNCH, DINNER), order("lispro", 1, BEDTIME)],
        (4, 4, 4, 4),
    ),
    "an unnamed renewal": ([order("lispro", 3), order("lispro", 1, BEDTIME)], (3, 3, 3, 3)),
    "NPH and regular at unnamed times": ([order("isophane", 2), order("regular", 2)], (2, 2, 4, 4)),
    "NPH and regular at the same times": (
        [order("isophane", 2, BREAKFAST, DINNER), order("regular", 2, BREAKFAST, DINNER)],
        (2, 2, 4, 4),
    ),
    "NPH and regular at one shared time": (
        [order("isophane", 2, BREAKFAST, BEDTIME), order("regular", 2, BREAKFAST, DINNER)],
        (3, 3, 4, 4),
    ),
    "NPH and regular at no shared time": (
        [order("isophane", 1, BEDTIME), order("regular", 2, BREAKFAST, DINNER)],
        (3, 3, 3, 3),
    ),
    "unnamed NPH with named meals": (
        [order("isophane", 1), order("lispro", 3, BREAKFAST, LUNCH, DINNER)],
        (3, 3, 4, 4),
    ),
    "named NPH with unnamed meals": ([order("isophane", 1, BEDTIME), order("lispro", 3)], (3, 3, 4, 4)),
    "mixed as the sig says": (
        [order("isophane", 2, BREAKFAST, DINNER, mixed=True), order("regular", 2, BREAKFAST, DINNER)],
        (2, 2, 2, 2),
    ),
    "NPH with two mealtime insulins": (
        [order("isophane", 1), order("lispro", 1), order("regular", 1)],
        (1, 2, 2, 3),
    ),
    "an insulin that nobody names may be the other one": ([order("insulin", 1), order("glargine", 2)], (2, 3, 2, 3)),
    "an insulin that nobody names alone": ([order("insulin", 3)], (3, 3, 3, 3)),
    "nothing": ([], (0, 0, 0, 0)),
}


@pytest.mark.parametrize(("orders", "expected"), CERTAIN.values(), ids=CERTAIN.keys())
def test_what_is_certain_and_what_it_would_be(
    orders: list[InsulinOrder], expected: tuple[float, float, float, float]
) -> None:
    found = count(*orders)
    assert (found.certain, found.if_all_current, found.if_separate, found.if_both) == expected


POSSIBLE = {
    "a ceiling": ([order("glargine", 1), order("lispro", 0, possible=4, as_needed=True)], 5),
    "no ceiling stated": ([order("glargine", 1), order("lispro", 0, possible=0, no_ceiling=1, as_needed=True)], 4),
    "as needed beside scheduled doses of one insulin": (
        [order("lispro", 1), order("lispro", 0, possible=1, as_needed=True)],
        2,
    ),
    "a renewal with a higher ceiling": ([order("lispro", 1, possible=2), order("lispro", 1)], 2),
    "orders that name different times": ([order("lispro", 1, BREAKFAST), order("lispro", 0, DINNER, possible=2)], 3),
    "a renewal that names no time": ([order("lispro", 3), order("lispro", 1, BEDTIME)], 3),
    "rivals are both possible": ([order("glargine", 1), order("degludec", 1)], 2),
    "unmixed at shared times": ([order("isophane", 1, DINNER), order("regular", 1, DINNER)], 2),
    "mixed at shared times": ([order("isophane", 1, DINNER, mixed=True), order("regular", 1, DINNER)], 1),
    "unreadable": ([order("glargine", 1), order("lispro", 0, possible=None)], None),
}


@pytest.mark.parametrize(("orders", "expected"), POSSIBLE.values(), ids=POSSIBLE.keys())
def test_what_is_possible(orders: list[InsulinOrder], expected: float | None) -> None:
    assert count(*orders).possible == expected


def test_rivals_and_shared_insulins_are_named() -> None:
    found = count(order("glargine", 1), order("degludec", 1), order("isophane", 1), order("regular", 1))
    assert (found.rivals, found.shared) == (("degludec", "glargine"), ("isophane", "regular"))
    assert count(order("glargine", 1), order("lispro", 3)).rivals == ()
    assert count(order("isophane", 1, BEDTIME), order("regular", 1, DINNER)).shared == ()


ORDERS = st.lists(
    st.builds(
        lambda name, at, unnamed, mixed: order(name, len(at) or unnamed, *at, mixed=mixed),
        st.sampled_from(sorted(ACTIONS)),
        st.frozensets(st.sampled_from(list(Moment))),
        st.integers(0, 4),
        st.booleans(),
    ),
    max_size=6,
)


@given(ORDERS)
def test_the_counts_are_in_order(orders: list[InsulinOrder]) -> None:
    found = count(*orders)
    assert 0 <= found.certain <= min(found.if_all_current, found.if_separate)
    assert max(found.if_all_current, found.if_separate) <= found.if_both
    assert found.possible is not None and found.certain <= found.possible


@given(ORDERS, ORDERS)
def test_another_order_never_lowers_what_is_possible(orders: list[InsulinOrder], more: list[InsulinOrder]) -> None:
    if any(o.mixed for o in more):
        return
    assert (count(*orders, *more).possible or 0) >= (count(*orders).possible or 0) or any(o.mixed for o in orders)
