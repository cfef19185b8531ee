"""Answers that the chart already gives to the questions."""

from __future__ import annotations

from datetime import date

from cds_service.engine.days import within
from cds_service.engine.truth import NOT_MET
from cds_service.facts import ChartSection, When
from cds_service.policies.rules.case import Case, usable
from cds_service.policies.rules.injection_regimen import charted_regimen_answers
from cds_service.policies.rules.replacement import REPLACES, takes_replacement_path

# What questions are asked in general, by the names that policies share.
_EDUCATION = "education-completed"
_REGIMEN = frozenset({"injections-a-day", "injections-since", "injections-self-adjusted"})
# What a question is answered with.
Value = bool | float | str | date


def charted_answers(case: Case) -> dict[str, Value | When]:
    """What the chart says to each of the policy's questions, by linkId.

    Never a guess, and never more than the chart says: where its data are incomplete, nothing.
    """
    asked = case.policy.questions
    charted = {
        **(_education(case) if _EDUCATION in asked else {}),
        **(charted_regimen_answers(case) if _REGIMEN.intersection(asked) else {}),
        **_replaces(case),
    }
    return {asked[name]: value for name, value in charted.items() if name in asked}


def _education(case: Case) -> dict[str, Value | When]:
    """The last session within the window, where the policy has one: its date, not that the program was completed."""
    if case.not_read(ChartSection.EDUCATION, ChartSection.ENCOUNTERS):
        return {}  # a later session may have been missed
    window = "education_window_months"
    start = case.months_ago(window) if window in case.parameters else date.min
    inside = [
        record.when
        for record in case.chart.education
        if record.when is not None
        and not record.review
        and usable(record.when, case.as_of)
        and within(record.when, start, case.as_of) is not NOT_MET
    ]
    return {_EDUCATION: max(inside, key=lambda when: when.last)} if inside else {}


def _replaces(case: Case) -> dict[str, Value]:
    return {REPLACES: True} if takes_replacement_path(case) else {}
