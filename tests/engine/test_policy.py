"""A policy is whole before anything is judged by it, and a changed copy of one shares nothing with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from cds_service.engine.parameters import DatedValue
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
