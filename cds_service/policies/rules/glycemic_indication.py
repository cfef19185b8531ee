"""At least one of several symptoms or conditions: HbA1c, fluctuation before meals, dawn phenomenon, and others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from statistics import fmean, stdev
from typing import TypeVar

from cds_service.engine.days import compared
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
from cds_service.engine.plain_text import day_text, on_text, period_text
from cds_service.engine.rule import Rule, RuleTemplate, shared_rule
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.engine.wording import clock_time, counted
from cds_service.facts import ChartSection, GlucoseReading, LabResult, SensorReading, Unusable
from cds_service.policies.rules.case import Case, cite, unread, usable
from cds_service.policies.rules.hypoglycemia import self_test_evidence
from cds_service.policies.rules.phrases import counted_in_words, explain_parts, part_remedies
from cds_service.policies.rules.self_testing import window

# Results that may be the newest one, though not all of them can be compared.
_MAY_BE_NEWEST = (None, Unusable.TEXT_ONLY, Unusable.ODD_COMPARATOR, Unusable.NAMED_ONLY)
R = TypeVar("R", GlucoseReading, SensorReading)


@shared_rule("HbA1c above {hba1c_threshold} %", "hba1c_threshold", "hba1c_stale_months", reads=(ChartSection.HBA1C,))
def hba1c_above_threshold(case: Case) -> Finding:
    """Strictly above. The newest usable final result on or before the day decides, not the highest; older than
    {hba1c_stale_months:words months} it still decides and the card says how old. A newer result that is only text, or
    whose comparator allows both answers, keeps an older one from deciding."""
    finding = _newest_hba1c(case)
    reason = case.not_read(ChartSection.HBA1C)
    # A newer result may have been missed: then not even a met one is the newest for certain.
    return unread(finding, reason) if reason else finding


def _newest_hba1c(case: Case) -> Finding:
    closes = "Add a current HbA1c result with its value, unit and date"
    results = [r for r in case.chart.hba1c if usable(r.when, case.as_of)]
    pending = [r for r in results if r.pending]
    remarks = tuple(f"HbA1c {on_text(r.when)} is pending" for r in pending)
    final = [r for r in results if not r.pending]
    speaking = [r for r in final if r.unusable in _MAY_BE_NEWEST and r.when is not None]
    dated = _without_agreeing_unsure_results(speaking, case.parameters["hba1c_threshold"])
    if not dated:
        return _no_hba1c(final, pending, closes, remarks)
    newest = _possibly_newest(dated)
    truths = {compared(r, case.parameters["hba1c_threshold"]) for r in newest}
    shown = " and ".join(f"{r.shown} {on_text(r.when)}{_named_only(r)}" for r in newest)
    evidence = [cite(r, r.shown) for r in newest]
    if truths == {MET}:
        age = _age(case, newest[-1])
        finding = met(f"HbA1c {shown}", Basis.DOCUMENTED, evidence, remarks=(*remarks, *age))
        return replace(finding, stale=bool(age))
    if truths == {NOT_MET}:
        return not_met(
            f"HbA1c {shown}, not above {case.parameters['hba1c_threshold']:g} %",
            Basis.DOCUMENTED,
            evidence,
            remarks=remarks,
            next_step=f"HbA1c is not above {case.parameters['hba1c_threshold']:g} %, show another listed condition",
        )
    level = f"{case.parameters['hba1c_threshold']:g} %"
    if any(r.unusable for r in newest):
        # A name that only words give is said beside the result.
        reasons = [r.unusable for r in newest if r.unusable and r.unusable is not Unusable.NAMED_ONLY]
        why = "; ".join(dict.fromkeys(reason.value for reason in reasons))
        explanation = f"A reviewer has to read the newest HbA1c: {shown}{f' ({why})' if why else ''}"
        return unknown(Gap.NEEDS_REVIEW, explanation, closes, evidence, remarks=remarks)
    explanation = f"The newest HbA1c ({shown}) does not say whether it is above {level}"
    return unknown(Gap.INCOMPLETE, explanation, closes, evidence, remarks=remarks)


def _without_agreeing_unsure_results(dated: Sequence[LabResult], threshold: float) -> list[LabResult]:
    """Without the results that only words name, where they say what the newest surely named result says."""
    sure = [r for r in dated if r.unusable is not Unusable.NAMED_ONLY]
    if not sure:
        return list(dated)
    newest_truths = {compared(r, threshold) for r in _possibly_newest(sure)}
    unsure = Unusable.NAMED_ONLY
    return [r for r in dated if r.unusable is not unsure or {compared(r.surely_named, threshold)} != newest_truths]


def _named_only(result: LabResult) -> str:
    return f" (charted as {result.label}, without a standard code)" if result.unusable is Unusable.NAMED_ONLY else ""


def _possibly_newest(dated: Sequence[LabResult]) -> list[LabResult]:
    """The results that may be the newest one: partial dates and equal days leave more than one."""
    latest_start = max(r.when.first for r in dated if r.when)
    candidates = [r for r in dated if r.when and r.when.last >= latest_start]
    clocks = [r.when.clock for r in candidates if r.when]
    if all(clock is not None for clock in clocks) and len({r.when.first for r in candidates if r.when}) == 1:
        newest = max(clock for clock in clocks if clock is not None)
        candidates = [r for r in candidates if r.when and r.when.clock == newest]
    return sorted(candidates, key=lambda r: (str(r.when), r.reference))


def _no_hba1c(
    final: Sequence[LabResult], pending: Sequence[LabResult], closes: str, remarks: tuple[str, ...]
) -> Finding:
    if final:
        shown = "; ".join(f"{r.shown or r.label}: {r.unusable.value if r.unusable else 'no date'}" for r in final[:3])
        explanation = f"The charted HbA1c cannot be used ({shown})"
        return unknown(Gap.INCOMPLETE, explanation, closes, map(_cite, final), remarks=remarks)
    if pending:
        step = "send the pending HbA1c when it is final, or another condition"
        closes = "Send the pending HbA1c result when it is final"
        evidence = map(_cite, pending)
        return unknown(Gap.NOT_DOCUMENTED, "HbA1c is pending", closes, evidence, remarks=remarks, next_step=step)
    return unknown(Gap.NOT_DOCUMENTED, "No HbA1c result is charted", closes)


def _age(case: Case, result: LabResult) -> tuple[str, ...]:
    if result.when is None or result.when.last >= case.months_ago("hba1c_stale_months"):
        return ()
    days = (case.as_of - result.when.last).days
    return (f"The newest HbA1c is {days} days old ({day_text(result.when)}): a newer one makes the request stronger",)


@shared_rule(
    "Wide glucose fluctuation before meals",
    "fluctuation_readings",
    reads=(
        ChartSection.GLUCOSE,
        ChartSection.ATTESTATIONS,
    ),
)
def premeal_fluctuation(case: Case) -> Finding:
    """The policy gives no threshold. Readings before meals are reported with number, range, SD and CV for a reviewer
    when there are at least {fluctuation_readings:words} in the {self_test_window_days:last}; a signed statement
    decides."""
    attested = case.attested(
        "fluctuation-before-meals", "Wide fluctuation before meals", "No wide fluctuation before meals"
    )
    start, end = window(case)
    readings = [r for r in case.glucose.self_tests if r.before_meal and start <= r.day <= end and not r.comparator]
    values = [r.mg_dl for r in readings if r.mg_dl is not None]
    closes = "State whether glucose fluctuates widely before meals, with the readings"
    if len(values) >= case.parameters["fluctuation_readings"]:
        deviation = stdev(values)
        explanation = (
            f"{len(values)} readings before meals ({period_text(start, end)}), {min(values)} to {max(values)} mg/dL, "
            f"SD {deviation:.0f}, CV {100 * deviation / fmean(values):.0f} %"
        )
        finding = unknown(Gap.NEEDS_REVIEW, explanation, closes, self_test_evidence(readings[-1:]))
    else:
        too_few = f"{counted(len(values), 'reading')} before meals ({period_text(start, end)}), too few for a reviewer"
        explanation = too_few if values else f"No readings before meals, {period_text(start, end)}"
        finding = case.guarded(unknown(Gap.NOT_DOCUMENTED, explanation, closes), ChartSection.GLUCOSE)
    return best_supported(attested, finding)


@shared_rule(
    "Dawn phenomenon frequently above {dawn_level} mg/dL",
    "dawn_from_minute",
    "dawn_until_minute",
    "dawn_level",
    "dawn_mornings",
    "dawn_share",
    "dawn_sensor_readings",
    "dawn_sensor_above",
    reads=(
        ChartSection.GLUCOSE,
        ChartSection.ATTESTATIONS,
    ),
)
def dawn_phenomenon(case: Case) -> Finding:
    """Local readings from {dawn_from_minute:hhmm} up to, not including, {dawn_until_minute:hhmm} strictly above
    {dawn_level} mg/dL on at least {dawn_share:.0%} of at least {dawn_mornings:words measured mornings} in the
    {self_test_window_days:last} support it. Meter and sensor readings both show it; a morning with
    {dawn_sensor_readings:words} or more sensor readings counts when {dawn_sensor_above:words} of its readings are
    above. A signed statement decides."""
    p, (start, end) = case.parameters, window(case)
    level = p["dawn_level"]
    attested = case.attested(
        "dawn-phenomenon", f"Dawn phenomenon frequently above {level} mg/dL", f"No dawn phenomenon above {level} mg/dL"
    )
    measured, above = _mornings(case)
    high = sum(above.values())
    explanation = f"Early-morning glucose above {level} mg/dL on {high} of {counted(len(measured), 'morning')}"
    evidence = [Evidence(_any_reference(case), explanation, f"{start}/{end}")] if measured else []
    if len(measured) < p["dawn_mornings"]:
        hours = f"{clock_time(p['dawn_from_minute'])} to {clock_time(p['dawn_until_minute'])}"
        closes = f"Add readings from {hours} on at least {counted(p['dawn_mornings'], 'morning')}, or state it"
        gap = Gap.INCOMPLETE if measured else Gap.NOT_DOCUMENTED
        explanation = explanation if measured else f"No early-morning readings, {period_text(start, end)}"
        return best_supported(attested, case.guarded(unknown(gap, explanation, closes, evidence), ChartSection.GLUCOSE))
    frequent = high >= p["dawn_share"] * len(measured)
    finding = (met if frequent else not_met)(explanation, Basis.SUPPORTED, evidence)
    reason = case.not_read(ChartSection.GLUCOSE)
    # A share can fall with every morning that was not read, unless it would hold for all mornings of the window.
    certain = frequent and high >= p["dawn_share"] * p["self_test_window_days"]
    return best_supported(attested, unread(finding, reason) if reason and not certain else finding)


def _mornings(case: Case) -> tuple[frozenset[date], dict[date, bool]]:
    """The measured mornings of the window, and which of those with a reading above the level count as high."""
    p, level = case.parameters, case.parameters["dawn_level"]
    by_sensor, by_meter = _early(case, case.glucose.sensor), _early(case, case.glucose.self_tests)
    sensor_counts = Counter(r.day for r in by_sensor)
    above = Counter([*(r.day for r in by_sensor if r.above(level)), *(r.day for r in by_meter if r.above(level))])
    with_sensor = {day for day, count in sensor_counts.items() if count >= p["dawn_sensor_readings"]}
    high = {day: count >= (p["dawn_sensor_above"] if day in with_sensor else 1) for day, count in above.items()}
    return frozenset(sensor_counts) | {r.day for r in by_meter}, high


def _early(case: Case, readings: Iterable[R]) -> list[R]:
    """The readings of the early mornings of the window."""
    start, end = window(case)
    dawn, morning = case.parameters["dawn_from_minute"], case.parameters["dawn_until_minute"]
    return [
        r
        for r in readings
        if r.minute is not None and dawn <= r.minute < morning and r.mg_dl is not None and start <= r.day <= end
    ]


def any_indication(*rules: Rule) -> RuleTemplate:
    """The rule that one of these rules is enough, in the text's order; the first is the one on HbA1c."""

    @shared_rule("At least one of the listed symptoms or conditions")
    def glycemic_indication(case: Case) -> Finding:
        """One of the {parts:words} parts is enough."""
        parts = tuple(case.finding(rule) for rule in case.in_force(rules))
        explanation = explain_parts(parts, f"None of the {counted_in_words(len(parts), 'condition')} is charted")
        finding = disjunction(parts, explanation, "")
        if finding.truth is not UNKNOWN:
            return finding
        return replace(finding, closes=part_remedies(parts, finding.gap, _other_remedy(case, parts)))

    return glycemic_indication


def _other_remedy(case: Case, parts: Sequence[Finding]) -> str:
    """The remedies besides an HbA1c (the first part), which is not asked for when the chart has one."""
    hba1c, level = parts[0], f"{case.parameters['hba1c_threshold']:g} %"
    others = f"one of the other {counted_in_words(len(parts) - 1, 'condition')}"
    if hba1c.truth is NOT_MET:
        return f"show {others}, or a newer HbA1c above {level}"
    return f"show {others}" if hba1c.evidence else f"add an HbA1c above {level}, or show {others}"


def _any_reference(case: Case) -> str:
    return case.glucose.self_tests[-1].reference if case.glucose.self_tests else case.chart.sensor_reference


def _cite(result: LabResult) -> Evidence:
    return cite(result, result.shown or result.label)
