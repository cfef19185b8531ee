"""Reads the chart of one call: prefetched parts, fetched parts, and what they refer to."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import product
from typing import Protocol

from cds_service.engine.policy import Policy
from cds_service.errors import TooLarge
from cds_service.facts import ChartSection, DeviceOrder
from cds_service.hooks.messages import FhirAccess
from cds_service.hooks.prefetch import Prefetch, completed, given, lacking
from cds_service.policies.registry import (
    chart_sections,
    is_governed_kind,
    questionnaires_of,
    result_kinds,
    with_refills,
)
from cds_service.services.chart_source import ChartSource, ChartSourceFactory
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.chart.context import type_of
from fhir_mappings.chart.unresolved_references import unresolved_references_in
from fhir_mappings.common.references import local
from fhir_mappings.json.administrative_views import Coverage
from fhir_mappings.json.clinical_views import Resource
from fhir_mappings.json.fhir_json import read
from fhir_mappings.json.json_shape import MOST_COVERAGES
from fhir_mappings.json.search_result import SearchResult, Status, merged
from fhir_mappings.json.views import RawEntry
from fhir_mappings.orders.order_reader import DraftOrder, classify, unresolved_items


class ChartRequest(Protocol):
    """Whose chart is read, for whom, and what came along: a hook request, or what the documentation page was opened
    with."""

    @property
    def patient_id(self) -> str:
        """The patient's id."""
        ...

    @property
    def user_id(self) -> str | None:
        """A reference to who orders, None when nobody is named."""
        ...

    @property
    def fhir(self) -> FhirAccess | None:
        """The EHR's FHIR server, None when none is named."""
        ...

    @property
    def prefetch(self) -> Prefetch:
        """What the client sent along."""
        ...

    @property
    def entries(self) -> Sequence[RawEntry]:
        """The orders with what they refer to, as entries of a Bundle."""
        ...


# The policies for which the chart of some orders is read.
HeldAgainst = Callable[[ChartReader, Sequence[DeviceOrder]], tuple[Policy, ...]]
# Whether criteria depend on parts of the chart that are still being read, judged by what has come so far.
DependsOn = Callable[[ChartReader, Sequence[DeviceOrder], Collection[str]], bool]
_ROUNDS = 2


class CallReader:
    """Builds a ChartReader again each time more of the call's data has arrived."""

    def __init__(
        self, request: ChartRequest, drafts: Sequence[DraftOrder], time_zone: str, policies: Sequence[Policy]
    ) -> None:
        """`time_zone`: of members whose home does not decide it. `policies`: those in use, for which it is read."""
        self.kinds = result_kinds(policies)
        self.needed = chart_sections(policies)
        self._policies = policies
        self._request = request
        self._drafts = drafts
        self._time_zone = time_zone
        self._questionnaires = questionnaires_of(policies)
        self._bundle = _bundle_resources(request)

    def search_days(self, days: Iterable[date]) -> dict[str, int]:
        """How far back results are searched for: as far as one of the policies looks on one of these days."""
        longest: dict[str, int] = {}
        for policy, day in product(self._policies, days):
            for window, back in policy.search_days(policy.on(day).parameters).items():
                longest[window] = max(back, longest.get(window, 0))
        return longest

    def rebuild(
        self, readings: dict[str, SearchResult], extras: Sequence[SearchResult]
    ) -> tuple[ChartReader, list[DeviceOrder]]:
        """A reader of what has arrived so far, and the orders classified with it."""
        request = self._request
        server = request.fhir.server if request.fhir else None
        reader = ChartReader(
            readings,
            self._bundle,
            request.patient_id,
            server,
            self._time_zone,
            extras,
            kinds=self.kinds,
            questionnaires=self._questionnaires,
        )
        orders = [classify(d, reader.context, reader.providers, request.user_id) for d in self._drafts]
        return reader, with_refills(orders, self._policies)


def _bundle_resources(request: ChartRequest) -> list[tuple[Resource, str | None]]:
    """Resources of the draft bundle, which orders may refer to."""
    return [
        (resource, entry.fullUrl if isinstance(entry.fullUrl, str) else None)
        for entry in request.entries
        if entry.resource
        for resource, _ in read(entry.resource).resources
    ]


def open_source_for(
    request: ChartRequest, now: datetime, open_source: ChartSourceFactory | None, seconds: float, began: float
) -> ChartSource | None:
    """The source for this call: None without a FHIR server. Its budget is the call's or the token's, the shorter."""
    access = request.fhir
    if open_source is None or access is None:
        return None
    left = seconds - (time.monotonic() - began)
    if access.token and access.expires_in is not None:
        left = min(left, access.expires_in)
    return open_source(access.server, access.token, request.patient_id, now.date(), max(0.0, left), access.scope)


def _skip_prefetched_practitioners(extras: Sequence[SearchResult], source: ChartSource) -> None:
    """Do not fetch practitioners that the client already prefetched under CRD's own keys."""
    there = {f"{type_of(r)}/{r.id}" for extra in extras for r, _ in extra.resources}
    source.people = tuple(person for person in source.people if person not in there)


def set_search_scope(
    source: ChartSource, request: ChartRequest, orders: Sequence[DeviceOrder], call_reader: CallReader
) -> None:
    """Set the search windows, the practitioners to fetch, and the policies' own results."""
    source.kinds = call_reader.kinds
    server = request.fhir.server if request.fhir else None
    order_days = [order.authored.last for order in orders if order.authored]
    source.search_days = call_reader.search_days({source.as_of, *order_days})
    source.as_of = min([source.as_of, *order_days])
    people = [*(order.requester_reference for order in orders if is_governed_kind(order)), request.user_id]
    source.people = tuple(filter(None, (local(person, server) for person in people)))


def read_chart(
    request: ChartRequest,
    call_reader: CallReader,
    chosen: Sequence[DraftOrder],
    source: ChartSource | None,
    before_fetching: Callable[[ChartReader, Sequence[DeviceOrder]], None] | None,
    identify_payers: bool,
    most_resources: int,
    also: Sequence[str] = (),
    depends_on: DependsOn | None = None,
    held_against: HeldAgainst | None = None,
) -> tuple[ChartReader, list[DeviceOrder]]:
    """Reads what came and fetches what did not; the orders are looked at with everything at hand.

    Devices and drugs that the chosen orders refer to are read first, since they say whether an order is for a pump at
    all. Nothing more is fetched when none is. `before_fetching` sees what came and may refuse the call, None where
    nobody would. `identify_payers`: the identifier of a payer is needed, not only its name. `also`: references that
    are read in any case. `held_against`: the policies for which the chart is read, by the coverages, None for all in
    use. TooLarge when the call brought more than `most_resources`.
    """
    by_section, extras = _given(request, call_reader, most_resources)
    readings = by_section if source is not None else completed(by_section, None, call_reader.needed)
    reader, orders = call_reader.rebuild(readings, extras)
    if len(reader.located[Coverage]) > MOST_COVERAGES:
        raise TooLarge(f"prefetch holds more than {MOST_COVERAGES} Coverages: send the member's own", "prefetch")
    needed = [*also, *(ref for draft in chosen for ref in unresolved_items(draft, reader.context))]
    if needed and source is not None:
        extras += source.read_references(needed)
        reader, orders = call_reader.rebuild(readings, extras)
    if not any_governed(orders, chosen):
        return reader, orders
    coverage = by_section.get(ChartSection.COVERAGE)
    came = coverage is not None and coverage.status in (Status.READ, Status.EMPTY)
    if before_fetching is not None and came:
        before_fetching(reader, orders)
    if source is None:
        return reader, orders
    set_search_scope(source, request, orders, call_reader)
    _skip_prefetched_practitioners(extras, source)
    sections = chart_sections(held_against(reader, orders)) if held_against and came else call_reader.needed
    readings, reader = _fetched(readings, reader, extras, call_reader, source, sections)
    extras += _linked(reader, readings, extras, call_reader, source, needed, identify_payers)
    if held_against and came:  # a payer that is known only now may lead to another policy
        reader, orders = call_reader.rebuild(readings, extras)
        more = [each for each in chart_sections(held_against(reader, orders)) if each not in sections]
        readings, _ = _fetched(readings, reader, extras, call_reader, source, more)
    rest = source.rest(waiting=_waits(readings, extras, call_reader, source, depends_on))
    for section, reading in rest.items():
        readings[section] = merged(readings.get(section), reading).checked(section)
    return call_reader.rebuild(readings, extras)


def _given(
    request: ChartRequest, call_reader: CallReader, most_resources: int
) -> tuple[dict[str, SearchResult], list[SearchResult]]:
    """What came with the call; see `given`."""
    by_section, extras = given(request.prefetch, call_reader.kinds)
    brought = sum(len(reading.resources) + reading.passed_over for reading in (*by_section.values(), *extras))
    if brought > most_resources:
        raise TooLarge(f"prefetch holds more than {most_resources} resources: send less, the rest is read", "prefetch")
    return by_section, extras


def _fetched(
    readings: dict[str, SearchResult],
    reader: ChartReader,
    extras: Sequence[SearchResult],
    call_reader: CallReader,
    source: ChartSource,
    sections: Sequence[str],
) -> tuple[dict[str, SearchResult], ChartReader]:
    """What came with what it lacks of these chart sections, and a reader of all of it."""
    if not any(lacking(readings, sections)):
        return readings, reader
    readings = completed(readings, source, sections)
    return readings, call_reader.rebuild(readings, extras)[0]


def _linked(
    reader: ChartReader,
    readings: dict[str, SearchResult],
    extras: Sequence[SearchResult],
    call_reader: CallReader,
    source: ChartSource,
    asked: Sequence[str],
    identify_payers: bool,
) -> list[SearchResult]:
    """Read resources that the chart refers to and does not hold, and what those refer to in turn."""
    known, linked = {*asked}, list[SearchResult]()
    for _ in range(_ROUNDS):
        missing = unresolved_references_in(reader.located, reader.context, identify_payers=identify_payers)
        wanted = [reference for reference in missing if reference not in known]
        if not wanted:
            break
        known.update(wanted)
        linked += source.read_references(wanted)
        reader, _ = call_reader.rebuild(readings, [*extras, *linked])
    return linked


def _waits(
    readings: Mapping[str, SearchResult],
    extras: Sequence[SearchResult],
    call_reader: CallReader,
    source: ChartSource,
    depends_on: DependsOn | None,
) -> bool:
    """Whether an open criterion depends on pages that are still being read."""
    late = source.unfinished
    if depends_on is None or not late:
        return True
    cut = {section: _cut(reading) if section in late else reading for section, reading in readings.items()}
    return depends_on(*call_reader.rebuild(cut, extras), late)


def _cut(reading: SearchResult) -> SearchResult:
    """A copy that is marked as incomplete: more pages are to come."""
    cut = replace(reading, resources=list(reading.resources))
    cut.mark_partial("more pages are being read")
    return cut


def any_governed(orders: Iterable[DeviceOrder], chosen: Iterable[DraftOrder]) -> bool:
    """Whether one of the chosen orders is one that the policy speaks about."""
    names = {draft.reference for draft in chosen}
    return any(is_governed_kind(order) for order in orders if order.reference in names)
