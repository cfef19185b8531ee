"""D.I.H: high risk for preventable complications, shown by an early sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from cds_service.concepts import Concept
from cds_service.engine.days import compared, in_range, within
from cds_service.engine.finding import (
    Basis,
    Evidence,
    Finding,
    Gap,
    disjunction,
    met,
    not_met,
    strongest,
    unknown,
)
from cds_service.engine.section import criterion
from cds_service.engine.truth import MET, UNKNOWN
from cds_service.facts import LabResult, Topic, Unusable
from cds_service.policies.mp_mm_1316.case import Case, cite, named, usable
from cds_service.policies.mp_mm_1316.injection_regimen import injection_regimen, regimen_start
from cds_service.policies.mp_mm_1316.self_testing import tests_often_enough


@criterion(
    "D.I.H.1",
    "Moderately increased albuminuria",
    "albuminuria_low",
    "albuminuria_high",
    "albuminuria_results",
    "albuminuria_window_months",
)
def albuminuria(case: Case) -> Finding:
    """Persistent: two results from 30 to 300 mg/g (both included) on different days in the 12 months before the
    order, or a coded diagnosis. One result is incomplete; above 300 is severe and needs a reviewer."""
    coded = case.active(Concept.MICROALBUMINURIA)
    if coded:
        return met(f"Charted: {named(coded)}", Basis.DOCUMENTED, map(cite, coded))
    pending = [r for r in case.chart.albumin_creatinine if r.pending and usable(r.when, case.as_of)]
    remarks = tuple(f"Albumin-creatinine ratio of {r.when or 'unknown date'} is pending" for r in pending)
    finding = _ratio(case)
    return case.guarded(replace(finding, remarks=remarks) if remarks else finding, Topic.ALBUMIN_CREATININE)


def _ratio(case: Case) -> Finding:
    low, high = case.parameters["albuminuria_low"], case.parameters["albuminuria_high"]
    start = case.months_ago("albuminuria_window_months")
    results = [r for r in case.chart.albumin_creatinine if not r.pending and within(r.when, start, case.as_of) is MET]
    closes = f"A second albumin-creatinine ratio from {low} to {high} mg/g on another day"
    inside = [r for r in results if in_range(r, low, high) is MET]
    evidence = [cite(r, r.shown) for r in (inside or results)]
    if len({r.when.first for r in inside if r.when}) >= case.parameters["albuminuria_results"]:
        words = f"{len(inside)} albumin-creatinine ratios from {low} to {high} mg/g: {_shown(inside)}"
        return met(words, Basis.DOCUMENTED, evidence)
    above = [r for r in results if compared(r, high) is MET]
    if above:
        words = f"Albumin-creatinine ratio above {high} mg/g ({_shown(above)}): severe, beyond the early sign"
        return unknown(Gap.NEEDS_REVIEW, words, "A reviewer's look at the severe albuminuria", map(_cite, above))
    if inside:
        return unknown(Gap.INCOMPLETE, f"One result in range so far: {_shown(inside)}", closes, evidence)
    if any(in_range(r, low, high) is UNKNOWN for r in results):
        gap = Gap.NEEDS_REVIEW if any(r.unusable is Unusable.TEXT_ONLY for r in results) else Gap.INCOMPLETE
        return unknown(gap, f"Result that cannot be compared: {_shown(results)}", closes, evidence)
    if results:
        words = f"Albumin-creatinine ratio outside {low} to {high} mg/g: {_shown(results)}"
        return not_met(words, Basis.DOCUMENTED, evidence)
    closes = f"Two albumin-creatinine ratios from {low} to {high} mg/g on different days"
    return unknown(Gap.NOT_DOCUMENTED, "No albumin-creatinine ratio in the window", closes)


@criterion("D.I.H.2", "Persistent difficulty despite compliance", "hba1c_threshold", "difficulty_days_apart")
def difficult_control(case: Case) -> Finding:
    """The regimen (D.I.F) and the self-testing (D.I.G) are met, two HbA1c above the threshold lie at least 90 days
    apart inside the regimen's months, and nothing charted says non-compliance: supported. Attested decides."""
    attested = case.attested(
        "D.I.H.2", "Difficulty persists despite compliance", "No persistent difficulty despite compliance"
    )
    return strongest(attested, case.guarded(_difficulty(case), Topic.HBA1C, Topic.CONDITIONS))


def _difficulty(case: Case) -> Finding:
    closes = "The member's log with the provider's statement that control fails despite compliance"
    against = case.active(Concept.NONCOMPLIANCE)
    if against:
        words = f"Non-compliance is charted: {named(against)}"
        return unknown(Gap.NEEDS_REVIEW, words, closes, map(cite, against))
    high = _high_hba1c(case)
    apart = case.parameters["difficulty_days_apart"]
    if high and _spread(high) >= timedelta(days=apart):
        if all(case.finding(rule).truth is MET for rule in (injection_regimen, tests_often_enough)):
            words = f"HbA1c stays high on the regimen: {_shown([high[0], high[-1]])}"
            return met(words, Basis.SUPPORTED, map(_cite, (high[0], high[-1])))
        words = f"HbA1c stays high ({_shown([high[0], high[-1]])}), but D.I.F and D.I.G are not both shown"
        return unknown(Gap.INCOMPLETE, words, closes, map(_cite, (high[0], high[-1])))
    words = f"No two HbA1c above {case.parameters['hba1c_threshold']:g} % at least {apart} days apart on the regimen"
    return unknown(Gap.NEEDS_ATTESTATION, words, closes)


def _high_hba1c(case: Case) -> list[LabResult]:
    since = regimen_start(case) or date.max
    threshold = case.parameters["hba1c_threshold"]
    high = [
        r
        for r in case.chart.hba1c
        if not r.pending and within(r.when, since, case.as_of) is MET and compared(r, threshold) is MET
    ]
    return sorted(high, key=lambda r: (str(r.when), r.reference))


@criterion("D.I.H", "High risk for preventable complications")
def complication_risk(case: Case) -> Finding:
    """The two signs are examples of early signs: one is enough. When neither is shown the criterion is unknown,
    never contradicted, since another sign may be charted in words."""
    closes = "Albuminuria (two ratios from 30 to 300 mg/g), or a log that shows difficulty despite compliance"
    parts = (case.finding(albuminuria), case.finding(difficult_control))
    return disjunction(parts, "No early sign of complications is shown yet", closes, floor=UNKNOWN)


def _spread(results: Sequence[LabResult]) -> timedelta:
    first, last = results[0].when, results[-1].when
    return last.first - first.last if first and last else timedelta(0)


def _shown(results: Sequence[LabResult]) -> str:
    return ", ".join(f"{r.shown} on {r.when}" for r in list(dict.fromkeys(results))[-3:])


def _cite(result: LabResult) -> Evidence:
    return cite(result, result.shown)
