"""Encounter → inpatient stays, and visits that were diabetes education."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.concepts import Concept
from cds_service.facts import Record, Stay
from fhir_mappings import terminology
from fhir_mappings.clinical_views import Condition, Encounter
from fhir_mappings.context import ChartContext, each
from fhir_mappings.datatypes import Reference

_HAPPENED = ("finished", "in-progress", "onleave", "arrived", "triaged", "discharged", "completed")
_REASONS = frozenset({Concept.KETOACIDOSIS, Concept.HYPOGLYCEMIA, Concept.HYPOGLYCEMIA_GENERIC})
_LOWS = frozenset({Concept.HYPOGLYCEMIA, Concept.HYPOGLYCEMIA_GENERIC})
_EDUCATION = frozenset({Concept.DIABETES_EDUCATION})


def read_encounters(
    encounters: Iterable[tuple[Encounter, str | None]],
    conditions: Iterable[tuple[Condition, str | None]],
    context: ChartContext,
) -> tuple[list[Stay], list[Record], list[Record]]:
    """Inpatient stays with what they were for, visits for hypoglycemia, visits that were diabetes education."""
    recorded_at: dict[str, frozenset[Concept]] = {}
    for condition, _ in conditions:
        if condition.encounter is not None and condition.encounter.reference:
            key = condition.encounter.reference
            recorded_at[key] = recorded_at.get(key, frozenset()) | terminology.concepts(condition.code)
    stays: list[Stay] = []
    episodes: list[Record] = []
    education: list[Record] = []
    for encounter, name in each(context, encounters, lambda e: e.subject):
        if encounter.status is not None and encounter.status not in _HAPPENED:
            continue
        reasons = _reasons(encounter, context) | recorded_at.get(name, frozenset())
        if reasons & _REASONS:
            stay = _stay(encounter, name, reasons, context)
            # An emergency visit is an episode of hypoglycemia (D.I.I.2), though it is no stay (D.I.I.6).
            episodes += [Record(name, stay.when, reasons, stay.label)] if reasons & _LOWS else []
            stays += [stay] if _is_stay(encounter) else []
        taught = terminology.concepts(*(encounter.type or []), encounter.serviceType) & _EDUCATION
        if taught and encounter.status in ("finished", "completed", None):
            when = context.when(_last_day(encounter), encounter.period)
            label = terminology.label(encounter.type[0] if encounter.type else encounter.serviceType)
            education.append(Record(name, when, taught, label))
    return stays, episodes, education


def _last_day(encounter: Encounter) -> str | None:
    """The last day of a visit, which is the session's."""
    return encounter.period.end if encounter.period else None


def _is_stay(encounter: Encounter) -> bool:
    """Class IMP, ACUTE or NONAC. Emergency and observation visits are no stays, whatever their type says."""
    kind = encounter.class_
    if kind is None:
        return False
    pairs = [(kind.system, kind.code), *((c.system, c.code) for c in kind.coding or ())]
    return any(Concept.INPATIENT_STAY in terminology.concepts_of(system, code) for system, code in pairs)


def _reasons(encounter: Encounter, context: ChartContext) -> frozenset[Concept]:
    found = terminology.concepts_in(encounter.reasonCode)
    references: list[Reference | None] = list(encounter.reasonReference or ())
    references += [d.condition for d in encounter.diagnosis or ()]
    for reference in references:
        condition = context.resolve(reference, Condition)
        if condition is not None:
            found |= terminology.concepts(condition.code)
    return found


def _stay(encounter: Encounter, name: str, reasons: frozenset[Concept], context: ChartContext) -> Stay:
    start, end = context.calendar.period(encounter.period)
    days = (end - start).days if start and end else None
    label = terminology.label(encounter.reasonCode[0]) if encounter.reasonCode else "a visit"
    when = context.when(encounter.period.start if encounter.period else None, encounter.period)
    return Stay(name, when, reasons, label, days)
