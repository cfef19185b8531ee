"""What a signed statement says of each part of the injection regimen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cds_service.engine.days import within
from cds_service.engine.finding import Basis, Finding, Gap, met, not_met, unknown
from cds_service.engine.plain_text import day_text
from cds_service.engine.truth import NOT_MET
from cds_service.facts import When
from cds_service.policies.rules.case import Case, signed


def for_months(case: Case) -> str:
    """For how many months the injections are needed, after them; empty where a policy asks for a count alone."""
    months = case.parameters.get("regimen_months")
    return f" for {months} months" if months is not None else ""


def stated_count(case: Case) -> Finding | None:
    """Stated injections a day; None when there is no statement."""
    answer = case.answer("injections-a-day")
    if answer is None or isinstance(answer.value, bool) or not isinstance(answer.value, int | float):
        return None
    goal, evidence = case.parameters["regimen_injections"], [case.attestation(answer)]
    explanation = f"{answer.value:g} insulin injections a day ({signed(answer)})"
    if answer.value >= goal:
        return met(explanation, Basis.ATTESTED, evidence, names_statement=True)
    step = f"needs {goal} or more injections a day{for_months(case)}; the statement says {answer.value:g}"
    return not_met(explanation, Basis.ATTESTED, evidence, next_step=step)


def stated_duration(case: Case) -> Finding | None:
    """Stated start of the regimen; None when there is no statement."""
    answer = case.answer("injections-since")
    if answer is None or not isinstance(answer.value, When):
        return None
    evidence = [case.attestation(answer)]
    needed = case.months_ago("regimen_months")
    # Whole interval on or before the day needed: met; none of it: not met; across it: not exact enough.
    early = within(answer.value, date.min, needed)
    if answer.value.last <= needed:
        explanation = f"since {day_text(answer.value)} ({signed(answer)})"
        return met(explanation, Basis.ATTESTED, evidence, names_statement=True)
    if early is NOT_MET:
        explanation = f"only since {day_text(answer.value)} ({signed(answer)})"
        months = case.parameters["regimen_months"]
        step = f"needs {months} months of the regimen; the statement says since {day_text(answer.value)}"
        return not_met(explanation, Basis.ATTESTED, evidence, next_step=step)
    explanation = f"since {day_text(answer.value)}, which is not exact enough ({signed(answer)})"
    closes, step = "State the day on which the regimen began", "give the exact start of the insulin regimen"
    return unknown(Gap.INCOMPLETE, explanation, closes, evidence, next_step=step)


def stated_adjustment(case: Case) -> Finding | None:
    """Stated self-adjustment of doses; None when there is no statement."""
    stated = case.attested("injections-self-adjusted", "doses are self-adjusted", "doses are not self-adjusted")
    step = "review the self-adjustment of doses, the statement says there is none"
    return replace(stated, next_step=step) if stated is not None else None
