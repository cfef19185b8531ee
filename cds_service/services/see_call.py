"""Everything that is read for a call: its orders, and the chart when one of them is for a pump."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from cds_service.engine.finding import Basis
from cds_service.engine.truth import MET
from cds_service.errors import TooLarge
from cds_service.facts import Chart, DeviceOrder, Topic
from cds_service.hooks.prefetch import refuse_other_patient
from cds_service.policies.mp_mm_1316.needs import feeds_any
from cds_service.policies.registry import is_governed_kind
from cds_service.services.call import Call
from cds_service.services.find_orders import chosen_orders, with_dispatched_orders
from cds_service.services.judge_orders import as_of_day, judge_orders
from cds_service.services.read_chart import HingesOn, OpenSource, Readers, Source, any_governed, opened, read_chart
from cds_service.services.verify_coverage import refuse
from fhir_mappings.chart import ChartReader
from fhir_mappings.free_text import notes_of, noticing_cuts
from fhir_mappings.orders import DraftOrder, draft_orders, may_be_for_pump


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read for a call.

    `drafts`: the orders as they came, by reference. `chosen`: references of those that the call is about. `orders`:
    what they are to the policy. `searches`: what was asked of the FHIR server, in words.
    """

    drafts: dict[str, DraftOrder]
    chosen: frozenset[str]
    reader: ChartReader
    orders: Sequence[DeviceOrder]
    chart: Chart
    searches: tuple[str, ...]


def see(call: Call, open_source: OpenSource | None, began: float) -> Seen:
    """Reads what the call is about. `began`: the monotonic time that the deadline counts from."""
    with noticing_cuts() as lengths:
        seen = _see(call, open_source, began)
    if not lengths:
        return seen
    return replace(seen, chart=replace(seen.chart, notes=(*seen.chart.notes, *notes_of(lengths))))


def _see(call: Call, open_source: OpenSource | None, began: float) -> Seen:
    source: Source | None = None
    request, seconds = call.request, call.settings.deadline_seconds
    _count_orders(call)
    try:
        place = "context.draftOrders.entry"
        rest: list[DraftOrder] = []
        if request.dispatched is not None:
            place = "context.dispatchedOrders"
            source = opened(request, call.now, open_source, seconds, began)
            request, rest = with_dispatched_orders(request, source)
        drafts = [*draft_orders(request.entries, place), *rest]
        _weigh_orders(drafts, call.settings.max_order_bytes)
        chosen = chosen_orders(request, drafts)
        names = frozenset(draft.reference for draft in chosen)
        readers = Readers(request, drafts, call.settings.time_zone)
        chart = Chart()
        may_be = any(may_be_for_pump(draft) for draft in chosen)
        refuse_other_patient(request.prefetch, request.patient_id, read_whole=may_be)
        if may_be:
            source = source or opened(request, call.now, open_source, seconds, began)
            crd = call.service.crd
            gate = _gate(call, names) if crd else None
            most = call.settings.max_resources
            hinges = _hinges(call, names)
            reader, orders = read_chart(request, readers, chosen, source, gate, crd, most, hinges_on=hinges)
            if any_governed(orders, chosen):
                chart = reader.chart()
        else:
            reader, orders = readers.look({}, [])
    finally:
        if source is not None:
            source.close()
    searches = tuple(sorted(source.log)) if source is not None else ()
    return Seen({draft.reference: draft for draft in drafts}, names, reader, orders, chart, searches)


def _count_orders(call: Call) -> None:
    named = call.request.dispatched
    count = len(call.request.entries) if named is None else len(named)
    if count > call.settings.max_orders:
        place = "context.draftOrders.entry" if named is None else "context.dispatchedOrders"
        raise TooLarge(f"{place} holds more than {call.settings.max_orders} orders: send them in several calls", place)


def _weigh_orders(drafts: Sequence[DraftOrder], most: int) -> None:
    """TooLarge for an order that is larger than orders are: each is checked whole and sent back whole."""
    for draft in drafts:
        if draft.view is not None and memoryview(draft.raw).nbytes > most:
            place = draft.place or draft.reference[:80]
            raise TooLarge(f"{place} has more than {most} bytes: send the order without what it does not need", place)


def _hinges(call: Call, chosen: frozenset[str]) -> HingesOn:
    """Whether a criterion of a chosen order may change with what is still being read.

    It may not once it is met on evidence as strong as any that could still come: what is read late are sensor readings
    and meter readings.
    """

    def check(reader: ChartReader, orders: Sequence[DeviceOrder], late: Collection[Topic]) -> bool:
        chart, days = reader.chart(), call.days(reader)
        for each in judge_orders(orders, chosen, chart, days, call.settings):
            found = each.determination
            for finding in (*found.criteria, *found.exclusions, *found.replacement):
                strong = finding.truth is MET and finding.basis in (Basis.DOCUMENTED, Basis.ATTESTED)
                if feeds_any(late, finding.id) and not strong:
                    return True
        return False

    return check


def _gate(call: Call, chosen: frozenset[str]) -> Callable[[ChartReader, Sequence[DeviceOrder]], None]:
    """Refuses a CRD call over coverages that came with it, before a chart is read that nobody may need."""

    def check(reader: ChartReader, orders: Sequence[DeviceOrder]) -> None:
        chart, days = reader.coverage_only(), call.days(reader)
        for order in orders:
            if is_governed_kind(order) and order.reference in chosen:
                refuse(call.match(order, chart, as_of_day(order, *days)[0]), before_fetching=True)

    return check
