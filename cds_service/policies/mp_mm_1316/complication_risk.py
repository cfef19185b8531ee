"""D.I.H: high risk for preventable complications, shown by an early sign."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, time, timedelta

from cds_service.concepts import WITHOUT_STATUS, Concept
from cds_service.engine.days import compared, in_range, within
from cds_service.engine.finding import (
    Basis,
    Evidence,
    Finding,
    Gap,
    best_supported,
    disjunction,
    met,
    not_met,
    unknown,
)
from cds_service.engine.plain_text import capitalized, day_text, on_text
from cds_service.engine.rule import criterion
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.engine.wording import number_in_words
from cds_service.facts import ChartSection, Diagnosis, LabResult, Unusable
from cds_service.policies.mp_mm_1316.criteria import injection_regimen, tests_often_enough
from cds_service.policies.rules.case import Case, cite, named, unread, usable
from cds_service.policies.rules.injection_regimen import regimen_start
from cds_service.policies.rules.phrases import counted_in_words, dated_labels, explain_parts, part_remedies

# Results that say nothing about where they lie, and so are none of the newest.
_SAYING_NOTHING = (Unusable.NO_VALUE, Unusable.WRONG_UNIT, Unusable.IMPLAUSIBLE)


@criterion(
    "D.I.H.1",
    "Moderately increased albuminuria",
    "albuminuria_low",
    "albuminuria_high",
    "albuminuria_results",
    "albuminuria_newest",
    "albuminuria_window_months",
)
def albuminuria(case: Case) -> Finding:
    """Persistent: of the {albuminuria_newest:words newest results} of the {albuminuria_window_months:months} before the
    order, {albuminuria_results:words} from {albuminuria_low} to {albuminuria_high} mg/g (both included) on different
    days. Documented when the newest of all is in range, suggested when it is below; a newer one above
    {albuminuria_high}, or as many in range that are older than the newest, need a reviewer. A coded diagnosis documents
    it. Fewer results in range are incomplete; only results above {albuminuria_high} are severe and need a reviewer."""
    coded = case.active(Concept.MICROALBUMINURIA)
    if coded:
        return met(f"{named(coded)} is charted", Basis.DOCUMENTED, map(cite, coded))
    pending = [r for r in case.chart.albumin_creatinine if r.pending and usable(r.when, case.as_of)]
    remarks = tuple(f"Albumin-creatinine ratio {on_text(r.when)} is pending" for r in pending)
    finding = best_supported(_ratio(case), _supported(case))
    finding = replace(finding, remarks=remarks) if remarks else finding
    reason = case.not_read(ChartSection.ALBUMIN_CREATININE)
    # A newer result may have been missed, so not even two in range are the newest for certain.
    return unread(finding, reason) if reason else finding


def _supported(case: Case) -> Finding | None:
    coded = [d for d in case.diagnoses if Concept.MICROALBUMINURIA in d.supported and d.active is not False]
    return met(f"{named(coded)} is charted", Basis.SUPPORTED, map(cite, coded)) if coded else None


def _ratio(case: Case) -> Finding:
    low, high = case.parameters["albuminuria_low"], case.parameters["albuminuria_high"]
    start = case.months_ago("albuminuria_window_months")
    results = [r for r in case.chart.albumin_creatinine if not r.pending and within(r.when, start, case.as_of) is MET]
    inside = [r for r in results if in_range(r, low, high) is MET]
    if _days(inside) >= case.parameters["albuminuria_results"]:
        return _persistent(case, results, inside)
    evidence = [cite(r, r.shown) for r in (inside or results)]
    above = [r for r in results if compared(r, high) is MET]
    if above:
        explanation = (
            f"Albumin-creatinine ratio above {high} mg/g ({_shown(above)}), which is severe and no longer an early sign"
        )
        return unknown(
            Gap.NEEDS_REVIEW,
            explanation,
            "Attach the lab reports, so that a reviewer can decide whether severe albuminuria counts",
            map(_cite, above),
        )
    named_only = [
        r for r in results if r.unusable is Unusable.NAMED_ONLY and in_range(r.surely_named, low, high) is not NOT_MET
    ]
    if named_only:
        explanation = f"{named_only[-1].label} {_shown(results)}, charted without a standard code"
        closes = f"Attach the lab report that says what {named_only[-1].label} measures"
        return unknown(Gap.NEEDS_REVIEW, explanation, closes, map(_cite, results))
    if inside:
        return _too_few(case, inside)
    if any(in_range(r, low, high) is UNKNOWN for r in results):
        by_words = (Unusable.TEXT_ONLY, Unusable.NAMED_ONLY)
        gap = Gap.NEEDS_REVIEW if any(r.unusable in by_words for r in results) else Gap.INCOMPLETE
        explanation = f"Albumin-creatinine ratio {_shown(results)}, which cannot be compared with {low} to {high} mg/g"
        return unknown(gap, explanation, _enough_ratios(case), evidence)
    if results:
        explanation = f"Albumin-creatinine ratio {_shown(results)}, outside {low} to {high} mg/g"
        return not_met(explanation, Basis.DOCUMENTED, evidence)
    return _no_ratio(case, start)


def _persistent(case: Case, results: Sequence[LabResult], inside: Sequence[LabResult]) -> Finding:
    """Two or more results in range: how well they stand depends on what the newest ones say."""
    low, high = case.parameters["albuminuria_low"], case.parameters["albuminuria_high"]
    # A result that only words name is none of the newest, unless it would contradict.
    ordered = sorted((r for r in results if not _says_nothing(r, low, high)), key=_newness, reverse=True)
    newest = ordered[: case.parameters["albuminuria_newest"]]
    evidence = [cite(r, r.shown) for r in inside]
    explanation = f"{len(inside)} albumin-creatinine ratios from {low} to {high} mg/g: {_shown(inside)}"
    latest = [r for r in newest if _newness(r)[:2] == _newness(newest[0])[:2]]
    if _days([r for r in newest if r in inside]) >= case.parameters["albuminuria_results"]:
        if all(r in inside for r in latest):
            return met(explanation, Basis.DOCUMENTED, evidence)
        if all(r in inside or _surely_below(r, low) for r in latest):
            return met(f"{explanation}; the newest is {_shown(latest)}", Basis.SUPPORTED, evidence)
    newer = [r for r in newest if r not in inside]
    explanation += f"; the newest are {_shown(sorted(newest, key=_newness))}"
    closes = "Attach the newer lab reports for a reviewer, or add a newer ratio in range"
    return unknown(Gap.NEEDS_REVIEW, explanation, closes, [*evidence, *map(_cite, newer)])


def _too_few(case: Case, inside: Sequence[LabResult]) -> Finding:
    """Results in range on fewer days than it takes."""
    low, high, needed = (case.parameters[f"albuminuria_{name}"] for name in ("low", "high", "results"))
    missing = needed - _days(inside)
    if missing == 1:
        more, elsewhere = "a second" if needed == 2 else "one more", "another day"
    else:
        more, elsewhere = f"{number_in_words(missing)} more", "other days"
    ratio = "albumin-creatinine ratio" if missing == 1 else "albumin-creatinine ratios"
    explanation = f"{counted_in_words(_days(inside), 'albumin-creatinine ratio')} in range: {_shown(inside)}"
    closes = f"Add {more} {ratio} from {low} to {high} mg/g on {elsewhere}"
    return unknown(
        Gap.INCOMPLETE,
        capitalized(explanation),
        closes,
        map(_cite, inside),
        next_step=f"add {more} {ratio} of {elsewhere}",
    )


def _enough_ratios(case: Case) -> str:
    """The results that it takes, as what closes the criterion."""
    low, high, needed = (case.parameters[f"albuminuria_{name}"] for name in ("low", "high", "results"))
    ratios = counted_in_words(needed, "albumin-creatinine ratio")
    return f"Add {ratios} from {low} to {high} mg/g{' on different days' if needed > 1 else ''}"


def _says_nothing(result: LabResult, low: float, high: float) -> bool:
    named_only = result.unusable is Unusable.NAMED_ONLY
    return result.unusable in _SAYING_NOTHING or (named_only and in_range(result.surely_named, low, high) is MET)


def _no_ratio(case: Case, start: date) -> Finding:
    closes = _enough_ratios(case)
    elsewhere = [r for r in case.chart.albumin_creatinine if not r.pending and usable(r.when, case.as_of)]
    if not elsewhere:
        return unknown(Gap.NOT_DOCUMENTED, f"No albumin-creatinine ratio since {day_text(start)}", closes)
    explanation = f"Albumin-creatinine ratio {_shown(elsewhere)}, not certainly since {day_text(start)}"
    unplaced = any(r.when is None or r.when.last >= start for r in elsewhere)
    gap = Gap.INCOMPLETE if unplaced else Gap.NOT_DOCUMENTED
    return unknown(gap, explanation, closes, map(_cite, elsewhere[-3:]))


def _surely_below(result: LabResult, low: float) -> bool:
    """Whether every value that a result allows lies below the range."""
    if result.value is None or result.unusable is not None or result.comparator in (">", ">="):
        return False
    return result.value < low or (result.value == low and result.comparator == "<")


def _days(results: Sequence[LabResult]) -> int:
    return len({r.when.first for r in results if r.when})


def _newness(result: LabResult) -> tuple[date, time, str]:
    when = result.when
    return (when.first, when.clock or time.min, result.reference) if when else (date.min, time.min, result.reference)


@criterion("D.I.H.2", "Persistent difficulty despite compliance", "difficulty_hba1c", "difficulty_days_apart")
def difficult_control(case: Case) -> Finding:
    """The regimen (D.I.F) and the self-testing (D.I.G) are met, two HbA1c above {difficulty_hba1c} % lie at least
    {difficulty_days_apart:days} apart inside the regimen's months, and nothing charted says noncompliance: suggested.
    A signed statement decides."""
    attested = case.attested(
        "D.I.H.2", "Glucose stays hard to control despite compliance", "No lasting difficulty despite compliance"
    )
    return best_supported(attested, case.guarded(_difficulty(case), ChartSection.HBA1C, ChartSection.CONDITIONS))


def _difficulty(case: Case) -> Finding:
    closes = "Attach the member's log, and state that glucose stays hard to control despite compliance"
    against = [*case.active(Concept.NONCOMPLIANCE), *_in_words(case, {Concept.NONCOMPLIANCE})]
    if against:
        explanation = f"Noncompliance is charted: {named(against)}"
        return unknown(Gap.NEEDS_REVIEW, explanation, closes, map(cite, against))
    threshold, apart = case.parameters["difficulty_hba1c"], timedelta(days=case.parameters["difficulty_days_apart"])
    since = regimen_start(case)
    all_high = _high_hba1c(case, threshold)
    high = [r for r in all_high if since is not None and within(r.when, since, case.as_of) is MET]
    shown = [high[0], high[-1]] if high else []
    if high and _spread(high) >= apart:
        if all(case.finding(rule).truth is MET for rule in (injection_regimen, tests_often_enough)):
            return met(f"HbA1c stays high on the regimen: {_shown(shown)}", Basis.SUPPORTED, map(_cite, shown))
        explanation = f"HbA1c stays high ({_shown(shown)})"
        explanation += ", but the injections (D.I.F) and the self-testing (D.I.G) are not both met"
        return unknown(Gap.INCOMPLETE, explanation, closes, map(_cite, shown))
    wanted = f"two above {threshold:g} % at least {apart.days} days apart on the regimen are needed"
    if all_high:
        explanation = f"HbA1c {_shown(all_high)}; {wanted}"
        return unknown(Gap.NEEDS_ATTESTATION, explanation, closes, map(_cite, all_high[-3:]))
    return unknown(Gap.NEEDS_ATTESTATION, f"No HbA1c above {threshold:g} % found", closes)


def _high_hba1c(case: Case, threshold: float) -> list[LabResult]:
    """Dated results above the threshold up to the day, by date."""
    high = [
        r
        for r in case.chart.hba1c
        if not r.pending and within(r.when, date.min, case.as_of) is MET and compared(r, threshold) is MET
    ]
    return sorted(high, key=lambda r: (str(r.when), r.reference))


@criterion("D.I.H", "High risk for preventable complications")
def complication_risk(case: Case) -> Finding:
    """The signs listed are examples of early signs: one is enough. When neither is shown the criterion is unknown,
    never contradicted, since another sign may be charted. Retinopathy, neuropathy, nephropathy or proteinuria of
    unstated degree are for a reviewer, and are named."""
    parts = (case.finding(albuminuria), case.finding(difficult_control))
    explanation = explain_parts(parts, "No early sign of complications is charted")
    finding = disjunction(parts, explanation, "", if_none_met=UNKNOWN)
    if finding.truth is MET:
        return finding
    otherwise = _otherwise(case, *parts, finding.gap)
    finding = replace(finding, closes=part_remedies(parts, finding.gap, otherwise))
    signs = _signs(case)
    if not signs:
        return finding
    of_the_parts = explain_parts(parts, "")
    explanation = f"{dated_labels(signs)}: the plan has to decide whether this is an early sign"
    return replace(
        finding,
        explanation=f"{explanation}{f'. {of_the_parts}' if of_the_parts else ''}",
        gap=finding.gap if finding.gap is Gap.NOT_RETRIEVED else Gap.NEEDS_REVIEW,
        closes=f"Attach the report on the charted complication, or {otherwise}",
        evidence=tuple(map(cite, signs)),
        next_step="send the charted complications to a reviewer",
    )


def _otherwise(case: Case, ratios: Finding, difficulty: Finding, gap: Gap | None) -> str:
    """What else shows the risk: nothing of which the chart has some already."""
    low, high, needed = (case.parameters[f"albuminuria_{name}"] for name in ("low", "high", "results"))
    enough = f"add albumin-creatinine ratios ({number_in_words(needed)} from {low} to {high} mg/g)"
    ways = [] if ratios.evidence else [enough]
    ways += (
        []
        if difficulty.evidence and difficulty.gap is gap
        else ["attach a log that shows difficulty despite compliance"]
    )
    return ", or ".join(ways if len(ways) > 1 else [*ways, "show another early sign of complications"])


def _signs(case: Case) -> list[Diagnosis]:
    """Charted complications that may be an early sign; on a problem list without a status they are named as well."""
    wanted = {Concept.EARLY_COMPLICATION, Concept.KIDNEY_DISEASE_DEGREE_UNSTATED}
    coded = [
        d for d in case.diagnoses if d.coded_concepts & wanted and (d.active is not False or d.status == WITHOUT_STATUS)
    ]
    return [*coded, *_in_words(case, wanted | {Concept.MICROALBUMINURIA})]


def _in_words(case: Case, wanted: Collection[Concept]) -> list[Diagnosis]:
    """Current diagnoses that only words name."""
    return [d for d in case.diagnoses if d.review & frozenset(wanted) and d.active is not False]


def _spread(results: Sequence[LabResult]) -> timedelta:
    first, last = results[0].when, results[-1].when
    return last.first - first.last if first and last else timedelta(0)


def _shown(results: Sequence[LabResult]) -> str:
    dates = {r: on_text(r.when) if r.when else "without a date" for r in results}
    return ", ".join(f"{r.shown or 'a result'} {when}" for r, when in list(dates.items())[-3:])


def _cite(result: LabResult) -> Evidence:
    return cite(result, result.shown)
