"""Dosage → scheduled injections a day (D.I.F).

First of `timing.repeat`, `when`, `timing.code`, the sig text that says something. PRN and sliding-scale lines add
nothing to the count; they are evidence of self-adjustment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cds_service.concepts import Concept
from fhir_mappings import sig, terminology, units
from fhir_mappings.datatypes import Dosage, Repeat

_DAYS = {"s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.0, "a": 365.0}
_AS_NEEDED = re.compile(r"\bprn\b|\bas needed\b|\bwhen needed\b|\bif needed\b", re.IGNORECASE)
_SCALE = re.compile(r"sliding[ -]scale|\bssi\b|per scale|\bISS\b|according to scale", re.IGNORECASE)
_ADJUSTS = re.compile(
    r"carb(?:ohydrate)?s?[ -]*(?:ratio|count)|\bcarb ratio\b|(?:\d+ )?units? (?:per|for every|for each) \d+ ?g|"
    r"\b1 ?: ?\d+\b|correction|sensitivity factor|\bISF\b|\bICR\b|sliding[ -]scale|\bssi\b|per scale|"
    r"insulin[ -]to[ -]carb",
    re.IGNORECASE,
)
_MEALS = re.compile(r"\bmeals?\b|\bbreakfast\b|\blunch\b|\bdinner\b|\bsupper\b|\ba\.?c\.?\b|\bfood\b", re.IGNORECASE)
_PUMP = re.compile(r"\bpump\b|\bcsii\b|basal rate|continuous subcutaneous|\bomnipod\b|\bpods?\b", re.IGNORECASE)
_INTRAVENOUS = re.compile(r"\bIV\b|intravenous|infusion", re.IGNORECASE)
_MEAL_EVENTS = frozenset({"C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV"})


@dataclass(frozen=True, slots=True)
class Dosing:
    """What the directions of one order add up to; `least` and `most` are None when they cannot be read."""

    least: float | None
    most: float | None
    as_needed: float = 0.0
    adjusts: str | None = None
    at_meals: bool = False
    from_text: bool = False
    via_pump: bool = False
    intravenous: bool = False
    course_days: int | None = None


def read_dosing(lines: Iterable[Dosage] | None) -> Dosing:
    """The sum over all lines of an order: three per-meal lines are three injections a day."""
    total = Dosing(0.0, 0.0)
    lines = list(lines or ())
    for line in lines:
        one = _read_line(line)
        total = Dosing(
            None if total.least is None or one.least is None else total.least + one.least,
            None if total.most is None or one.most is None else total.most + one.most,
            total.as_needed + one.as_needed,
            total.adjusts or one.adjusts,
            total.at_meals or one.at_meals,
            total.from_text or one.from_text,
            total.via_pump or one.via_pump,
            total.intravenous or one.intravenous,
            max(filter(None, (total.course_days, one.course_days)), default=None),
        )
    return total if lines else Dosing(None, None)


def says_scale(text: str) -> bool:
    """Whether a drug's own name says that it is given by a sliding scale."""
    return bool(_SCALE.search(text))


def by_scale(dosing: Dosing) -> Dosing:
    """The same drug by a scale: nothing is scheduled, every dose is adjusted."""
    asked = dosing.most if dosing.most else 4.0
    return replace(dosing, least=0.0, most=0.0, as_needed=max(dosing.as_needed, asked), adjusts="sliding scale")


def _read_line(line: Dosage) -> Dosing:
    text = _sig(line)
    routes = terminology.concepts(line.route)
    route_words = ((line.route.text if line.route else None) or "") + " ".join(
        c.display or "" for c in terminology.codings(line.route)
    )
    subcutaneous_words = "subcut" in route_words.casefold()
    base = Dosing(
        None,
        None,
        adjusts=_told_to_adjust(line, text),
        at_meals=bool(_MEALS.search(text)) or _meal_events(line),
        via_pump=bool(_PUMP.search(text)),
        course_days=_bound(line, text),
        intravenous=(Concept.INTRAVENOUS in routes or bool(_INTRAVENOUS.search(route_words)))
        and not subcutaneous_words,
    )
    if Concept.INTRAVENOUS in routes and subcutaneous_words:
        return base  # code and name contradict each other: not readable
    least, most, from_text = _scheduled(line, text)
    if _is_as_needed(line, text):
        # A scale or PRN line without a frequency may be given at every meal and at bedtime.
        return replace(base, least=0.0, most=0.0, as_needed=most if most is not None else 4.0)
    return replace(base, least=least, most=most, from_text=from_text)


def _bound(line: Dosage, text: str) -> int | None:
    """Days of a course that the directions bound, in data or in words."""
    repeat = line.timing.repeat if line.timing else None
    if repeat is not None:
        longest = repeat.boundsDuration or (repeat.boundsRange.high if repeat.boundsRange else None)
        days = units.whole_days(longest)
        if days is not None:
            return days
    return sig.course_days(text)


def _sig(line: Dosage) -> str:
    parts = [line.text, line.patientInstruction, *(i.text for i in line.additionalInstruction or ())]
    return " ".join(" ".join(part for part in parts if part).split())


def _is_as_needed(line: Dosage, text: str) -> bool:
    codes = {(c.code or "").upper() for c in terminology.codings(line.timing.code if line.timing else None)}
    told = line.asNeededBoolean is True or line.asNeededCodeableConcept is not None or "PRN" in codes
    return told or bool(_AS_NEEDED.search(text)) or bool(_SCALE.search(text))


def _told_to_adjust(line: Dosage, text: str) -> str | None:
    match = _ADJUSTS.search(text)
    if match:
        return match[0].strip()[:60]
    return "as-needed doses" if _is_as_needed(line, text) else None


def _meal_events(line: Dosage) -> bool:
    repeat = line.timing.repeat if line.timing else None
    events = set(repeat.when or ()) if repeat else set()
    events |= {(c.code or "").upper() for c in terminology.codings(line.timing.code if line.timing else None)}
    return bool(events & _MEAL_EVENTS)


def _scheduled(line: Dosage, text: str) -> tuple[float | None, float | None, bool]:
    timing = line.timing
    if timing is not None:
        if timing.repeat is not None:
            counted = _from_repeat(timing.repeat)
            if counted is not None:
                return (*counted, False)
        for coding in terminology.codings(timing.code):
            daily = terminology.daily_events(coding.code or "")
            if daily is not None:
                return daily, daily, False
        spoken = " ".join((timing.code.text or "").split()) if timing.code else ""
        daily = terminology.daily_events(spoken) if spoken else None
        read = (daily, daily) if daily is not None else sig.daily_count(spoken)
        if read is not None:
            return (*read, True)
    read = sig.daily_count(text)
    return (*read, True) if read is not None else (None, None, False)


def _from_repeat(repeat: Repeat) -> tuple[float, float] | None:
    share = len(set(repeat.dayOfWeek)) / 7 if repeat.dayOfWeek else 1.0
    events = [terminology.daily_events(event) or 0.0 for event in repeat.when or ()]
    at_events = sum(events) if events and all(events) else 0.0
    if repeat.frequency is not None or repeat.period is not None:
        unit = _DAYS.get(repeat.periodUnit or "d")
        period = repeat.period if repeat.period is not None else 1.0
        longest = max(repeat.periodMax or period, period)
        if unit is None or period <= 0:
            return None
        frequency = repeat.frequency if repeat.frequency is not None else 1.0
        least = frequency / (longest * unit) * share
        most = max(repeat.frequencyMax or frequency, frequency) / (period * unit) * share
        # "1 a day, when: before breakfast, before lunch, before dinner": the events may be meant.
        return _tidy(least), _tidy(max(most, at_events * share))
    if at_events:
        return _tidy(at_events * share), _tidy(at_events * share)
    if repeat.timeOfDay:
        count = len(set(repeat.timeOfDay)) * share
        return _tidy(count), _tidy(count)
    return None


def _tidy(count: float) -> float:
    return round(count, 4)
