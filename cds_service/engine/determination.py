"""What the service says about one order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, UNKNOWN

# The groups of findings, by the names that they have inside and outside.
GROUPS = ("criteria", "exclusions", "replacement")


class Outcome(StrEnum):
    """What a plan reviewer will probably say. The service predicts, it never decides."""

    LIKELY_APPROVED = "likely-approved"
    NEEDS_DOCUMENTATION = "needs-documentation"
    EXCLUDED = "excluded"
    NOT_APPLICABLE = "not-applicable"


class CoverageStanding(StrEnum):
    """Whether the policy governs the member's coverage, and whether that is in force."""

    GOVERNED = "governed"
    NOT_GOVERNED = "not-governed"
    NOT_IN_FORCE = "not-in-force"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Determination:
    """The outcome for one order with every finding that led to it.

    `on_replacement_path`: the outcome rests on D.III in place of D.I.B to D.I.I. `replacement` is also there when a
    pump is in use and nothing says which path the order takes: both paths are shown, the new-pump path decides.
    `before_policy`: the order is older than every version that is held. `coverage_reference`: the insurance that the
    coverage standing speaks of, None when there is none or nobody knows which; `coverage_ends`: its last day.
    `coverage_note`: why it stands so. `eligibility`: what has to be settled with the plan before anything else, in a
    few words; such an order is never likely approved.
    """

    order: str
    outcome: Outcome
    as_of: date
    policy_id: str
    policy_version: str | None
    coverage: CoverageStanding
    criteria: tuple[Finding, ...] = ()
    exclusions: tuple[Finding, ...] = ()
    replacement: tuple[Finding, ...] = ()
    reason: str | None = None
    notes: tuple[str, ...] = ()
    rides_with: str | None = None
    on_replacement_path: bool = False
    before_policy: bool = False
    coverage_reference: str | None = None
    coverage_note: str = ""
    coverage_ends: date | None = None
    eligibility: str = ""


def outcome_of(required: tuple[Finding, ...], exclusions: tuple[Finding, ...]) -> Outcome:
    """Combines findings: an exclusion on documented or attested evidence dominates.

    Likely approved needs every required criterion met on any basis, and no exclusion that is met, that a
    person has to review, or whose data could not be read: nothing is predicted on data that was not read.
    """
    if any(e.truth is MET and e.basis in (Basis.DOCUMENTED, Basis.ATTESTED) for e in exclusions):
        return Outcome.EXCLUDED
    doubt = any(
        e.truth is MET or (e.truth is UNKNOWN and e.gap in (Gap.NEEDS_REVIEW, Gap.NOT_RETRIEVED)) for e in exclusions
    )
    if not doubt and all(finding.truth is MET for finding in required):
        return Outcome.LIKELY_APPROVED
    return Outcome.NEEDS_DOCUMENTATION
