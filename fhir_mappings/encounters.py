"""Encounter → visits for glycemic events, and visits that were diabetes education."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.concepts import Concept
from cds_service.facts import Record, Visit, When
from fhir_mappings import terminology
from fhir_mappings.clinical_views import Condition, Encounter
from fhir_mappings.context import ChartContext, each
from fhir_mappings.datatypes import Reference
from fhir_mappings.visit_kind import VisitKind, visit_kind

_HAPPENED = ("finished", "in-progress", "onleave", "arrived", "triaged", "discharged", "completed")
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
_EDUCATION = frozenset({Concept.DIABETES_EDUCATION})


def read_encounters(
    encounters: Iterable[tuple[Encounter, str | None]],
    conditions: Iterable[tuple[Condition, str | None]],
    context: ChartContext,
) -> tuple[list[Visit], list[Record]]:
    """Visits for glycemic events with what they were for, and visits that were diabetes education."""
    recorded_at: dict[str, frozenset[Concept]] = {}
    for condition, _ in conditions:
        if condition.encounter is not None and condition.encounter.reference:
            key = condition.encounter.reference
            recorded_at[key] = recorded_at.get(key, frozenset()) | terminology.concepts(condition.code)
    visits: list[Visit] = []
    education: list[Record] = []
    for encounter, name in each(context, encounters, lambda e: e.subject):
        if encounter.status is not None and encounter.status not in _HAPPENED:
            continue
        reasons = _reasons(encounter, context) | recorded_at.get(name, frozenset())
        if reasons & _REASONS:
            visits.append(_visit(encounter, name, reasons & _REASONS, context))
        taught = terminology.concepts(*(encounter.type or []), encounter.serviceType) & _EDUCATION
        if taught and encounter.status in ("finished", "completed", None):
            when = context.when(_last_day(encounter), encounter.period)
            label = terminology.label(encounter.type[0] if encounter.type else encounter.serviceType)
            education.append(Record(name, when, taught, label))
    return visits, education


def _last_day(encounter: Encounter) -> str | None:
    """The last day of a visit, which is the session's."""
    return encounter.period.end if encounter.period else None


def _reasons(encounter: Encounter, context: ChartContext) -> frozenset[Concept]:
    found = terminology.concepts_in(encounter.reasonCode)
    references: list[Reference | None] = list(encounter.reasonReference or ())
    references += [d.condition for d in encounter.diagnosis or ()]
    for reference in references:
        condition = context.resolve(reference, Condition)
        if condition is not None:
            found |= terminology.concepts(condition.code)
    return found


def _visit(encounter: Encounter, name: str, reasons: frozenset[Concept], context: ChartContext) -> Visit:
    label = terminology.label(encounter.reasonCode[0]) if encounter.reasonCode else "a visit"
    start, end = _moments(encounter, context)
    kind = visit_kind(encounter)
    return Visit(
        reference=name,
        when=start or end,
        concepts=reasons,
        label=label,
        days=(end.last - start.first).days if start and end else None,
        end=end,
        inpatient=None if kind is VisitKind.UNKNOWN else kind is VisitKind.INPATIENT,
    )


def _moments(encounter: Encounter, context: ChartContext) -> tuple[When | None, When | None]:
    """When a visit began and when it ended, each with its time where the chart has one."""
    period = encounter.period
    return (context.when(period.start), context.when(period.end)) if period else (None, None)
