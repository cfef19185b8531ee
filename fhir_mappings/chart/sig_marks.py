"""What sig text says apart from frequency: sliding scale or ratio, as needed, through a pump, mixed in one syringe."""

from __future__ import annotations

import re

from fhir_mappings.chart.sig_text import GLUCOSE, folded

_SCALE = re.compile(
    r"sliding[ -]?scale|\bssi\b|\biss\b|\bss\b|insulin-ss|\b(?:per|by|using|on|according to|directed|correction(?:al)?)"
    r" (?:\w+ )?scale\b|\bscale (?:below|attached|provided|given)|use the chart"
)
_BAND = re.compile(
    r"(?<![\d.])(\d{1,3}) ?(?:-|to) ?\d{2,3} ?(?:mg/dl ?)?[=:,]? ?(?:give|take|inject|use|add)?"
    r" ?(\d{1,2}(?:\.\d)?) ?u(?:nits?)?\b"
)
_EDGE = re.compile(
    r"(?:(?:[<>]=?|over|above|greater than|more than|below|under|less than) ?\d{2,3}"
    r"|\b\d{3} ?(?:\+|or (?:more|higher)))"
    r" ?(?:mg/dl ?)?[=:,]? ?(?:give|take|inject|use|add)? ?\d{1,2}(?:\.\d)? ?u(?:nits?)?\b"
)
_DOSE = re.compile(r"\d ?u(?:nits?)?\b")
# A glucose that needs no correction: a scale whose first dose lies above it may give nothing at all.
_NO_CORRECTION = 130
_RATIO = re.compile(
    r"carb(?:ohydrate)?s?[ -]*(?:ratio|count|estimate|coverage)"
    r"|\b\d{1,2}(?:\.\d)? units? (?:per|for every|for each) \d{1,3}(?: ?g(?:rams?)?\b)?"
    r"|\bunits? ?(?:per|for every|for each|/) ?\d{1,3} ?g"
    r"|(?<![\d:])1 ?: ?\d{1,3}\b|correction|correctional|sensitivity factor|\bisf\b|\bicr\b|insulin[ -]to[ -]carb"
)
_BY_RESULT = re.compile(
    rf"\b(?:adjust|based on|according to|depending on)\b[^.;]{{0,40}}?(?:carb\w*|{GLUCOSE})"
)  # fmt: skip
_DOSE_RANGE = re.compile(
    r"\b\d{1,3}(?:\.\d)? ?(?:-|to) ?\d{1,3}(?:\.\d)? ?(?:units?|u)\b|\b(?:up)?titrat\w*|\bself-adjust\w*"
    r"|\b(?:increase|decrease|adjust|change)\w* (?:\w+ )?by \d"
)
_NO_DOSE_AS_NEEDED = re.compile(
    r"\b(?:adjust\w*|titrat\w*|increase|decrease|change|refill|monitor|check|test|rotate)\b[^.;,]{0,30}?\b"
    r"(?:as needed|prn|if needed)"
)
_AS_NEEDED = re.compile(r"\bprn\b|\bp\.r\.n\b|\b(?:as|when|if|where) (?:needed|necessary|required)\b")
_NOT_BY_PUMP = re.compile(
    r"\b(?:until|awaiting|while waiting for|waiting for|pending|before|prior to|not (?:on|using)|no|off|without|stopped"
    r"|discontinued|previously on|after) [^.;,]{0,30}?\b(?:pump|omnipod|pods?|csii)\b"
)
_PUMP = re.compile(
    r"\bpumps?\b|\bcsii\b|\bbasal rate|continuous subcutaneous|\bomnipod\b|\bpods?\b|\bbomba (?:de insulina)?"
)
_NOT_MIXED = re.compile(r"\b(?:do not|don'?t|never|not|without|avoid)\b[^.;]{0,30}?\b(?:mix|syringe)\w*[^.;]*")
_MIXED = re.compile(
    r"\b(?:mix(?:ed|ing)?|combined?)\b[^.;]{0,30}?(?:syringe|together)"
    r"|\bmix(?:ed|ing)? with (?:the |your )?(?:regular|nph|humulin|novolin|humalog|novolog|lispro|aspart|rapid|short"
    r"|fast|intermediate|other insulin|clear|cloudy|[rn]\b)|\b(?:same|one|1|single) (?:syringe|injection)\b"
    r"|\bdraw(?:n)? up (?:with|together|into)|\bsplit-mixed"
)
_MEALS = re.compile(
    r"\bmeals?\b|\bmealtimes?\b|\bbreakfast\b|\blunch\b|\bdinner\b|\bsupper\b|\bt?q?i?d?a\.?c\b\.?(?!h)|\bfood\b|\bcomidas?\b"
)


def mentions_scale(text: str) -> bool:
    """Whether the dose goes by a scale, named or written out."""
    words = folded(text)
    return bool(_SCALE.search(words)) or len(_BAND.findall(words)) >= 2


def may_give_nothing(text: str) -> bool:
    """Whether the only dose is a scale that begins above a normal glucose: on a good day it gives nothing."""
    words = folded(text)
    doses = [(int(low), float(units)) for low, units in _BAND.findall(words)]
    first = min((low for low, units in doses if units), default=0)
    rest = _EDGE.sub(" ", _BAND.sub(" ", words))
    return len(doses) >= 2 and first > _NO_CORRECTION and not _DOSE.search(rest)


def without_scale_bands(words: str) -> str:
    """Directions without the bands of a scale, whose units are no doses of their own."""
    return _EDGE.sub(" ", _BAND.sub(" ", words))


def adjusting_words(text: str) -> str | None:
    """The words of a carbohydrate ratio, a correction factor or a scale; None where there are none."""
    words = folded(text)
    found = _RATIO.search(words) or _SCALE.search(words) or _BY_RESULT.search(words)
    if found:
        return found[0].strip()[:60]
    return "sliding scale" if mentions_scale(text) else None


def titrating_words(text: str) -> str | None:
    """The words of a dose range or of a titration: the member chooses within them."""
    found = _DOSE_RANGE.search(without_scale_bands(folded(text)))
    return found[0].strip()[:60] if found else None


def mentions_as_needed(text: str) -> bool:
    """Whether a dose is given as needed; "adjust as needed" is no such dose."""
    return bool(_AS_NEEDED.search(_NO_DOSE_AS_NEEDED.sub(" ", folded(text))))


def mentions_pump(text: str) -> bool:
    """Whether the insulin goes through a pump; "until the pump arrives" says that it does not."""
    return bool(_PUMP.search(_NOT_BY_PUMP.sub(" ", folded(text))))


def mentions_mixing(text: str) -> bool:
    """Whether two insulins are drawn up into one syringe."""
    return bool(_MIXED.search(_NOT_MIXED.sub(" ", folded(text))))


def mentions_meals(text: str) -> bool:
    """Whether the directions speak of meals."""
    return bool(_MEALS.search(folded(text)))
