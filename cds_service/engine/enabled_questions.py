"""Which questions are asked beside the answers given so far, and which of those still have to be answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cds_service.engine.questions import Question, QuestionGroup


def missing_answers(groups: Sequence[QuestionGroup], answers: Mapping[str, object]) -> list[str]:
    """The linkIds of questions that have to be answered beside these, in the questionnaire's order.

    A section of which something is answered is answered whole, as far as its questions are required. An answer to a
    question with a condition needs the answer that the condition is about. What is not asked is not missing.
    """
    answered = [question for _, question in _all(groups) if question.link_id in answers]
    begun = {question.section for question in answered}
    conditions = {question.only_if for question in answered}
    return [
        question.link_id
        for group, question in _all(groups)
        if question.link_id not in answers
        and is_asked(question, group, answers)
        and (question.link_id in conditions or (question.required and question.section in begun))
    ]


def answers_not_asked_for(groups: Sequence[QuestionGroup], answers: Mapping[str, object]) -> dict[str, str]:
    """The linkIds of answers to what is not asked beside the other answers, in the questionnaire's order.

    Each with the linkId of the question whose answer is the reason.
    """
    return {
        question.link_id: reason
        for group, question in _all(groups)
        if question.link_id in answers and (reason := _not_asked_because_of(question, group, answers))
    }


def is_asked(question: Question, group: QuestionGroup, answers: Mapping[str, object]) -> bool:
    """Whether a question is asked; one with a condition is, while nobody has answered what the condition is about."""
    return _not_asked_because_of(question, group, answers) is None


def _not_asked_because_of(question: Question, group: QuestionGroup, answers: Mapping[str, object]) -> str | None:
    if group.unless is not None and answers.get(group.unless) is True:
        return group.unless
    if question.only_if is not None and answers.get(question.only_if) is False:
        return question.only_if
    return None


def _all(groups: Sequence[QuestionGroup]) -> Iterator[tuple[QuestionGroup, Question]]:
    return ((group, question) for group in groups for question in group.questions)
