"""Reference ranges and values as laboratories print them: `1.1-4.4 ng/mL`, `<1:4`, `Negative: <5.0; Positive: >=5.0`.

A text is read whole or not at all: what stands beside the ranges has to be a label, a unit, or a word that says what
the figures are, so that no figure is taken for a limit that is something else.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass

from fhir_mappings.common.free_text import cached_for_short_texts, cut

_NUMBER = r"\d{1,9}(?:\.\d{1,9}|,\d{1,3}(?!\d))?(?![\d,])"
_TITER = r"1 ?: ?\d{1,6}(?!\d)"
_FIGURE = rf"(?:{_TITER}|{_NUMBER})"
_BELOW = r"<=?|less than(?: or equal to)?|up to|under|below|lower than|at most|no more than"
_ABOVE = r">=?|greater than(?: or equal to)?|more than|above|over|at least|higher than"
_INCLUDED = re.compile(r"=|or equal|up to|at most|at least|no more")
_AMOUNT = (
    r"(?:[pnu]g|mcg|mg|g|[pnumf]?mol|[mku]?iu|[mku]?u|(?:jdf|dk|kronus|arbitrary)(?: units?)?|units?|[ae]u|index|%"
    r"|years?|yrs?)"
)
_UNIT = rf"(?: ?{_AMOUNT}(?: ?/ ?(?:100 ?ml|[mdu]?l|min(?:ute)?(?:/1\.73 ?m2)?))?(?![a-z0-9]))?"
_RANGE = re.compile(
    rf"(?P<low>{_FIGURE})(?P<low_unit>{_UNIT}) ?(?:-|to|through|\.\.) ?(?P<high>{_FIGURE})(?P<high_unit>{_UNIT})"
    rf"|(?P<below>{_BELOW}) ?(?P<upper>{_FIGURE})(?P<upper_unit>{_UNIT})"
    rf"|(?P<above>{_ABOVE}) ?(?P<lower>{_FIGURE})(?P<lower_unit>{_UNIT})"
    rf"|(?P<more>{_FIGURE})(?P<more_unit>{_UNIT}) (?:or (?:more|greater|higher|above)|and above)"
    rf"|(?P<less>{_FIGURE})(?P<less_unit>{_UNIT}) (?:or (?:less|lower|below)|and below)"
)
_AROUND = " :;,.=|()[]*-"
_AGES = ("year", "years", "yr", "yrs")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212~", "-"))


@dataclass(frozen=True, slots=True)
class PrintedRange:
    """One range of a text. `label`: the words before it, folded; a limit is None where the range is open.

    `is_titer`: the limits are those of dilutions, given by the number behind the colon.
    """

    low: float | None
    high: float | None
    low_excluded: bool = False
    high_excluded: bool = False
    unit: str = ""
    label: str = ""
    is_titer: bool = False


def folded_figures(text: str) -> str:
    """A text in lower case with single blanks, plain dashes and comparators; NFKC makes one letter of both micro
    signs."""
    plain = unicodedata.normalize("NFKC", cut(text)).casefold().replace("\u03bc", "u").translate(_DASHES)
    for sign, written in (("\u2264", "<="), ("\u2265", ">="), ("=<", "<="), ("=>", ">=")):
        plain = plain.replace(sign, written)
    return " ".join(plain.split())


def figure(text: str) -> float | None:
    """The number of a figure; of a titer the one behind the colon. None where a comma may be of either kind.

    A comma before three digits separates thousands in the US and decimals elsewhere; before fewer it is a decimal one.
    """
    plain = text.rpartition(":")[2].strip()
    whole, _, behind = plain.partition(",")
    return None if len(behind) == 3 else float(f"{whole}.{behind}" if behind else plain)


@cached_for_short_texts(2048)
def printed_ranges(text: str) -> tuple[PrintedRange, ...]:
    """The ranges that a text holds, in its order; none where a part of it is not understood."""
    plain = _without_other_units(folded_figures(text))
    matches = list(_RANGE.finditer(plain))
    edges = [0, *(edge for match in matches for edge in match.span()), len(plain)]
    words = [plain[start:end].strip(_AROUND) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    if not matches or not all(map(_is_label, words)):
        return ()
    if len(matches) == 1:
        labels = [" ".join(filter(None, words))]
    else:  # labels stand behind their ranges where nothing stands before the first one
        labels = words[:-1] if words[0] else words[1:]
    found = tuple(itertools.starmap(_range_from_match, zip(matches, labels, strict=True)))
    return () if any(each is None for each in found) else tuple(each for each in found if each is not None)


def _range_from_match(match: re.Match[str], label: str) -> PrintedRange | None:
    """A range; None where a figure may be read in two ways, limits are the wrong way round, or it is one of ages."""
    parts = match.groupdict()
    texts = parts["low"] or parts["lower"] or parts["more"], parts["high"] or parts["upper"] or parts["less"]
    low, high = (figure(each) if each else None for each in texts)
    units = (parts[name] for name in ("high_unit", "low_unit", "upper_unit", "lower_unit", "more_unit", "less_unit"))
    unit = next((each.strip() for each in units if each and each.strip()), "")
    unread = any(each and number is None for each, number in zip(texts, (low, high), strict=True))
    if unread or unit in _AGES or (low is not None and high is not None and low >= high):
        return None
    return PrintedRange(
        low,
        high,
        low_excluded=bool(parts["above"]) and not _INCLUDED.search(parts["above"]),
        high_excluded=bool(parts["below"]) and not _INCLUDED.search(parts["below"]),
        unit=unit,
        label=label,
        is_titer=any(":" in each for each in texts if each),
    )


# `1.1-4.4 ng/mL (0.37-1.47 nmol/L)`: the same range in another unit.
_OTHER_UNIT = re.compile(rf"\((?:= ?)?{_FIGURE}[^()]{{0,30}}\)")
_LABEL_WORDS = re.compile(
    r"(?:[\s:;,.=|()\[\]*/-]|\b(?:reference|ref|normal|norm|nl|range|ranges|interval|intervals|values?|limits?|expected"
    r"|fasting|serum|plasma|blood|adults?|adult|all ages|years?|yrs?|y|age[ds]?|and older|older|males?|females?"
    r"|men|women|m|f|or|and|for|is|of|the|in|non-?diabetic|healthy|individuals?|negative|neg|positive|pos|equivocal"
    r"|indeterminate|borderline|weak(?:ly)?|low|high|strong(?:ly)?|abnormal|detected|not|no|none|non-?reactive|reactive|result|titers?|titres?"
    r"|c-?peptide|antibod(?:y|ies)|ab|units?|calc|n|a)\b)*"
)


def _without_other_units(plain: str) -> str:
    outside = _OTHER_UNIT.sub(" ", plain)
    return " ".join(outside.split()) if _RANGE.search(outside) else plain


def _is_label(words: str) -> bool:
    """Whether words beside a range only say what it is."""
    return bool(_LABEL_WORDS.fullmatch(words))
