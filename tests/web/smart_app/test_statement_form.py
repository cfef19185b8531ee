"""The form of the documentation page: its fields are the questions of the order's policy."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, render_template_string
from werkzeug.datastructures import MultiDict

from cds_service.engine.policy import PolicyOnDay
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.web.smart_app.statement_form import StatementForm
from tests.policies.other_payer import OTHER, QUESTIONS, REASONS
from tests.support import DAY

OTHERS, KEY = OTHER.on(DAY), b"k" * 32
SECTIONS = ("T.1", "T.2", "T.3")


def _form(policy: PolicyOnDay = OTHERS, sent: dict[str, str] | None = None, **more: Any) -> StatementForm:
    """A form as it is shown, or as it comes back with these fields filled in."""
    state: dict[str, Any] = {}
    shown = StatementForm(policy, state, key=KEY, about="an order", today=DAY, **more)
    if sent is None:
        return shown
    hidden = {field.name: str(field._value()) for field in shown.hidden}
    return StatementForm(policy, state, key=KEY, about="an order", today=DAY, sent=MultiDict(hidden | sent), **more)


def test_the_fields_are_the_questions_of_the_policy() -> None:
    assert list(_form().fields) == ["T.1.team", "T.2.why", "T.2.worn", "T.2.days", "D.I.E"]
    assert list(_form(POLICY.on(DAY)).fields) == [q.link_id for q in POLICY.on(DAY).questions]


def test_a_choice_offers_the_list_of_its_own_policy() -> None:
    offered = [(value, label) for value, label, *_ in _form().fields["T.2.why"].iter_choices()]
    assert offered == [("", "Not stated"), *REASONS.items()]


def test_what_is_typed_is_read_as_answers() -> None:
    form = _form(sent={"T.1.team": "yes", "T.2.why": "lows", "T.2.worn": "yes", "T.2.days": "14", "D.I.C": "yes"})
    assert form.answers(SECTIONS) == {"T.1.team": True, "T.2.why": "lows", "T.2.worn": True, "T.2.days": 14}
    assert form.errors == {}


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"T.2.days": "14"}, {"T.2.why": "needed beside", "T.2.worn": "needed beside"}),
        ({"T.2.why": "worn-out"}, {"T.2.why": "Not a valid choice"}),
        ({"T.2.why": "lows", "T.2.worn": "yes", "T.2.days": "91"}, {"T.2.days": "A number from 1 to 90"}),
        (
            {"T.2.why": "lows", "T.2.worn": "no", "T.2.days": "14"},
            {"T.2.days": 'not asked after No to "Was a pump worn on trial?"'},
        ),
    ],
    ids=str,
)
def test_what_does_not_fit_is_said_at_its_field(typed: dict[str, str], errors: dict[str, str]) -> None:
    form = _form(sent=typed)
    assert form.answers(SECTIONS) == {}
    assert set(form.errors) == set(errors)
    assert all(words in form.errors[name] for name, words in errors.items())


def test_a_criterion_beside_a_replacement_is_told_by_the_question_that_rules_it_out() -> None:
    typed = {"D.III.replacement": "yes", "D.III.reason": "worn-out", "D.I.C": "yes"}
    form = _form(POLICY.on(DAY), sent=typed)
    assert form.answers({"D.III", "D.I.C"}) == {}
    question = POLICY.on(DAY).question("D.III.replacement")
    assert question is not None
    words = f'This is not asked after Yes to "{question.text}": clear it, or change that answer'
    assert form.errors == {"D.I.C": words}


def test_what_is_known_already_is_filled_in() -> None:
    form = _form(values={"T.1.team": True, "T.2.days": 3.0, "T.2.why": "lows"})
    assert [form.fields[name].data for name in ("T.1.team", "T.2.days", "T.2.why")] == ["yes", Decimal(3), "lows"]
    dated = _form(POLICY.on(DAY), values={"D.I.D.date": date(2026, 6, 1)})
    assert dated.fields["D.I.D.date"].data == date(2026, 6, 1)


def test_a_text_field_takes_as_much_as_the_questionnaire_allows() -> None:
    app = Flask(__name__, template_folder="../../../cds_service/web/templates")
    macro = '{% from "_question.html" import show_question %}{{ show_question(question, form, {}) }}'
    educator = POLICY.on(DAY).question("D.I.D.educator")
    with app.app_context():
        shown = render_template_string(macro, question=educator, form=_form(POLICY.on(DAY)))
    assert re.findall(r'maxlength="(\d+)"', shown) == ["200"]


def test_every_kind_of_question_can_be_shown() -> None:
    app = Flask(__name__, template_folder="../../../cds_service/web/templates")
    macro = '{% from "_question.html" import show_question %}{{ show_question(question, form, {}) }}'
    with app.app_context():
        for group in QUESTIONS:
            for question in group.questions:
                shown = render_template_string(macro, question=question, form=_form())
                assert question.text in shown
                assert f'name="{question.link_id}"' in shown
