"""The order that a member is judged for: a new one of the run's day, or the member's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from cds_service.facts import DeviceOrder
from cds_service.policies.registry import is_governed_kind
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.chart.context import reference_to, type_of
from fhir_mappings.common.datatypes import CodeableConcept, Coding, Reference
from fhir_mappings.json.clinical_views import MedicationRequest
from fhir_mappings.json.search_result import Located
from fhir_mappings.json.views import DeviceRequest, ServiceRequest, SupplyRequest
from fhir_mappings.orders.order_reader import DraftOrder, classify, may_be_for_pump

HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
PUMP_CODE = "E0784"
# Nobody in particular: a practitioner whose credential cannot be read, whom the EHR let sign.
_ORDERER = "Practitioner/who-orders"
_KINDS = (DeviceRequest, ServiceRequest, SupplyRequest, MedicationRequest)
_OPEN = ("draft", "active", "on-hold")


def synthetic_order(member: str, day: date, reader: ChartReader) -> DeviceOrder:
    """A new order for a pump of that day, signed by a practitioner of whom nothing is known."""
    view = DeviceRequest(
        id="pump-order",
        status="draft",
        intent="order",
        codeCodeableConcept=CodeableConcept(coding=[Coding(HCPCS, PUMP_CODE)]),
        subject=Reference(f"Patient/{member}"),
        authoredOn=day.isoformat(),
        requester=Reference(_ORDERER),
    )
    draft = DraftOrder("DeviceRequest/pump-order", "DeviceRequest", view, b"")
    return classify(draft, reader.context, reader.providers, None)


def drafts_of(reader: ChartReader) -> Iterator[DraftOrder]:
    """The open orders of a chart that are of a kind that may order a pump."""
    for kind in _KINDS:
        for view, url in reader.located.get(kind, ()):
            if isinstance(view, _KINDS) and view.status in _OPEN:
                yield DraftOrder(reference_to(view, url), type_of(view), view, b"")


def chart_orders(reader: ChartReader, day: date) -> tuple[list[DeviceOrder], list[Located]]:
    """The member's newest open pump order that is not of a later day, with its resource; nothing when there is none.

    An order without a date that can be read is older than every other; of equally new ones the last id counts.
    """
    found: list[tuple[date, str, DeviceOrder, Located]] = []
    for draft in drafts_of(reader):
        if draft.view is None or not may_be_for_pump(draft):
            continue
        order = classify(draft, reader.context, reader.providers, None)
        authored = order.authored
        if is_governed_kind(order) and (authored is None or authored.first <= day):
            found.append((authored.last if authored else date.min, order.reference, order, (draft.view, None)))
    if not found:
        return [], []
    _, _, order, located = max(found, key=lambda each: each[:2])
    return [order], [located]
