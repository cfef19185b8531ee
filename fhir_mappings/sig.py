"""Sig text → injections a day, by plain patterns only (D.I.F). What no pattern reads stays unread."""

from __future__ import annotations

import re

_WORDS = {"once": 1, "one": 1, "twice": 2, "two": 2, "three": 3, "thrice": 3, "four": 4, "five": 5, "six": 6}
_COUNT = r"(\d{1,2}|once|one|twice|two|three|thrice|four|five|six)"
_PER_DAY = r"(?:(?:a|per|each|every) |/ ?)?(?:day|daily)\b(?! supply)"
# "3 times a day", "three times daily", "4x daily"; "once daily", "twice a day"; "4 a day", "4/day". A bare number
# before "day" or "daily" is a supply or a dose: "30 day supply", "20 daily".
_TIMES = re.compile(
    rf"\b{_COUNT} ?(?:times?|x) ?{_PER_DAY}|\b(once|twice|thrice) ?{_PER_DAY}"
    rf"|\b{_COUNT}(?: (?:a|per|each|every) |/ ?)day\b(?! supply)"
)
_TIMES_A_DAY = rf" ?(?:times?|x)? ?{_PER_DAY}"
_UP_TO = re.compile(rf"\b(?:up to|at most|no more than|max(?:imum)?(?: of)?) {_COUNT}{_TIMES_A_DAY}")
_SPAN = re.compile(rf"\b{_COUNT} ?(?:-|\u2013|to|or) ?{_COUNT} ?(?:times?|x) ?{_PER_DAY}")
_COURSE = re.compile(r"\bfor (?:the next )?(\d{1,3}) ?(days?|weeks?|months?|d|wk)\b", re.IGNORECASE)
_COURSE_DAYS = {"d": 1, "w": 7, "m": 30}
_EVERY_HOURS = re.compile(r"\b(?:every|q) ?(\d{1,2}) ?(?:h|hrs?|hours?)\b")
_ABBREVIATIONS = (
    (re.compile(r"\bq\.?i\.?d\b"), 4),
    (re.compile(r"\bt\.?i\.?d\b"), 3),
    (re.compile(r"\bb\.?i\.?d\b"), 2),
    (re.compile(r"\bq\.?d\b"), 1),
)
_ALL_MEALS = re.compile(r"\b(?:(?:before|with|after|at) (?:each |every |all )?meals|(?:each|every) meal|a\.?c\b)")
_OCCASIONS = {
    "morning": re.compile(r"\bmornings?\b|\bbreakfast\b|\bq ?am\b"),
    "noon": re.compile(r"\blunch\b|\bnoon\b|\bmidday\b"),
    "evening": re.compile(r"\bdinner\b|\bsupper\b|\bevenings?\b|\bq ?pm\b"),
    "night": re.compile(r"\bbedtime\b|\bnightly\b|\bq ?hs\b|\bhs\b|\bnight\b"),
}
_DAILY = re.compile(r"\b(?:daily|every day|each day|once a day)\b")
# "20 daily": a number that stands before the word is a dose, and how often stays open.
_DOSE_DAILY = re.compile(r"\b\d{1,3} daily\b")


def daily_count(text: str) -> tuple[float, float] | None:
    """Least and most injections a day from plain words; None when no plain pattern reads."""
    folded = " ".join(text.casefold().split())
    ceiling = _UP_TO.search(folded)
    if ceiling:
        # "Up to three times a day" sets a ceiling, not a schedule; what else the words say is the floor.
        rest = _plain_count(folded[: ceiling.start()] + folded[ceiling.end() :])
        return rest or 0.0, max(rest or 0.0, _number(ceiling[1]))
    span = _SPAN.search(folded)
    if span:
        return _number(span[1]), max(_number(span[1]), _number(span[2]))
    count = _plain_count(folded.replace("-", " "))
    return None if count is None else (count, count)


def course_days(text: str) -> int | None:
    """Days of a course that the sig bounds itself ("for 7 days"); None when it does not."""
    bound = _COURSE.search(text)
    return int(bound[1]) * _COURSE_DAYS[bound[2].casefold()[0]] if bound else None


def _plain_count(folded: str) -> float | None:
    for pattern, count in _ABBREVIATIONS:
        if pattern.search(folded):
            return float(count + (1 if count == 3 and _OCCASIONS["night"].search(folded) else 0))
    hours = _EVERY_HOURS.search(folded)
    if hours and 1 <= int(hours[1]) <= 24:
        return 24 / int(hours[1])
    times = _TIMES.search(folded)
    if times:
        return _number(times[1] or times[2] or times[3])
    return _from_occasions(folded)


def _number(word: str) -> float:
    return float(word) if word.isdigit() else float(_WORDS[word])


def _from_occasions(folded: str) -> float | None:
    """One injection for each occasion of the day that is named, however often it is."""
    named = {name for name, pattern in _OCCASIONS.items() if pattern.search(folded)}
    if _ALL_MEALS.search(folded):
        named |= {"morning", "noon", "evening"}
    if named:
        return float(len(named))
    return 1.0 if _DAILY.search(folded) and not _DOSE_DAILY.search(folded) else None
