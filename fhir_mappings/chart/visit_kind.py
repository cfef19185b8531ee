"""What kind of visit an Encounter is: its class by code, else the words of its class, else those of its type."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from cds_service.concepts import Concept
from fhir_mappings.common import terminology
from fhir_mappings.common.datatypes import Coding
from fhir_mappings.common.free_text import cut
from fhir_mappings.json.clinical_views import Encounter

_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


class VisitKind(StrEnum):
    """Where and how the patient was seen; UNKNOWN when neither a code nor words say it."""

    INPATIENT = "inpatient"
    EMERGENCY = "emergency"
    OBSERVATION = "observation"
    AMBULATORY = "ambulatory"
    HOME_OR_VIRTUAL = "home or virtual"
    UNKNOWN = "unknown"


HOSPITAL = frozenset({VisitKind.INPATIENT, VisitKind.EMERGENCY, VisitKind.OBSERVATION})

# Of several codings of one class the first of these speaks: who came by the emergency room and stayed is inpatient.
_BY_CONCEPT = {
    Concept.INPATIENT_STAY: VisitKind.INPATIENT,
    Concept.INPATIENT_ADMISSION: VisitKind.INPATIENT,
    Concept.EMERGENCY_VISIT: VisitKind.EMERGENCY,
    Concept.OBSERVATION_VISIT: VisitKind.OBSERVATION,
    Concept.HOME_OR_VIRTUAL_VISIT: VisitKind.HOME_OR_VIRTUAL,
    Concept.AMBULATORY_VISIT: VisitKind.AMBULATORY,
}
# "ED" and "OP" count in capitals only, and "ED" only where it begins the text: "Diabetes Ed" is education.
_WORDS = {
    VisitKind.INPATIENT: re.compile(r"\bin[- ]?patients?\b", re.IGNORECASE),
    VisitKind.EMERGENCY: re.compile(r"(?i:\bemergency\b)|^(?:ED|ER)\b|\bE[DR] (?:visit|encounter|arrival)\b"),
    VisitKind.OBSERVATION: re.compile(r"\bobservation\b", re.IGNORECASE),
    VisitKind.HOME_OR_VIRTUAL: re.compile(
        r"\b(?:tele(?:health|medicine|phone|visit)|virtual|video|e-?visit|home (?:health|visit|care|monitoring)"
        r"|patient (?:message|entered|reported|portal)|mychart|remote)\b",
        re.IGNORECASE,
    ),
    VisitKind.AMBULATORY: re.compile(
        r"(?i:\b(?:out[- ]?patients?|ambulatory|office|clinic|clinical|appointment|urgent care|day[- ]?care"
        r"|day surgery|follow[- ]?up|pre-?admission|pre-?admit|walk[- ]?in)\b)|\bOP\b"
    ),
}
_NEGATED = re.compile(
    r"\b(?:non|not|no|pre|post)[- ](?:an |a )?(?=in[- ]?patient|emergency|observation)", re.IGNORECASE
)
_FOLLOW_UP = re.compile(r"\bfollow[- ]?up\b", re.IGNORECASE)


def visit_kind(encounter: Encounter) -> VisitKind:
    """The kind of a visit.

    A code of HL7's act codes or patient classes decides, under any of the systems' names; without a system it is
    read as an act code. Other systems are the vendor's own (Epic, MEDITECH): there the display speaks, and where
    the class says nothing, the type.
    """
    kind = encounter.class_
    classes: list[Coding] = [kind, *(kind.coding or ())] if kind is not None else []
    types = [coding for each in encounter.type or () for coding in terminology.codings(each)]
    type_texts = [each.text for each in encounter.type or ()]
    return (
        _by_code(classes)
        or _by_words(text for c in classes for text in (c.display, c.code))
        or _by_code(types)
        or _by_words([*type_texts, *(c.display for c in types)])
        or VisitKind.UNKNOWN
    )


def _by_code(codings: Iterable[Coding]) -> VisitKind | None:
    found: set[Concept] = set()
    for coding in codings:
        found |= terminology.concepts_of(coding.system or _ACT_CODE, coding.code)
    return next((kind for concept, kind in _BY_CONCEPT.items() if concept in found), None)


def _by_words(texts: Iterable[str | None]) -> VisitKind | None:
    """The first text that names a kind decides."""
    return next((kind for text in texts if text and (kind := _in_words(cut(text))) is not None), None)


def _in_words(text: str) -> VisitKind | None:
    """What a text names; UNKNOWN when it names an inpatient stay and something else as well."""
    text = text.strip()
    named = {kind for kind, pattern in _WORDS.items() if pattern.search(text)}
    if _NEGATED.search(text) or (_FOLLOW_UP.search(text) and VisitKind.INPATIENT not in named):
        named -= HOSPITAL
    if VisitKind.INPATIENT in named:
        return VisitKind.INPATIENT if named <= {VisitKind.INPATIENT, VisitKind.EMERGENCY} else VisitKind.UNKNOWN
    return next((kind for kind in _WORDS if kind in named), None)
