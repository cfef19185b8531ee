"""Which questions are put to the clinician for which finding, and what the chart already answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cds_service.engine.days import within
from cds_service.engine.determination import Determination
from cds_service.engine.finding import Basis, Finding
from cds_service.engine.truth import MET, NOT_MET
from cds_service.facts import Topic, When
from cds_service.policies.mp_mm_1316.case import Case, usable
from cds_service.policies.mp_mm_1316.injection_regimen import regimen_known
from cds_service.policies.mp_mm_1316.questionnaire import QUESTIONS, REPLACES, Question
from cds_service.policies.mp_mm_1316.replacement import takes_replacement_path

# What a question is answered with.
Value = bool | float | str | date
_STATED_ONLY = ("D.II.A.2", "D.II.B.1")


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions of one section. `open`: an answer is wanted; else it may be given, to confirm or to correct."""

    section: str
    questions: tuple[Question, ...]
    open: bool


def asked(determination: Determination) -> dict[str, Asked]:
    """The questions by section, as far as an answer can change anything: what the chart documents, nobody is asked."""
    found = {f.id: f for each in (*determination.criteria, *determination.exclusions) for f in (each, *each.parts)}
    sections = dict.fromkeys(question.section for question in QUESTIONS)
    made = (_asked(section, determination, found) for section in sections)
    return {each.section: each for each in made if each is not None}


def _asked(section: str, determination: Determination, found: Mapping[str, Finding]) -> Asked | None:
    questions = tuple(question for question in QUESTIONS if question.section == section)
    if section == "D.III":
        return Asked(section, questions, _replacement_is_open(determination))
    if section == "D.II":
        stated = [found[name] for name in _STATED_ONLY if name in found]
        return Asked(section, questions, any(each.truth is MET for each in stated))
    finding = found.get(section)
    if determination.on_replacement_path or finding is None or _is_documented(finding):
        return None
    # Of a section with parts, those that the chart documents one way or the other are not asked about.
    kept = tuple(q for q in questions if q.link_id not in found or not _is_documented(found[q.link_id]))
    return Asked(section, kept, finding.truth is not MET) if kept else None


def _is_documented(finding: Finding) -> bool:
    return finding.decided and finding.basis is Basis.DOCUMENTED


def _replacement_is_open(determination: Determination) -> bool:
    """A pump is in use and nobody said whether it is replaced, or it is and the reason is not accepted or missing."""
    required = [each for each in determination.replacement if each.id.startswith("D.III.A")]
    return bool(required) and any(each.truth is not MET for each in required)


def prefilled(case: Case) -> dict[str, Value]:
    """What each question is answered with already: by the newest signed statement, else by the chart.

    Never a guess, and never more than the chart says: where its data are incomplete, nothing.
    """
    charted = {**_education(case), **regimen_known(case), **_replaces(case)}
    stated = {q.link_id: answer.value for q in QUESTIONS if (answer := case.answer(q.link_id)) is not None}
    values = {**charted, **stated}
    return {name: value.last if isinstance(value, When) else value for name, value in values.items() if _exact(value)}


def _exact(value: Value | When) -> bool:
    return not isinstance(value, When) or value.first == value.last


def _education(case: Case) -> dict[str, Value | When]:
    """The last session within the window: its date, not that the program was completed, which is asked."""
    if case.not_read(Topic.EDUCATION, Topic.ENCOUNTERS):
        return {}  # a later session may have been missed
    start = case.months_ago("education_window_months")
    inside = [
        record.when
        for record in case.chart.education
        if record.when is not None
        and not record.review
        and usable(record.when, case.as_of)
        and within(record.when, start, case.as_of) is not NOT_MET
    ]
    return {"D.I.D.date": max(inside, key=lambda when: when.last)} if inside else {}


def _replaces(case: Case) -> dict[str, Value]:
    return {REPLACES: True} if takes_replacement_path(case) else {}
