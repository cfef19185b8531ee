"""Creatinine clearance near a laboratory result: measured, or computed by Cockcroft-Gault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from cds_service.engine.days import at_most, months_after, months_before
from cds_service.engine.finding import Evidence
from cds_service.engine.laboratory import cockcroft_gault
from cds_service.engine.plain_text import day_text
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.engine.wording import listed
from cds_service.facts import LabResult
from cds_service.facts.known_results import CREATININE, CREATININE_CLEARANCE, WEIGHT
from cds_service.policies.rules.case import Case, cite


@dataclass(frozen=True, slots=True)
class ClearanceFinding:
    """Whether the clearance is low. `words`: a clause with its value, or with what is missing to know it."""

    low: Truth
    words: str
    evidence: tuple[Evidence, ...] = ()


def clearance_for(case: Case, result: LabResult) -> ClearanceFinding:
    """Whether the clearance near a result is at or below `low_clearance`: the measured one nearest to it, else computed
    from the nearest creatinine and weight, both within `clearance_window_months`."""
    limit, months = case.parameters["low_clearance"], case.parameters["clearance_window_months"]
    unread = case.not_read(CREATININE.key)
    if unread is not None:
        return ClearanceFinding(UNKNOWN, f"the creatinine clearance is not known: {unread.what} could not be read")
    if result.when is None:
        return ClearanceFinding(UNKNOWN, "the creatinine clearance at the draw is not known, the draw has no date")
    day = result.when.last
    measured = _nearest(case, CREATININE_CLEARANCE.key, day, months)
    if measured is not None and measured.value is not None:
        words = f"creatinine clearance {measured.shown} ({day_text(measured.when) if measured.when else ''})"
        return ClearanceFinding(at_most(measured, limit), words, (cite(measured, measured.shown),))
    return _computed(case, day, limit, months)


def _computed(case: Case, day: date, limit: float, months: int) -> ClearanceFinding:
    creatinine, weight = _nearest(case, CREATININE.key, day, months), _nearest(case, WEIGHT.key, day, months)
    at = creatinine.when.last if creatinine is not None and creatinine.when is not None else day
    person = case.chart.person
    found = cockcroft_gault(
        person.born, person.sex, weight.value if weight else None, creatinine.value if creatinine else None, at
    )
    evidence = tuple(cite(each, each.shown) for each in (creatinine, weight) if each is not None)
    if found.least is None or found.most is None:
        lacking = _lacking(weight, creatinine, months, found.lacks)
        return ClearanceFinding(UNKNOWN, f"the creatinine clearance at the draw is not known: {lacking}", evidence)
    span = (
        f"{found.least:.1f}"
        if f"{found.least:.1f}" == f"{found.most:.1f}"
        else f"{found.least:.1f} to {found.most:.1f}"
    )
    words = f"creatinine clearance {span} mL/min by Cockcroft-Gault"
    if found.most <= limit:
        return ClearanceFinding(MET, words, evidence)
    if found.least > limit:
        return ClearanceFinding(NOT_MET, words, evidence)
    why = f" ({listed(found.lacks)})" if found.lacks else ""
    return ClearanceFinding(UNKNOWN, f"{words}, which may be above or below {limit:g}{why}", evidence)


def _lacking(weight: LabResult | None, creatinine: LabResult | None, months: int, lacks: tuple[str, ...]) -> str:
    """What the formula lacks, in a clause."""
    measured = (("body weight", weight), ("serum creatinine", creatinine))
    results = [name for name, result in measured if result is None]
    near = [f"no {listed(results, 'or')} within {months} months of it"] if results else []
    return listed((*near, *lacks[: len(lacks) - len(results)]))


def _nearest(case: Case, key: str, day: date, months: int) -> LabResult | None:
    """The usable result nearest to a day, of equals the later; a comparator only where it is a clearance's own."""
    start, end = months_before(day, months), min(months_after(day, months), case.as_of)
    inside = [
        r for r in _usable(case.chart.results.get(key, ())) if r.when and start <= r.when.first <= r.when.last <= end
    ]
    exact = [r for r in inside if not r.comparator or key == CREATININE_CLEARANCE.key]
    return min(exact, key=lambda r: (_days_apart(r, day), r.reference), default=None)


def _usable(results: Iterable[LabResult]) -> list[LabResult]:
    return [r for r in results if r.value is not None and r.unusable is None and not r.pending and r.when is not None]


def _days_apart(result: LabResult, day: date) -> tuple[int, int]:
    when = result.when
    assert when is not None  # undated results are no longer there
    if when.first <= day <= when.last:
        return 0, 0
    return min(abs((when.first - day).days), abs((when.last - day).days)), int(when.last < day)
