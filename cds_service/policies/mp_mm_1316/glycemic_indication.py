"""D.I.I: at least one of six symptoms or conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import chain
from statistics import fmean, stdev

from cds_service.concepts import DIABETES, Concept
from cds_service.engine.days import compared
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
from cds_service.engine.truth import MET, NOT_MET
from cds_service.facts import GlucoseReading, LabResult, Record, SensorReading, Topic, Unusable
from cds_service.policies.mp_mm_1316.case import Case, cite, named, unread, usable
from cds_service.policies.mp_mm_1316.self_testing import window


@criterion("D.I.I.1", "HbA1c above 7 %", "hba1c_threshold", "hba1c_stale_months")
def hba1c_above_threshold(case: Case) -> Finding:
    """Strictly above. The newest usable final result on or before the day decides, not the highest; older than six
    months it still decides and the card says how old. A newer result that is only text, or whose comparator allows
    both answers, keeps an older one from deciding."""
    finding = _newest_hba1c(case)
    reason = case.not_read(Topic.HBA1C)
    # A newer result may have been missed: then not even a met one is the newest for certain.
    return unread(finding, reason) if reason else finding


def _newest_hba1c(case: Case) -> Finding:
    closes = "A current HbA1c result with its value, unit and date"
    results = [r for r in case.chart.hba1c if usable(r.when, case.as_of)]
    pending = [r for r in results if r.pending]
    remarks = tuple(f"HbA1c of {r.when or 'unknown date'} is pending" for r in pending)
    final = [r for r in results if not r.pending]
    speaking = [r for r in final if r.unusable in (None, Unusable.TEXT_ONLY, Unusable.ODD_COMPARATOR)]
    dated = [r for r in speaking if r.when is not None]
    if not dated:
        return _no_hba1c(final, pending, closes, remarks)
    newest = _possibly_newest(dated)
    truths = {compared(r, case.parameters["hba1c_threshold"]) for r in newest}
    shown = " and ".join(f"{r.shown} on {r.when}" for r in newest)
    evidence = [cite(r, r.shown) for r in newest]
    if truths == {MET}:
        remarks += _age(case, newest[-1])
        return met(f"HbA1c {shown}", Basis.DOCUMENTED, evidence, remarks=remarks)
    if truths == {NOT_MET}:
        return not_met(
            f"HbA1c {shown}, not above {case.parameters['hba1c_threshold']:g} %",
            Basis.DOCUMENTED,
            evidence,
            remarks=remarks,
        )
    gap = Gap.NEEDS_REVIEW if any(r.unusable for r in newest) else Gap.INCOMPLETE
    return unknown(gap, f"Newest HbA1c {shown} does not decide", closes, evidence, remarks=remarks)


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
        words = "; ".join(f"{r.shown or r.label}: {r.unusable.value if r.unusable else 'no date'}" for r in final[:3])
        return unknown(
            Gap.INCOMPLETE, f"HbA1c that cannot be used ({words})", closes, map(_cite, final), remarks=remarks
        )
    words = "HbA1c is pending" if pending else "No HbA1c result found"
    return unknown(Gap.NOT_DOCUMENTED, words, closes, map(_cite, pending), remarks=remarks)


def _age(case: Case, result: LabResult) -> tuple[str, ...]:
    if result.when is None or result.when.last >= case.months_ago("hba1c_stale_months"):
        return ()
    days = (case.as_of - result.when.last).days
    return (f"The newest HbA1c is {days} days old (of {result.when}): a newer one would stand better",)


@criterion("D.I.I.2", "Recurring hypoglycemia", "hypoglycemia_level", "hypoglycemia_days", "hypoglycemia_window_months")
def recurring_hypoglycemia(case: Case) -> Finding:
    """Coded episodes on two or more different days document it; meter readings below 70 mg/dL on two or more days
    of the last 12 months support it. A level code alone is no episode; one episode coded three times on a day is
    one."""
    attested = case.attested("D.I.I.2", "Recurring hypoglycemia", "No recurring hypoglycemia")
    needed = case.parameters["hypoglycemia_days"]
    episodes = _hypoglycemia(case)
    days = _distinct_days(episodes)
    if len(days) >= needed:
        words = f"Hypoglycemia charted on {len(days)} days, last {max(days)}"
        return strongest(attested, met(words, Basis.DOCUMENTED, map(cite, episodes)))
    start, level = case.months_ago("hypoglycemia_window_months"), case.parameters["hypoglycemia_level"]
    low = [r for r in _low(case, level) if start <= r.day]
    low_days = {r.day for r in low}
    if len(low_days) >= needed:
        words = f"Meter readings below {level} mg/dL on {len(low_days)} days, last {max(low_days)}"
        return strongest(attested, met(words, Basis.SUPPORTED, _readings(low)))
    closes = "Hypoglycemic episodes on two different days, or a statement that they recur"
    if episodes or low:
        words = "One hypoglycemic episode or low reading so far"
        evidence = (*map(cite, episodes), *_readings(low))
        finding = unknown(Gap.INCOMPLETE, words, closes, evidence)
    else:
        finding = unknown(Gap.NOT_DOCUMENTED, "No hypoglycemic episode found", closes)
    return strongest(attested, case.guarded(finding, Topic.CONDITIONS, Topic.ENCOUNTERS, Topic.GLUCOSE))


def _hypoglycemia(case: Case) -> list[Record]:
    wanted = {Concept.HYPOGLYCEMIA}
    if case.active(*DIABETES):
        wanted.add(Concept.HYPOGLYCEMIA_GENERIC)
    everything: Iterable[Record] = (*case.diagnoses, *case.chart.episodes)
    return [r for r in everything if r.concepts & wanted and usable(r.when, case.as_of)]


@criterion("D.I.I.3", "Wide glucose fluctuation before meals", "fluctuation_readings")
def premeal_fluctuation(case: Case) -> Finding:
    """The policy gives no threshold. Readings before meals are reported with number, range, SD and CV for a
    reviewer when there are at least ten; an attestation decides."""
    attested = case.attested("D.I.I.3", "Wide fluctuation before meals", "No wide fluctuation before meals")
    readings = [r for r in case.chart.self_tests if r.before_meal and r.day <= case.as_of and not r.comparator]
    values = [r.mg_dl for r in readings if r.mg_dl is not None]
    closes = "The provider's statement on fluctuation before meals, with the readings"
    if len(values) >= case.parameters["fluctuation_readings"]:
        deviation = stdev(values)
        words = (
            f"{len(values)} readings before meals, {min(values)} to {max(values)} mg/dL, "
            f"SD {deviation:.0f}, CV {100 * deviation / fmean(values):.0f} %"
        )
        finding = unknown(Gap.NEEDS_REVIEW, words, closes, _readings(readings[-1:]))
    else:
        words = f"{len(values)} readings before meals, too few to judge" if values else "No readings before meals"
        finding = case.guarded(unknown(Gap.NOT_DOCUMENTED, words, closes), Topic.GLUCOSE)
    return strongest(attested, finding)


@criterion(
    "D.I.I.4",
    "Dawn phenomenon frequently above 200 mg/dL",
    "dawn_from_minute",
    "dawn_until_minute",
    "dawn_level",
    "dawn_mornings",
    "dawn_share",
)
def dawn_phenomenon(case: Case) -> Finding:
    """Local readings from 02:00 to 07:59 strictly above 200 mg/dL on at least half of at least seven measured
    mornings in the window of D.I.G support it. Meter and sensor readings both show it. An attestation decides."""
    attested = case.attested("D.I.I.4", "Dawn phenomenon often above 200 mg/dL", "No dawn phenomenon above 200 mg/dL")
    p = case.parameters
    start, end = window(case)
    dawn, morning, level = p["dawn_from_minute"], p["dawn_until_minute"], p["dawn_level"]
    readings: Iterable[GlucoseReading | SensorReading] = chain(case.chart.self_tests, case.chart.sensor)
    early = [
        r
        for r in readings
        if r.minute is not None and dawn <= r.minute < morning and r.mg_dl is not None and start <= r.day <= end
    ]
    measured = {r.day for r in early}
    high = len({r.day for r in early if r.above(level)})
    words = f"Above {level} mg/dL on {high} of {len(measured)} measured mornings"
    evidence = [Evidence(_any_reference(case), words, f"{start}/{end}")] if measured else []
    if len(measured) < p["dawn_mornings"]:
        closes = f"Readings from 02:00 to 08:00 on at least {p['dawn_mornings']} mornings, or a statement"
        gap = Gap.INCOMPLETE if measured else Gap.NOT_DOCUMENTED
        words = words if measured else "No early-morning readings"
        return strongest(attested, case.guarded(unknown(gap, words, closes, evidence), Topic.GLUCOSE))
    frequent = high >= p["dawn_share"] * len(measured)
    finding = (met if frequent else not_met)(words, Basis.SUPPORTED, evidence)
    reason = case.not_read(Topic.GLUCOSE)
    # A share can fall with every morning that was not read, unless it would hold for all mornings of the window.
    certain = frequent and high >= p["dawn_share"] * p["self_test_window_days"]
    return strongest(attested, unread(finding, reason) if reason and not certain else finding)


@criterion("D.I.I.5", "Severe glycemic excursions", "night_until_minute", "night_level", "night_nights")
def severe_excursions(case: Case) -> Finding:
    """Coded unawareness, nocturnal hypoglycemia, brittle diabetes or hyperglycemic crisis documents it; meter
    readings below 54 mg/dL between midnight and 05:59 local time on two nights support it."""
    attested = case.attested("D.I.I.5", "Severe glycemic excursions", "No severe glycemic excursions")
    coded = [d for d in case.diagnoses if Concept.SEVERE_EXCURSION in d.concepts]
    if coded:
        return strongest(attested, met(f"Charted: {named(coded)}", Basis.DOCUMENTED, map(cite, coded)))
    p = case.parameters
    low = [r for r in _low(case, p["night_level"]) if r.minute is not None and r.minute < p["night_until_minute"]]
    nights = {r.day for r in low}
    if len(nights) >= p["night_nights"]:
        words = f"Meter readings below {p['night_level']} mg/dL on {len(nights)} nights"
        return strongest(attested, met(words, Basis.SUPPORTED, _readings(low)))
    closes = "A charted excursion (unawareness, nocturnal hypoglycemia, brittle diabetes), or a statement"
    if low:
        finding = unknown(Gap.INCOMPLETE, "A low reading on one night so far", closes, _readings(low))
    else:
        finding = unknown(Gap.NOT_DOCUMENTED, "No severe excursion found", closes)
    return strongest(attested, case.guarded(finding, Topic.CONDITIONS, Topic.GLUCOSE))


@criterion("D.I.I.6", "Hospital stays for ketoacidosis or hypoglycemia", "hospital_stays")
def recurrent_hospital_stays(case: Case) -> Finding:
    """Two or more inpatient stays for ketoacidosis or hypoglycemia on different days document it; one stay needs a
    reviewer, who sees its length. Emergency and observation visits are no stays; hyperosmolar states are not
    ketoacidosis. The text prints 'history or recurrent' and is read as history of recurrent."""
    attested = case.attested("D.I.I.6", "Recurrent or prolonged stays", "No recurrent or prolonged stays")
    reasons = {Concept.KETOACIDOSIS, Concept.HYPOGLYCEMIA, Concept.HYPOGLYCEMIA_GENERIC}
    stays = [s for s in case.chart.stays if s.concepts & reasons and usable(s.when, case.as_of)]
    days = _distinct_days(stays)
    if len(days) >= case.parameters["hospital_stays"]:
        words = f"{len(days)} inpatient stays, last {max(days)}"
        return strongest(attested, met(words, Basis.DOCUMENTED, map(cite, stays)))
    closes = "Discharge summaries of the stays for ketoacidosis or hypoglycemia"
    if stays:
        length = f" of {stays[0].days} days" if stays[0].days is not None else ""
        words = f"One inpatient stay{length} ({stays[0].when or 'undated'}): a reviewer has to say whether prolonged"
        finding = unknown(Gap.NEEDS_REVIEW, words, closes, map(cite, stays))
    else:
        finding = unknown(Gap.NOT_DOCUMENTED, "No inpatient stay for ketoacidosis or hypoglycemia found", closes)
    return strongest(attested, case.guarded(finding, Topic.ENCOUNTERS))


@criterion("D.I.I", "At least one of six symptoms or conditions")
def glycemic_indication(case: Case) -> Finding:
    """One of the six parts is enough."""
    parts = tuple(case.finding(part) for part in PARTS)
    closes = "HbA1c above 7 %, or one of the other five conditions"
    return disjunction(parts, "None of the six conditions is shown yet", closes)


PARTS = (
    hba1c_above_threshold,
    recurring_hypoglycemia,
    premeal_fluctuation,
    dawn_phenomenon,
    severe_excursions,
    recurrent_hospital_stays,
)


def _low(case: Case, level: int) -> list[GlucoseReading]:
    """Finger-sticks below a level, up to the day."""
    near = [r for r in case.chart.self_tests if r.mg_dl is not None and r.mg_dl <= level]  # few are
    return [r for r in near if r.below(level) and r.day <= case.as_of]


def _distinct_days(records: Iterable[Record]) -> set[date]:
    """Days that are certain: records with a full date."""
    return {r.when.first for r in records if r.when is not None and r.when.first == r.when.last}


def _readings(readings: Sequence[GlucoseReading]) -> list[Evidence]:
    return [Evidence(r.reference, f"{r.mg_dl} mg/dL", r.day.isoformat()) for r in readings[-5:]]


def _any_reference(case: Case) -> str:
    return case.chart.self_tests[-1].reference if case.chart.self_tests else case.chart.sensor_reference


def _cite(result: LabResult) -> Evidence:
    return cite(result, result.shown or result.label)
