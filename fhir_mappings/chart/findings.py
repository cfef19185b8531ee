"""What a qualitative test found: by interpretation, coded value, words, a titer, or a figure against its own range.

Every part of the report is read. Parts that disagree, and values in between, are left to a reviewer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from cds_service.facts import TestOutcome
from fhir_mappings.chart.finding_bands import Figure, bands_of, outcome_by_bands
from fhir_mappings.common import terminology, units
from fhir_mappings.common.datatypes import CodeableConcept, Quantity
from fhir_mappings.common.range_text import figure, folded_figures
from fhir_mappings.json.clinical_views import Observation
from fhir_mappings.json.raw_elements import element, entries

# HL7's observation interpretations (v3 ObservationInterpretation, v2 table 0078).
_INTERPRETATIONS = {
    **dict.fromkeys(("POS", "DET", "RR", "H", "HH", "HU", "H>", "HX", "A", "AA", ">"), TestOutcome.POSITIVE),
    **dict.fromkeys(("NEG", "ND", "NR", "N", "L", "LL", "LU", "<"), TestOutcome.NEGATIVE),
    **dict.fromkeys(("IND", "E", "WR", "I"), TestOutcome.EQUIVOCAL),
}
# SNOMED CT and LOINC answers. 260408008 weakly positive, 42425007 equivocal, 419984006 inconclusive, 82334004
# indeterminate.
_ANSWERS = {
    **dict.fromkeys(("10828004", "11214006", "260373001", "52101004", "LA6576-8", "LA11882-0"), TestOutcome.POSITIVE),
    **dict.fromkeys(("260385009", "131194007", "260415000", "2667000", "LA6577-6", "LA11883-8"), TestOutcome.NEGATIVE),
    **dict.fromkeys(("260408008", "42425007", "419984006", "82334004", "LA11884-6"), TestOutcome.EQUIVOCAL),
}
_NOT_PERFORMED = re.compile(
    r"\bnot (?:done|performed|tested|available|applicable)|cancel|\bqns\b|quantity not|insufficient|hemoly|unsatisf"
    r"|pending|see (?:note|comment|below|report|attached|scan)|\btnp\b|\btest not\b|\bcomment\b"
)
_EQUIVOCAL = re.compile(
    r"equivocal|border ?line|indeterminate|inconclusive|\bweak|low[ -]positive|\btrace\b|doubtful|gr[ae]y zone"
    r"|intermediate|\+/-|\u00b1|\bpossibl|\bprobabl|\bsuspect|\bfaint"
)
_NEGATIVE = re.compile(
    r"\bneg(?:ative|s)?\b|\bnot detected\b|\bundetect|\bnone detected\b|\bnon-? ?reactive|\babsent\b|\bnot positive\b"
    r"|\bno (?:antibod(?:y|ies)|ab|abs)\b(?: (?:detected|present))?|\bnot reactive\b|\bnot present\b|\bwithin normal"
    r"|\bnormal\b|\bbelow (?:the )?(?:cut|limit|reporting|detect)|^n$|^nd$"
)
_POSITIVE = re.compile(
    r"\bpos(?:itive)?\b|\bdetected\b|\breactive\b|\bpresent\b|\bhigh\b|\belevated\b|\babnormal\b|\bseropositive\b|\+{2,4}$"
)
_VALUE = re.compile(
    r"(?<![a-z0-9.-])(?P<sign>[<>]=?)? ?(?P<figure>1 ?: ?\d{1,6}|\d{1,9}(?:\.\d{1,9}|,\d{1,3})?)(?![\d:,.])"
    r"(?P<unit>(?: ?[a-z%][a-z/ ]{0,20})?)"
)


_FIGURE_ALONE = re.compile(
    r"(?P<sign>[<>]=?)? ?(?P<figure>\d{1,9}(?:\.\d{1,9}|,\d{1,3})?) ?(?P<unit>[a-z%\[][a-z0-9_/%\[\] .]{0,25})?"
)


class Ratio(Struct, gc=False):
    """A FHIR Ratio, such as a titer."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


def read_finding(observation: Observation) -> tuple[TestOutcome, str, Figure | None, str]:
    """What a test found, the words that say so, its figure where it has one, and the value as it was printed."""
    value, shown = figure_of(observation), shown_value(observation)
    said = dict.fromkeys(_stated_outcomes(observation, value))
    outcomes = {outcome for outcome, _ in said}
    words = "; ".join(dict.fromkeys(words for _, words in said))[:160]
    if {TestOutcome.POSITIVE, TestOutcome.NEGATIVE} <= outcomes:
        return TestOutcome.CONFLICTING, words, value, shown
    for outcome in (TestOutcome.EQUIVOCAL, TestOutcome.POSITIVE, TestOutcome.NEGATIVE):
        if outcome in outcomes:
            return outcome, words, value, shown
    return TestOutcome.UNREAD, words, value, shown


def _stated_outcomes(observation: Observation, value: Figure | None) -> Iterator[tuple[TestOutcome, str]]:
    for concept in entries(observation.interpretation, CodeableConcept):
        outcome = _by_code(concept, _INTERPRETATIONS)
        if outcome is not None:
            yield outcome, f"interpretation {_name(concept)}"
    if observation.valueCodeableConcept is not None:
        outcome = _by_code(observation.valueCodeableConcept, {**_ANSWERS, **_INTERPRETATIONS})
        if outcome is not None:
            yield outcome, _name(observation.valueCodeableConcept)
    if observation.valueString:
        outcome = outcome_in(observation.valueString)
        if outcome is not None:
            yield outcome, observation.valueString.strip()[:60]
    if element(observation.valueBoolean, bool) is not None:
        found = element(observation.valueBoolean, bool)
        yield (TestOutcome.POSITIVE if found else TestOutcome.NEGATIVE), f"value {str(found).lower()}"
    if value is not None:
        outcome = outcome_by_bands(value, bands_of(observation.referenceRange))
        if outcome is not None:
            yield outcome, f"{shown_value(observation)} against the report's own range"


def _by_code(concept: CodeableConcept, table: dict[str, TestOutcome]) -> TestOutcome | None:
    """What codes say, else words."""
    codes = [(coding.code or "").strip().upper() for coding in terminology.codings(concept)]
    by_code = {table[code] for code in codes if code in table}
    if len(by_code) == 1:
        return by_code.pop()
    texts = [concept.text, *(coding.display for coding in terminology.codings(concept)), *codes]
    by_word = {outcome for text in texts if text and (outcome := outcome_in(text)) is not None}
    return by_word.pop() if len(by_word) == 1 else TestOutcome.EQUIVOCAL if by_word or by_code else None


def _name(concept: CodeableConcept) -> str:
    texts = (concept.text, *(part for c in terminology.codings(concept) for part in (c.display, c.code)))
    return next((text for text in texts if text), "")[:60]


def outcome_in(text: str) -> TestOutcome | None:
    """What words say: `Weakly positive` lies between; a sentence that says both says neither. None: nothing."""
    plain = folded_figures(text)
    if _NOT_PERFORMED.search(plain):
        return None
    if _EQUIVOCAL.search(plain):
        return TestOutcome.EQUIVOCAL
    rest = _NEGATIVE.sub(" ", plain)
    negative, positive = rest != plain, bool(_POSITIVE.search(rest))
    if negative and positive:
        return TestOutcome.EQUIVOCAL
    return TestOutcome.NEGATIVE if negative else TestOutcome.POSITIVE if positive else None


def figure_of(observation: Observation) -> Figure | None:
    """The figure of a result, whichever element it stands in: a quantity, a ratio, or a text that holds one figure."""
    quantity = observation.valueQuantity
    if quantity is not None:
        value = units.number(quantity.value)
        if value is not None:
            sign = units.glucose_comparator(quantity)
            return Figure(float(value), sign, units.unit_of(quantity)) if sign is not None else None
        return figure_in(str(quantity.value or ""), units.unit_of(quantity))
    if observation.valueInteger is not None:
        return Figure(float(observation.valueInteger), "", "") if abs(observation.valueInteger) < 10**12 else None
    ratio = element(observation.valueRatio, Ratio)
    if ratio is not None and ratio.numerator is not None and ratio.denominator is not None:
        one, other = units.number(ratio.numerator.value), units.number(ratio.denominator.value)
        sign = units.glucose_comparator(ratio.denominator) or units.glucose_comparator(ratio.numerator)
        return Figure(float(other), sign or "", "", is_titer=True) if one == 1 and other is not None else None
    return figure_in(observation.valueString or "")


def figure_in(text: str, unit: str = "") -> Figure | None:
    """The one figure of a text, such as `>5.0`, `1:16`, `12.3 U/mL`, `POSITIVE 1:32`; None for none and for several."""
    found = list(_VALUE.finditer(folded_figures(text)))
    if len(found) != 1:
        return None
    number = figure(found[0]["figure"])
    is_titer = ":" in found[0]["figure"]
    own = re.sub(r"\b(?:pos\w*|neg\w*|high|low|h|l|a)\b.*", "", found[0]["unit"]).strip()
    return Figure(number, found[0]["sign"] or "", unit or own, is_titer) if number is not None else None


def whole_figure(text: str) -> Figure | None:
    """The figure of a text that holds nothing else but its unit: `0.90 ng/mL`, `<0.1 ng/mL`; no titer."""
    match = _FIGURE_ALONE.fullmatch(folded_figures(text))
    number = figure(match["figure"]) if match is not None else None
    if match is None or number is None:
        return None
    return Figure(number, match["sign"] or "", (match["unit"] or "").strip())


def shown_value(observation: Observation) -> str:
    """The value as the report prints it."""
    if observation.valueQuantity is not None:
        return units.shown(observation.valueQuantity)
    if observation.valueCodeableConcept is not None:
        return _name(observation.valueCodeableConcept)
    ratio = element(observation.valueRatio, Ratio)
    if ratio is not None and ratio.numerator is not None and ratio.denominator is not None:
        return f"{units.shown(ratio.numerator)}:{units.shown(ratio.denominator)}"
    if observation.valueInteger is not None:
        return str(observation.valueInteger)[:30]
    return (observation.valueString or "").strip()[:60]
