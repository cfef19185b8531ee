"""A determination as JSON, under the names that the outside relies on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from cds_service.engine.determination import GROUPS, Determination, Outcome
from cds_service.engine.finding import Evidence, Finding
from cds_service.engine.truth import UNKNOWN

_NAMESPACE = UUID("6f1d9a3e-5a0e-4f38-9d56-1316b7c0a201")


def as_json(
    determination: Determination,
    patient_id: str,
    origins: Mapping[str, str] | None = None,
    searches: Sequence[str] = (),
) -> dict[str, Any]:
    """One element of the response's determinations extension.

    `origins`: where the evidence came from, by reference. `searches`: what was asked of the FHIR server.
    """
    policy = {"id": determination.policy_id}
    if determination.policy_version:
        policy["version"] = determination.policy_version
    body: dict[str, Any] = {
        "order": determination.order,
        "outcome": determination.outcome.value,
        "asOf": determination.as_of.isoformat(),
        "policy": policy,
        "coverage": determination.coverage.value,
    }
    if determination.reason:
        body["reason"] = determination.reason
    if determination.criteria:
        body["path"] = "replacement" if determination.on_replacement_path else "new"
    if determination.accompanies:
        body["ridesWith"] = determination.accompanies
    for name in GROUPS:
        findings = getattr(determination, name)
        if findings:
            body[name] = [finding_json(finding, origins or {}) for finding in findings]
    notes = [*determination.notes, *(searches if determination.criteria else ())]
    if notes:
        body["notes"] = notes
    if determination.outcome is not Outcome.NOT_APPLICABLE:
        body["assertionId"] = assertion_id(determination.order, patient_id, determination.coverage_reference)
    return body


# A month of self-tests and more; a chart of a hundred thousand diagnoses is not listed.
_MOST_EVIDENCE = 1_000


def evidence_references(determination: Determination) -> set[str]:
    """Every reference that the evidence of a determination names."""
    groups = (*determination.criteria, *determination.exclusions, *determination.replacement)
    return {e.reference for group in groups for finding in group.tree for e in finding.evidence[:_MOST_EVIDENCE]}


def finding_json(finding: Finding, origins: Mapping[str, str]) -> dict[str, Any]:
    """One criterion: truth, then basis with evidence, or gap with what closes it."""
    body: dict[str, Any] = {"id": finding.id, "truth": finding.truth.value}
    if finding.truth is UNKNOWN:
        body["gap"] = finding.gap.value if finding.gap else "not-documented"
        body["closes"] = finding.closes or "Documentation of this criterion"
    elif finding.basis and finding.evidence:
        body["basis"] = finding.basis.value
    body["explanation"] = finding.explanation
    listed, more = finding.evidence[:_MOST_EVIDENCE], len(finding.evidence) - _MOST_EVIDENCE
    body["evidence"] = [{k: v for k, v in _evidence(e, origins).items() if v} for e in listed]
    if finding.parts:
        body["parts"] = [finding_json(part, origins) for part in finding.parts]
    remarks = [*finding.remarks, *([f"{more} more pieces of evidence are not listed"] if more > 0 else [])]
    if remarks:
        body["remarks"] = remarks
    return body


def _evidence(evidence: Evidence, origins: Mapping[str, str]) -> dict[str, str | None]:
    return {
        "reference": evidence.reference,
        "value": evidence.value,
        "date": evidence.date,
        "source": origins.get(evidence.reference),
    }


def assertion_id(order: str, patient_id: str, coverage: str | None) -> str:
    """Stable for the same order, coverage and patient, whatever is found; tells nobody who the patient is.

    `order` and `coverage` are references. A new id for the same coverage would make clients add a second repetition.
    """
    parts = (patient_id, order, coverage or "")
    return str(uuid5(_NAMESPACE, "|".join(parts)))


def order_id(order: str, patient_id: str) -> str:
    """Stable for the same order of the same patient, whatever the coverage; tells nobody who the patient is."""
    return str(uuid5(_NAMESPACE, "|".join(("order", patient_id, order))))
