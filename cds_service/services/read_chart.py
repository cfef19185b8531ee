"""The chart of one call: what came is read, what did not is fetched, what orders refer to is resolved."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Protocol

from cds_service.facts import DeviceOrder, Topic
from cds_service.hooks.messages import HookRequest
from cds_service.hooks.prefetch import ChartSource, completed, given
from cds_service.policies.registry import is_governed_kind
from fhir_mappings.chart import ChartReader
from fhir_mappings.clinical_views import Resource
from fhir_mappings.linked import missing_references
from fhir_mappings.orders import DraftOrder, classify
from fhir_mappings.reading import read
from fhir_mappings.readings import Reading
from fhir_mappings.references import local


class Source(ChartSource, Protocol):
    """A chart source that also reads single resources, and tells what it did."""

    people: tuple[str, ...]
    log: list[str]

    def read_references(self, references: Sequence[str]) -> list[Reading]:
        """Single resources by reference."""
        ...

    def close(self) -> None:
        """Lets go of connections."""
        ...


# Opens a source for one call: server, token, patient, the order's day, seconds left, scope.
OpenSource = Callable[[str, str, str, date, float, str | None], Source]


class Readers:
    """Makes chart readers for one call from ever more of its data."""

    def __init__(self, request: HookRequest, drafts: Sequence[DraftOrder], time_zone: str) -> None:
        """`time_zone`: of members whose home does not decide it."""
        self._request = request
        self._drafts = drafts
        self._time_zone = time_zone
        self._beside = _beside_orders(request)

    def look(self, readings: dict[Topic, Reading], extras: Sequence[Reading]) -> tuple[ChartReader, list[DeviceOrder]]:
        """A reader of what is known so far, and the orders seen with it."""
        request = self._request
        server = request.fhir.server if request.fhir else None
        reader = ChartReader(readings, self._beside, request.patient_id, server, self._time_zone, extras)
        return reader, [classify(d, reader.context, reader.providers, request.user_id) for d in self._drafts]


def _beside_orders(request: HookRequest) -> list[tuple[Resource, str | None]]:
    """Resources of the draft bundle, which orders may refer to."""
    return [
        (resource, entry.fullUrl if isinstance(entry.fullUrl, str) else None)
        for entry in request.entries
        if entry.resource
        for resource, _ in read(entry.resource).resources
    ]


def opened(
    request: HookRequest,
    orders: Sequence[DeviceOrder],
    now: datetime,
    open_source: OpenSource | None,
    seconds: float,
    began: float,
) -> Source | None:
    """The source for this call: None without a FHIR server. Its budget is the call's or the token's, the shorter."""
    access = request.fhir
    if open_source is None or access is None:
        return None
    left = seconds - (time.monotonic() - began)
    if access.token and access.expires_in is not None:
        left = min(left, access.expires_in)
    day = min((order.authored.last for order in orders if order.authored), default=now.date())
    source = open_source(
        access.server, access.token, request.patient_id, min(day, now.date()), max(0.0, left), access.scope
    )
    people = [*(order.requester_reference for order in orders if is_governed_kind(order)), request.user_id]
    source.people = tuple(filter(None, (local(person, access.server) for person in people)))
    return source


def read_chart(
    request: HookRequest,
    readers: Readers,
    unresolved: Sequence[str],
    orders: Sequence[DeviceOrder],
    source: Source | None,
) -> tuple[ChartReader, list[DeviceOrder]]:
    """Reads what came and fetches what did not; then looks at the orders again with everything at hand.

    `unresolved`: devices and drugs that orders refer to; they are read first, since they say whether an order is for
    a pump at all. Nothing more is fetched when none is.
    """
    by_topic, extras = given(request.prefetch)
    if unresolved:
        extras += source.read_references(unresolved) if source is not None else []
        reader, orders = readers.look(by_topic, extras)
        if not any(is_governed_kind(order) for order in orders):
            return reader, list(orders)
    readings = completed(by_topic, source)
    reader, orders = readers.look(readings, extras)
    if source is not None:
        missing = missing_references(reader.located, reader.context)
        if missing:
            extras = [*extras, *source.read_references(missing)]
            return readers.look(readings, extras)
    return reader, list(orders)
