"""Answers to several policies' questionnaires: which of them count for one of the policies."""

from __future__ import annotations

from datetime import date

from cds_service.engine.questions import AnswerType, Question
from cds_service.engine.statements import answers_for
from cds_service.facts import Answer, When

OWN = "own-policy"
# One criterion with one question, one with two that are required, one that has no counterpart anywhere.
QUESTIONS = (
    Question("I.A", "I.A", "Is the team expert?", same_as="expert-team"),
    Question("I.B.count", "I.B", "How many injections?", AnswerType.INTEGER, least=0, most=20, same_as="injections"),
    Question("I.B.since", "I.B", "Since when?", AnswerType.DATE, same_as="injections-since"),
    Question("I.B.remark", "I.B", "Anything else?", AnswerType.TEXT, required=False, same_as="injections-remark"),
    Question("I.C", "I.C", "Only this policy asks this", required=False),
)


def _answer(value: bool | float | str | When, reference: str, questionnaire: str = OWN, meaning: str = "") -> Answer:
    day = date(2026, 11, 1)
    return Answer(value, When(day, day), f"QuestionnaireResponse/{reference}", questionnaire, meaning)


def test_answers_to_the_own_questionnaire_are_left_as_they_are() -> None:
    answers = {"I.A": (_answer(True, "1", meaning="expert-team"),), "I.C": (_answer(False, "1"),)}
    assert answers_for(OWN, QUESTIONS, answers) is answers


def test_an_answer_that_names_no_questionnaire_counts() -> None:
    answers = {"I.A": (_answer(True, "1", questionnaire=""),)}
    assert answers_for(OWN, QUESTIONS, answers) is answers


def test_the_same_link_id_in_another_questionnaire_is_another_question() -> None:
    own, other = _answer(True, "1"), _answer(False, "2", "other-policy")
    assert answers_for(OWN, QUESTIONS, {"I.C": (own, other)}) == {"I.C": (own,)}
    assert answers_for(OWN, QUESTIONS, {"I.C": (other,)}) == {}
    unlike = _answer(False, "2", "other-policy", "operates-pump")
    assert answers_for(OWN, QUESTIONS, {"I.A": (unlike,)}) == {}


def test_what_another_policy_asks_the_same_counts_under_the_own_link_id() -> None:
    own, other = _answer(True, "1", meaning="expert-team"), _answer(False, "2", "other-policy", "expert-team")
    assert answers_for(OWN, QUESTIONS, {"I.A": (own,), "4": (other,)}) == {"I.A": (own, other)}
    assert answers_for(OWN, QUESTIONS, {"4": (other,)}) == {"I.A": (other,)}


def test_half_of_a_criterion_stated_to_somebody_else_does_not_count() -> None:
    count, since = (
        _answer(4.0, "2", "other-policy", "injections"),
        _answer(When(date(2026, 1, 5), date(2026, 1, 5)), "2", "other-policy", "injections-since"),
    )
    remark = _answer("before meals", "2", "other-policy", "injections-remark")
    assert answers_for(OWN, QUESTIONS, {"7": (count,), "9": (remark,)}) == {}
    required = answers_for(OWN, QUESTIONS, {"7": (count,), "8": (since,)})
    assert required == {"I.B.count": (count,), "I.B.since": (since,)}
    whole = answers_for(OWN, QUESTIONS, {"7": (count,), "8": (since,), "9": (remark,)})
    assert whole == {"I.B.count": (count,), "I.B.since": (since,), "I.B.remark": (remark,)}


def test_two_halves_in_two_statements_are_no_whole_one() -> None:
    count = _answer(4.0, "2", "other-policy", "injections")
    since = _answer(When(date(2026, 1, 5), date(2026, 1, 5)), "3", "other-policy", "injections-since")
    assert answers_for(OWN, QUESTIONS, {"7": (count,), "8": (since,)}) == {}
