"""Which questions are put to the clinician for a determination, and which of them have to be answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cds_service.engine.determination import Determination
from cds_service.engine.finding import Basis, Finding
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.questions import Question, QuestionGroup
from cds_service.engine.truth import MET


@dataclass(frozen=True, slots=True)
class OpenQuestions:
    """The questions of one section. `open`: an answer is wanted; else it may be given, to confirm or to correct, or
    since it is another way to a criterion."""

    section: str
    questions: tuple[Question, ...]
    open: bool


def open_questions(determination: Determination, policy: PolicyOnDay) -> dict[str, OpenQuestions]:
    """The questions by section, as far as an answer can change anything: what the chart documents, nobody is asked."""
    findings = {f.id: f for each in (*determination.criteria, *determination.exclusions) for f in each.tree}
    groups = (_of_group(group, determination, policy, findings) for group in policy.question_groups)
    return {group.section: group for group in groups if group is not None}


def _of_group(
    group: QuestionGroup, determination: Determination, policy: PolicyOnDay, findings: Mapping[str, Finding]
) -> OpenQuestions | None:
    section, questions = group.section, group.questions
    replacement = policy.policy.replacement
    if replacement is not None and section == replacement.root:
        return OpenQuestions(section, questions, _replacement_is_open(determination, policy))
    excluding = {rule.section for rule in policy.exclusions}
    if excluding.intersection(question.criterion for question in questions):
        stated = [findings[q.criterion] for q in questions if q.criterion in findings]
        return OpenQuestions(section, questions, any(finding.truth is MET for finding in stated))
    finding = findings.get(section)
    if determination.on_replacement_path or finding is None or _is_documented(finding):
        return None
    # Of a section with parts, those that the chart documents one way or the other are not asked about.
    kept = tuple(q for q in questions if q.link_id not in findings or not _is_documented(findings[q.link_id]))
    whole = any(finding.id == section for finding in determination.criteria)
    wanted = finding.truth is not MET and (whole or section in {one.id for one in determination.open_findings})
    return OpenQuestions(section, kept, wanted) if kept else None


def _is_documented(finding: Finding) -> bool:
    return finding.decided and finding.basis is Basis.DOCUMENTED


def _replacement_is_open(determination: Determination, policy: PolicyOnDay) -> bool:
    """A pump is in use and nobody said whether it is replaced, or it is and the reason is not accepted or missing."""
    replacement = policy.policy.replacement
    wanted = {rule.section for rule in replacement.required} if replacement is not None else set()
    required = [each for each in determination.replacement if each.id in wanted]
    return bool(required) and any(each.truth is not MET for each in required)


def required_answers(open_sections: Iterable[str], policy: PolicyOnDay) -> frozenset[str]:
    """The linkIds that have to be answered for these sections to be closed, as far as answers can close them."""
    replacement = policy.policy.replacement
    root = replacement.root if replacement is not None else ""
    wanted = {root if root and section.startswith(root) else section for section in open_sections}
    return frozenset(q.link_id for q in policy.questions if q.required and q.section in wanted)
