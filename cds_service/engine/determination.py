"""What the service says about one order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property

from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN

# The groups of findings, by the names that they have inside and outside.
GROUPS = ("criteria", "exclusions", "replacement")


class Outcome(StrEnum):
    """What a plan reviewer will probably say. The service predicts, it never decides."""

    LIKELY_APPROVED = "likely-approved"
    NEEDS_DOCUMENTATION = "needs-documentation"
    EXCLUDED = "excluded"
    NOT_APPLICABLE = "not-applicable"


class Applicability(StrEnum):
    """Whether the policy governs the member's coverage, and whether that is in force."""

    GOVERNED = "governed"
    NOT_GOVERNED = "not-governed"
    NOT_IN_FORCE = "not-in-force"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Determination:
    """The outcome for one order with every finding that led to it.

    `on_replacement_path`: the outcome rests on what is asked of a replacement in place of most criteria of a new
    pump. `replacement` is also there when a pump is in use and nothing says which path the order takes: both paths
    are shown, the new-pump path decides. `before_policy`: the order is older than every version that is held.
    `not_reached`: it was not assessed, since the call's computing time was used up.
    `coverage_reference`: the insurance that the coverage standing speaks of, None when there is none or nobody
    knows which; `coverage_ends`: its last day. `coverage_note`: why it stands so. `eligibility`: what has to be
    settled with the plan before anything else, in a few words; such an order is never likely approved. `required`
    and `excluding`: ids of the findings that the order has to meet, and of those that refuse it.
    """

    order: str
    outcome: Outcome
    as_of: date
    policy_id: str
    policy_version: str | None
    coverage: Applicability
    criteria: tuple[Finding, ...] = ()
    exclusions: tuple[Finding, ...] = ()
    replacement: tuple[Finding, ...] = ()
    reason: str | None = None
    notes: tuple[str, ...] = ()
    accompanies: str | None = None
    on_replacement_path: bool = False
    before_policy: bool = False
    not_reached: bool = False
    coverage_reference: str | None = None
    coverage_note: str = ""
    coverage_ends: date | None = None
    eligibility: str = ""
    required: tuple[str, ...] = ()
    excluding: tuple[str, ...] = ()

    @property
    def findings(self) -> dict[str, Finding]:
        """Every finding and part by its id; on the replacement pathway its own findings come last."""
        groups = (*self.criteria, *self.exclusions, *self.replacement)
        return {finding.id: finding for group in groups for finding in group.parts_first}

    @cached_property
    def required_findings(self) -> tuple[Finding, ...]:
        """The criteria that this order has to meet, in the policy's order."""
        return self._named(self.required)

    @cached_property
    def excluding_findings(self) -> tuple[Finding, ...]:
        """Exclusions that are met on documented or attested evidence."""
        return tuple(f for f in self._named(self.excluding) if f.truth is MET and f.basis in _SURE)

    @cached_property
    def open_findings(self) -> tuple[Finding, ...]:
        """What stands between the order and approval: what contradicts it first, then what may exclude it.

        Of a criterion whose parts all have to hold, the parts that are open.
        """
        whole = [f for f in self.required_findings if f.truth is not MET]
        needed = list({f.id: f for one in whole for f in (one.missing or (one,))}.values())
        against, unknown = ([f for f in needed if f.truth is truth] for truth in (NOT_MET, UNKNOWN))
        return (*against, *self.possible_exclusions, *unknown)

    @cached_property
    def possible_exclusions(self) -> tuple[Finding, ...]:
        """Exclusions that may apply: met on less than documents, for a reviewer, or not read."""
        return tuple(f for f in self._named(self.excluding) if may_exclude(f))

    @property
    def findings_in_question(self) -> tuple[Finding, ...]:
        """The findings that a reader has to act on: what excludes, else what is open."""
        return self.excluding_findings if self.outcome is Outcome.EXCLUDED else self.open_findings

    @cached_property
    def _top_findings(self) -> dict[str, Finding]:
        return {finding.id: finding for finding in (*self.criteria, *self.exclusions, *self.replacement)}

    def _named(self, ids: tuple[str, ...]) -> tuple[Finding, ...]:
        tops = self._top_findings
        return tuple(tops[name] for name in ids if name in tops)


_SURE = (Basis.DOCUMENTED, Basis.ATTESTED)


def may_exclude(exclusion: Finding) -> bool:
    """Whether an exclusion may apply without being sure."""
    if exclusion.truth is MET:
        return exclusion.basis not in _SURE
    return exclusion.truth is UNKNOWN and exclusion.gap in (Gap.NEEDS_REVIEW, Gap.NOT_RETRIEVED)


def outcome_of(required: tuple[Finding, ...], exclusions: tuple[Finding, ...]) -> Outcome:
    """Combines findings: an exclusion on documented or attested evidence dominates.

    Likely approved needs every required criterion met on any basis, and no exclusion that is met, that a
    person has to review, or whose data could not be read: nothing is predicted on data that was not read.
    """
    if any(e.truth is MET and e.basis in _SURE for e in exclusions):
        return Outcome.EXCLUDED
    if not any(map(may_exclude, exclusions)) and all(finding.truth is MET for finding in required):
        return Outcome.LIKELY_APPROVED
    return Outcome.NEEDS_DOCUMENTATION
