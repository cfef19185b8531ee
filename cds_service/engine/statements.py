"""Signed statements as one policy reads them: answers to its own questionnaire, and to questions that ask the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cds_service.engine.plain_text import day_text
from cds_service.engine.questions import Question
from cds_service.facts import Answer, When

Answers = Mapping[str, tuple[Answer, ...]]
# What a stated figure was taken from, by the code that the questions of all policies share.
FIGURE_SOURCES = {"meter-download": "meter download", "log": "log", "device-report": "device report"}


def figure_source(source: Answer | None, through: Answer | None) -> str:
    """What a stated figure was taken from, and its last day: `meter download through Nov 24, 2026`.

    What nobody stated is left out; empty where neither is stated.
    """
    named = FIGURE_SOURCES.get(source.value, "") if source is not None and isinstance(source.value, str) else ""
    last_day = f"through {day_text(through.value)}" if through is not None and isinstance(through.value, When) else ""
    return " ".join(part for part in (named, last_day) if part)


def answers_for(questionnaire: str, questions: Sequence[Question], answers: Answers) -> Answers:
    """The answers that count for a policy, by the linkIds of its own questions.

    An answer that names no questionnaire counts under its linkId. A response to another questionnaire counts for a
    criterion when it answers, under their general names, all that the criterion requires: half a statement to
    somebody else never takes the place of a whole one.
    """
    own_ids = ("", questionnaire)
    if all(answer.questionnaire in own_ids for given in answers.values() for answer in given):
        return answers
    own = {link: [a for a in given if a.questionnaire in own_ids] for link, given in answers.items()}
    for named in _responses_to_others(own_ids, answers):
        for question in questions:
            if question.same_as in named and _answers_whole(question.criterion, questions, named):
                own.setdefault(question.link_id, []).append(named[question.same_as])
    return {link: tuple(given) for link, given in own.items() if given}


def _responses_to_others(own_ids: tuple[str, ...], answers: Answers) -> Iterator[dict[str, Answer]]:
    """The responses to other questionnaires, each as its answers by the general name of what the question asks."""
    responses: dict[str, dict[str, Answer]] = {}
    for given in answers.values():
        for answer in given:
            if answer.questionnaire not in own_ids and answer.meaning:
                responses.setdefault(answer.reference, {})[answer.meaning] = answer
    yield from responses.values()


def _answers_whole(criterion: str, questions: Sequence[Question], named: Mapping[str, Answer]) -> bool:
    needed = [question for question in questions if question.criterion == criterion and question.required]
    return all(question.same_as in named for question in needed)
