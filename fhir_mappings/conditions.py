"""Condition → Diagnosis."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.concepts import DIABETES, WITHOUT_STATUS, Concept
from cds_service.facts import Diagnosis
from fhir_mappings import terminology
from fhir_mappings.clinical_views import Condition
from fhir_mappings.context import ChartContext, each
from fhir_mappings.datatypes import CodeableConcept
from fhir_mappings.reading import plain

_DROPPED = ("refuted", "entered-in-error")
_NOT_CONFIRMED = ("unconfirmed", "provisional", "differential")
_ACTIVE = ("active", "recurrence", "relapse")
_OVER = ("inactive", "remission", "resolved")
# What is heard first, where several codings say different things.
_RANK = {
    word: rank
    for rank, words in enumerate((_DROPPED, _NOT_CONFIRMED, _OVER, _ACTIVE, ("confirmed",)))
    for word in words
}
_NOT_DIABETES_WORDS = ("insipidus", "prediabetes", "pre-diabetes", "family history", "screening", "risk of", "no diab")


def read_conditions(conditions: Iterable[tuple[Condition, str | None]], context: ChartContext) -> list[Diagnosis]:
    """Diagnoses that may speak; refuted and entered-in-error ones are dropped first, and listed."""
    found = []
    for condition, name in each(context, conditions, lambda c: c.subject):
        verification = _status(condition.verificationStatus)
        if verification in _DROPPED:
            context.note(f"{name} ignored: {verification}")
            continue
        concepts, coded = _concepts(condition, name, context)
        if not concepts:
            continue
        when = context.when(condition.onsetDateTime, condition.onsetPeriod, condition.recordedDate)
        active, words = _activity(condition, context)
        found.append(
            Diagnosis(
                reference=name,
                when=when,
                concepts=concepts,
                label=terminology.label(condition.code, concepts),
                code=terminology.code_of(condition.code, concepts),
                active=active,
                abated=context.when(condition.abatementDateTime),
                confirmed=verification not in _NOT_CONFIRMED,
                status=verification if verification in _NOT_CONFIRMED else words,
                coded=coded,
            )
        )
    return found


def _status(concept: CodeableConcept | None) -> str:
    """The status that any coding says in FHIR's words; what drops a condition is heard first."""
    said = [coding.code.strip().casefold() for coding in terminology.codings(concept) if coding.code]
    known = [word for word in said if word in _RANK]
    if known:
        return min(known, key=_RANK.__getitem__)
    return said[0] if said else ((concept.text if concept else None) or "").strip().casefold()


def _activity(condition: Condition, context: ChartContext) -> tuple[bool | None, str]:
    """Active or not, and the word for it. Encounter diagnoses often carry no clinicalStatus (Athena does so)."""
    status = _status(condition.clinicalStatus)
    if status in _OVER:
        return False, status
    abated = context.when(condition.abatementDateTime)
    if abated is not None and status not in _ACTIVE:
        return False, "abated"
    if status in _ACTIVE:
        return True, status
    if _is_problem_list(condition):
        # FHIR asks for a clinicalStatus on problem-list items: without one nobody says that it is active.
        return False, WITHOUT_STATUS
    return None, "not stated"


def _is_problem_list(condition: Condition) -> bool:
    """Whether the category says problem list; some servers send the category as an object."""
    category = plain(condition.category)
    return "problem-list-item" in str(category) and "encounter-diagnosis" not in str(category)


def _concepts(condition: Condition, name: str, context: ChartContext) -> tuple[frozenset[Concept], bool]:
    concepts = terminology.concepts(condition.code)
    if concepts:
        return concepts, True
    for coding in terminology.codings(condition.code):
        # WHO ICD-10, and systems such as "ICD-10" or none at all: looks right, cannot be trusted.
        if not terminology.is_known_system(coding.system) and terminology.looks_like(coding.code) & DIABETES:
            context.note(f"{name}: code system not recognised, so the diabetes code needs a reviewer")
            return frozenset({Concept.DIABETES_TYPE_UNCLEAR}), False
    words = [condition.code.text if condition.code else None, *(c.display for c in terminology.codings(condition.code))]
    folded = " ".join(word for word in words if word).casefold()
    if "diabet" in folded and not any(word in folded for word in _NOT_DIABETES_WORDS):
        return frozenset({Concept.DIABETES_TYPE_UNCLEAR}), False
    return frozenset(), False
