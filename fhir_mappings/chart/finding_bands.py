"""A figure of a qualitative test against the ranges of its own report: normal, positive, or between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from msgspec import Raw

from cds_service.facts import TestOutcome
from fhir_mappings.chart.reference_ranges import FhirRange, is_normal
from fhir_mappings.common import units
from fhir_mappings.common.range_text import PrintedRange, folded_figures, printed_ranges
from fhir_mappings.common.unit_spellings import folded
from fhir_mappings.json.raw_elements import entries

_EQUIVOCAL = re.compile(r"equivocal|indeterminate|border ?line|\bweak|\blow pos")
_NEGATIVE = re.compile(
    r"\bneg(?:ative)?\b|\b(?:not|none) detected\b|\bno (?:antibod(?:y|ies)|ab|abs)(?: were| was)? detected\b"
    r"|non-?reactive|\bnormal\b"
)
_POSITIVE = re.compile(r"\bpos(?:itive)?\b|\bdetected\b|\breactive\b|\babnormal\b|\bhigh\b")
Band = tuple[TestOutcome, PrintedRange]


@dataclass(frozen=True, slots=True)
class Figure:
    """The figure of a finding. `is_titer`: the number behind the colon of a dilution."""

    value: float
    comparator: str
    unit: str
    is_titer: bool = False


def bands_of(raw: Raw) -> list[Band]:
    """The ranges of a report, each with what a figure within it means; one without a label says what is normal."""
    return [(_meaning(each.label), each) for each in _ranges(entries(raw, FhirRange))]


def _ranges(given: Iterable[FhirRange]) -> Iterator[PrintedRange]:
    for each in given:
        label = folded_figures(each.text or "")
        if is_normal(each) or _EQUIVOCAL.search(label) or _POSITIVE.search(label):
            printed = printed_ranges(each.text or "")
            yield from printed
            low, high = (units.number(side.value) if side is not None else None for side in (each.low, each.high))
            if low is not None or high is not None:
                unit = next((units.unit_of(side) for side in (each.high, each.low) if side is not None), "")
                least, most = (float(side) if side is not None else None for side in (low, high))
                yield PrintedRange(least, most, unit=unit, label="" if printed else label)


def _meaning(label: str) -> TestOutcome:
    if _EQUIVOCAL.search(label):
        return TestOutcome.EQUIVOCAL
    return TestOutcome.POSITIVE if _POSITIVE.search(_NEGATIVE.sub(" ", label)) else TestOutcome.NEGATIVE


def outcome_by_bands(figure: Figure, bands: Sequence[Band]) -> TestOutcome | None:
    """What a figure means by these ranges; EQUIVOCAL where they disagree, None where they say nothing of it."""
    fitting = [band for band in bands if _is_alike(figure, band[1])]
    normal = [band for band in fitting if band[0] is TestOutcome.NEGATIVE]
    others = [band for band in fitting if band[0] is not TestOutcome.NEGATIVE]
    found = {outcome for outcome, band in others if _is_within(figure, band)}
    found |= {_outcome_by_normal_range(figure, band, bool(others)) for _, band in normal} - {None}  # type: ignore[arg-type]
    if not found:
        between = bool(normal and others) and figure.comparator == ""
        return TestOutcome.EQUIVOCAL if between else None
    return found.pop() if len(found) == 1 else TestOutcome.EQUIVOCAL


def _is_alike(figure: Figure, band: PrintedRange) -> bool:
    """Whether a figure and a range are both titers, or both of one unit as far as they name one."""
    if band.is_titer or figure.is_titer:
        return band.is_titer and figure.is_titer
    return not band.unit or not figure.unit or folded(band.unit).rstrip("s") == folded(figure.unit).rstrip("s")


def _outcome_by_normal_range(figure: Figure, band: PrintedRange, has_others: bool) -> TestOutcome | None:
    """NEGATIVE within or below a normal range; POSITIVE above it, where no other range says what lies there."""
    if _is_below(figure, band):
        return TestOutcome.NEGATIVE
    return TestOutcome.POSITIVE if _is_above(figure, band) and not has_others else None


def _is_below(figure: Figure, band: PrintedRange) -> bool:
    """Whether every value that a figure allows lies at or below the upper limit."""
    if band.high is None or figure.comparator in (">", ">="):
        return False
    reaches = figure.value == band.high and figure.comparator != "<"
    return figure.value < band.high or (figure.value == band.high and not (reaches and band.high_excluded))


def _is_above(figure: Figure, band: PrintedRange) -> bool:
    """Whether every value that a figure allows lies above the upper limit."""
    if band.high is None or figure.comparator in ("<", "<="):
        return False
    return figure.value > band.high or (figure.value == band.high and (figure.comparator == ">" or band.high_excluded))


def _is_within(figure: Figure, band: PrintedRange) -> bool:
    """Whether every value that a figure allows lies within a range."""
    if band.high is not None and not _is_below(figure, band):
        return False
    if band.low is None:
        return True
    if figure.comparator in ("<", "<="):
        return False
    at_low = figure.value == band.low and (figure.comparator == ">" or not band.low_excluded)
    return figure.value > band.low or at_low
