"""Suggestions: orders that close a gap, or the removal of an excluded one. Each a complete, valid FHIR resource."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import uuid4

from cds_service.engine.determination import Determination, Outcome
from cds_service.engine.finding import Finding, Gap
from cds_service.engine.truth import MET, NOT_MET
from cds_service.facts import DeviceOrder

_HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_LOINC = "http://loinc.org"
_CATEGORY = "http://snomed.info/sct"
_LABORATORY = {"system": _CATEGORY, "code": "108252007", "display": "Laboratory procedure"}
_EDUCATION = {"system": _CATEGORY, "code": "409073007", "display": "Education"}

# What can be ordered, and the codes under which it may already be on its way.
_HBA1C = ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", {"4548-4", "17856-6", "4549-2", "83036", "83037"})
_RATIO = ("9318-7", "Albumin/Creatinine [Mass Ratio] in Urine", {"9318-7", "14959-1", "32294-1", "30000-4"})
_TRAINING = (
    "G0108",
    "Diabetes outpatient self-management training services, individual, per 30 minutes",
    {"G0108", "G0109", "6143009", "385805005", "1269545001", "S9140", "S9141", "S9455", "S9460", "S9465"},
)


# A suggestion's label, the system of its code, the code with words, and its category.
_Needed = tuple[str, str, tuple[str, str, set[str]], dict[str, str]]


def suggestions_for(
    order: DeviceOrder,
    determination: Determination,
    patient: str,
    user: str | None,
    taken: frozenset[str],
    today: date,
) -> list[dict[str, Any]]:
    """Suggestions for one order, written today; nothing that the draft orders or the chart already hold."""
    if determination.outcome is Outcome.EXCLUDED:
        return [_removal(order)] if "/" in order.reference and not order.reference.startswith("urn:") else []
    if determination.on_replacement_path:
        return []
    requester = order.requester_reference or user
    return [_order(*each, patient, requester, today) for each in _needed(determination, taken)]


def _needed(determination: Determination, taken: frozenset[str]) -> Iterator[_Needed]:
    findings = {f.id: f for each in determination.criteria for f in (each, *each.parts)}
    if _may_close(findings.get("D.I.D")) and not taken & _TRAINING[2]:
        yield "Order diabetes self-management education (D.I.D)", _HCPCS, _TRAINING, _EDUCATION
    if _wants_hba1c(findings) and not taken & _HBA1C[2]:
        yield "Order an HbA1c (D.I.I.1)", _LOINC, _HBA1C, _LABORATORY
    if _wants_ratio(findings) and not taken & _RATIO[2]:
        yield "Order a urine albumin-creatinine ratio (D.I.H.1)", _LOINC, _RATIO, _LABORATORY


def _may_close(finding: Finding | None) -> bool:
    """Whether an order would help: nothing was found, or what was found stands against it.

    Where something was found that only has to be completed, reviewed or read, nobody is told to do it again.
    """
    return finding is not None and (finding.truth is NOT_MET or finding.gap is Gap.NOT_DOCUMENTED)


def _wants_hba1c(findings: dict[str, Finding]) -> bool:
    part, whole = findings.get("D.I.I.1"), findings.get("D.I.I")
    if part is None or whole is None:
        return False
    if any("days old" in remark for remark in part.remarks):
        return True  # it decides, but it is stale
    pending = part.gap is Gap.NOT_DOCUMENTED and bool(part.evidence)
    return whole.truth is not MET and part.gap in (Gap.NOT_DOCUMENTED, Gap.INCOMPLETE) and not pending


def _wants_ratio(findings: dict[str, Finding]) -> bool:
    part, whole = findings.get("D.I.H.1"), findings.get("D.I.H")
    if part is None or whole is None or whole.truth is MET:
        return False
    return part.gap in (Gap.NOT_DOCUMENTED, Gap.INCOMPLETE)


def _order(
    label: str,
    system: str,
    item: tuple[str, str, set[str]],
    category: dict[str, str],
    patient: str,
    requester: str | None,
    today: date,
) -> dict[str, Any]:
    code, display, _ = item
    resource: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "category": [{"coding": [category]}],
        "code": {"coding": [{"system": system, "code": code, "display": display}], "text": display},
        "subject": {"reference": patient},
        "authoredOn": today.isoformat(),
    }
    if requester and requester.split("/", 1)[0] in ("Practitioner", "PractitionerRole"):
        resource["requester"] = {"reference": requester}
    action = {"type": "create", "description": label, "resource": resource}
    return {"label": label, "uuid": str(uuid4()), "actions": [action]}


def _removal(order: DeviceOrder) -> dict[str, Any]:
    label = "Remove the excluded order"
    action = {"type": "delete", "description": label, "resourceId": order.reference}
    return {"label": label, "uuid": str(uuid4()), "actions": [action]}
