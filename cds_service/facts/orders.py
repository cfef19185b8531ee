"""FHIR-free words for the orders that are judged against a chart."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cds_service.concepts import Concept
from cds_service.facts.chart import Provider
from cds_service.facts.records import When


class Scope(StrEnum):
    """What an order is to this policy."""

    PUMP = "insulin pump"
    SUPPLIES = "pump supplies"
    REFILL = "pump supplies that are ordered alone"
    EXCLUDED_DEVICE = "excluded device"
    REPAIR = "repair of a pump"
    OTHER = "something else"


@dataclass(frozen=True, slots=True)
class DeviceOrder:
    """One order of the bundle.

    `concepts` are what its sure codes say, `review` what a code of an unknown system would say.
    `unsure_replacement_sign`: words, without a modifier, that say that it replaces a device; they are only ever for
    review. `not_reached`: the call's computing time was used up before it was looked at.
    """

    reference: str
    resource_type: str
    label: str
    scope: Scope
    concepts: frozenset[Concept] = frozenset()
    review: frozenset[Concept] = frozenset()
    coded: bool = True
    authored: When | None = None
    out_of_scope: str | None = None
    replacement_sign: str | None = None
    unsure_replacement_sign: str | None = None
    replacement_reasons: tuple[str, ...] = ()
    no_order_modifier: bool = False
    orderer: Provider | None = None
    performers: tuple[Provider, ...] = ()
    subject_reference: str | None = None
    requester_reference: str | None = None
    coverage_references: tuple[str, ...] = ()
    billing_codes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    not_reached: bool = False
