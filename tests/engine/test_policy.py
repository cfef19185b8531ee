"""A policy is whole before anything is judged by it, and a changed copy of one shares nothing with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from cds_service.engine.case import Case
from cds_service.engine.parameters import DatedValue
from cds_service.facts import Answer, Chart, DeviceOrder, Scope, When
from tests.toy_policy import POLICY

START = date(2025, 1, 1)


@pytest.mark.parametrize("name", ["attestation_window_days", "order_age_days"])
def test_a_policy_without_a_parameter_that_all_have_is_refused(name: str) -> None:
    without = {each: value for each, value in POLICY.parameters.items() if each != name}
    with pytest.raises(ValueError, match=f"TOY-1 lacks: parameter {name}"):
        replace(POLICY, parameters=without)


@pytest.mark.parametrize("name", ["device", "plan", "uncoded", "code_step", "whole"])
def test_a_policy_without_a_sentence_that_cards_need_is_refused(name: str) -> None:
    without = {each: text for each, text in POLICY.wording.items() if each != name}
    with pytest.raises(ValueError, match=f"TOY-1 lacks: sentence {name}"):
        replace(POLICY, wording=without)


def test_a_rule_without_its_section_is_refused() -> None:
    without = {name: section for name, section in POLICY.sections.items() if name != "W.2"}
    with pytest.raises(ValueError, match=r"TOY-1 lacks: section W\.2"):
        replace(POLICY, sections=without)


def test_a_changed_copy_reads_its_own_numbers() -> None:
    assert POLICY.on(START).says("W.1") == "A body weight of at least 10 kg in the last 60 days."
    heavier = replace(POLICY.parameters["least_weight_kg"], values=(DatedValue(START, 20),))
    changed = replace(POLICY, parameters={**POLICY.parameters, "least_weight_kg": heavier})
    assert changed.on(START).says("W.1") == "A body weight of at least 20 kg in the last 60 days."
    assert POLICY.on(START).says("W.1") == "A body weight of at least 10 kg in the last 60 days."


def test_what_parts_of_the_chart_are_called() -> None:
    names = POLICY.section_names
    assert (names["weight"], names["hba1c"]) == ("body weights", "HbA1c results")


class TestWindowsTiedToAnEvent:
    """A case whose windows end with an earlier event than the order."""

    EVENT = date(2026, 3, 10)

    def made(self) -> Case:
        answers = {"W.2": (Answer(True, When(date(2026, 11, 18), date(2026, 11, 18)), "QuestionnaireResponse/1"),)}
        order = DeviceOrder("DeviceRequest/1", "DeviceRequest", "Pump", Scope.PUMP)
        return POLICY.on(START).make_case(order, Chart(answers=answers), date(2026, 11, 20))

    def test_windows_move_and_statements_stay(self) -> None:
        tied = self.made().at_event(self.EVENT)
        assert tied.days_ago("weight_window_days") == date(2026, 1, 9)  # 60 days before March 10
        stated = tied.attested("W.2", "yes", "no")
        assert stated is not None
        assert stated.explanation.startswith("yes")

    def test_a_second_event_leaves_the_day_of_the_statements(self) -> None:
        tied = self.made().at_event(self.EVENT).at_event(date(2026, 1, 1))
        assert (tied.as_of, tied.signed_by) == (date(2026, 1, 1), date(2026, 11, 20))

    def test_chart_and_parameters_may_be_those_of_then(self) -> None:
        tied = self.made().at_event(self.EVENT, Chart(state="OH"), {"weight_window_days": 1})
        assert (tied.chart.state, tied.days_ago("weight_window_days")) == ("OH", date(2026, 3, 9))

    def test_a_question_may_stand_for_another(self) -> None:
        made = self.made()
        named = replace(made, policy=replace(made.policy, questions={"log": "W.9", "log-of-then": "W.2"}))
        assert named.at_event(self.EVENT, questions={"log": "log-of-then"}).link_id("log") == "W.2"
        assert named.at_event(self.EVENT, questions={"log": "nothing"}).link_id("log") == "W.9"
