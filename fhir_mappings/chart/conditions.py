"""Condition → Diagnosis: the one filter of subject, verification and status that every reader of Conditions goes
through. Whatever refers to a Condition gets its Diagnosis, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cds_service.concepts import WITHOUT_STATUS
from cds_service.facts import Diagnosis, When
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.common import terminology
from fhir_mappings.common.datatypes import CodeableConcept
from fhir_mappings.common.meaning import code_and_label, meaning_of
from fhir_mappings.json.clinical_views import Condition
from fhir_mappings.json.fhir_json import plain

_DROPPED = ("refuted", "entered-in-error")
_NOT_CONFIRMED = ("unconfirmed", "provisional", "differential")
_ACTIVE = ("active", "recurrence", "relapse")
_OVER = ("inactive", "remission", "resolved")
# HL7's codes, SNOMED CT's that C-CDA converters keep (HL7 C-CDA Problem Status and verification), and their words.
_STATUS_WORDS = {
    "55561003": "active",
    "73425007": "inactive",
    "413322009": "resolved",
    "277022003": "remission",
    "246455001": "recurrence",
    "410605003": "confirmed",
    "415684004": "provisional",
    "410592001": "provisional",
    "410516002": "refuted",
    "410594000": "refuted",
    "suspected": "provisional",
    "probable": "provisional",
    "working": "provisional",
    "recurring": "recurrence",
    "relapsed": "relapse",
    "in-remission": "remission",
}
# Precedence of status codes when a CodeableConcept has conflicting codings.
_RANK = {
    word: rank
    for rank, words in enumerate((_DROPPED, _NOT_CONFIRMED, _OVER, _ACTIVE, ("confirmed",)))
    for word in words
}


def read_conditions(conditions: Iterable[tuple[Condition, str | None]], context: ChartContext) -> list[Diagnosis]:
    """Diagnoses of this patient that are neither refuted nor entered in error; what is dropped is noted.

    They are indexed in the context for resources that refer to their Conditions (a visit's reason, for example).
    """
    diagnoses: list[Diagnosis] = []
    by_url: dict[str, Diagnosis] = {}
    for condition, full_url in conditions:
        name = reference_to(condition, full_url)
        diagnosis = _diagnosis(condition, name, context)
        if diagnosis is None:
            continue
        diagnoses.append(diagnosis)
        if full_url:
            by_url.setdefault(full_url, diagnosis)
    context.index_diagnoses(diagnoses, by_url)
    return diagnoses


def _diagnosis(condition: Condition, name: str, context: ChartContext) -> Diagnosis | None:
    meaning = meaning_of(condition.code)
    verification = _status(condition.verificationStatus)
    if not context.belongs_to_patient(condition, condition.subject, name):
        return None
    if verification in _DROPPED:
        context.note(f"{name} ignored: {verification}")
        return None
    if not meaning:
        return None
    confirmed = verification in ("", "confirmed")
    active, status = _activity(condition, context)
    code, label = code_and_label(condition.code, meaning)
    if meaning.review:
        context.note(f"{name}: a reviewer has to read what it says ({label})")
    return Diagnosis(
        reference=name,
        when=context.when(condition.onsetDateTime, condition.onsetPeriod, condition.recordedDate),
        concepts=meaning.documented,
        supported=meaning.supported,
        review=meaning.review,
        label=label,
        code=code,
        active=active,
        abated=_abatement(condition, context),
        onset=context.when(condition.onsetDateTime, condition.onsetPeriod),
        confirmed=confirmed,
        status=status if confirmed else verification,
        encounter=context.local(condition.encounter),
    )


def _status(concept: CodeableConcept | None) -> str:
    """The status that any coding or text says, in FHIR's words; '' when nothing does."""
    said = [word for c in terminology.codings(concept) for word in (c.code, c.display) if word]
    said += [concept.text] if concept is not None and concept.text else []
    words = [_status_word(word) for word in said]
    known = [word for word in words if word in _RANK]
    return min(known, key=_RANK.__getitem__) if known else (words[0] if words else "")


def _status_word(text: str) -> str:
    word = "-".join(text[:60].strip().casefold().split())
    return _STATUS_WORDS.get(word, word)


def _abatement(condition: Condition, context: ChartContext) -> When | None:
    period = condition.abatementPeriod
    return context.when(condition.abatementDateTime, period.end if period else None, period)


def _activity(condition: Condition, context: ChartContext) -> tuple[bool | None, str]:
    """Active or not, and the word for it. Encounter diagnoses often carry no clinicalStatus (athenahealth, Epic)."""
    status = _status(condition.clinicalStatus)
    if status in _OVER:
        return False, status
    ended = _abatement(condition, context) is not None or condition.abatementString or condition.abatementAge
    if ended and status not in _ACTIVE:
        return False, "abated"
    if status in _ACTIVE:
        return True, status
    if _is_encounter_diagnosis(condition):
        return None, "not stated"
    # FHIR asks for a clinicalStatus on problem-list items: without one nobody says that it is active.
    return False, WITHOUT_STATUS


def _is_encounter_diagnosis(condition: Condition) -> bool:
    """Whether the category says encounter diagnosis and not problem list; some servers send it as an object."""
    category = str(plain(condition.category)).casefold().replace(" ", "-")
    return "encounter-diagnosis" in category and "problem-list" not in category


def by_encounter(diagnoses: Iterable[Diagnosis]) -> Mapping[str, list[Diagnosis]]:
    """Confirmed diagnoses by the encounter at which they were recorded."""
    groups: dict[str, list[Diagnosis]] = {}
    for diagnosis in diagnoses:
        if diagnosis.encounter is not None and diagnosis.confirmed:
            groups.setdefault(diagnosis.encounter, []).append(diagnosis)
    return groups
