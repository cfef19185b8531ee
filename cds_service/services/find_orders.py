"""The orders of a call: in its context, or, when they are dispatched, wherever they can be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from cds_service.errors import BadRequest, PreconditionFailed
from cds_service.hooks.messages import HookRequest
from cds_service.services.read_chart import Source
from fhir_mappings.orders import DraftOrder
from fhir_mappings.raw_resources import raw_resources
from fhir_mappings.references import local
from fhir_mappings.views import RawEntry

# Orders of other types cannot be for a pump, and are not read.
_READ = ("DeviceRequest", "ServiceRequest", "MedicationRequest", "SupplyRequest")


def with_dispatched_orders(request: HookRequest, source: Source | None) -> HookRequest:
    """The same call with its dispatched orders as entries: from prefetch, else from the EHR's server.

    PreconditionFailed when none of them can be read; one that cannot among others that can is left out.
    """
    references = [ref for ref in _own(request) if ref.split("/", 1)[0] in _READ]
    if not references:
        return request
    found = _prefetched(request.prefetch, references)
    missing = [reference for reference in references if reference not in found]
    if missing and source is not None:
        source.read_references(missing)
        answers = [(ref, source.raw(ref) or b"null") for ref in missing]
        found |= {ref: raw for ref, body in answers for name, raw in raw_resources(body) if name == ref}
    if not found:
        raise PreconditionFailed(
            "none of the dispatched orders could be read: prefetch them (deviceRequests, serviceRequests, "
            "medicationRequests), or give fhirServer and a token that grants them",
            "context.dispatchedOrders",
        )
    entries = tuple(RawEntry(resource=msgspec.Raw(found[ref])) for ref in references if ref in found)
    return replace(request, entries=entries)


def _own(request: HookRequest) -> list[str]:
    """The dispatched orders as `Type/id`; those of other servers cannot be read and are refused."""
    server = request.fhir.server if request.fhir else None
    plain = [local(reference, server) or local(reference, _base(reference)) for reference in request.dispatched or ()]
    return [reference for reference in dict.fromkeys(plain) if reference is not None]


def _base(reference: str) -> str | None:
    """The server that an absolute reference names, where the call names none of its own."""
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
