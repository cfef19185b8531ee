"""Finds the orders of a call: in its context, or for order-dispatch in prefetch or on the FHIR server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from cds_service.errors import BadRequest, PreconditionFailed
from cds_service.hooks.messages import HookRequest
from cds_service.services.chart_source import ChartSource
from fhir_mappings.common.references import local
from fhir_mappings.json.raw_resources import raw_resources
from fhir_mappings.json.views import RawEntry
from fhir_mappings.orders.order_reader import DraftOrder

# Orders of other types cannot be for a pump, and are not read.
_READ = ("DeviceRequest", "ServiceRequest", "MedicationRequest", "SupplyRequest")


def with_dispatched_orders(request: HookRequest, source: ChartSource | None) -> tuple[HookRequest, list[DraftOrder]]:
    """The same call with its dispatched orders as entries, from prefetch, else from the EHR's server; and the rest.

    The rest are orders of kinds that are not read, and those that could not be. PreconditionFailed when none of those
    that may be for a pump can be read.
    """
    references = _own(request)
    readable = [reference for reference in references if _kind(reference) in _READ]
    wanted = [reference for reference in readable if "://" not in reference]
    found = _prefetched(request.prefetch.members, wanted)
    missing = [reference for reference in wanted if reference not in found]
    if missing and source is not None:
        source.read_references(missing)
        answers = [(reference, source.raw(reference) or b"null") for reference in missing]
        found |= {ref: raw for ref, body in answers for name, raw in raw_resources(body) if name == ref}
    if readable and not found:
        raise PreconditionFailed(
            "none of the dispatched orders could be read: prefetch them (deviceRequests, serviceRequests, "
            "medicationRequests), or give fhirServer and a token that grants them",
            "context.dispatchedOrders",
        )
    entries = tuple(RawEntry(resource=msgspec.Raw(found[ref])) for ref in wanted if ref in found)
    rest = [DraftOrder(r, _kind(r), None, b"", readable=r not in readable) for r in references if r not in found]
    return replace(request, entries=entries), rest


def _kind(reference: str) -> str:
    return reference.split("/_history/", 1)[0].rsplit("/", 2)[-2]


def _own(request: HookRequest) -> list[str]:
    """The dispatched orders as `Type/id`; those of other servers, which cannot be read, as they are named."""
    server = request.fhir.server if request.fhir else None
    plain = [local(ref, server or _base(ref)) or ref for ref in request.dispatched or ()]
    return list(dict.fromkeys(plain))


def _base(reference: str) -> str | None:
    """The server that an absolute reference names: the call's own, where the call names none."""
    parts = reference.split("/_history/", 1)[0].rsplit("/", 2)
    return parts[0] if len(parts) == 3 else None


def _prefetched(prefetch: Mapping[str, msgspec.Raw], wanted: Iterable[str]) -> dict[str, bytes]:
    names = set(wanted)
    found: dict[str, bytes] = {}
    for value in prefetch.values():
        for reference, raw in raw_resources(value):
            if reference in names:
                found.setdefault(reference, raw)
    return found


def chosen_orders(request: HookRequest, drafts: Sequence[DraftOrder]) -> list[DraftOrder]:
    """All orders at signing and dispatch; at selection the selected ones, each of which must be in the bundle."""
    if request.selections is None:
        return list(drafts)
    there = {draft.reference: draft for draft in drafts}
    for index, name in enumerate(request.selections):
        if name not in there:
            path = f"context.selections[{index}]"
            raise BadRequest(f"{path} names no order of context.draftOrders", path)
    return [there[name] for name in dict.fromkeys(request.selections)]
