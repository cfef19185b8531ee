"""The questions and their help: what is asked under which section, and numbers that are the policy's own."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from cds_service.engine.enabled_questions import answers_not_asked_for, missing_answers
from cds_service.engine.open_questions import required_answers
from cds_service.engine.questions import AnswerType
from cds_service.engine.statements import FIGURE_SOURCES
from cds_service.policies.mp_mm_1316 import POLICY

FIRST = POLICY.on(POLICY.first_day())
GROUPS, QUESTIONS = FIRST.question_groups, FIRST.questions
REPLACES = "D.III.replacement"
REPLACED = {REPLACES: True, "D.III.reason": "worn-out"}
HELP = {group.section: group.help for group in FIRST.question_groups}
SECTIONS = {question.section for question in QUESTIONS}


def _parameter(name: str) -> int:
    return int(POLICY.parameters[name].values[-1].value)


def test_every_section_has_its_help_and_nothing_else_has() -> None:
    assert set(HELP) == SECTIONS


def test_nobody_is_led_to_an_answer() -> None:
    """No number that decides stands beside a field for a number, a day or a text, in its title or in its help.

    The days of the self-tests stay: they say what is counted, not how many are enough. Of the yes-or-no questions,
    D.I.I.4 is the policy's own definition.
    """
    fields = [q for q in QUESTIONS if q.kind is not AnswerType.BOOLEAN]
    beside = {q.link_id: q.text for q in fields} | HELP | {f"title {g.section}": g.title for g in GROUPS}
    numbers = {name: set(re.findall(r"\b\d+(?:\.\d+)?", text)) for name, text in beside.items()}
    days = str(_parameter("self_test_window_days"))
    assert {name: found for name, found in numbers.items() if found} == {"D.I.G": {days}, "D.I.G.average": {days}}
    led = re.compile(r"\b(three|four|six|twelve|at least|or more|accepted|enough|passes?)\b", re.IGNORECASE)
    assert {name: text for name, text in beside.items() if led.search(text)} == {}


def test_a_figure_names_its_source_and_its_last_day() -> None:
    """Both may be left open: the figure counts without them."""
    source, through = (FIRST.question(f"D.I.G.{name}") for name in ("source", "through"))
    assert (source.kind, through.kind) == (AnswerType.CHOICE, AnswerType.DATE)
    assert not source.required
    assert not through.required
    assert {code: words.lower() for code, words in source.choices.items()} == FIGURE_SOURCES


def test_help_can_be_read_in_a_minute() -> None:
    """All of it is under 300 words, each text under 60."""
    words = {section: len(text.split()) for section, text in HELP.items()}
    assert max(words.values()) < 60
    assert sum(words.values()) < 300


def test_exclusions_are_answered_only_when_one_applies() -> None:
    assert HELP["D.II"].startswith("Answer only when")
    assert not any(question.required for question in QUESTIONS if question.section == "D.II")


def test_link_ids_are_unique_and_numbers_bounded() -> None:
    assert len({question.link_id for question in QUESTIONS}) == len(QUESTIONS)
    for question in QUESTIONS:
        assert (question.least is not None and question.most is not None) is (
            question.kind in (AnswerType.INTEGER, AnswerType.DECIMAL)
        )


def test_reasons_are_the_contracts() -> None:
    assert list(FIRST.question("D.III.reason").choices) == [
        "worn-out",
        "not-repairable",
        "needs-changed",
        "damaged",
        "warranty-expired",
        "misuse",
        "lost",
        "stolen",
    ]


def test_a_gap_is_closed_by_the_required_questions_of_its_section() -> None:
    assert required_answers(["D.I.D", "D.III.A.3"], FIRST) == {"D.I.D.date", "D.I.D.educator", "D.III.reason"}
    assert required_answers(["D.I.A", "D.I.I", "D.II.B.1"], FIRST) == set()


def test_a_way_among_several_is_never_required() -> None:
    """One sign of D.I.H and one of the six of D.I.I are enough: nobody has to answer for the others."""
    ways = [q for q in QUESTIONS if q.link_id.startswith(("D.I.H.", "D.I.I."))]
    assert len(ways) > 5
    assert not [q.link_id for q in ways if q.required]


# ---------------------------------------------------------------- what does not fit together


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ({}, []),
        ({"D.I.C": True}, []),
        ({"D.I.D.educator": "RN"}, ["D.I.D.date"]),
        ({"D.I.F.adjusts": True}, ["D.I.F.injections", "D.I.F.since"]),
        ({"D.I.D.date": date(2026, 6, 1), "D.I.F.injections": 4}, ["D.I.D.educator", "D.I.F.since", "D.I.F.adjusts"]),
        ({"D.I.I.3": True, "D.I.H.2": True, "D.II.B.1": False}, []),
        ({REPLACES: False}, []),
        ({REPLACES: True}, ["D.III.reason"]),
        ({REPLACES: True, "D.III.assessment": True}, ["D.III.reason"]),
        ({"D.III.reason": "worn-out"}, [REPLACES]),
        ({"D.III.assessment": True}, [REPLACES, "D.III.reason"]),
        (REPLACED, []),
        ({**REPLACED, "D.I.D.educator": "RN"}, []),
    ],
    ids=str,
)
def test_a_group_that_is_present_is_complete(answers: dict[str, Any], wanted: list[str]) -> None:
    assert missing_answers(GROUPS, answers) == wanted


@pytest.mark.parametrize(
    ("answers", "barred"),
    [
        ({}, []),
        ({"D.I.C": True, "D.I.E": True}, []),
        ({REPLACES: False, "D.I.C": True}, []),
        ({**REPLACED, "D.II.A.2": True}, []),
        ({**REPLACED, "D.I.I.2": True, "D.I.C": False}, ["D.I.C", "D.I.I.2"]),
        ({REPLACES: False, "D.III.reason": "lost", "D.III.assessment": True}, ["D.III.reason", "D.III.assessment"]),
        ({"D.III.reason": "lost"}, []),
    ],
    ids=str,
)
def test_what_is_not_asked_is_not_answered(answers: dict[str, Any], barred: list[str]) -> None:
    assert list(answers_not_asked_for(GROUPS, answers)) == barred
