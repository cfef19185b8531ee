"""Encounter → visits for glycemic events, and visits that were diabetes education."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from sys import intern

from cds_service.concepts import Concept
from cds_service.facts import Diagnosis, Record, Visit, When
from fhir_mappings.chart.conditions import by_encounter
from fhir_mappings.chart.context import ChartContext, own_resources, reference_to
from fhir_mappings.chart.visit_kind import VisitKind, visit_kind
from fhir_mappings.common.datatypes import CodeableConcept, Reference
from fhir_mappings.common.meaning import Meaning, code_and_name, meaning_of, meaning_of_any
from fhir_mappings.json.clinical_views import Condition, Encounter

# Real servers also send `unknown`; whatever is planned, cancelled or entered in error never happened.
_NEVER_HAPPENED = ("planned", "cancelled", "entered-in-error", "discontinued")
_REASONS = frozenset(
    {
        Concept.KETOACIDOSIS,
        Concept.HYPOGLYCEMIA,
        Concept.HYPOGLYCEMIA_GENERIC,
        Concept.HYPOGLYCEMIA_LEVEL,
        Concept.HYPOGLYCEMIA_LEVEL_3,
        Concept.SEVERE_EXCURSION,
        Concept.HYPEROSMOLAR_STATE,
    }
)
_NONE: frozenset[str] = frozenset()
_EDUCATION = frozenset({Concept.DIABETES_EDUCATION})


def read_encounters(
    encounters: Iterable[tuple[Encounter, str | None]], diagnoses: Collection[Diagnosis], context: ChartContext
) -> tuple[list[Visit], list[Record]]:
    """Visits for glycemic events with what they were for, and visits that were diabetes education.

    `diagnoses` are those that the filter of Conditions let through, also to be found through the context: what a
    visit names and the filter dropped is no reason for it.
    """
    recorded_at = {_encounter_name(key, context): found for key, found in by_encounter(diagnoses).items()}
    visits: list[Visit] = []
    education: list[Record] = []
    for encounter, name in own_resources(context, encounters, lambda e: e.subject):
        status = (encounter.status or "").strip().casefold()
        if status in _NEVER_HAPPENED:
            continue
        visit = _visit(encounter, name, recorded_at, context)
        visits += [visit] if visit is not None else []
        taught = meaning_of_any([*(encounter.type or ()), encounter.serviceType]).only(_EDUCATION)
        if taught and status in ("finished", "completed", "discharged", ""):
            education.append(_education_record(encounter, name, taught, context))
    return visits, education


def _encounter_name(reference: str, context: ChartContext) -> str:
    """The name of the Encounter behind a reference, which may be an entry's fullUrl."""
    encounter = context.resolve(Reference(reference), Encounter)
    return reference_to(encounter, None) if encounter is not None else reference


def _education_record(encounter: Encounter, name: str, taught: Meaning, context: ChartContext) -> Record:
    """An education visit, dated by its last day."""
    when = context.when(encounter.period.end if encounter.period else None, encounter.period)
    code, label = _code_and_name([*(encounter.type or ()), encounter.serviceType], taught.all)
    return Record(name, when, taught.documented, label, code=code, supported=taught.supported, review=taught.review)


def _visit(
    encounter: Encounter, name: str, recorded_at: Mapping[str, list[Diagnosis]], context: ChartContext
) -> Visit | None:
    """The visit with what it was for; None when that is no glycemic event."""
    references = [*(encounter.reasonReference or ()), *(d.condition for d in encounter.diagnosis or ())]
    referred = [d for reference in references if (d := context.diagnosis(reference)) is not None]
    diagnoses = [*referred, *recorded_at.get(name, ())]
    in_words = [CodeableConcept(text=display) for display in _unread_names(references, context)]
    meaning = meaning_of_any([*(encounter.reasonCode or ()), *in_words])
    for diagnosis in diagnoses:
        meaning |= Meaning(diagnosis.concepts, diagnosis.supported, diagnosis.review)
    # A visit's type is local and says what kind of visit it was: a reason named there is for a reviewer.
    meaning |= Meaning(review=meaning_of_any(encounter.type).all)
    meaning = meaning.only(_REASONS)
    if not meaning:
        return None
    start, end = _start_and_end(encounter, context)
    kind = visit_kind(encounter)
    code, label = _reason(encounter, diagnoses, in_words, meaning)
    return Visit(
        reference=name,
        when=start or end,
        concepts=meaning.documented,
        # Thousands of visits share their code and its name.
        label=intern(label),
        code=intern(code),
        supported=meaning.supported,
        review=meaning.review,
        days=(end.last - start.first).days if start and end else None,
        end=end,
        inpatient=None if kind is VisitKind.UNKNOWN else kind is VisitKind.INPATIENT,
        diagnoses=frozenset(d.reference for d in diagnoses) if diagnoses else _NONE,
    )


def _unread_names(references: Iterable[Reference | None], context: ChartContext) -> list[str]:
    """What references to Conditions that the call does not hold say in words; of one that it holds, nothing."""
    return [
        reference.display
        for reference in references
        if reference is not None and reference.display and context.resolve(reference, Condition) is None
    ]


def _reason(
    encounter: Encounter, diagnoses: Iterable[Diagnosis], in_words: Iterable[CodeableConcept], meaning: Meaning
) -> tuple[str, str]:
    """Code and name of the reason that counts: the surest one."""
    for wanted in (meaning.documented, meaning.supported, meaning.review):
        sources = [*(encounter.reasonCode or ()), *in_words, *(encounter.type or ())]
        if any(meaning_of(source).all & wanted for source in sources):
            return _code_and_name(sources, wanted)
        for diagnosis in diagnoses:
            if (diagnosis.concepts | diagnosis.supported | diagnosis.review) & wanted:
                return diagnosis.code, diagnosis.label
    return "", "a visit"


def _code_and_name(sources: Iterable[CodeableConcept | None], wanted: frozenset[Concept]) -> tuple[str, str]:
    """Code and name of the first element that says one of these concepts."""
    said = next((source for source in sources if meaning_of(source).all & wanted), None)
    return code_and_name(said, wanted)


def _start_and_end(encounter: Encounter, context: ChartContext) -> tuple[When | None, When | None]:
    """When a visit began and when it ended, each with its time where the chart has one."""
    period = encounter.period
    return (context.when(period.start), context.when(period.end)) if period else (None, None)
