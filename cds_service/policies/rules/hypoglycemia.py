"""Recurring hypoglycemia, and severe glycemic excursions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from cds_service.concepts import DIABETES, Concept
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, best_supported, met, unknown
from cds_service.engine.plain_text import day_text, on_text
from cds_service.engine.rule import shared_rule
from cds_service.engine.wording import counted, number_in_words
from cds_service.facts import ChartSection, GlucoseReading, Record
from cds_service.policies.rules.case import Case, cite, usable
from cds_service.policies.rules.low_glucose import (
    Episode,
    SensorLow,
    coded_episodes,
    meter_events,
    meter_lows,
    sensor_lows,
)
from cds_service.policies.rules.phrases import counted_in_words, dated_labels, sentence

_LOW = frozenset({Concept.HYPOGLYCEMIA, Concept.HYPOGLYCEMIA_GENERIC})
_EXCURSION_REMEDY = "Chart the excursion (unawareness, nighttime hypoglycemia, brittle diabetes), or state it"


@shared_rule(
    "Recurring hypoglycemia",
    "hypoglycemia_level",
    "hypoglycemia_days",
    "hypoglycemia_window_months",
    "episode_apart_hours",
    "hypoglycemia_apart_minutes",
    "sensor_low_level",
    "sensor_low_minutes",
    "sensor_low_days",
    "sensor_reading_minutes",
    "sensor_gap_minutes",
    reads=(
        ChartSection.CONDITIONS,
        ChartSection.GLUCOSE,
        ChartSection.ENCOUNTERS,
        ChartSection.ATTESTATIONS,
    ),
)
def recurring_hypoglycemia(case: Case) -> Finding:
    """Coded episodes on {hypoglycemia_days:words} or more different days document it. Hypoglycemia without a stated
    cause counts in a patient with diabetes; a code of the level alone is no episode. Records of one
    visit, or on the same or consecutive days, are one episode; both with times more than {episode_apart_hours:hours}
    apart are two; where records of different days are merged a reviewer has to look. Meter readings below
    {hypoglycemia_level} mg/dL on {hypoglycemia_days:words} or more days of the last {hypoglycemia_window_months:months}
    support it; two lows within {hypoglycemia_apart_minutes:minutes} are one. Sensor readings below {sensor_low_level}
    mg/dL for {sensor_low_minutes:minutes} or longer on {sensor_low_days:words} or more days are for a reviewer."""
    attested = case.attested("hypoglycemia-recurs", "Recurring hypoglycemia", "No recurring hypoglycemia")
    finding = case.guarded(_recurring(case), ChartSection.CONDITIONS, ChartSection.ENCOUNTERS, ChartSection.GLUCOSE)
    return best_supported(attested, finding)


def _recurring(case: Case) -> Finding:
    needed, apart = case.parameters["hypoglycemia_days"], case.parameters["episode_apart_hours"]
    episodes = coded_episodes(hypoglycemia_records(case), apart)
    if len(episodes) >= needed:
        explanation = f"Hypoglycemia charted on {len(episodes)} days, last {on_text(episodes[-1].when)}"
        return met(explanation, Basis.DOCUMENTED, [cite(e.records[0]) for e in episodes])
    level = case.parameters["hypoglycemia_level"]
    lows = meter_lows(case, level, "hypoglycemia_window_months")
    low_days = _low_days(case, lows)
    if len(low_days) >= needed:
        explanation = f"Meter readings below {level} mg/dL on {len(low_days)} days, last {on_text(max(low_days))}"
        return met(explanation, Basis.SUPPORTED, self_test_evidence(lows))
    supported = coded_episodes([*hypoglycemia_records(case), *_hypoglycemia(case, "supported")], apart)
    if len(supported) >= needed:
        explanation = f"Hypoglycemia charted on {len(supported)} days, last {on_text(supported[-1].when)}"
        return met(explanation, Basis.SUPPORTED, [cite(e.records[0]) for e in supported])
    return _not_shown(case, episodes, lows)


def _low_days(case: Case, lows: Sequence[GlucoseReading]) -> set[date]:
    return {r.day for r in meter_events(lows, case.parameters["hypoglycemia_apart_minutes"])}


def _not_shown(case: Case, episodes: Sequence[Episode], lows: Sequence[GlucoseReading]) -> Finding:
    """What was found that does not show recurring hypoglycemia, and who has to look at it."""
    days = counted_in_words(case.parameters["hypoglycemia_days"], "different day")
    closes = f"Add records of hypoglycemic episodes on {days}, or state that they recur"
    clauses, evidence = _too_few(case, episodes, lows)
    sensor_runs = sensor_lows(case)
    in_words = _hypoglycemia(case, "review")
    for_review: list[str] = []
    if any(episode.merged for episode in episodes):
        for_review.append(f"hypoglycemia charted on days that may be one episode ({_dates(episodes)})")
    if in_words:
        for_review.append(f"hypoglycemia charted in words only: {dated_labels(in_words)}")
    sensor_days = {low.day for low in sensor_runs}
    if sensor_days:
        shown = _sensor_words(case, sensor_runs)
        enough = len(sensor_days) >= case.parameters["sensor_low_days"]
        (for_review if enough else clauses).append(shown)
        evidence.append(_sensor_evidence(case, sensor_runs))
    evidence += map(cite, in_words)
    if for_review:
        return unknown(Gap.NEEDS_REVIEW, sentence([*for_review, *clauses]), closes, evidence)
    if clauses:
        return unknown(Gap.INCOMPLETE, sentence(clauses), closes, evidence)
    return unknown(Gap.NOT_DOCUMENTED, "No hypoglycemic episode is charted", closes)


def _too_few(
    case: Case, episodes: Sequence[Episode], lows: Sequence[GlucoseReading]
) -> tuple[list[str], list[Evidence]]:
    """Episodes and lows on too few days, records that cannot be placed or are no episode: clauses and evidence."""
    clauses, evidence = [], [cite(r) for e in episodes for r in e.records]
    if episodes and not any(e.merged for e in episodes):
        clauses.append(f"{counted_in_words(len(episodes), 'hypoglycemic episode')} ({_dates(episodes)})")
    if lows:
        level = case.parameters["hypoglycemia_level"]
        days = len(_low_days(case, lows))
        events = "in one event" if days == 1 else f"on {number_in_words(days)} days, the last"
        clauses.append(f"meter readings below {level} mg/dL {events} ({day_text(lows[-1].day)})")
        evidence += self_test_evidence(lows)
    undated = [r for r in hypoglycemia_records(case) if r.when is None]
    if undated:
        clauses.append(f"hypoglycemia charted without a date ({dated_labels(undated)})")
    elsewhere = [] if has_diabetes(case) else _records_of(case, {Concept.HYPOGLYCEMIA_GENERIC})
    if elsewhere:
        clauses.append(f"hypoglycemia without charted diabetes ({dated_labels(elsewhere)})")
    levels = [r for r in _records_of(case, {Concept.HYPOGLYCEMIA_LEVEL}) if not r.concepts & _LOW]
    if levels and not episodes:
        clauses.append(f"a level of hypoglycemia is charted without an episode ({dated_labels(levels)})")
    evidence += map(cite, (*undated, *elsewhere, *levels))
    return clauses, evidence


def hypoglycemia_records(case: Case) -> list[Record]:
    """What the chart codes as hypoglycemia, in diagnoses and at visits."""
    return _hypoglycemia(case, "concepts")


def _hypoglycemia(case: Case, certainty: str) -> list[Record]:
    wanted = _LOW if has_diabetes(case) else {Concept.HYPOGLYCEMIA}
    return _records_of(case, wanted, certainty)


def has_diabetes(case: Case) -> bool:
    """Whether any diabetes is charted as current, of whatever type and however well."""
    return any(d.all_concepts & DIABETES and d.active is not False for d in case.diagnoses)


def _records_of(case: Case, wanted: Collection[Concept], certainty: str = "concepts") -> list[Record]:
    """Confirmed diagnoses and visits up to the day with one of these concepts in the field that `certainty` names."""
    everything: Iterable[Record] = (*case.diagnoses, *case.chart.visits)
    return [r for r in everything if getattr(r, certainty) & frozenset(wanted) and usable(r.when, case.as_of)]


# ---------------------------------------------------------------- severe excursions


@shared_rule(
    "Severe glycemic excursions",
    "night_until_minute",
    "night_level",
    "night_nights",
    "excursion_window_months",
    "sensor_low_level",
    "sensor_low_minutes",
    reads=(
        ChartSection.CONDITIONS,
        ChartSection.GLUCOSE,
        ChartSection.ENCOUNTERS,
        ChartSection.ATTESTATIONS,
    ),
)
def severe_excursions(case: Case) -> Finding:
    """Coded unawareness, nocturnal hypoglycemia, brittle diabetes, hypoglycemia with coma or hyperglycemic crisis
    documents it, whenever it was; ketoacidosis by itself is none. Meter readings below {night_level}
    mg/dL from midnight up to, not including, {night_until_minute:hhmm} local time on {night_nights:words nights} of the
    last {excursion_window_months:months} support it. A hyperosmolar state, hypoglycemia
    of level 3 and sensor lows at night are for a reviewer."""
    attested = case.attested("severe-excursions", "Severe glycemic excursions", "No severe glycemic excursions")
    finding = case.guarded(_excursion(case), ChartSection.CONDITIONS, ChartSection.ENCOUNTERS, ChartSection.GLUCOSE)
    return best_supported(attested, finding)


def _excursion(case: Case) -> Finding:
    coded = _records_of(case, {Concept.SEVERE_EXCURSION})
    if coded:
        return met(f"{dated_labels(coded)} is charted", Basis.DOCUMENTED, map(cite, coded))
    p = case.parameters
    low = [
        r
        for r in meter_lows(case, p["night_level"], "excursion_window_months")
        if r.minute is not None and r.minute < p["night_until_minute"]
    ]
    nights = {r.day for r in low}
    if len(nights) >= p["night_nights"]:
        explanation = f"Meter readings below {p['night_level']} mg/dL on {len(nights)} nights"
        return met(explanation, Basis.SUPPORTED, self_test_evidence(low))
    supported = _records_of(case, {Concept.SEVERE_EXCURSION}, "supported")
    if supported:
        return met(f"{dated_labels(supported)} is charted", Basis.SUPPORTED, map(cite, supported))
    return _excursion_open(case, low)


def _excursion_open(case: Case, low: Sequence[GlucoseReading]) -> Finding:
    state = _records_of(case, {Concept.HYPEROSMOLAR_STATE, Concept.HYPOGLYCEMIA_LEVEL_3})
    state += _records_of(case, {Concept.SEVERE_EXCURSION, Concept.HYPEROSMOLAR_STATE}, "review")
    sensor_runs = [lows for lows in sensor_lows(case) if lows.nights]
    clauses = [f"{dated_labels(state)} is charted"] if state else []
    evidence = list(map(cite, state))
    if sensor_runs:
        clauses.append(_sensor_words(case, sensor_runs, at_night=True))
        evidence.append(_sensor_evidence(case, sensor_runs))
    if low:
        nights = len({r.day for r in low})
        readings_below = f"below {case.parameters['night_level']} mg/dL on {counted_in_words(nights, 'night')}"
        one = nights == 1
        clauses.append(f"{'a meter reading' if one else 'meter readings'} {readings_below} ({day_text(low[-1].day)})")
        evidence += self_test_evidence(low)
    if state or sensor_runs:
        return unknown(Gap.NEEDS_REVIEW, sentence(clauses), _EXCURSION_REMEDY, evidence)
    if low:
        return unknown(Gap.INCOMPLETE, sentence(clauses), _EXCURSION_REMEDY, evidence)
    return unknown(Gap.NOT_DOCUMENTED, "No severe excursion is charted", _EXCURSION_REMEDY)


# ---------------------------------------------------------------- words and evidence


def self_test_evidence(self_tests: Sequence[GlucoseReading]) -> list[Evidence]:
    """The last few finger-sticks as evidence."""
    return [Evidence(r.reference, f"{r.mg_dl} mg/dL", r.day.isoformat()) for r in self_tests[-5:]]


def _sensor_words(case: Case, sensor_runs: Sequence[SensorLow], *, at_night: bool = False) -> str:
    p = case.parameters
    days = {night for low in sensor_runs for night in low.nights} if at_night else {low.day for low in sensor_runs}
    low = f"sensor readings below {p['sensor_low_level']} mg/dL for {p['sensor_low_minutes']} minutes or longer"
    return f"{low} on {counted(len(days), 'night' if at_night else 'day')}, last {on_text(max(days))}"


def _sensor_evidence(case: Case, sensor_runs: Sequence[SensorLow]) -> Evidence:
    days = sorted({low.day for low in sensor_runs})
    return Evidence(case.chart.sensor_reference, f"sensor lows on {counted(len(days), 'day')}", f"{days[0]}/{days[-1]}")


def _dates(episodes: Iterable[Episode]) -> str:
    dates = dict.fromkeys(day_text(r.when) for e in episodes for r in e.records if r.when)
    return "; ".join(list(dates)[:4])
