"""Which questions are put to the clinician for a determination, and which of them have to be answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cds_service.engine.determination import Determination, Outcome
from cds_service.engine.finding import Basis, Finding
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.questions import Question, QuestionGroup
from cds_service.engine.truth import MET


@dataclass(frozen=True, slots=True)
class OpenQuestions:
    """Questions of one section that stand together. `open`: an answer is wanted; else it may be given, to confirm or to
    correct."""

    section: str
    questions: tuple[Question, ...]
    open: bool


def open_questions(determination: Determination, policy: PolicyOnDay) -> dict[str, OpenQuestions]:
    """The questions as far as an answer can change anything: what the chart documents, nobody is asked.

    By the id of the finding that they are about, or by their section where they are about no single one. Of a section
    of exclusions, each question stands by itself. Of an excluded order, only what may lift the exclusion is open.
    """
    findings = {f.id: f for each in (*determination.criteria, *determination.exclusions) for f in (each, *each.parts)}
    asked = {
        name: questions
        for group in policy.question_groups
        for name, questions in _of_group(group, determination, policy, findings)
    }
    if determination.outcome is not Outcome.EXCLUDED:
        return asked
    excluding = [finding.id for finding in determination.excluding_findings]
    return {name: replace(each, open=each.open and _may_lift(name, excluding)) for name, each in asked.items()}


def _may_lift(name: str, excluding: Sequence[str]) -> bool:
    """Whether questions are about one of these findings, or about the pathway that it belongs to."""
    return any(section == name or section.startswith(f"{name}.") for section in excluding)


def _of_group(
    group: QuestionGroup, determination: Determination, policy: PolicyOnDay, findings: Mapping[str, Finding]
) -> Iterator[tuple[str, OpenQuestions]]:
    section, questions = group.section, group.questions
    replacement = policy.policy.replacement
    if replacement is not None and section == replacement.root:
        yield section, OpenQuestions(section, questions, _replacement_is_open(determination, policy))
        return
    excluding = {rule.section for rule in policy.exclusions}
    if excluding.intersection(question.criterion for question in questions):
        for criterion in dict.fromkeys(question.criterion for question in questions):
            own = tuple(question for question in questions if question.criterion == criterion)
            stated = findings.get(criterion)
            yield criterion, OpenQuestions(section, own, stated is not None and stated.truth is MET)
        return
    finding = findings.get(section)
    if determination.on_replacement_path or finding is None or _is_documented(finding):
        return
    # One way is enough: of a criterion that is met, the other ways are not asked for.
    met = {part.id for whole in determination.criteria if whole.truth is MET for part in _parts_of(whole)}
    # Of a section with parts, those that the chart documents one way or the other are not asked about.
    kept = tuple(q for q in questions if q.link_id not in findings or not _is_documented(findings[q.link_id]))
    if kept:
        yield section, OpenQuestions(section, kept, finding.truth is not MET and section not in met)


def _parts_of(finding: Finding) -> Iterator[Finding]:
    for part in finding.parts:
        yield part
        yield from _parts_of(part)


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
