"""What a signed statement says of each part of the injection regimen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cds_service.engine.days import within
from cds_service.engine.finding import Basis, Finding, Gap, met, not_met, unknown
from cds_service.engine.truth import NOT_MET
from cds_service.facts import When
from cds_service.policies.rules.case import Case


def stated_count(case: Case) -> Finding | None:
    """Injections a day; None when nobody says."""
    answer = case.answer("injections-a-day")
    if answer is None or isinstance(answer.value, bool) or not isinstance(answer.value, int | float):
        return None
    goal, evidence = case.parameters["regimen_injections"], [case.attestation(answer, "injections-a-day")]
    explanation = f"{answer.value:g} insulin injections a day (attested {answer.authored})"
    if answer.value >= goal:
        return met(explanation, Basis.ATTESTED, evidence, names_statement=True)
    step = f"review the regimen, the statement says under {goal} injections a day"
    return not_met(explanation, Basis.ATTESTED, evidence, next_step=step)


def stated_duration(case: Case) -> Finding | None:
    """Since when; None when nobody says."""
    answer = case.answer("injections-since")
    if answer is None or not isinstance(answer.value, When):
        return None
    evidence = [case.attestation(answer, "injections-since")]
    needed = case.months_ago("regimen_months")
    # Whole interval on or before the day needed: met; none of it: not met; across it: not exact enough.
    early = within(answer.value, date.min, needed)
    if answer.value.last <= needed:
        explanation = f"since {answer.value} (attested {answer.authored})"
        return met(explanation, Basis.ATTESTED, evidence, names_statement=True)
    if early is NOT_MET:
        explanation = f"only since {answer.value} (attested {answer.authored})"
        step = f"show {case.parameters['regimen_months']} months of the regimen, the statement says fewer"
        return not_met(explanation, Basis.ATTESTED, evidence, next_step=step)
    explanation = f"since {answer.value} (attested {answer.authored}), which is not exact enough"
    closes, step = "The day on which the regimen began", "give the exact start of the insulin regimen"
    return unknown(Gap.INCOMPLETE, explanation, closes, evidence, next_step=step)


def stated_adjustment(case: Case) -> Finding | None:
    """Whether the doses are self-adjusted; None when nobody says."""
    stated = case.attested("injections-self-adjusted", "the doses are self-adjusted", "the doses are not self-adjusted")
    step = "review the self-adjustment of doses, the statement says there is none"
    return replace(stated, next_step=step) if stated is not None else None
