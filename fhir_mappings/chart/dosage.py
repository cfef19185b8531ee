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
from fhir_mappings.chart.dosage_timing import Occasions, coded_occasions, spoken_timing, timed_occasions
from fhir_mappings.common import terminology, units
from fhir_mappings.common.datatypes import Dosage
from fhir_mappings.common.free_text import cut

_INTRAVENOUS = re.compile(r"\bIV\b|intravenous|infusion", re.IGNORECASE)
# A route by which no insulin goes: the row is not to be trusted.
_NO_ROUTE = re.compile(r"otic|auricular|ophthalmic|\boral|by mouth|nasal|rectal|topical|\bear\b|\beye\b", re.IGNORECASE)
_MEAL_EVENTS = frozenset({"C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV"})


@dataclass(frozen=True, slots=True)
class Dosing:
    """What the directions of one order add up to: see InsulinOrder.

    `as_needed`: all lines are; `asked`: one is. `course_days`: how long they bound themselves.
    """

    certain: float = 0.0
    possible: float | None = 0.0
    no_ceiling: int = 0
    certain_at: frozenset[Moment] = frozenset()
    moments: frozenset[Moment] = frozenset()
    as_needed: bool = False
    asked: bool = False
    mixed: bool = False
    adjusts: str | None = None
    titrates: str | None = None
    at_meals: bool = False
    from_text: bool = False
    via_pump: bool = False
    intravenous: bool = False
    course_days: int | None = None


def read_dosing(lines: Iterable[Dosage] | None, ingredient: str | None = None) -> Dosing:
    """The sum over all lines of an order: three per-meal lines are three injections a day.

    `ingredient`: the order's own; what its directions say of another insulin is possible and not certain.
    """
    read = [_read_line(line, ingredient) for line in lines or ()]
    if len(read) == 1:
        return read[0]
    return _together(read) if read else Dosing(possible=None)


def says_scale(text: str) -> bool:
    """Whether a drug's own name says that it is given by a sliding scale."""
    return sig_marks.scale_said(text)


def by_scale(dosing: Dosing) -> Dosing:
    """The same drug by a scale: every dose is adjusted; without a timing only a ceiling is known."""
    unread = dosing.possible is None and not dosing.certain
    told = replace(dosing, possible=0.0, no_ceiling=dosing.no_ceiling + 1) if unread else dosing
    return replace(told, adjusts=dosing.adjusts or "sliding scale")


def _together(read: list[Dosing]) -> Dosing:
    """Lines add, except that a time of day is one injection however many lines name it, and that lines which bound
    themselves to different courses ("for 7 days, then") may follow one another."""
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
        asked=any(line.asked for line in read),
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
    scale = sig_marks.scale_said(text)
    base = Dosing(
        possible=None,
        mixed=sig_marks.mixed_said(text),
        adjusts=sig_marks.adjusting_words(text),
        titrates=sig_marks.titrating_words(text),
        at_meals=sig_marks.meals_said(text) or _meal_events(line),
        via_pump=sig_marks.pump_said(text),
        course_days=_bound(line, text),
        intravenous=_is_intravenous(line),
    )
    if _route_is_wrong(line):
        return base
    spoken = _spoken(line, ingredient)
    timed = timed_occasions(line.timing) or coded_occasions(line.timing)
    found, from_text = _occasions(timed, spoken)
    as_needed = _is_as_needed(line) or spoken.as_needed
    if as_needed:
        base = replace(base, as_needed=True, asked=True)
    if found is None:
        # A scale, a ratio or an as-needed dose without a timing: how often is not said, a ceiling is assumed.
        told = as_needed or scale or base.adjusts is not None
        return replace(base, possible=0.0, no_ceiling=1) if told and not base.via_pump else base
    certain = 0.0 if as_needed else found.least
    return replace(
        base,
        asked=base.asked or (spoken.more_by_scale and sig_marks.as_needed_said(text)),
        certain=certain,
        possible=None if spoken.unread_part and timed is None else found.most,
        no_ceiling=int(spoken.more_by_scale),
        certain_at=found.moments if certain and len(found.moments) == certain else frozenset(),
        moments=found.moments | spoken.moments,
        from_text=from_text,
    )


def _occasions(timed: Occasions | None, spoken: sig.Sig) -> tuple[Occasions | None, bool]:
    """Structured timing and words together, and whether the count rests on the words."""
    if timed is None:
        if spoken.least is None or spoken.most is None:
            return None, True
        least = 0.0 if spoken.may_give_nothing else spoken.least
        return Occasions(least, spoken.most, spoken.moments), True
    if spoken.least is None or spoken.most is None:
        return timed, False
    least, most = min(timed.least, spoken.least), max(timed.most, spoken.most)
    named = timed.moments if len(timed.moments) == least else spoken.moments
    return Occasions(least, most, named if len(named) == least else frozenset()), False


def _spoken(line: Dosage, ingredient: str | None) -> sig.Sig:
    """The words of a line: of several texts that give a count, all counts."""
    texts = [line.text, line.patientInstruction, *(i.text for i in line.additionalInstruction or ())]
    read = [*(sig.read_sig(text, ingredient) for text in texts if text), spoken_timing(line.timing)]
    counted = [found for found in read if found.least is not None and found.most is not None]
    asked = any(found.as_needed for found in read)
    if not counted:
        return sig.Sig(as_needed=asked)
    return sig.Sig(
        min(found.least or 0.0 for found in counted),
        max(found.most or 0.0 for found in counted),
        next((found.moments for found in counted if found.moments), frozenset()),
        asked,
        any(found.more_by_scale for found in counted),
        any(found.unread_part for found in counted),
        any(found.may_give_nothing for found in counted),
    )


def _bound(line: Dosage, text: str) -> int | None:
    """Days of a course that the directions bound, in data or in words."""
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
    torn = Concept.INTRAVENOUS in terminology.concepts(line.route) and "subcut" in words.casefold()
    return torn or bool(_NO_ROUTE.search(words))
