"""The main line: request bytes → hook message → facts → determinations → cards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from cds_service.engine.determination import Determination
from cds_service.errors import BadRequest
from cds_service.facts import Chart, DeviceOrder, Scope
from cds_service.hooks.cards import CardWriter
from cds_service.hooks.determinations import as_json, evidence_references
from cds_service.hooks.discovery import HookService
from cds_service.hooks.messages import HookRequest, parse_request
from cds_service.hooks.prefetch import refuse_other_patient
from cds_service.policies.mp_mm_1316 import POLICY_ID
from cds_service.policies.registry import determine, is_governed_kind
from cds_service.services.read_chart import OpenSource, Readers, opened, read_chart
from cds_service.settings import Settings
from fhir_mappings.orders import DraftOrder, draft_orders, order_codes, unresolved_items

EXTENSION = "com.insulin-pump-cds.determinations"


@dataclass(frozen=True, slots=True)
class Judged:
    """One order of the call with its determination."""

    order: DeviceOrder
    determination: Determination


def answer(
    body: bytes, service: HookService, settings: Settings, now: datetime, open_source: OpenSource | None
) -> dict[str, Any]:
    """The whole response of a hook call. `now` is an aware time; `open_source` None never leaves the machine."""
    began = time.monotonic()
    request = parse_request(body, service.hook)
    refuse_other_patient(request.prefetch, request.patient_id)
    drafts = list(draft_orders(request.entries))
    chosen = _selected(request, drafts)
    readers = Readers(request, drafts, settings.time_zone)
    reader, orders = readers.look({}, [])
    searches: tuple[str, ...] = ()
    chart = Chart()
    unresolved = [ref for draft in chosen for ref in unresolved_items(draft, reader.context)]
    if unresolved or any(is_governed_kind(order) for order in orders if order.reference in _names(chosen)):
        source = opened(request, orders, now, open_source, settings.deadline_seconds, began)
        try:
            reader, orders = read_chart(request, readers, unresolved, orders, source)
        finally:
            if source is not None:
                source.close()
                searches = tuple(sorted(source.log))
        if any(is_governed_kind(order) for order in orders):
            chart = reader.chart()
    today = now.astimezone(reader.zone).date()
    latest = max(today, now.astimezone(UTC).date())
    judged = _judge(orders, _names(chosen), chart, (today, latest), settings)
    writer = CardWriter(settings.public_url, request.patient_id, request.user_id, order_codes(drafts))
    cards = [card for each in judged if (card := writer.card(each.order, each.determination, chart, today))]
    response: dict[str, Any] = {"cards": cards, "systemActions": []}
    if judged:
        references = {r for each in judged for r in evidence_references(each.determination)}
        origins = reader.origins(references)
        found = [as_json(each.determination, request.patient_id, origins, searches) for each in judged]
        response["extension"] = {EXTENSION: found}
    return response


def _selected(request: HookRequest, drafts: Sequence[DraftOrder]) -> list[DraftOrder]:
    """All orders at signing; at selection the selected ones, each of which must be in the bundle."""
    if request.selections is None:
        return list(drafts)
    there = {draft.reference: draft for draft in drafts}
    for index, name in enumerate(request.selections):
        if name not in there:
            path = f"context.selections[{index}]"
            raise BadRequest(f"{path} names no order of context.draftOrders", path)
    return [there[name] for name in dict.fromkeys(request.selections)]


def _names(drafts: Sequence[DraftOrder]) -> frozenset[str]:
    return frozenset(draft.reference for draft in drafts)


def as_of_day(order: DeviceOrder, today: date, latest: date) -> tuple[date, tuple[str, ...]]:
    """The day that an order is judged at, and a note when it is not simply the order's own date.

    `today` is the member's day, `latest` the day that it already is in UTC: servers that stamp bare dates by UTC
    are a day ahead of the member in the evening, and their orders are not of the future.
    """
    authored = order.authored
    if authored is None:
        return today, ("The order has no authoredOn: judged at the time of the call",)
    if authored.first > latest:
        return today, (f"The order is dated {authored}, in the future: judged at the time of the call",)
    if authored.first != authored.last:
        day = min(authored.last, today)
        return day, (f"The order is dated {authored} only: judged at {day}",)
    return authored.last, ()


def _judge(
    orders: Sequence[DeviceOrder],
    chosen: frozenset[str],
    chart: Chart,
    today: tuple[date, date],
    settings: Settings,
) -> list[Judged]:
    judged: list[Judged] = []
    for order in orders:
        as_of, notes = as_of_day(order, *today)
        if order.reference not in chosen:
            order = replace(order, out_of_scope="The order is not selected")
        if is_governed_kind(order):
            order = replace(order, notes=(*notes, *order.notes))
        judged.append(Judged(order, determine(order, chart, as_of, settings.overrides())))
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
    return Judged(each.order, shared)
