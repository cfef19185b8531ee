"""Decides which assessed orders can carry coverage-information, and refuses what a CRD client has to mend."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cds_service.engine.assessment import Assessment
from cds_service.errors import BadRequest
from cds_service.policies.registry import is_governed_kind
from cds_service.services.call import Call
from cds_service.services.read_inputs import CallInputs
from cds_service.services.refuse_coverage import refuse
from fhir_mappings.common.cpu_budget import USED_UP, is_budget_used_up
from fhir_mappings.orders.order_reader import DraftOrder
from fhir_mappings.output.coverage_information import CARRIERS
from fhir_mappings.output.validity import first_fault

_NOT_REACHED = f"No coverage-information was put on the order: {USED_UP}"


@dataclass(frozen=True, slots=True)
class CoveredOrder:
    """An assessed order; `accepts_extension`: coverage-information can be put on it."""

    assessment: Assessment
    accepts_extension: bool = False


def covered_order(call: Call, inputs: CallInputs, assessment: Assessment, *, first: bool) -> CoveredOrder:
    """Whether an order can carry coverage-information; a CRD call over an unusable coverage or order is refused.

    `first`: of the call, which is validated whatever the computing time.
    """
    order, determination = assessment.order, assessment.determination
    if not (is_governed_kind(order) or determination.accompanies):
        return CoveredOrder(assessment)
    if call.service.crd and assessment.match is not None:
        refuse(assessment.match, call.policies)
    # Validating an order as a whole is the costly part: what the call's time does not reach carries nothing.
    late = is_budget_used_up() and not first
    fault = _NOT_REACHED if late else _carrier_fault(inputs.drafts[order.reference], call.service.crd)
    if fault is not None:
        noted = replace(determination, notes=(*determination.notes, fault))
        assessment = replace(assessment, determination=noted)
    return CoveredOrder(assessment, fault is None)


def _carrier_fault(draft: DraftOrder, crd: bool) -> str | None:
    """Why an order cannot carry coverage-information, as a note; for a CRD client a malformed order is a BadRequest."""
    if draft.resource_type not in CARRIERS:
        return f"A {draft.resource_type} takes no coverage-information: order the pump as a DeviceRequest"
    fault = first_fault(draft.raw) if draft.has_id else "id"
    if fault is None:
        return None
    field = draft.place if fault == "resource" else f"{draft.place}.{fault}"
    if crd:
        raise BadRequest(f"{field} is missing or malformed: send the order as FHIR R4 defines it", field)
    return f"No coverage-information was put on the order: its {fault} is missing or malformed"
