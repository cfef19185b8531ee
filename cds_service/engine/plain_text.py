"""Dates, periods, insulins and lists of sections as a US clinician writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from cds_service.facts import When

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = "|".join(_MONTHS)
# What must stay on one line: a date, a month with its year, a number with its unit.
_UNBROKEN = re.compile(
    rf"\b(?:{_MONTH}) \d{{1,2}}, \d{{4}}\b|\b(?:{_MONTH}) \d{{4}}\b|\b(?:{_MONTH}) \d{{1,2}}\b|\b\d+ (?:mg/|mL/|%)"
)
_NO_BREAK_SPACE = "\u00a0"
# Insulins that are called otherwise than "insulin" with their ingredient.
_INSULINS = {
    "isophane": "NPH insulin",
    "regular": "regular insulin",
    "insulin": "insulin",
    "of unstated action": "insulin",
    "basal with GLP-1": "insulin with a GLP-1 agonist",
    "with a GLP-1 agonist": "insulin with a GLP-1 agonist",
}
# Providers by the words of a credential or specialty; the first that fits counts.
_PROVIDERS = (
    (r"reproductive endocrin", "reproductive endocrinologist"),
    (r"p(?:a)?ediatric endocrin", "pediatric endocrinologist"),
    (r"endocrin|diabetologist", "endocrinologist"),
    (r"nurse practitioner|^363L", "nurse practitioner"),
    (r"(?:clinical|certified) nurse specialist|^364S", "clinical nurse specialist"),
    (r"physician assistant|^363A", "physician assistant"),
    (r"advanced practice", "advanced practice nurse"),
    (r"vocational nurse|practical nurse", "licensed practical nurse"),
    (r"nurse|^163W", "registered nurse"),
    (r"dieti[ct]ian|nutrition|^133", "registered dietitian"),
    (r"pharmacist|pharmd|^1835", "pharmacist"),
    (r"educat", "health educator"),
    (r"supplier", "equipment supplier"),
    (
        r"physician|doctor|medical practitioner|medicine specialist|cardiologist|nephrologist|^20[0-9A-Z]{7}X",
        "physician",
    ),
    (r"obstetrician|gynecologist|pediatric|internal medicine|family medicine", "physician"),
    (r"^[0-9]{3}[0-9A-Z]{6}X", "provider"),
)
_PROVIDER_NAMES = tuple((re.compile(pattern, re.IGNORECASE), name) for pattern, name in _PROVIDERS)
# The fewest neighbors that are written as a range.
_RANGE = 3


def capitalized(text: str) -> str:
    """The text with a capital letter at its beginning."""
    return f"{text[:1].upper()}{text[1:]}"


def uncapitalized(text: str) -> str:
    """The text with a small letter at its beginning, to stand inside a sentence."""
    return f"{text[:1].lower()}{text[1:]}"


def day_text(day: date | When) -> str:
    """A day as `Oct 19, 2026`; of a time that is not known to the day what is known: `Oct 2026`, `2026`, or both ends
    as `Oct 1 to Oct 19, 2026`."""
    if isinstance(day, When):
        if day.first == day.last:
            return day_text(day.first)
        return _whole_months(day) or period_text(day.first, day.last)
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}"


def month_text(day: date) -> str:
    """The month of a day as `Oct 2026`."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def on_text(day: date | When | None) -> str:
    """When something was, as it stands in a sentence: `on Oct 19, 2026`, `in Oct 2026`, `on an unknown date`."""
    if day is None:
        return "on an unknown date"
    exact = not isinstance(day, When) or day.first == day.last
    between = isinstance(day, When) and not exact and not _whole_months(day)
    return f"{'on' if exact else 'between' if between else 'in'} {day_text(day).replace(' to ', ' and ')}"


def period_text(first: date, last: date) -> str:
    """Two days with all between them: `Oct 26 to Nov 24, 2026`, or `Dec 27, 2025 to Jan 25, 2026`."""
    if first == last:
        return day_text(first)
    head = day_text(first)
    return f"{head.partition(',')[0] if first.year == last.year else head} to {day_text(last)}"


def _whole_months(when: When) -> str:
    """A month or a year that is all that is known; empty for any other period."""
    first, last = when.first, when.last
    ends = last == date.max or (last + timedelta(days=1)).day == 1
    if first.day != 1 or not ends or first.year != last.year:
        return ""
    if first.month == last.month:
        return month_text(first)
    return str(first.year) if (first.month, last.month) == (1, 12) else ""


def unbroken(text: str) -> str:
    """The text with no-break spaces inside dates and between a number and its unit, for Markdown and HTML."""
    return _UNBROKEN.sub(lambda match: match[0].replace(" ", _NO_BREAK_SPACE), text)


def insulin_name(ingredient: str) -> str:
    """An insulin by its ingredient as a clinician calls it: `insulin glargine`, `NPH insulin`, `premixed insulin`."""
    if "premix" in ingredient or "/" in ingredient:
        return "premixed insulin"
    if ingredient.endswith("-acting"):
        return f"{ingredient} insulin"
    return _INSULINS.get(ingredient, f"insulin {ingredient}")


def status_text(status: str) -> str:
    """A FHIR status as a word: `entered-in-error` is `entered in error`, `cancelled` is `canceled`."""
    return status.replace("-", " ").replace("cancelled", "canceled")


def provider_name(credential: str) -> str:
    """A provider by a credential, a specialty or its code, as a clinician says it: `endocrinologist`, `physician`.

    The groups of a taxonomy stand before a semicolon and say less than what follows. What is not known stays as it is.
    """
    own = credential.rpartition(";")[2].strip(' "')
    for text in (own, credential):
        for pattern, name in _PROVIDER_NAMES:
            if pattern.search(text):
                return name
    return own or "provider"


def with_article(name: str) -> str:
    """A noun with `a` or `an`; one that has an article already stays as it is."""
    if name.startswith(("a ", "an ")):
        return name
    return f"{'an' if name[:1].casefold() in 'aeiou' else 'a'} {name}"


def in_one_step(steps: Iterable[str]) -> str:
    """Several things to do as one: each once, the later ones without their capital letter."""
    first, *more = dict.fromkeys(steps) or [""]
    return "; ".join((first, *map(uncapitalized, more)))


def sections_text(sections: Iterable[str], every: Sequence[str]) -> str:
    """Section ids in a few words: of A.1 to A.9 without A.4, `A.1–3, A.5–9` is written `A.1–3, 5–9`.

    `every`: all ids in the policy's order, which tells what is a neighbor of what; ids that it does not hold come last.
    """
    places = {section: place for place, section in enumerate(every)}
    wanted = sorted(dict.fromkeys(sections), key=lambda section: places.get(section, len(places)))
    runs: list[list[str]] = []
    for section in wanted:
        before = runs[-1][-1] if runs else None
        follows = before in places and places.get(section) == places[before] + 1 and _above(section) == _above(before)
        if follows:
            runs[-1].append(section)
        else:
            runs.append([section])
    texts: list[str] = []
    above: str | None = None
    for run in runs:
        for first, last in [(run[0], run[-1])] if len(run) >= _RANGE else [(section, section) for section in run]:
            short = _above(first) == above and above and len(_own(first)) == 1
            head = _own(first) if short else first
            texts.append(head if first == last else f"{head}–{_own(last)}")
            above = _above(first)
    return ", ".join(texts)


def _above(section: str) -> str:
    return section.rpartition(".")[0]


def _own(section: str) -> str:
    return section.rpartition(".")[2]
