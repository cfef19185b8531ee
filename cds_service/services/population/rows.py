"""Rows of a population run: members, criteria, changes by scenario. Nothing else of a chart is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from cds_service.engine.assessment import Assessment
from cds_service.engine.determination import Determination, Outcome
from cds_service.engine.finding import Finding, Gap
from cds_service.engine.truth import MET, UNKNOWN

MEMBER_COLUMNS = (
    "member",
    "policy",
    "version",
    "outcome",
    "coverage",
    "reason",
    "path",
    "deciding",
    "only_gap",
    "order",
    "as_of",
    "diabetes",
    "insulin",
    "pump",
    "patient_line",
)
CRITERION_COLUMNS = ("member", "policy", "section", "truth", "basis", "gap")
CHANGE_COLUMNS = ("scenario", "member", "policy_before", "policy_after", "outcome_before", "outcome_after", "sections")
LIST_COLUMNS = (
    "member",
    "policy",
    "section",
    "truth",
    "gap_or_basis",
    "outcome",
    "only_gap",
    "patient",
    "order",
    "evidence",
)
QUALITY_COLUMNS = ("file", "line", "type", "problem", "count")

MemberRow = tuple[str, ...]
CriterionRow = tuple[str, str, str, str, str, str]
ChangeRow = tuple[str, str, str, str, str, str, str]


class Reason(StrEnum):
    """Why a member's outcome is what it is, where the criteria do not say it."""

    NO_ORDER = "no-order"
    NOT_GOVERNED = "not-governed"
    BEFORE_POLICY = "before-policy"
    NOT_REACHED = "not-reached"
    NOT_JUDGED = "not-judged"
    COVERAGE = "coverage"
    NO_CODE = "no-code"
    TOO_LARGE = "too-large"
    FAILED = "failed"


# Gaps that a document or a statement closes; the others need a reviewer or data that was not retrieved.
DOCUMENTS = frozenset({Gap.NOT_DOCUMENTED, Gap.INCOMPLETE, Gap.NEEDS_ATTESTATION})


@dataclass(frozen=True, slots=True)
class Flags:
    """Flags by which tables count members."""

    diabetes: bool = False
    insulin: bool = False
    pump: bool = False
    patient_line: bool = False

    def cells(self) -> tuple[str, str, str, str]:
        """The flags as cells."""
        return _yes(self.diabetes), _yes(self.insulin), _yes(self.pump), _yes(self.patient_line)


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


@dataclass(slots=True)
class JudgedMember:
    """All rows of one member. `evidence`: references behind each section, by policy, where they were asked for."""

    member: str
    members: list[MemberRow] = field(default_factory=list)
    criteria: list[CriterionRow] = field(default_factory=list)
    changes: list[ChangeRow] = field(default_factory=list)
    evidence: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)


def member_row(member: str, assessment: Assessment, reason: str, flags: Flags) -> MemberRow:
    """The row of one determination. `reason`: see `reason_of`; it is kept where there is no order to speak of."""
    determination = assessment.determination
    path = ""
    if determination.criteria:
        path = "replacement" if determination.on_replacement_path else "new"
    return (
        member,
        determination.policy_id,
        determination.policy_version or "",
        determination.outcome.value,
        determination.coverage.value,
        reason,
        path,
        " ".join(finding.id for finding in deciding(determination)),
        only_gap(determination),
        determination.order,
        determination.as_of.isoformat(),
        *flags.cells(),
    )


def deciding(determination: Determination) -> tuple[Finding, ...]:
    """What excludes the order, else what stands between it and approval; none where no policy is applied."""
    if determination.outcome in (Outcome.NOT_APPLICABLE, Outcome.LIKELY_APPROVED):
        return ()
    return determination.findings_in_question


def only_gap(determination: Determination) -> str:
    """The section whose documentation alone would make the order likely approved; empty where none would."""
    if determination.outcome is not Outcome.NEEDS_DOCUMENTATION or determination.reason:
        return ""
    found = determination.open_findings
    if len(found) != 1 or found[0].truth is not UNKNOWN or found[0].gap not in DOCUMENTS:
        return ""
    return found[0].id


def reason_of(assessment: Assessment) -> str:
    """Why the outcome is what it is, where the criteria do not say it; empty where they do."""
    determination = assessment.determination
    if determination.not_reached:
        return Reason.NOT_REACHED.value
    if determination.before_policy:
        return Reason.BEFORE_POLICY.value
    if determination.outcome is Outcome.NOT_APPLICABLE:
        return (Reason.NOT_GOVERNED if assessment.match is not None else Reason.NOT_JUDGED).value
    if determination.eligibility:
        return Reason.COVERAGE.value
    return Reason.NO_CODE.value if determination.reason else ""


def criterion_rows(member: str, determination: Determination) -> Iterator[CriterionRow]:
    """A row for each finding and part, in the policy's order."""
    policy = determination.policy_id
    for group in (determination.criteria, determination.exclusions, determination.replacement):
        for top in group:
            for finding in top.tree:
                yield (member, policy, finding.id, finding.truth.value, *basis_and_gap(finding))


def basis_and_gap(finding: Finding) -> tuple[str, str]:
    """Basis and gap, as an answer to a hook gives them."""
    if finding.truth is UNKNOWN:
        return "", (finding.gap or Gap.NOT_DOCUMENTED).value
    return (finding.basis.value if finding.basis and finding.evidence else ""), ""


def change_row(scenario: str, member: str, before: Assessment, after: Assessment) -> ChangeRow | None:
    """What a scenario changes for a member; None when it changes neither outcome nor policy nor any truth."""
    old, new = before.determination, after.determination
    sections = _changed_sections(old, new) if old.policy_id == new.policy_id else []
    if not sections and (old.outcome, old.policy_id) == (new.outcome, new.policy_id):
        return None
    texts = (old.policy_id, new.policy_id, old.outcome.value, new.outcome.value, " ".join(sections))
    return (scenario, member, *texts)


def _changed_sections(old: Determination, new: Determination) -> list[str]:
    before, after = old.findings, new.findings
    names = [*before, *(name for name in after if name not in before)]
    return [name for name in names if _truth(before.get(name)) != _truth(after.get(name))]


def _truth(finding: Finding | None) -> tuple[str, bool] | None:
    return None if finding is None else (finding.truth.value, finding.truth is MET)
