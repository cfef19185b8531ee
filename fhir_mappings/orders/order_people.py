"""Who an order is for, who orders it and who performs it."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.facts import Credential, Provider
from fhir_mappings.chart.order_items import AnyOrder
from fhir_mappings.chart.providers import Providers
from fhir_mappings.common.datatypes import Reference


def subject_of(view: AnyOrder) -> str | None:
    """The reference to the order's patient, as it is written."""
    subject = getattr(view, "subject", None)
    return subject.reference if subject is not None else None


def performers_of(view: AnyOrder, providers: Providers) -> Iterator[Provider]:
    """Who is to perform or supply it, as far as they can be read."""
    performer = getattr(view, "performer", None) or getattr(view, "supplier", None)
    for reference in performer if isinstance(performer, list) else [performer]:
        provider = providers.find(reference, view.contained)
        if provider is not None:
            yield provider


def orderer_of(view: AnyOrder, requester: Reference | None, providers: Providers, user: str | None) -> Provider | None:
    """Requester first, then the hook's user; an organization that supplies what it orders is a supplier."""
    performer = getattr(view, "performer", None)
    performers = performer if isinstance(performer, list) else [performer]
    literal = requester.reference if requester is not None else None
    if literal and "Organization/" in literal and any(p is not None and p.reference == literal for p in performers):
        return Provider(literal, Credential.SUPPLIER, "equipment supplier")
    found = providers.find(requester, view.contained)
    return found or (providers.find(Reference(reference=user)) if user else None)
