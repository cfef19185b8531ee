"""What a signed statement says of each part of D.I.F."""

from __future__ import annotations

from datetime import date

from cds_service.engine.days import within
from cds_service.engine.finding import Basis, Finding, Gap, met, not_met, unknown
from cds_service.engine.truth import NOT_MET
from cds_service.facts import When
from cds_service.policies.mp_mm_1316.case import Case, attestation


def stated_count(case: Case) -> Finding | None:
    """Injections a day; None when nobody says."""
    answer = case.answer("D.I.F.injections")
    if answer is None or isinstance(answer.value, bool) or not isinstance(answer.value, int | float):
        return None
    make = met if answer.value >= case.parameters["regimen_injections"] else not_met
    words = f"{answer.value:g} insulin injections a day (attested {answer.authored})"
    return make(words, Basis.ATTESTED, [attestation(answer, "D.I.F.injections")])


def stated_duration(case: Case) -> Finding | None:
    """Since when; None when nobody says."""
    answer = case.answer("D.I.F.since")
    if answer is None or not isinstance(answer.value, When):
        return None
    evidence = [attestation(answer, "D.I.F.since")]
    needed = case.months_ago("regimen_months")
    # Whole interval on or before the day needed: met; none of it: not met; across it: not exact enough.
    early = within(answer.value, date.min, needed)
    if answer.value.last <= needed:
        return met(f"since {answer.value} (attested {answer.authored})", Basis.ATTESTED, evidence)
    if early is NOT_MET:
        return not_met(f"only since {answer.value} (attested {answer.authored})", Basis.ATTESTED, evidence)
    return unknown(Gap.INCOMPLETE, f"since {answer.value}, not exact enough", "The day of the start", evidence)


def stated_adjustment(case: Case) -> Finding | None:
    """Whether the doses are self-adjusted; None when nobody says."""
    return case.attested("D.I.F.adjusts", "the doses are self-adjusted", "the doses are not self-adjusted")
