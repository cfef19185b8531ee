"""Reads the inputs of a call: its orders, and the chart when one of them is for a pump."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from cds_service.engine.finding import Basis
from cds_service.engine.truth import MET
from cds_service.errors import TooLarge
from cds_service.facts import Chart, DeviceOrder, Scope
from cds_service.hooks.prefetch import refuse_other_patient
from cds_service.policies.registry import assess_refills, is_governed_kind
from cds_service.services.assess_orders import as_of_day, assess
from cds_service.services.call import Call
from cds_service.services.chart_source import ChartSource, ChartSourceFactory
from cds_service.services.find_orders import chosen_orders, with_dispatched_orders
from cds_service.services.policies_held_against import held_against
from cds_service.services.read_chart import CallReader, DependsOn, any_governed, open_source_for, read_chart
from cds_service.services.refuse_coverage import refuse
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.common.free_text import notes_of, recording_cut_lengths
from fhir_mappings.json.search_result import SearchNote
from fhir_mappings.orders.order_reader import DraftOrder, draft_orders, may_be_for_pump


@dataclass(frozen=True, slots=True)
class CallInputs:
    """The orders and the chart of a call.

    `drafts`: the orders as they came, by reference. `chosen`: references of those that the call is about. `orders`:
    what they are to the policy. `searches`: what was asked of the FHIR server.
    """

    drafts: dict[str, DraftOrder]
    chosen: frozenset[str]
    reader: ChartReader
    orders: Sequence[DeviceOrder]
    chart: Chart
    searches: tuple[SearchNote, ...]


def read_inputs(call: Call, open_source: ChartSourceFactory | None, began: float) -> CallInputs:
    """Reads the orders and the chart. `began`: the monotonic time that the deadline counts from."""
    with recording_cut_lengths() as lengths:
        inputs = _read_inputs(call, open_source, began)
    if not lengths:
        return inputs
    return replace(inputs, chart=replace(inputs.chart, notes=(*inputs.chart.notes, *notes_of(lengths))))


def _read_inputs(call: Call, open_source: ChartSourceFactory | None, began: float) -> CallInputs:
    source: ChartSource | None = None
    request, seconds = call.request, call.settings.deadline_seconds
    _count_orders(call)
    try:
        place = "context.draftOrders.entry"
        rest: list[DraftOrder] = []
        if request.dispatched is not None:
            place = "context.dispatchedOrders"
            source = open_source_for(request, call.now, open_source, seconds, began)
            request, rest = with_dispatched_orders(request, source)
        drafts = [*draft_orders(request.entries, place), *rest]
        _check_order_sizes(drafts, call.settings.max_order_bytes)
        chosen = chosen_orders(request, drafts)
        names = frozenset(draft.reference for draft in chosen)
        reader_of_call = CallReader(request, drafts, call.settings.time_zone, call.policies)
        chart = Chart()
        may_be = any(may_be_for_pump(draft, supplies=assess_refills(call.policies)) for draft in chosen)
        refuse_other_patient(request.prefetch, request.patient_id, read_whole=may_be)
        if may_be:
            source = source or open_source_for(request, call.now, open_source, seconds, began)
            crd = call.service.crd
            check_first = _check_coverage_first(call, names) if crd else None
            most = call.settings.max_resources
            depends = _dependency_check(call, names)
            against = held_against(call, names)
            reader, orders = read_chart(
                request,
                reader_of_call,
                chosen,
                source,
                check_first,
                crd,
                most,
                depends_on=depends,
                held_against=against,
            )
            if any_governed(orders, chosen):
                chart = reader.chart()
        else:
            reader, orders = reader_of_call.rebuild({}, [])
    finally:
        if source is not None:
            source.close()
    searches = tuple(sorted(source.log)) if source is not None else ()
    return CallInputs({draft.reference: draft for draft in drafts}, names, reader, orders, chart, searches)


def _count_orders(call: Call) -> None:
    named = call.request.dispatched
    count = len(call.request.entries) if named is None else len(named)
    if count > call.settings.max_orders:
        place = "context.draftOrders.entry" if named is None else "context.dispatchedOrders"
        raise TooLarge(f"{place} holds more than {call.settings.max_orders} orders: send them in several calls", place)


def _check_order_sizes(drafts: Sequence[DraftOrder], most: int) -> None:
    """TooLarge for an order above the limit: each is validated as a whole and sent back."""
    for draft in drafts:
        if draft.view is not None and memoryview(draft.raw).nbytes > most:
            place = draft.place or draft.reference[:80]
            raise TooLarge(f"{place} has more than {most} bytes: send the order without what it does not need", place)


def _dependency_check(call: Call, chosen: frozenset[str]) -> DependsOn:
    """Whether a criterion of a chosen order may change with what is still being read.

    It may not once it is met on evidence as strong as any that could still come: what is read late are sensor readings
    and meter readings.
    """

    def check(reader: ChartReader, orders: Sequence[DeviceOrder], late: Collection[str]) -> bool:
        chart, days = reader.chart(), call.days(reader)
        for assessment in assess(
            orders, chart, days, call.policies, chosen=chosen, overrides=call.settings.overrides()
        ):
            determination = assessment.determination
            for finding in (*determination.criteria, *determination.exclusions, *determination.replacement):
                strong = finding.truth is MET and finding.basis in (Basis.DOCUMENTED, Basis.ATTESTED)
                if assessment.policy.feeds_any(late, finding.id) and not strong:
                    return True
        return False

    return check


def _check_coverage_first(call: Call, chosen: frozenset[str]) -> Callable[[ChartReader, Sequence[DeviceOrder]], None]:
    """Refuses a CRD call for its prefetched Coverages before any of the chart is fetched."""

    def check(reader: ChartReader, orders: Sequence[DeviceOrder]) -> None:
        chart, days = reader.coverage_only(), call.days(reader)
        for order in orders:
            if is_governed_kind(order) and order.reference in chosen:
                for policy, match in call.matches(order, chart, as_of_day(order, *days)[0]):
                    # Supplies alone are no reason to refuse a call under a policy that does not judge them.
                    if order.scope is not Scope.REFILL or policy.refill:
                        refuse(match, call.policies, before_fetching=True)

    return check
