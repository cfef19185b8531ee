"""Observation → results that only some policies ask for: of which kind a code is, and the value in its unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from msgspec import structs

from cds_service.concepts import Concept
from cds_service.facts import LabReport, LabResult, ResultKind, Unusable
from fhir_mappings.chart.context import ChartContext
from fhir_mappings.chart.draws import Draws
from fhir_mappings.chart.fasting import fasting_of
from fhir_mappings.chart.findings import read_finding, whole_figure
from fhir_mappings.chart.laboratory import result
from fhir_mappings.chart.reference_ranges import read_ranges
from fhir_mappings.common import terminology, units
from fhir_mappings.common.code_systems import LOINC, LONGEST_CODE, normal_code, system_key
from fhir_mappings.common.datatypes import CodeableConcept, Quantity
from fhir_mappings.common.result_words import names_other_test, results_named
from fhir_mappings.common.unit_spellings import folded
from fhir_mappings.json.clinical_views import Observation

_NONE: frozenset[Concept] = frozenset()
# Concepts that other tables name in words as well.
_NAMED_ELSEWHERE = frozenset({Concept.GLUCOSE_GENERAL})


@dataclass(frozen=True, slots=True)
class MatchedKind:
    """A kind that a code is of. `sure`: a sure code says so; `concepts`: which of the kind's concepts it says."""

    kind: ResultKind
    sure: bool
    concepts: frozenset[Concept] = _NONE


class ResultKinds:
    """The kinds of results that the policies in use ask for on their own, by their codes, value sets and names."""

    def __init__(self, kinds: Iterable[ResultKind] = ()) -> None:
        """A code may be of several kinds."""
        self._kinds = tuple(kinds)
        self._by_code: dict[tuple[str | None, str], list[ResultKind]] = {}
        self._by_code_alone: dict[str, list[ResultKind]] = {}
        for kind in self._kinds:
            for system, code in sorted(kind.codes):
                key = system_key(system)
                self._by_code.setdefault((key, normal_code(key, code)), []).append(kind)
                self._by_code_alone.setdefault(normal_code(key, code).upper(), []).append(kind)

    def __bool__(self) -> bool:
        """Whether any kind is asked for."""
        return bool(self._kinds)

    def of(self, concept: CodeableConcept | None, named: frozenset[Concept] = _NONE) -> list[MatchedKind]:
        """The kinds that a code belongs to, and whether a sure code (one under its own code system) says so.

        An unknown or missing system is left to a reviewer; so is a name without a code, and a code
        whose name is that of another test. `named`: what other tables say that the element names.
        """
        kinds = self._by_codes(concept)
        coded = terminology.concepts(concept)
        texts = list(_texts(concept))
        said = frozenset[Concept]().union(*map(results_named, texts)) | (named & _NAMED_ELSEWHERE)
        other = any(map(names_other_test, texts))
        unsure = _looks_like(concept)
        for kind in self._kinds:
            of_code, of_words = coded & kind.concepts, (said | unsure) & kind.concepts
            contradicted = other or (of_words and not of_words & of_code)
            if of_code and not contradicted:
                kinds[kind.key] = MatchedKind(kind, True, of_code)
            elif of_code | of_words:
                kinds.setdefault(kind.key, MatchedKind(kind, False, of_code | of_words))
        return list(kinds.values())

    def _by_codes(self, concept: CodeableConcept | None) -> dict[str, MatchedKind]:
        kinds: dict[str, MatchedKind] = {}
        for coding in terminology.codings(concept):
            if not coding.code or len(coding.code) > LONGEST_CODE:
                continue
            key = system_key(coding.system)
            code = normal_code(key, coding.code)
            kinds |= {kind.key: MatchedKind(kind, True) for kind in self._by_code.get((key, code), ())}
            if not terminology.is_known_system(coding.system):
                for kind in self._by_code_alone.get(code.upper(), ()):
                    kinds.setdefault(kind.key, MatchedKind(kind, False))
        return kinds


def _texts(concept: CodeableConcept | None) -> Iterable[str]:
    """The words of an element, without the displays that our own value sets hold for the same code."""
    if concept is None:
        return
    yield from (text for text in (concept.text,) if text)
    yield from (c.display for c in concept.coding or () if c.display and c.display != terminology.display_of(c))


def _looks_like(concept: CodeableConcept | None) -> frozenset[Concept]:
    """What codes without a known system would say under their own."""
    codings = terminology.codings(concept)
    return frozenset[Concept]().union(
        *(terminology.looks_like(c.code) for c in codings if not terminology.is_known_system(c.system))
    )


def result_of(
    observation: Observation, name: str, found: MatchedKind, draws: Draws, context: ChartContext
) -> LabResult:
    """One result in the unit of its kind, with what its report gives beside the value."""
    read = _finding if found.kind.is_finding else _measured
    one = read(observation, name, found, context)
    if found.sure:
        one = replace(one, concepts=found.concepts, code=_code(observation, found.concepts))
    else:
        one = replace(one, review=found.concepts)
        _note_check_digit(observation, name, context)
    report = one.report or LabReport()
    ranges, problem = read_ranges(
        observation.referenceRange, _converter(observation, found.kind), context.person, one.when
    )
    fasting, source = fasting_of(observation, draws.specimen_of(observation))
    return replace(
        one,
        report=replace(
            report,
            ranges=ranges,
            range_problem=problem,
            draw=draws.of(observation, name),
            fasting=fasting,
            fasting_source=source,
        ),
    )


def _measured(observation: Observation, name: str, found: MatchedKind, context: ChartContext) -> LabResult:
    """A measured value. MEDITECH sends a part of them as text (`0.90 ng/mL`): one that is a figure with its unit, and
    nothing else, is that figure."""
    if observation.valueQuantity is None and observation.valueString:
        printed = whole_figure(observation.valueString)
        if printed is not None and printed.unit:
            quantity = Quantity(printed.value, printed.comparator or None, printed.unit)
            observation = structs.replace(observation, valueQuantity=quantity)
    convert = partial(units.of_kind, factors=found.kind.units, plausible=found.kind.plausible)
    return result(observation, name, _NONE, context, convert, sure=found.sure)


def _finding(observation: Observation, name: str, found: MatchedKind, context: ChartContext) -> LabResult:
    """A test that finds something or does not: nothing is converted, and a value in words is as good as a figure."""
    outcome, words, figure, shown = read_finding(observation)

    def read(_quantity: Quantity) -> units.ConvertedQuantity:
        return units.ConvertedQuantity(figure.value if figure else None, figure.comparator if figure else "", shown)

    as_quantity = structs.replace(observation, valueQuantity=observation.valueQuantity or Quantity())
    one = result(as_quantity, name, _NONE, context, read, sure=found.sure)
    empty = not shown and not words
    unusable = one.unusable or (Unusable.NO_VALUE if empty else None)
    return replace(one, unusable=unusable, report=LabReport(outcome=outcome, outcome_source=words))


def _converter(observation: Observation, kind: ResultKind) -> partial[Decimal | None]:
    unit = units.unit_of(observation.valueQuantity) if observation.valueQuantity is not None else ""
    return partial(_limit_in_same_unit if kind.is_finding else _limit_in_policy_unit, own=unit, kind=kind)


def _limit_in_same_unit(number: Decimal, unit: str, *, own: str, kind: ResultKind) -> Decimal | None:
    """A limit of a finding: in the unit of the value, or without one."""
    return number if not unit or not own or folded(unit) == folded(own) else None


def _limit_in_policy_unit(number: Decimal, unit: str, *, own: str, kind: ResultKind) -> Decimal | None:
    """A limit in the policy's unit; one without a unit is in that of the value."""
    factor = units.factor_into(unit or own, kind.units)
    return number * factor if factor is not None else None


def _code(observation: Observation, concepts: frozenset[Concept]) -> str:
    for coding in terminology.codings(observation.code):
        if terminology.concepts_of(coding.system, coding.code) & concepts:
            return normal_code(system_key(coding.system), coding.code or "")
    return ""


def _note_check_digit(observation: Observation, name: str, context: ChartContext) -> None:
    """Notes a LOINC code that none can be: the name of the test is all that is left."""
    for coding in terminology.codings(observation.code):
        if system_key(coding.system) == LOINC and not has_check_digit(coding.code or ""):
            context.note(f"{name} has {(coding.code or '')[:20]}, which is no LOINC code: its check digit is wrong")


def has_check_digit(code: str) -> bool:
    """Whether a code ends with the check digit of LOINC: mod 10, each second digit doubled from the right."""
    number, _, check = code.strip().partition("-")
    if not (number.isascii() and number.isdigit() and check.isascii() and check.isdigit()):
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 - place % 2)
        total += doubled // 10 + doubled % 10
    return int(check) == -total % 10
