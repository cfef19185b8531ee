"""The insulin regimen as a timeline: how many injections a day, on which days."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from cds_service.facts import InsulinOrder
from cds_service.policies.rules.regimen_count import Injections, class_of, counted_part, injections

_RAN_OUT = ("active", "in-progress", "completed")
_DAY = timedelta(days=1)
# Different insulin orders of one day that are counted; of more nobody can tell how many injections they come to.
_MOST_TOGETHER = 100


@dataclass(frozen=True, slots=True)
class Span:
    """An order with the days that it covers, both included, as far as they lie up to the day."""

    order: InsulinOrder
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Segment:
    """Days from `start` up to, not including, `end` with the same live orders."""

    start: date
    end: date
    count: Injections


class Starts:
    """Start days of orders by action class, to find the order that follows another."""

    def __init__(self, orders: Iterable[InsulinOrder]) -> None:
        """`orders`: those that begin by the day."""
        days: dict[str, set[date]] = {}
        for order in orders:
            if order.start is not None:
                days.setdefault(class_of(order), set()).add(order.start)
        self._days = {insulin_class: sorted(starts) for insulin_class, starts in days.items()}

    def after(self, order: InsulinOrder) -> date | None:
        """The day on which the next order of the same ingredient or class begins."""
        days = self._days.get(class_of(order), [])
        place = bisect_right(days, order.start) if order.start is not None else len(days)
        return days[place] if place < len(days) else None


def last_day(order: InsulinOrder, starts: Starts, assumed_days: int, as_of: date) -> date | None:
    """The last day of an order: `as_of` for one that runs on, None when it cannot be told.

    One that was stopped, completed or paused ends on the day that it names, but not before the end of its supply
    when a later order of the same ingredient or class follows. Where it names neither it is taken to last so many
    days, only to join it to such a successor.
    """
    if order.live and order.status in ("active", "in-progress"):
        return order.end or as_of
    named = order.end
    if named is not None and not order.live:
        named = min(named, as_of - _DAY)  # it no longer runs, whatever its bounds said when it was written
    following = starts.after(order)
    if following is None or order.start is None:
        return named
    supplied = order.supplied_until
    if supplied is None and named is None:
        supplied = order.start + timedelta(days=assumed_days - 1)
    joined = min(supplied, following - _DAY) if supplied is not None else None
    return max((day for day in (named, joined) if day is not None), default=None)


def spans(orders: Iterable[InsulinOrder], as_of: date, parameters: Mapping[str, Any]) -> list[Span]:
    """The orders whose days are known, as far as they begin by `as_of`."""
    there = [o for o in orders if o.start is None or o.start <= as_of]
    starts = Starts(there)
    known = []
    for order in there:
        last = last_day(order, starts, parameters["assumed_supply_days"], as_of)
        if order.start is not None and last is not None and last >= order.start:
            known.append(Span(order, order.start, min(last, as_of)))
    return known


def segments(orders: Iterable[InsulinOrder], as_of: date, parameters: Mapping[str, Any]) -> list[Segment]:
    """The timeline up to and including `as_of`, oldest first; orders without known days are left out."""
    placed = spans(orders, as_of, parameters)
    begin: dict[date, list[InsulinOrder]] = defaultdict(list)
    over: dict[date, list[InsulinOrder]] = defaultdict(list)
    for span in placed:
        part = counted_part(span.order)
        begin[span.first].append(part)
        over[span.last + _DAY].append(part)
    live: Counter[InsulinOrder] = Counter()
    known: dict[frozenset[InsulinOrder], Injections] = {}
    timeline = []
    for start, end in pairwise(sorted({as_of + _DAY, *begin, *over})):
        live.update(begin[start])
        for kind in over[start]:
            live[kind] -= 1
            if not live[kind]:
                del live[kind]
        if len(live) > _MOST_TOGETHER:
            timeline.append(Segment(start, end, Injections(possible=None, orders=len(live))))
            continue
        kinds = frozenset(live)
        if kinds not in known:
            known[kinds] = injections(kinds, parameters["unstated_ceiling"])
        timeline.append(Segment(start, end, known[kinds]))
    return timeline


def chain_start(timeline: Sequence[Segment], goal: float, gap_days: int, as_of: date) -> date | None:
    """First day of the unbroken run at `goal` or more a day that reaches `as_of`; None when there is none.

    Gaps of up to `gap_days` are bridged, the one between the last good day and `as_of` too.
    """
    start: date | None = None
    expected = as_of + _DAY
    for segment in reversed(timeline):
        if segment.count.certain < goal:
            continue
        if (expected - segment.end).days > gap_days:
            break
        start = expected = segment.start
    return start


def smaller_days(timeline: Sequence[Segment], goal: float, since: date, until: date) -> tuple[date, date, float] | None:
    """The last days from `since` up to, not including, `until` with fewer than `goal` a day, and the most on them."""
    for segment in reversed(timeline):
        first, end = max(segment.start, since), min(segment.end, until)
        if first < end and _is_read(segment, goal):
            return first, end - _DAY, segment.count.possible or 0.0
    return None


def covers(timeline: Sequence[Segment], since: date, as_of: date, gap_days: int, below: float | None) -> bool:
    """Whether readable orders cover the days from `since` to `as_of`, short gaps bridged.

    With `below`: and none of these days allows that many injections.
    """
    expected = as_of + _DAY
    for segment in reversed(timeline):
        if not segment.count.orders:
            continue
        if not _is_read(segment, below) or (expected - segment.end).days > gap_days:
            return False
        expected = segment.start
        if expected <= since:
            return True
    return False


def _is_read(segment: Segment, below: float | None) -> bool:
    """Whether every order of these days can be read, and allows fewer injections than that."""
    possible = segment.count.possible
    return bool(segment.count.orders) and possible is not None and (below is None or possible < below)


def current(orders: Iterable[InsulinOrder], as_of: date, gap_days: int) -> list[InsulinOrder]:
    """The orders of the current regimen: running ones, and those that ran out so recently that a refill is due."""
    there = [o for o in orders if o.start is None or o.start <= as_of]
    running = [o for o in there if o.live and (o.end is None or o.end >= as_of)]
    held = {o.ingredient for o in running}
    due = [o for o in there if _is_due(o, as_of, gap_days) and o.ingredient not in held]
    return [*running, *due]


def _is_due(order: InsulinOrder, as_of: date, gap_days: int) -> bool:
    ran_out = order.live and order.status in _RAN_OUT and order.end is not None and order.end < as_of
    return ran_out and order.end is not None and (as_of - order.end).days <= gap_days
