"""The orders of a call, each held against the chart on its own day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from cds_service.engine.determination import Determination
from cds_service.facts import Chart, DeviceOrder, Scope
from cds_service.policies.mp_mm_1316 import POLICY_ID
from cds_service.policies.mp_mm_1316.coverage import CoverageMatch, Members
from cds_service.policies.registry import determine, is_governed_kind, match
from cds_service.settings import Settings
from fhir_mappings.cpu_budget import USED_UP, spent


@dataclass(frozen=True, slots=True)
class Judged:
    """One order of the call with its determination; `match`: its coverage, None where the order is not judged."""

    order: DeviceOrder
    determination: Determination
    match: CoverageMatch | None = None


_NOT_REACHED = f"Not judged: {USED_UP}. Send this order in a call of its own"


def as_of_day(order: DeviceOrder, today: date, latest: date) -> tuple[date, tuple[str, ...]]:
    """The day that an order is judged at, and a note when it is not simply the order's own date.

    `today` is the member's day, `latest` the day that it already is in UTC: servers that stamp bare dates by UTC
    are a day ahead of the member in the evening, and their orders are not of the future.
    """
    authored = order.authored
    if authored is None:
        return today, ("The order has no authoredOn that can be read: judged at the time of the call",)
    if authored.first > latest:
        return today, (f"The order is dated {authored}, in the future: judged at the time of the call",)
    if authored.first != authored.last:
        day = min(authored.last, today)
        return day, (f"The order is dated {authored} only: judged at {day}",)
    return authored.last, ()


def judge_orders(
    orders: Sequence[DeviceOrder],
    chosen: frozenset[str],
    chart: Chart,
    today: tuple[date, date],
    settings: Settings,
    members: Members | None = None,
) -> list[Judged]:
    """A determination for every order; those that are not chosen are not judged.

    `today`: see `as_of_day`. `members`: the plan's own list, None when it gives none.
    """
    judged: list[Judged] = []
    for order in orders:
        as_of, notes = as_of_day(order, *today)
        if order.reference not in chosen:
            order = replace(order, out_of_scope="The order is not selected")
        if notes and is_governed_kind(order):
            order = replace(order, notes=(*notes, *order.notes))
        if judged and spent() and is_governed_kind(order):
            order = replace(order, out_of_scope=_NOT_REACHED)
        overrides = settings.overrides()
        matched = match(order, chart, as_of, overrides, members) if is_governed_kind(order) else None
        judged.append(Judged(order, determine(order, chart, as_of, overrides, matched), matched))
    pump = next((j for j in judged if j.order.scope is Scope.PUMP and j.order.out_of_scope is None), None)
    return [_riding(each, pump) for each in judged]


def _riding(each: Judged, pump: Judged | None) -> Judged:
    """Supplies in the bundle of a pump order share its determination; alone they are not judged."""
    if each.order.scope is not Scope.SUPPLIES or each.order.out_of_scope is not None:
        return each
    if pump is None:
        reason = f"Pump supplies alone: {POLICY_ID} is read for them together with a pump"
        return Judged(each.order, replace(each.determination, reason=reason))
    reference = pump.determination.order
    shared = replace(
        pump.determination,
        order=each.order.reference,
        rides_with=reference,
        reason=pump.determination.reason or f"The supplies ride along with {reference}",
    )
    return Judged(each.order, shared, pump.match)
