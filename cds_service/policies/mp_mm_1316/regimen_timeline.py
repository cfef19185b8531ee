"""The insulin regimen as a timeline: how many injections a day, on which days (D.I.F)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from cds_service.facts import InsulinOrder


@dataclass(frozen=True, slots=True)
class Segment:
    """Days from `start` up to, not including, `end` with the same live orders."""

    start: date
    end: date
    least: float
    most: float


def daily_count(orders: Iterable[InsulinOrder]) -> tuple[float, float]:
    """Least and most scheduled injections a day of orders that are live together.

    Distinct insulins add. Two orders for one ingredient are a renewal or a re-entry: the larger counts.
    """
    least: dict[str, float] = defaultdict(float)
    most: dict[str, float] = defaultdict(float)
    for order in orders:
        if order.least is not None and order.most is not None:
            least[order.ingredient] = max(least[order.ingredient], order.least)
            most[order.ingredient] = max(most[order.ingredient], order.most)
    return sum(least.values()), sum(most.values())


def segments(orders: Iterable[InsulinOrder], as_of: date) -> list[Segment]:
    """The timeline up to and including `as_of`, oldest first; orders with no start are left out."""
    placed = [o for o in orders if o.start is not None and o.start <= as_of]
    horizon = as_of + timedelta(days=1)
    cuts = {horizon}
    for order in placed:
        cuts.add(order.start)  # type: ignore[arg-type]
        cuts.add(min(_after(order, as_of), horizon))
    days = sorted(cuts)
    timeline = []
    for start, end in pairwise(days):
        live = [o for o in placed if o.start <= start and _after(o, as_of) > start]  # type: ignore[operator]
        timeline.append(Segment(start, end, *daily_count(live)))
    return timeline


def chain_start(timeline: list[Segment], goal: float, gap_days: int, as_of: date) -> date | None:
    """First day of the unbroken run at `goal` or more a day that reaches `as_of`; None when there is none.

    Gaps of up to `gap_days` are bridged, the one between the last good day and `as_of` too.
    """
    start: date | None = None
    expected = as_of + timedelta(days=1)
    for segment in reversed(timeline):
        if segment.least < goal:
            continue
        if (expected - segment.end).days > gap_days:
            break
        start = expected = segment.start
    return start


def _after(order: InsulinOrder, as_of: date) -> date:
    """The day after an order's last day."""
    return (order.end if order.end is not None else as_of) + timedelta(days=1)
