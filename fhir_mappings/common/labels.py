"""Names of coded elements for a human reader."""

from __future__ import annotations

import re

from cds_service.concepts import Concept
from fhir_mappings.common import terminology
from fhir_mappings.common.code_systems import RXNORM, SNOMED, normal_code, system_key
from fhir_mappings.common.datatypes import CodeableConcept, Coding


def name(concept: CodeableConcept, meaning: Concept) -> str:
    """The name of the coding that carries a concept, without its code."""
    for coding in terminology.codings(concept):
        if meaning in terminology.any_concepts_of(coding.system, coding.code):
            return (terminology.display_of(coding) or coding.display or concept.text or coding.code or "")[:120]
    return (concept.text or "")[:120]


def label(concept: CodeableConcept | None, preferred: frozenset[Concept] = frozenset()) -> str:
    """How a person would name a concept: the display of the coding that counted, else its text, else what it means.

    A code says nothing to a reader: it stands only where there is no name.
    """
    coding = _preferred_coding(concept, preferred)
    text = concept.text if concept else None
    if coding is None:
        return _short(text or "without a name")
    name = coding.display or terminology.display_of(coding) or text or _display_of_concept(coding, preferred)
    return _short(_SEMANTIC_TAG.sub("", name) if name else normal_code(system_key(coding.system), coding.code or ""))


def label_with_code(concept: CodeableConcept | None, preferred: frozenset[Concept] = frozenset()) -> str:
    """The same with the code before it, of systems whose codes people use: for what is ordered and billed by it."""
    coding, name = _preferred_coding(concept, preferred), label(concept, preferred)
    if coding is None or system_key(coding.system) in (SNOMED, RXNORM):
        return name
    name = _COMPONENTS.sub("", name)
    spelt = normal_code(system_key(coding.system), coding.code or "")
    return name if name == spelt else _short(f"{spelt} {name}")


def _preferred_coding(concept: CodeableConcept | None, preferred: frozenset[Concept]) -> Coding | None:
    """The first coding with a code that carries one of these concepts, else the first with a code."""
    best = terminology.codings(concept)
    if preferred:
        best = [c for c in best if terminology.any_concepts_of(c.system, c.code) & preferred] or best
    return next((coding for coding in best if coding.code), None)


def _display_of_concept(coding: Coding, preferred: frozenset[Concept]) -> str:
    """The display from our own value sets for a code without one."""
    meant = sorted(terminology.any_concepts_of(coding.system, coding.code) & preferred)
    return meant[0].value.replace("-", " ").capitalize() if meant else ""


_LONGEST_LABEL = 120
# What the name of an equipment code says at length that it includes.
_COMPONENTS = re.compile(r" \((?:includes|excludes) .*+|, includes all .*+", re.DOTALL)
# What SNOMED CT adds to the name of a concept for its own order.
_SEMANTIC_TAG = re.compile(r" \((?:disorder|finding|procedure|situation|physical object|regime/therapy|substance)\)$")


def _short(text: str) -> str:
    """A name of at most 120 characters: long ones lose their last clauses, or words where they have none."""
    text = text.strip()
    if len(text) <= _LONGEST_LABEL:
        return text
    for ends in (", ", "; ", " (", " "):
        kept = text[:_LONGEST_LABEL].rpartition(ends)[0].rstrip(" ,;(")
        if len(kept) * 3 > _LONGEST_LABEL and kept.count("(") == kept.count(")"):
            return kept
    return text[:_LONGEST_LABEL]
