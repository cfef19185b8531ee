"""Which questions are asked beside answers, and which are missing: a questionnaire with a condition of each kind."""

from __future__ import annotations

import pytest

from cds_service.engine.enabled_questions import answers_not_asked_for, is_asked, missing_answers
from cds_service.engine.questions import AnswerType, Question, QuestionGroup

REPLACED = "R.replaced"
GROUPS = (
    QuestionGroup(
        "R",
        "Replacement",
        "",
        (
            Question(REPLACED, "R", "Is it replaced?", required=False),
            Question("R.why", "R", "Why?", AnswerType.TEXT, only_if=REPLACED),
            Question("R.estimate", "R", "Is an estimate on file?", required=False, only_if=REPLACED),
        ),
    ),
    QuestionGroup(
        "A",
        "Education",
        "",
        (Question("A.day", "A", "When?", AnswerType.DATE), Question("A.by", "A", "By whom?", AnswerType.TEXT)),
        unless=REPLACED,
    ),
    QuestionGroup("B", "Symptoms", "", (Question("B.1", "B", "One?", required=False),), unless=REPLACED),
    QuestionGroup("C", "Exclusion", "", (Question("C.1", "C", "Convenience?", required=False),)),
)


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ({}, []),
        ({"A.day": "2026-06-01"}, ["A.by"]),
        ({"A.day": "2026-06-01", "A.by": "RN"}, []),
        ({"B.1": True, "C.1": False}, []),
        ({REPLACED: False}, []),
        ({REPLACED: True}, ["R.why"]),
        ({REPLACED: True, "R.estimate": True}, ["R.why"]),
        ({"R.why": "worn out"}, [REPLACED]),
        ({"R.estimate": True}, [REPLACED, "R.why"]),
        ({REPLACED: True, "R.why": "worn out", "A.by": "RN"}, []),
    ],
    ids=str,
)
def test_a_section_that_is_begun_is_answered_whole(answers: dict[str, object], wanted: list[str]) -> None:
    assert missing_answers(GROUPS, answers) == wanted


def test_a_condition_in_another_section_is_needed_as_well() -> None:
    other = QuestionGroup("D", "Details", "", (Question("D.1", "D", "Which?", AnswerType.TEXT, only_if="C.1"),))
    assert missing_answers((*GROUPS, other), {"D.1": "this one"}) == ["C.1"]
    assert missing_answers((*GROUPS, other), {"D.1": "this one", "C.1": True}) == []


@pytest.mark.parametrize(
    ("answers", "superfluous"),
    [
        ({}, {}),
        ({"A.day": "2026-06-01", "B.1": True}, {}),
        ({REPLACED: False, "B.1": True}, {}),
        ({REPLACED: True, "R.why": "worn out", "C.1": True}, {}),
        ({REPLACED: True, "R.why": "worn out", "B.1": True, "A.by": "RN"}, {"A.by": REPLACED, "B.1": REPLACED}),
        ({REPLACED: False, "R.estimate": True}, {"R.estimate": REPLACED}),
        ({"R.why": "worn out"}, {}),
    ],
    ids=str,
)
def test_what_is_not_asked_is_named_with_the_answer_that_is_the_reason(
    answers: dict[str, object], superfluous: dict[str, str]
) -> None:
    found = answers_not_asked_for(GROUPS, answers)
    assert found == superfluous
    assert list(found) == list(superfluous), "in the questionnaire's order"


def test_a_question_is_asked_while_nobody_answered_its_condition() -> None:
    for group in GROUPS:
        assert all(is_asked(question, group, {}) for question in group.questions)


@pytest.mark.parametrize("kind", [AnswerType.INTEGER, AnswerType.DECIMAL])
def test_a_number_has_bounds(kind: AnswerType) -> None:
    with pytest.raises(ValueError, match=r"X\.1: a number needs"):
        Question("X.1", "X", "How many?", kind, least=0)
    assert Question("X.1", "X", "How many?", kind, least=0, most=9).most == 9


def test_a_choice_has_a_list_with_a_name_and_a_title() -> None:
    whole = {"choices": {"a": "A"}, "choice_set": "letters", "choice_title": "Letters"}
    for name in whole:
        lacking = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(ValueError, match=r"X\.1: a choice needs"):
            Question("X.1", "X", "Which?", AnswerType.CHOICE, **lacking)  # type: ignore[arg-type]
    assert Question("X.1", "X", "Which?", AnswerType.CHOICE, **whole).choices == {"a": "A"}  # type: ignore[arg-type]
