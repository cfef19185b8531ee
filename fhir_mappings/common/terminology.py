"""Codes to concepts by value sets; system and spelling of a code are normalized before it is compared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import msgspec

from cds_service.concepts import Concept
from cds_service.facts import ResultKind
from fhir_mappings.common.code_systems import (
    ATC,
    HCPCS,
    ICD9CM,
    ICD10CM,
    LOINC,
    LONGEST_CODE,
    NDC,
    NUCC,
    RXNORM,
    SNOMED,
    Edition,
    edition_of,
    has_hcpcs_shape,
    names_icd,
    normal_code,
    system_key,
)
from fhir_mappings.common.datatypes import CodeableConcept, Coding
from fhir_mappings.common.free_text import cached_for_short_texts

_CATEGORY_SYSTEMS = (ICD10CM, ATC, NUCC)
_COUNT_URL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
# Meanings that refuse a patient: an ICD code whose system does not say that it is one does not do for them.
_REFUSING = frozenset({Concept.END_STAGE_RENAL_DISEASE, Concept.CHRONIC_DIALYSIS, Concept.DIALYSIS})
_NONE: frozenset[Concept] = frozenset()
# "Retinopathy due to type 1 diabetes" documents the retinopathy; the type it supports only.
_CAUSES = {
    Concept.DUE_TO_TYPE_1_DIABETES: Concept.TYPE_1_DIABETES,
    Concept.DUE_TO_TYPE_2_DIABETES: Concept.TYPE_2_DIABETES,
}
_CAUSED = frozenset(_CAUSES)
_NUCC_SHAPE = re.compile(r"^\d{3}[0-9A-Z]{6}X$")
# Systems whose codes are told by their shape where their system is missing or unknown. RxNorm's plain numbers and
# HL7's short words are not.
_DISTINCTIVE = frozenset({ICD10CM, ICD9CM, SNOMED, LOINC, HCPCS, NUCC})


class _ValueSets:
    """An index of all value sets: code → concepts."""

    def __init__(self) -> None:
        self.codes: dict[tuple[str | None, str], set[Concept]] = {}
        self.categories: list[tuple[str | None, str, Concept]] = []
        self.displays: dict[tuple[str | None, str], str] = {}
        self.daily: dict[str, float] = {}
        self.any_system: dict[str, set[Concept]] = {}
        for path in sorted(files("fhir_mappings").joinpath("valuesets").iterdir(), key=lambda p: p.name):
            if path.name.endswith(".json"):
                self._add(msgspec.json.decode(path.read_bytes()))
        self.systems = frozenset(system for system, _ in self.codes if system is not None)

    def _add(self, value_set: dict[str, Any]) -> None:
        concept = Concept(value_set["id"])
        for include in value_set["compose"]["include"]:
            system = system_key(include["system"])
            for row in include.get("concept", ()):
                code = normal_code(system, row["code"])
                self.codes.setdefault((system, code), set()).add(concept)
                if system in _DISTINCTIVE:
                    self.any_system.setdefault(code.upper(), set()).add(concept)
                self.displays.setdefault((system, code), row.get("display", ""))
                for extension in row.get("extension", ()):
                    if extension["url"] == _COUNT_URL:
                        self.daily[code] = extension["valueDecimal"]
            for rule in include.get("filter", ()):
                self.categories.append((system, rule["value"], concept))


_SETS = _ValueSets()


def codes_in(*wanted: Concept, system: str) -> list[str]:
    """The codes of one system in some value sets, for a search."""
    found = {code for (key, code), concepts in _SETS.codes.items() if key == system and concepts & set(wanted)}
    return sorted(found)


def result_codes(*wanted: Concept) -> list[str]:
    """The codes that results of these kinds are filed under, in LOINC and SNOMED CT, for a search."""
    return [*codes_in(*wanted, system=LOINC), *codes_in(*wanted, system=SNOMED)]


def codes_of_kinds(kinds: Iterable[ResultKind]) -> list[str]:
    """The codes of some kinds of results, those that a policy lists and those of value sets, as plain codes."""
    kinds = tuple(kinds)
    concepts = frozenset[Concept]().union(*(kind.concepts for kind in kinds))
    listed = sorted({code for kind in kinds for _, code in kind.codes})
    return list(dict.fromkeys((*listed, *result_codes(*concepts)))) if concepts else listed


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """The concepts of one code by certainty: under its own system; shared by several editions of ICD-10; or its system
    is missing or unknown, which is left to a reviewer."""

    documented: frozenset[Concept] = _NONE
    supported: frozenset[Concept] = _NONE
    review: frozenset[Concept] = _NONE


_NO_MEANING = CodeMeaning()


@cached_for_short_texts(8192)
def read_code(system: str | None, code: str | None) -> CodeMeaning:
    """What one code says under its system, whatever the spelling of either."""
    if not code or len(code) > LONGEST_CODE:
        return _NO_MEANING
    key = system_key(system)
    if key is None and has_hcpcs_shape(code):
        key = HCPCS
    own = _own_concepts(key, normal_code(key, code))
    if own:
        return CodeMeaning(own - _CAUSED, _named_causes(own))
    if key == ICD9CM:
        return _NO_MEANING
    elsewhere = _read_as_icd(system, code)
    if elsewhere is not None:
        return elsewhere
    return _NO_MEANING if is_known_system(system) else CodeMeaning(review=looks_like(code))


def _named_causes(own: frozenset[Concept]) -> frozenset[Concept]:
    """The diseases that a code names as the cause of what it says."""
    return frozenset(_CAUSES[concept] for concept in own & _CAUSED) - own


def _own_concepts(key: str | None, normal: str) -> frozenset[Concept]:
    found = set(_SETS.codes.get((key, normal), ()))
    if key in _CATEGORY_SYSTEMS:
        found.update(c for s, prefix, c in _SETS.categories if s == key and normal.startswith(prefix))
    return frozenset(found)


def _read_as_icd(system: str | None, code: str) -> CodeMeaning | None:
    """An ICD-10 code under another system than ICD-10-CM; None when it is none that any rule reads."""
    normal = normal_code(ICD10CM, code)
    meant, edition = _own_concepts(ICD10CM, normal), edition_of(normal)
    if not meant or edition is None:
        return None
    if edition is Edition.SAME:
        return (
            CodeMeaning(supported=meant)
            if names_icd(system)
            else CodeMeaning(_NONE, meant - _REFUSING, meant & _REFUSING)
        )
    if edition is Edition.DIFFERS:
        return CodeMeaning(review=meant)
    return CodeMeaning(meant) if names_icd(system) else CodeMeaning(meant - _REFUSING, _NONE, meant & _REFUSING)


def concepts_of(system: str | None, code: str | None) -> frozenset[Concept]:
    """The concepts that one code carries for certain."""
    return read_code(system, code).documented


def any_concepts_of(system: str | None, code: str | None) -> frozenset[Concept]:
    """The concepts that one code carries or may carry."""
    reading = read_code(system, code)
    return reading.documented | reading.supported | reading.review


@cached_for_short_texts(2048)
def looks_like(code: str | None) -> frozenset[Concept]:
    """The concepts that a code without a known system may carry; they are only ever for review."""
    if not code or len(code) > LONGEST_CODE:
        return _NONE
    plain = code.strip().upper()
    if _NUCC_SHAPE.match(plain):
        return _own_concepts(NUCC, plain)
    spellings = (plain, normal_code(ICD10CM, plain), normal_code(HCPCS, plain))
    meant = frozenset[Concept]().union(*(_SETS.any_system.get(spelling, ()) for spelling in spellings))
    return (meant - _CAUSED) | _named_causes(meant)


def is_known_system(system: str | None) -> bool:
    """Whether a code system is one that the value sets speak of."""
    return system_key(system) in _SETS.systems


def is_well_formed(system: str | None, code: str) -> bool:
    """Whether a code is of a known system and looks like one of its codes."""
    if not is_known_system(system):
        return False
    return system_key(system) != HCPCS or has_hcpcs_shape(code)


# Of several codings the one of the billing or laboratory system speaks, whichever comes first.
_SYSTEM_PRECEDENCE = {
    system: rank for rank, system in enumerate((ICD10CM, HCPCS, LOINC, RXNORM, NDC, SNOMED, ATC, ICD9CM))
}


def codings(concept: CodeableConcept | None) -> list[Coding]:
    """The codings of a concept in a fixed order, so that the client's order does not matter; empty when it has none."""
    found = (concept.coding or []) if concept is not None else []
    return found if len(found) < 2 else sorted(found, key=_coding_precedence)


def _coding_precedence(coding: Coding) -> tuple[int, str, str, str]:
    rank = _SYSTEM_PRECEDENCE.get(system_key(coding.system) or "", len(_SYSTEM_PRECEDENCE))
    return rank, coding.code or "", coding.display or "", coding.system or ""


def concepts(*sources: CodeableConcept | None) -> frozenset[Concept]:
    """All concepts that any coding of these CodeableConcepts carries."""
    found: frozenset[Concept] = frozenset()
    for source in sources:
        for coding in codings(source):
            found |= concepts_of(coding.system, coding.code)
    return found


def concepts_in(sources: Iterable[CodeableConcept] | None) -> frozenset[Concept]:
    """The same for a list that may be missing."""
    return concepts(*(sources or ()))


def display_of(coding: Coding) -> str:
    """The display of a code in our value sets, rather than the chart's; empty when the code is in none."""
    return _normalized(coding.system, coding.code or "")[1]


def daily_events(code: str) -> float | None:
    """How many times a day a dosing event or abbreviation means (BID 2, AC 3); None when it is not known."""
    return _SETS.daily.get(code.strip().upper())


@cached_for_short_texts(8192)
def _normalized(system: str | None, code: str) -> tuple[str, str]:
    """A code as its system spells it, and the value set's own display of it."""
    key = system_key(system)
    normal = normal_code(key, code)
    return normal, _SETS.displays.get((key, normal), "")
