"""Sig text → injections a day and the times of day that it names, by regular expressions only.

Text that no pattern matches stays unread. It is split by the drugs that it names, and each of these into doses:
"10 units before meals and 15 units at bedtime" are two doses of one drug.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from cds_service.facts import Moment
from fhir_mappings.chart import sig_marks
from fhir_mappings.chart.insulin_names import drugs_in
from fhir_mappings.chart.sig_text import folded, occasions_only, one_spelling, titration_steps
from fhir_mappings.common.free_text import cached_for_short_texts, cut

MEALS = frozenset({Moment.BREAKFAST, Moment.LUNCH, Moment.DINNER})
_N = r"([1-9]|1[0-2])"
_TIMES = r"(?:times?|x|doses?|injections?|shots?)"
_DAY = r"(?:(?:a|per|each|every) |/ ?)?(?:day|daily|d)\b(?! supply)"
_CEILING = re.compile(rf"\b(?:up to|at most|no more than|not more than|max(?:imum)?(?: of)?) {_N} ?{_TIMES}? ?{_DAY}")
_SPAN = re.compile(rf"(?<![\d.]){_N} ?{_TIMES}? ?(?:-|to|or) ?{_N} ?{_TIMES} ?{_DAY}")
_COUNT = re.compile(rf"(?<![\d.-]){_N} ?{_TIMES} ?{_DAY}|(?<![\d.-]){_N}(?: (?:a|per|each|every) |/ ?)day\b(?! supply)")
_HOURS = re.compile(r"\b(?:every|q) ?(\d{1,2}) ?h(?:(?:ou)?rs?)?\b")
_ABBREVIATIONS = ((re.compile(r"\bqid\b"), 4), (re.compile(r"\btid\b"), 3), (re.compile(r"\bbid\b"), 2))
_FEW_MEALS = re.compile(r"\b([12]) (?:main |largest |biggest )?meals\b")
_ALL_MEALS = re.compile(
    r"\b(?:before|with|after|at|during|around|per|for) (?:(?:all|your|the|main|of|3|each|every) )*meals\b"
    r"|\b(?:each|every|per|any)(?: of)?(?: the)?(?: main| 3)? meals?\b|\bmeals (?:and|&|\+) bedtime\b"
)
_CLOCK = re.compile(r"\b(1[0-2]|0?[1-9])(?::[0-5]\d)? ?(am|pm)\b|\b([01]\d|2[0-3]|(?<=at )\d):[0-5]\d(?::\d\d)?\b")
_NAMED = (
    (Moment.BREAKFAST, re.compile(r"\bmornings?\b|\bbreakfast\b|\bam\b|\bwak(?:e|ing|ening)\b|\bawak(?:e|ening)\b")),
    (Moment.LUNCH, re.compile(r"\blunch(?:time)?\b|\bnoon\b|\bmidday\b|\bafternoons?\b")),
    (Moment.DINNER, re.compile(r"\bdinner(?:time)?\b|\bevenings?\b|\bpm\b")),
    (Moment.BEDTIME, re.compile(r"\bbedtime\b|\bnightly\b|\bnights?\b|\bnighttime\b")),
)
_ONE_OF_TWO = re.compile(
    r"\b(morning|breakfast|lunch|noon|dinner|evening|bedtime|night)s? or (?:in the |at |before |with )?"
    r"(?:morning|breakfast|lunch|noon|dinner|evening|bedtime|night)s?\b"
)
_DAILY = re.compile(r"\bdaily\b")
# "20 daily": a number that stands before the word is a dose, and how often stays open.
_DOSE_DAILY = re.compile(r"\b\d{1,3} daily\b")
_AMOUNT = r"\d{1,3}(?:\.\d{1,2})?"
_DOSE = re.compile(rf"(?<![\d.]){_AMOUNT}(?: ?(?:-|to) ?{_AMOUNT})? ?(?:units?|u|iu)\b(?! ?(?:per|for|/))")
_ANOTHER_BY_SCALE = re.compile(
    r"(?:[+&,;.]|\bplus|\band|\balso) ?(?:[a-z-]{1,20} ){0,4}"
    r"(?:sliding[ -]?scale|ssi\b|(?:per|correction(?:al)?) scale)"
)
_NO_REGIMEN = re.compile(
    r"\bto (?:test|check) (?:blood )?(?:sugars?|glucose)"
    r"|\b(?:otic|auricular|ophthalmic|by mouth|orally|in (?:the )?(?:ear|eye)s?)\b"
)
_COURSE = re.compile(r"\b(?:for|x) ?(?:the next )?(\d{1,3}) ?(days?|weeks?|months?|d|wks?)\b(?! (?:supply|after))")
_ADDITION = re.compile(
    r"[.;] |\bplus\b| \+ |(?:\band|,) (?=(?:an? )?(?:additional|extra|\d{1,3}(?: ?- ?\d{1,3})? ?u(?:nits?)?\b))"
)
_SEPARATE_DOSE = re.compile(r"\d ?u(?:nits?)?\b|correction|additional|extra|scale")
_SENTENCE = re.compile(r"[.;] |\n")
_SHELF_LIFE = re.compile(r"\bas directed for \d|\b(?:discard|expires?|opened?)\b[^.;]*")
_COURSE_DAYS = {"d": 1, "w": 7, "m": 30}


@dataclass(frozen=True, slots=True)
class Sig:
    """Facts from sig text. `least` and `most` bound the occasions a day; None when no pattern matches.

    `more_by_scale`: another dose by a scale or as needed, whose times are not said. `unread_part`: a drug of it has
    no frequency.
    `may_give_nothing`: only a written-out scale, whose first dose lies above a normal glucose.
    """

    least: float | None = None
    most: float | None = None
    moments: frozenset[Moment] = frozenset()
    as_needed: bool = False
    more_by_scale: bool = False
    unread_part: bool = False
    may_give_nothing: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """One dose of one drug: its occasions, and the times of day where they say all of them."""

    least: float
    most: float
    moments: frozenset[Moment] = frozenset()


def read_sig(text: str, ingredient: str | None = None) -> Sig:
    """Occasions a day from plain words; long texts are cut.

    `ingredient`: of which insulin; doses of another one that the same words name are only possible.
    """
    return _read(cut(text), ingredient)


@cached_for_short_texts(2048)
def _read(text: str, ingredient: str | None) -> Sig:
    words = one_spelling(text)
    if not words or sig_marks.mentions_pump(text) or _NO_REGIMEN.search(words):
        return Sig()
    if not sig_marks.mentions_as_needed(words):
        return _scheduled(words, text, ingredient)
    # "8 units with meals, plus 2 units as needed": a dose of its own beside the scheduled ones.
    pieces = [piece for piece in _ADDITION.split(words) if piece]
    asked = [piece for piece in pieces if sig_marks.mentions_as_needed(piece)]
    rest = _scheduled(". ".join(piece for piece in pieces if piece not in asked), text, ingredient)
    if rest.least is None or not any(_SEPARATE_DOSE.search(piece) for piece in asked):
        whole = _scheduled(words, text, ingredient)
        return replace(whole, least=None if whole.least is None else 0.0, as_needed=True, more_by_scale=False)
    more = [_scheduled(piece, text, ingredient).most for piece in asked]
    most = (rest.most or 0.0) + sum(found for found in more if found is not None)
    return replace(rest, most=most, more_by_scale=rest.more_by_scale or None in more)


def _scheduled(words: str, text: str, ingredient: str | None) -> Sig:
    drugs = [] if sig_marks.mentions_mixing(text) else drugs_in(words)
    parts = [_read_drug(part) for part in _split_at(words, [start for start, _ in drugs[1:]])]
    read = [part for part in parts if part is not None]
    if not read:
        return Sig()
    total = _sum_of_doses(read)
    names = [name for _, name in drugs]
    if ingredient in names and len(set(names)) > 1:
        own = [part for part, name in zip(parts, names, strict=True) if name == ingredient and part is not None]
        total = _Part(
            _sum_of_doses(own).least if own else 0.0, total.most, _sum_of_doses(own).moments if own else frozenset()
        )
    return Sig(
        total.least,
        total.most,
        total.moments,
        more_by_scale=bool(_ANOTHER_BY_SCALE.search(words)) and total.most < len(MEALS),
        unread_part=len(read) < len(parts),
        may_give_nothing=sig_marks.may_give_nothing(text),
    )


def course_days(text: str) -> int | None:
    """Days of a course that the sig bounds itself ("for 7 days"); None when it does not."""
    bound = _COURSE.search(_SHELF_LIFE.sub(" ", folded(text)))
    return int(bound[1]) * _COURSE_DAYS[bound[2][0]] if bound else None


def _split_at(words: str, starts: list[int]) -> list[str]:
    edges = [0, *starts, len(words)]
    return [words[edges[n] : edges[n + 1]] for n in range(len(edges) - 1)]


def _read_drug(words: str) -> _Part | None:
    sentences = _SENTENCE.split(words)
    ceilings = [float(found[1]) for sentence in sentences for found in _CEILING.finditer(sentence)]
    # "Up to three times a day before meals" sets a ceiling, not a schedule; what other sentences say is the floor.
    words = ". ".join(sentence for sentence in sentences if not _CEILING.search(sentence))
    raised = [float(found[1]) for found in _COUNT.finditer(titration_steps(words)) if found[1]]
    plain = _ONE_OF_TWO.sub(r"\1", occasions_only(sig_marks.without_scale_bands(words)))
    starts = [found.start() for found in _DOSE.finditer(plain)][1:]
    doses = [dose for dose in map(_read_dose, _split_at(plain, starts)) if dose is not None]
    total = _sum_of_doses(doses) if doses else _by_clock(plain)
    if total is None:
        return _Part(0.0, max(ceilings)) if ceilings else None
    return _Part(total.least, max([total.most, *raised, *ceilings]), total.moments)


def _sum_of_doses(parts: list[_Part]) -> _Part:
    """The sum of doses: a time of day that is named twice counts once; counts without times may overlap with it."""
    named = frozenset(moment for part in parts for moment in part.moments)
    unnamed = [part for part in parts if not part.moments]
    sure = max([float(len(named)), *(part.least for part in parts)])
    most = len(named) + sum(part.most for part in unnamed)
    most = max([most, *(part.most for part in parts)])
    return _Part(sure, most, named)


def _read_dose(words: str) -> _Part | None:
    named = frozenset(moment for moment, pattern in _NAMED if pattern.search(_CLOCK.sub(" ", words)))
    if _ALL_MEALS.search(words):
        named |= MEALS
    span = _SPAN.search(words)
    if span:
        return _Part(float(span[1]), max(float(span[1]), float(span[2])))
    count = _frequency(words)
    if count is None:
        if named:
            return _Part(len(named), len(named), named)
        return _Part(1.0, 1.0) if _DAILY.search(words) and not _DOSE_DAILY.search(words) else None
    return _count_with_times(count, named)


def _count_with_times(count: float, named: frozenset[Moment]) -> _Part:
    """Combines a count with named times: "three times daily with meals and at bedtime" are four."""
    if count == len(MEALS) and Moment.BEDTIME in named and named - {Moment.BEDTIME} in (frozenset(), MEALS):
        return _Part(4.0, 4.0, frozenset(Moment))
    if count == len(named):
        return _Part(count, count, named)
    specific = len(named) if not named >= MEALS else 0
    return _Part(count, max(count, float(specific)))


def _frequency(words: str) -> float | None:
    for pattern, count in _ABBREVIATIONS:
        if pattern.search(words):
            return float(count)
    hours = _HOURS.search(words)
    if hours and 1 <= int(hours[1]) <= 24:
        return 24 / int(hours[1])
    times = _COUNT.search(words)
    if times:
        return float(times[1] or times[2])
    few = _FEW_MEALS.search(words)
    return float(few[1]) if few else None


def _by_clock(words: str) -> _Part | None:
    """Clock times, where nothing else says how often: "at 8am, 12pm and 6pm"."""
    found = {moment_of_hour(_hour(clock)): None for clock in _CLOCK.finditer(words)}
    return _Part(len(found), len(found), frozenset(found)) if found else None


def _hour(clock: re.Match[str]) -> int:
    if clock[3] is not None:
        return int(clock[3])
    return int(clock[1]) % 12 + (12 if clock[2] == "pm" else 0)


def moment_of_hour(hour: int) -> Moment:
    """The time of day that an hour belongs to."""
    if 4 <= hour < 11:
        return Moment.BREAKFAST
    if 11 <= hour < 15:
        return Moment.LUNCH
    return Moment.DINNER if 15 <= hour < 20 else Moment.BEDTIME
