"""The main line: request bytes → hook message → facts → determinations → cards and system actions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from cds_service.engine.determination import CoverageStanding
from cds_service.errors import BadRequest, NotJson, Unprocessable
from cds_service.facts import Chart, DeviceOrder
from cds_service.hooks.cards import CardWriter
from cds_service.hooks.configuration import (
    COVERAGE_INFO,
    UNSOLICITED,
    Configuration,
    configuration_in,
    requested_version,
)
from cds_service.hooks.crd_cards import CrdCardWriter, limited
from cds_service.hooks.determinations import as_json, evidence_references
from cds_service.hooks.discovery import HookService
from cds_service.hooks.messages import HookRequest, extension_in, read_root, request_in
from cds_service.hooks.prefetch import refuse_other_patient
from cds_service.hooks.system_actions import system_actions
from cds_service.policies.registry import is_governed_kind, payer_parameters
from cds_service.services.assert_coverage import Terms, assertion_for
from cds_service.services.find_orders import chosen_orders, with_dispatched_orders
from cds_service.services.judge_orders import Judged, as_of_day, judge_orders
from cds_service.services.member_roster import Roster
from cds_service.services.read_chart import OpenSource, Readers, Source, opened, read_chart
from cds_service.services.verify_coverage import Position, Problem, position_of, refuse
from cds_service.settings import Settings
from fhir_mappings.chart import ChartReader
from fhir_mappings.crd_versions import V2_2, CrdVersion, version_named
from fhir_mappings.orders import DraftOrder, draft_orders, order_codes, unresolved_items

EXTENSION = "com.insulin-pump-cds.determinations"


@dataclass(frozen=True, slots=True)
class _Call:
    """One call: what was asked, and all that the answer depends on beside it."""

    request: HookRequest
    service: HookService
    settings: Settings
    now: datetime
    version: CrdVersion
    configuration: Configuration
    roster: Roster | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read for a call."""

    drafts: Sequence[DraftOrder]
    chosen: frozenset[str]
    reader: ChartReader
    orders: Sequence[DeviceOrder]
    chart: Chart
    searches: tuple[str, ...]


def answer(
    body: bytes,
    service: HookService,
    settings: Settings,
    now: datetime,
    open_source: OpenSource | None,
    *,
    roster: Roster | None = None,
    default_version: CrdVersion | None = None,
) -> dict[str, Any]:
    """The whole response of a hook call. `now` is an aware time; `open_source` None never leaves the machine.

    `roster`: the plan's members, None when it gives no list. `default_version`: of CRD, for a client that asks for
    none; None takes the setting's.
    """
    began = time.monotonic()
    root = read_root(body)
    extension = extension_in(root)
    version = _version(extension, service, default_version or version_named(settings.crd_version))
    with _statuses(version if service.crd else None):
        request = request_in(root, service.hook)
        refuse_other_patient(request.prefetch, request.patient_id)
        call = _Call(request, service, settings, now, version, configuration_in(extension), roster)
        return _answered(call, _see(call, open_source, began))


def _version(extension: dict[str, Any], service: HookService, default: CrdVersion | None) -> CrdVersion:
    """The version of the guide to answer in; a plain client that names an unknown one is answered all the same."""
    fallback = default or V2_2
    try:
        return requested_version(extension, fallback)
    except Unprocessable:
        if service.crd:
            raise
        return fallback


@contextmanager
def _statuses(version: CrdVersion | None) -> Iterator[None]:
    """Faults under the HTTP status that the version of the guide has for them."""
    try:
        yield
    except BadRequest as error:
        if version is None or isinstance(error, NotJson) or error.status != 400 or version.invalid_status == 400:
            raise
        raise Unprocessable(error.message, error.field, error.code) from None


# ---------------------------------------------------------------- what is read


def _see(call: _Call, open_source: OpenSource | None, began: float) -> _Seen:
    source: Source | None = None
    request, settings = call.request, call.settings
    try:
        if request.dispatched is not None:
            source = opened(request, call.now, open_source, settings.deadline_seconds, began)
            request = with_dispatched_orders(request, source)
        drafts = list(draft_orders(request.entries, _place(request)))
        chosen = chosen_orders(request, drafts)
        names = frozenset(draft.reference for draft in chosen)
        readers = Readers(request, drafts, settings.time_zone)
        reader, orders = readers.look({}, [])
        chart = Chart()
        unresolved = [ref for draft in chosen for ref in unresolved_items(draft, reader.context)]
        if unresolved or any(is_governed_kind(order) for order in orders if order.reference in names):
            source = source or opened(request, call.now, open_source, settings.deadline_seconds, began)
            gate = _Gate(call, names)
            reader, orders = read_chart(request, readers, unresolved, orders, source, gate.check)
            if any(is_governed_kind(order) for order in orders):
                chart = reader.chart()
    finally:
        if source is not None:
            source.close()
    return _Seen(drafts, names, reader, orders, chart, tuple(sorted(source.log)) if source is not None else ())


def _place(request: HookRequest) -> str:
    return "context.draftOrders.entry" if request.dispatched is None else "context.dispatchedOrders"


class _Gate:
    """Refuses a CRD call over coverages that came with it, before a chart is read that nobody may need."""

    def __init__(self, call: _Call, chosen: frozenset[str]) -> None:
        self._call = call
        self._chosen = chosen

    def check(self, reader: ChartReader, orders: Sequence[DeviceOrder]) -> None:
        """Raises what no further reading could mend."""
        if not self._call.service.crd:
            return
        chart, days = reader.coverage_only(), _days(self._call, reader)
        for order in orders:
            if is_governed_kind(order) and order.reference in self._chosen:
                refuse(_position(self._call, chart, as_of_day(order, *days)[0]), before_fetching=True)


def _days(call: _Call, reader: ChartReader) -> tuple[date, date]:
    """The member's day, and the one that it already is in UTC."""
    today = call.now.astimezone(reader.zone).date()
    return today, max(today, call.now.astimezone(UTC).date())


def _position(call: _Call, chart: Chart, as_of: date) -> Position:
    return position_of(chart, as_of, payer_parameters(as_of, call.settings.overrides()), call.roster)


# ---------------------------------------------------------------- what is answered


def _answered(call: _Call, seen: _Seen) -> dict[str, Any]:
    days = _days(call, seen.reader)
    judged = judge_orders(seen.orders, seen.chosen, seen.chart, days, call.settings)
    placed = [_placed(call, seen, each) for each in judged]
    response: dict[str, Any] = {
        "cards": limited(list(_cards(call, seen, placed, days[0])), call.configuration),
        "systemActions": _actions(call, seen, placed, days[0]),
    }
    if placed:
        references = {r for each, _ in placed for r in evidence_references(each.determination)}
        origins = seen.reader.origins(references)
        patient = call.request.patient_id
        found = [as_json(each.determination, patient, origins, seen.searches) for each, _ in placed]
        response["extension"] = {EXTENSION: found}
    return response


def _placed(call: _Call, seen: _Seen, each: Judged) -> tuple[Judged, Position]:
    """A judged order with the coverage that it is held against; a CRD call over an unusable one is refused."""
    determination = each.determination
    if not (is_governed_kind(each.order) or determination.rides_with):
        return each, Position()
    position = _position(call, seen.chart, determination.as_of)
    if call.service.crd and each.order.reference in seen.chosen:
        refuse(position)
        _require_id(seen.drafts, each.order.reference)
    if position.problem is Problem.MEMBER_UNKNOWN:
        why = "the plan does not know the member id on the Coverage"
        notes = (f"Coverage not verified: {why}", *determination.notes)
        determination = replace(determination, coverage=CoverageStanding.UNVERIFIED, coverage_note=why, notes=notes)
    if position.coverage is not None and determination.coverage_reference is None:
        determination = replace(determination, coverage_reference=position.coverage.reference)
    return Judged(each.order, determination), position


def _require_id(drafts: Sequence[DraftOrder], reference: str) -> None:
    draft = next(draft for draft in drafts if draft.reference == reference)
    if not draft.has_id:
        field = f"{draft.place}.id"
        raise BadRequest(f"{field} is missing: give the order an id, so that the answer can name it", field)


def _cards(
    call: _Call, seen: _Seen, placed: Sequence[tuple[Judged, Position]], today: date
) -> Iterator[dict[str, Any]]:
    request, ordered = call.request, order_codes(seen.drafts)
    url = call.settings.public_url
    if call.service.crd:
        crd = CrdCardWriter(url, request.patient_id, call.version, call.configuration, ordered)
        for each, _ in placed:
            yield from crd.cards(each.order, each.determination, seen.chart, today)
    elif call.configuration.on(COVERAGE_INFO):
        writer = CardWriter(url, request.patient_id, request.user_id, ordered)
        for each, _ in placed:
            card = writer.card(each.order, each.determination, seen.chart, today)
            if card is not None:
                yield card


def _actions(call: _Call, seen: _Seen, placed: Sequence[tuple[Judged, Position]], today: date) -> list[dict[str, Any]]:
    if not call.configuration.on(COVERAGE_INFO):
        return []
    request = call.request
    server = request.fhir.server if request.fhir else None
    terms = Terms(
        call.settings,
        request.patient_id,
        server,
        today,
        primary=call.service.primary,
        unsolicited=call.configuration.on(UNSOLICITED),
        answers_all=call.service.crd,
    )
    raw = {draft.reference: draft.raw for draft in seen.drafts if draft.has_id}
    made = [(assertion_for(*each, terms), each[0].order) for each in placed if each[0].order.reference in raw]
    said = [(assertion, order.label) for assertion, order in made if assertion is not None]
    return system_actions(said, raw, call.version, server)
