"""Judged orders, each with the coverage that it is held against and whether something can be written on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cds_service.engine.determination import Determination
from cds_service.errors import BadRequest
from cds_service.facts import DeviceOrder
from cds_service.policies.mp_mm_1316.coverage import CoverageMatch
from cds_service.policies.registry import is_governed_kind
from cds_service.services.call import Call
from cds_service.services.judge_orders import Judged
from cds_service.services.see_call import Seen
from cds_service.services.verify_coverage import refuse
from fhir_mappings.coverage_information import CARRIERS
from fhir_mappings.orders import DraftOrder
from fhir_mappings.validity import fault_in


@dataclass(frozen=True, slots=True)
class Placed:
    """A judged order. `match` None: no order that the policy speaks about; `carries`: it takes an extension."""

    order: DeviceOrder
    determination: Determination
    match: CoverageMatch | None = None
    carries: bool = False


def placed(call: Call, seen: Seen, judged: Judged) -> Placed:
    """The order with its coverage; a CRD call over an unusable coverage or order is refused."""
    order, determination = judged.order, judged.determination
    if not (is_governed_kind(order) or determination.rides_with):
        return Placed(order, determination)
    if call.service.crd and judged.match is not None:
        refuse(judged.match)
    hindrance = _hindrance(seen.drafts[order.reference], call.service.crd)
    if hindrance is not None:
        determination = replace(determination, notes=(*determination.notes, hindrance))
    return Placed(order, determination, judged.match, hindrance is None)


def _hindrance(draft: DraftOrder, crd: bool) -> str | None:
    """Why no coverage-information can be put on an order, as a note; for a CRD client a fault of it is a BadRequest."""
    if draft.resource_type not in CARRIERS:
        return f"A {draft.resource_type} takes no coverage-information: order the pump as a DeviceRequest"
    fault = fault_in(draft.raw) if draft.has_id else "id"
    if fault is None:
        return None
    field = draft.place if fault == "resource" else f"{draft.place}.{fault}"
    if crd:
        raise BadRequest(f"{field} is missing or malformed: send the order as FHIR R4 defines it", field)
    return f"No coverage-information was put on the order: its {fault} is missing or malformed"
