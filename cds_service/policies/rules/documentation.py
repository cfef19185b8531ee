"""Answers that the chart already gives to the questions."""

from __future__ import annotations

from datetime import date

from cds_service.engine.days import within
from cds_service.engine.truth import NOT_MET
from cds_service.facts import ChartSection, When
from cds_service.policies.rules.case import Case, usable
from cds_service.policies.rules.injection_regimen import charted_regimen_answers
from cds_service.policies.rules.replacement import REPLACES, takes_replacement_path

# What a question is answered with.
Value = bool | float | str | date


def charted_answers(case: Case) -> dict[str, Value | When]:
    """What the chart says to each of the policy's questions, by linkId.

    Never a guess, and never more than the chart says: where its data are incomplete, nothing.
    """
    charted = {**_education(case), **charted_regimen_answers(case), **_replaces(case)}
    asked = case.policy.questions
    return {asked[name]: value for name, value in charted.items() if name in asked}


def _education(case: Case) -> dict[str, Value | When]:
    """The last session within the window: its date, not that the program was completed, which is asked."""
    if case.not_read(ChartSection.EDUCATION, ChartSection.ENCOUNTERS):
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
    return {"education-completed": max(inside, key=lambda when: when.last)} if inside else {}


def _replaces(case: Case) -> dict[str, Value]:
    return {REPLACES: True} if takes_replacement_path(case) else {}
