"""The one way to an answer: orders and a chart → an assessment of each order. Knows no protocol and no FHIR.

Hooks, the documentation page, the questionnaire package, replay and population runs are thin callers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from cds_service.engine.assessment import Assessment
from cds_service.engine.coverage_match import CoverageMatch, Members
from cds_service.engine.determine import determine, not_applicable
from cds_service.engine.plain_text import day_text
from cds_service.engine.policy import Policy, PolicyOnDay
from cds_service.facts import Chart, DeviceOrder, Scope
from cds_service.policies.registry import choose_policies, is_governed_kind
from fhir_mappings.common.cpu_budget import USED_UP, is_budget_used_up

_NOT_REACHED = f"Not judged: {USED_UP}. Send this order in a call of its own"


def assess(
    orders: Sequence[DeviceOrder],
    chart: Chart,
    today: tuple[date, date],
    policies: Sequence[Policy],
    *,
    chosen: Collection[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    members: Members | None = None,
) -> tuple[Assessment, ...]:
    """An assessment of every order, each judged as of its own day; several of an order that several policies claim.

    They follow each other in the order of the orders. `today`: see `as_of_day`. `policies`: those in use, at least
    one; the first one stands for orders that none speaks about. `chosen`: references of the orders that the call is
    about, None for all. `overrides`: the plan's own parameter values. `members`: the plan's list of members, None
    when it gives none.
    """
    assessments: list[Assessment] = []
    for order in orders:
        as_of, notes = as_of_day(order, *today)
        if chosen is not None and order.reference not in chosen:
            order = replace(order, out_of_scope="The order is not selected")
        if notes and is_governed_kind(order):
            order = replace(order, notes=(*notes, *order.notes))
        if assessments and is_budget_used_up() and is_governed_kind(order):
            order = replace(order, out_of_scope=_NOT_REACHED, not_reached=True)
        assessments.extend(_assess_one(order, chart, as_of, policies, overrides, members))
    pump = next((a.order for a in assessments if a.order.scope is Scope.PUMP and a.order.out_of_scope is None), None)
    of_pump = tuple(a for a in assessments if a.order is pump)
    return tuple(each for assessment in assessments for each in _with_companion_pump(assessment, of_pump))


def _assess_one(
    order: DeviceOrder,
    chart: Chart,
    as_of: date,
    policies: Sequence[Policy],
    overrides: Mapping[str, Any] | None,
    members: Members | None,
) -> tuple[Assessment, ...]:
    if not is_governed_kind(order):
        policy = policies[0]
        notes = tuple(dict.fromkeys((*order.notes, *chart.notes)))
        return (Assessment(order, not_applicable(order, as_of, policy.id, notes), policy.on(as_of, overrides)),)
    chosen = choose_policies(policies, order, chart, as_of, overrides, members)
    return tuple(_under(policy.on(as_of, overrides), match, order, chart, as_of) for policy, match in chosen)


def _under(policy: PolicyOnDay, match: CoverageMatch, order: DeviceOrder, chart: Chart, as_of: date) -> Assessment:
    """The assessment of an order under one policy; of supplies alone none, where the policy does not judge them."""
    if order.scope is Scope.REFILL and not policy.policy.refill:
        supplies = replace(order, scope=Scope.SUPPLIES)
        notes = tuple(dict.fromkeys(order.notes))
        alone = replace(not_applicable(supplies, as_of, policy.id, notes), reason=_alone(policy.id))
        return Assessment(supplies, alone, policy)
    case = policy.make_case(order, chart, as_of)
    determination = determine(case, policy, match)
    return Assessment(order, determination, policy, match, case if determination.criteria else None)


def as_of_day(order: DeviceOrder, today: date, latest: date) -> tuple[date, tuple[str, ...]]:
    """The day that an order is judged at, and a note when it is not simply the order's own date.

    `today` is the member's day, `latest` the day that it already is in UTC: servers that stamp bare dates by UTC
    are a day ahead of the member in the evening, and their orders are not of the future.
    """
    authored = order.authored
    if authored is None:
        return today, ("The order has no readable date: checked for today",)
    if authored.first > latest:
        return today, (f"The order is dated {day_text(authored)}, in the future: checked for today",)
    if authored.first != authored.last:
        day = min(authored.last, today)
        return day, (f"The order is dated {day_text(authored)} only: checked for {day_text(day)}",)
    return authored.last, ()


def _with_companion_pump(assessment: Assessment, pumps: Sequence[Assessment]) -> tuple[Assessment, ...]:
    """Supplies in the bundle of a pump order share its determinations; alone they are not judged.

    `pumps`: the assessments of that order.
    """
    order = assessment.order
    if order.scope is not Scope.SUPPLIES or order.out_of_scope is not None:
        return (assessment,)
    if not pumps:
        alone = replace(assessment.determination, reason=_alone(assessment.policy.id))
        return (replace(assessment, determination=alone),)
    return tuple(_sharing(order, pump) for pump in pumps)


def _alone(policy_id: str) -> str:
    return f"Pump supplies alone: {policy_id} is checked for them together with a pump"


def _sharing(order: DeviceOrder, pump: Assessment) -> Assessment:
    """The assessment of supplies that ride along with a pump."""
    reference = pump.determination.order
    shared = replace(
        pump.determination,
        order=order.reference,
        accompanies=reference,
        reason=pump.determination.reason or "The supplies go with the pump order",
    )
    return replace(pump, order=order, determination=shared)
