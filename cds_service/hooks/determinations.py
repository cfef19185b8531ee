"""A determination as JSON, under the names that the outside relies on."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from cds_service.engine.determination import Determination, Outcome
from cds_service.engine.finding import Finding
from cds_service.engine.truth import UNKNOWN

_NAMESPACE = UUID("6f1d9a3e-5a0e-4f38-9d56-1316b7c0a201")


def as_json(determination: Determination, patient_id: str) -> dict[str, Any]:
    """One element of the response's determinations extension."""
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
    if determination.rides_with:
        body["ridesWith"] = determination.rides_with
    for name in ("criteria", "exclusions", "replacement"):
        findings = getattr(determination, name)
        if findings:
            body[name] = [finding_json(finding) for finding in findings]
    if determination.notes:
        body["notes"] = list(determination.notes)
    if determination.outcome is not Outcome.NOT_APPLICABLE:
        body["assertionId"] = assertion_id(determination, patient_id)
    return body


def finding_json(finding: Finding) -> dict[str, Any]:
    """One criterion: truth, then basis with evidence, or gap with what closes it."""
    body: dict[str, Any] = {"id": finding.id, "truth": finding.truth.value}
    if finding.truth is UNKNOWN:
        body["gap"] = finding.gap.value if finding.gap else "not-documented"
        body["closes"] = finding.closes or "Documentation of this criterion"
    elif finding.basis and finding.evidence:
        body["basis"] = finding.basis.value
    body["explanation"] = finding.explanation
    body["evidence"] = [
        {k: v for k, v in (("reference", e.reference), ("value", e.value), ("date", e.date)) if v}
        for e in finding.evidence
    ]
    if finding.parts:
        body["parts"] = [finding_json(part) for part in finding.parts]
    if finding.remarks:
        body["remarks"] = list(finding.remarks)
    return body


def assertion_id(determination: Determination, patient_id: str) -> str:
    """Stable for the same order, patient, policy version and coverage standing; tells nobody who the patient is."""
    parts = (patient_id, determination.order, determination.policy_version or "", determination.coverage.value)
    return str(uuid5(_NAMESPACE, "|".join(parts)))
