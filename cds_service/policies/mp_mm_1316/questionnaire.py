"""Names that consumers not yet written against the Policy still import."""

from collections.abc import Iterable

from cds_service.engine.open_questions import required_answers
from cds_service.engine.questions import Kind, Question
from cds_service.policies.mp_mm_1316 import POLICY

_FIRST = POLICY.on(POLICY.first_day())
QUESTIONS = _FIRST.questions
HELP = {group.section: group.help for group in _FIRST.question_groups}
REPLACES = "D.III.replacement"
REASONS = next(dict(q.choices) for q in QUESTIONS if q.kind is Kind.CHOICE)


def closing(open_sections: Iterable[str]) -> frozenset[str]:
    """The questions that have to be answered."""
    return required_answers(open_sections, _FIRST)


__all__ = ["HELP", "QUESTIONS", "REASONS", "REPLACES", "Kind", "Question", "closing"]
