"""Dosage → injections a day: those that are certain, and the most that the directions allow.

Of one line: `timing.repeat` (frequency in its period, else events, else times of day), else `timing.code`, else the
sig text. Where structured timing and text give different counts, they are the two ends of a range.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cds_service.concepts import Concept
from cds_service.facts import Moment
from fhir_mappings.chart import sig, sig_marks
from fhir_mappings.chart.dosage_timing import Occasions, coded_occasions, timed_occasions, timing_in_words
from fhir_mappings.common import terminology, units
from fhir_mappings.common.datatypes import Dosage
from fhir_mappings.common.free_text import cut

_INTRAVENOUS = re.compile(r"\bIV\b|intravenous|infusion", re.IGNORECASE)
# A route by which no insulin goes: the row is not to be trusted.
_NO_ROUTE = re.compile(r"otic|auricular|ophthalmic|\boral|by mouth|nasal|rectal|topical|\bear\b|\beye\b", re.IGNORECASE)
_MEAL_EVENTS = frozenset({"C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV"})


@dataclass(frozen=True, slots=True)
class Dosing:
    """Injections a day and other facts from all directions of one order; fields as in InsulinOrder.

    `as_needed`: all lines are as needed; `any_as_needed`: at least one is. `course_days`: length of a bounded course.
    """

    certain: float = 0.0
    possible: float | None = 0.0
    no_ceiling: int = 0
    certain_at: frozenset[Moment] = frozenset()
    moments: frozenset[Moment] = frozenset()
    as_needed: bool = False
    any_as_needed: bool = False
    mixed: bool = False
    adjusts: str | None = None
    titrates: str | None = None
    at_meals: bool = False
    from_text: bool = False
    via_pump: bool = False
    intravenous: bool = False
    course_days: int | None = None


def read_dosing(lines: Iterable[Dosage] | None, ingredient: str | None = None) -> Dosing:
    """Adds up all dosage lines of an order: three per-meal lines are three injections a day.

    `ingredient`: the order's own; what its directions say of another insulin is possible and not certain.
    """
    read = [_read_line(line, ingredient) for line in lines or ()]
    if len(read) == 1:
        return read[0]
    return _sum_of_lines(read) if read else Dosing(possible=None)


def names_sliding_scale(text: str) -> bool:
    """Whether a drug's own name says that it is given by a sliding scale."""
    return sig_marks.mentions_scale(text)


def with_sliding_scale(dosing: Dosing) -> Dosing:
    """The dosing as a sliding scale: every dose is adjusted; without a timing only an upper bound is assumed."""
    unread = dosing.possible is None and not dosing.certain
    frequency_unstated = replace(dosing, possible=0.0, no_ceiling=dosing.no_ceiling + 1) if unread else dosing
    return replace(frequency_unstated, adjusts=dosing.adjusts or "sliding scale")


def _sum_of_lines(read: list[Dosing]) -> Dosing:
    """Adds lines up, except that one time of day is one injection however many lines name it, and that lines bounded
    to different courses ("for 7 days, then") may follow one another."""
    steps = len(read) > 1 and _are_steps(read)
    named = frozenset(moment for line in read for moment in line.certain_at)
    whole = [line for line in read if len(line.certain_at) == line.certain]
    unnamed = [line.certain for line in read if line not in whole]
    certain = max([float(len(named)), *unnamed]) if steps else len(named) + sum(unnamed)
    ceilings = [line.possible for line in read]
    in_turn = steps and len({line.moments for line in read}) == 1
    most = (max if in_turn else sum)(ceiling or 0.0 for ceiling in ceilings)
    first = read[0]
    return replace(
        first,
        certain=max([certain, *(line.certain for line in read)]),
        possible=None if None in ceilings else most,
        no_ceiling=sum(line.no_ceiling for line in read),
        certain_at=named,
        moments=frozenset(moment for line in read for moment in line.moments),
        as_needed=all(line.as_needed for line in read),
        any_as_needed=any(line.any_as_needed for line in read),
        mixed=any(line.mixed for line in read),
        adjusts=next((line.adjusts for line in read if line.adjusts), None),
        titrates=next((line.titrates for line in read if line.titrates), None),
        at_meals=any(line.at_meals for line in read),
        from_text=any(line.from_text for line in read),
        via_pump=any(line.via_pump for line in read),
        intravenous=any(line.intravenous for line in read),
        course_days=_whole_course(read, steps),
    )


def _are_steps(read: list[Dosing]) -> bool:
    """Whether lines are steps that follow one another: all but the last are bounded, none at a time of its own."""
    bounded = [line.course_days for line in read if line.course_days is not None]
    apart = len({line.certain_at for line in read if line.certain_at}) == len(read)
    return len(bounded) >= len(read) - 1 and not apart


def _whole_course(read: list[Dosing], steps: bool) -> int | None:
    """Days of the whole course: none where a line runs on."""
    days = [line.course_days for line in read]
    bounded = [day for day in days if day is not None]
    if len(bounded) < len(days):
        return None
    return sum(bounded) if steps else max(bounded)


def _read_line(line: Dosage, ingredient: str | None) -> Dosing:
    text = _whole_text(line)
    scale = sig_marks.mentions_scale(text)
    base = Dosing(
        possible=None,
        mixed=sig_marks.mentions_mixing(text),
        adjusts=sig_marks.adjusting_words(text),
        titrates=sig_marks.titrating_words(text),
        at_meals=sig_marks.mentions_meals(text) or _meal_events(line),
        via_pump=sig_marks.mentions_pump(text),
        course_days=_bounded_days(line, text),
        intravenous=_is_intravenous(line),
    )
    if _route_is_wrong(line):
        return base
    in_words = _read_words(line, ingredient)
    timed = timed_occasions(line.timing) or coded_occasions(line.timing)
    found, from_text = _occasions(timed, in_words)
    as_needed = _is_as_needed(line) or in_words.as_needed
    if as_needed:
        base = replace(base, as_needed=True, any_as_needed=True)
    if found is None:
        # A scale, a ratio or an as-needed dose without a timing: how often is not said, a ceiling is assumed.
        frequency_unstated = as_needed or scale or base.adjusts is not None
        return replace(base, possible=0.0, no_ceiling=1) if frequency_unstated and not base.via_pump else base
    certain = 0.0 if as_needed else found.least
    return replace(
        base,
        any_as_needed=base.any_as_needed or (in_words.more_by_scale and sig_marks.mentions_as_needed(text)),
        certain=certain,
        possible=None if in_words.unread_part and timed is None else found.most,
        no_ceiling=int(in_words.more_by_scale),
        certain_at=found.moments if certain and len(found.moments) == certain else frozenset(),
        moments=found.moments | in_words.moments,
        from_text=from_text,
    )


def _occasions(timed: Occasions | None, in_words: sig.Sig) -> tuple[Occasions | None, bool]:
    """Occasions from timing and text combined, and whether the count comes from the text alone."""
    if timed is None:
        if in_words.least is None or in_words.most is None:
            return None, True
        least = 0.0 if in_words.may_give_nothing else in_words.least
        return Occasions(least, in_words.most, in_words.moments), True
    if in_words.least is None or in_words.most is None:
        return timed, False
    least, most = min(timed.least, in_words.least), max(timed.most, in_words.most)
    named = timed.moments if len(timed.moments) == least else in_words.moments
    return Occasions(least, most, named if len(named) == least else frozenset()), False


def _read_words(line: Dosage, ingredient: str | None) -> sig.Sig:
    """The text of one dosage line; where several texts give counts, the range from the lowest to the highest."""
    texts = [line.text, line.patientInstruction, *(i.text for i in line.additionalInstruction or ())]
    read = [*(sig.read_sig(text, ingredient) for text in texts if text), timing_in_words(line.timing)]
    counted = [found for found in read if found.least is not None and found.most is not None]
    any_as_needed = any(found.as_needed for found in read)
    if not counted:
        return sig.Sig(as_needed=any_as_needed)
    return sig.Sig(
        min(found.least or 0.0 for found in counted),
        max(found.most or 0.0 for found in counted),
        next((found.moments for found in counted if found.moments), frozenset()),
        any_as_needed,
        any(found.more_by_scale for found in counted),
        any(found.unread_part for found in counted),
        any(found.may_give_nothing for found in counted),
    )


def _bounded_days(line: Dosage, text: str) -> int | None:
    """The length of a course in days, from timing.repeat bounds or from the text; None when it is not bounded."""
    repeat = line.timing.repeat if line.timing else None
    if repeat is not None:
        longest = repeat.boundsDuration or (repeat.boundsRange.high if repeat.boundsRange else None)
        days = units.whole_days(longest)
        if days is not None:
            return days
    return sig.course_days(text)


def _whole_text(line: Dosage) -> str:
    parts = [line.text, line.patientInstruction, *(i.text for i in line.additionalInstruction or ())]
    return ". ".join(" ".join(part.split()) for part in parts if part)


def _is_as_needed(line: Dosage) -> bool:
    codes = {(c.code or "").upper() for c in terminology.codings(line.timing.code if line.timing else None)}
    return line.asNeededBoolean is True or line.asNeededCodeableConcept is not None or "PRN" in codes


def _meal_events(line: Dosage) -> bool:
    repeat = line.timing.repeat if line.timing else None
    events = set(repeat.when or ()) if repeat else set()
    events |= {(c.code or "").upper() for c in terminology.codings(line.timing.code if line.timing else None)}
    return bool(events & _MEAL_EVENTS)


def _route_words(line: Dosage) -> str:
    names = [line.route.text if line.route else None, *(c.display for c in terminology.codings(line.route))]
    return cut(" ".join(name for name in names if name))


def _is_intravenous(line: Dosage) -> bool:
    words = _route_words(line)
    said = Concept.INTRAVENOUS in terminology.concepts(line.route) or bool(_INTRAVENOUS.search(words))
    return said and "subcut" not in words.casefold()


def _route_is_wrong(line: Dosage) -> bool:
    """Whether code and name of the route contradict each other, or no insulin goes that way."""
    words = _route_words(line)
    contradictory = Concept.INTRAVENOUS in terminology.concepts(line.route) and "subcut" in words.casefold()
    return contradictory or bool(_NO_ROUTE.search(words))
