"""Procedure and ChargeItem → education, dialysis, pump training, pump therapy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cds_service.concepts import DIABETES, Concept
from cds_service.facts import Record
from fhir_mappings import terminology
from fhir_mappings.clinical_views import ChargeItem, Condition, Procedure
from fhir_mappings.context import ChartContext, named
from fhir_mappings.datatypes import CodeableConcept, Period, Reference

_DIALYSIS = frozenset({Concept.CHRONIC_DIALYSIS, Concept.DIALYSIS, Concept.KIDNEY_TRANSPLANT})
_OF_USE = _DIALYSIS | {
    Concept.DIABETES_EDUCATION,
    Concept.SELF_MANAGEMENT_EDUCATION,
    Concept.PUMP_TRAINING,
    Concept.PUMP_IN_USE,
}


@dataclass(slots=True)
class ProcedureFacts:
    """What was done, sorted by what it means."""

    education: list[Record] = field(default_factory=list)
    dialysis: list[Record] = field(default_factory=list)
    pump_training: list[Record] = field(default_factory=list)
    pumps: list[Record] = field(default_factory=list)


def read_procedures(
    procedures: Iterable[tuple[Procedure | ChargeItem, str | None]], context: ChartContext
) -> ProcedureFacts:
    """Completed procedures and billed charges that a rule reads; planned and not-done ones never count."""
    facts = ProcedureFacts()
    for item, full_url in procedures:
        concepts = terminology.concepts(item.code) & _OF_USE
        if not concepts:
            continue
        name = named(item, full_url)
        if not _happened(item):
            context.note(f"{name} not counted: status {item.status}")
            continue
        if context.is_patients(item, item.subject, name):
            _sort(item, name, concepts, context, facts)
    return facts


def _happened(item: Procedure | ChargeItem) -> bool:
    return item.status == "completed" if isinstance(item, Procedure) else item.status in ("billable", "billed")


def _sort(
    item: Procedure | ChargeItem,
    name: str,
    concepts: frozenset[Concept],
    context: ChartContext,
    facts: ProcedureFacts,
) -> None:
    moment, period = _times(item)
    when = context.when(moment, period.end if period else None, period)
    code = terminology.code_of(item.code, concepts)
    record = Record(name, when, concepts, terminology.label(item.code, concepts), code=code)
    general = Concept.SELF_MANAGEMENT_EDUCATION in concepts
    if Concept.DIABETES_EDUCATION in concepts or (general and _for_diabetes(item, context)):
        facts.education.append(record)
    elif general:
        context.note(f"{name} not counted as diabetes education: it has no diabetes reason")
    if concepts & _DIALYSIS:
        facts.dialysis.append(record)
    if Concept.PUMP_TRAINING in concepts:
        facts.pump_training.append(record)
    if Concept.PUMP_IN_USE in concepts:
        facts.pumps.append(record)


def _times(item: Procedure | ChargeItem) -> tuple[str | None, Period | None]:
    if isinstance(item, Procedure):
        return item.performedDateTime, item.performedPeriod
    return item.occurrenceDateTime, item.occurrencePeriod


def _for_diabetes(item: Procedure | ChargeItem, context: ChartContext) -> bool:
    reasons: list[CodeableConcept] = list((item.reasonCode if isinstance(item, Procedure) else item.reason) or ())
    references: list[Reference] = list(item.reasonReference or ()) if isinstance(item, Procedure) else []
    for reference in references:
        condition = context.resolve(reference, Condition)
        if condition is not None and condition.code is not None:
            reasons.append(condition.code)
    return bool(terminology.concepts_in(reasons) & DIABETES)
