"""Timing → occasions a day, and the times of day that it names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cds_service.facts import Moment
from fhir_mappings.chart import sig
from fhir_mappings.common import terminology
from fhir_mappings.common.datatypes import Repeat, Timing

_DAYS = {"s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.0, "a": 365.0}
_MOMENTS: dict[str, frozenset[Moment]] = {
    **dict.fromkeys(("C", "AC", "PC"), sig.MEALS),
    **dict.fromkeys(("CM", "ACM", "PCM", "MORN", "WAKE", "AM"), frozenset({Moment.BREAKFAST})),
    **dict.fromkeys(("CD", "ACD", "PCD", "NOON", "AFT"), frozenset({Moment.LUNCH})),
    **dict.fromkeys(("CV", "ACV", "PCV", "EVE", "PM"), frozenset({Moment.DINNER})),
    **dict.fromkeys(("HS", "PHS", "NIGHT", "BED"), frozenset({Moment.BEDTIME})),
}
_ALL_MEALS = frozenset({"C", "AC", "PC"})


@dataclass(frozen=True, slots=True)
class Occasions:
    """Least and most occasions a day, and the times of day that are named."""

    least: float
    most: float
    moments: frozenset[Moment] = frozenset()


def timed_occasions(timing: Timing | None) -> Occasions | None:
    """From `timing.repeat`: the frequency in its period, else the events, else the times of day."""
    repeat = timing.repeat if timing else None
    if repeat is None:
        return None
    share = len(set(repeat.dayOfWeek)) / 7 if repeat.dayOfWeek else 1.0
    events = [terminology.daily_events(event) or 0.0 for event in repeat.when or ()]
    at_events = sum(events) * share if events and all(events) else 0.0
    named = _named(repeat.when or ())
    if repeat.frequency is not None or repeat.period is not None:
        return _frequency(repeat, share, at_events, named)
    if at_events:
        return _tidy(at_events, at_events, named)
    if repeat.timeOfDay:
        moments = frozenset(m for m in map(_moment_of, repeat.timeOfDay) if m is not None)
        count = len(set(repeat.timeOfDay)) * share
        return _tidy(count, count, moments)
    return None


def coded_occasions(timing: Timing | None) -> Occasions | None:
    """From the codings of `timing.code`: BID, TID, BED."""
    for coding in terminology.codings(timing.code if timing else None):
        daily = terminology.daily_events(coding.code or "")
        if daily is not None:
            return Occasions(daily, daily, _named([coding.code or ""]))
    return None


def timing_in_words(timing: Timing | None) -> sig.Sig:
    """From the words of `timing.code`, which may be an abbreviation that the data know."""
    words = " ".join(((timing.code.text if timing and timing.code else None) or "").split())
    found = sig.read_sig(words) if words else sig.Sig()
    daily = terminology.daily_events(words) if words and found.least is None else None
    return found if daily is None else sig.Sig(daily, daily, _named([words]))


def _frequency(repeat: Repeat, share: float, at_events: float, named: frozenset[Moment]) -> Occasions | None:
    unit = _DAYS.get(repeat.periodUnit or "d")
    period = repeat.period if repeat.period is not None else 1.0
    longest = max(repeat.periodMax or period, period)
    if unit is None or period <= 0:
        return None
    frequency = repeat.frequency if repeat.frequency is not None else 1.0
    least = frequency / (longest * unit) * share
    most = max(repeat.frequencyMax or frequency, frequency) / (period * unit) * share
    at_events = max(at_events, len(set(repeat.timeOfDay or ())) * share)
    if set(repeat.when or ()) & _ALL_MEALS and least == most == share:
        # "1 a day, when: before meals": the events are meant, as many clients write it.
        return _tidy(at_events, at_events, named)
    # "1 a day, when: before breakfast, before lunch, before dinner": the events may be meant.
    return _tidy(least, max(most, at_events), named)


def _named(events: Iterable[str]) -> frozenset[Moment]:
    return frozenset(moment for event in events for moment in _MOMENTS.get(event.strip().upper(), ()))


def _moment_of(clock: str) -> Moment | None:
    hour = clock.strip()[:2]
    return sig.moment_of_hour(int(hour)) if hour.isdecimal() and int(hour) < 24 else None


def _tidy(least: float, most: float, named: frozenset[Moment]) -> Occasions:
    least = round(least, 4)
    return Occasions(least, max(round(most, 4), least), named if len(named) == least else frozenset())
