"""Procedure and ChargeItem → education, dialysis, pump training, pump therapy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cds_service.concepts import DIABETES, Concept
from cds_service.facts import Record
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.common import terminology
from fhir_mappings.common.code_systems import is_odd_spelling
from fhir_mappings.common.datatypes import Period
from fhir_mappings.common.meaning import Meaning, code_and_label, meaning_of, meaning_of_any
from fhir_mappings.json.clinical_views import ChargeItem, Procedure

_DIALYSIS = frozenset(
    {
        Concept.CHRONIC_DIALYSIS,
        Concept.DIALYSIS,
        Concept.DIALYSIS_FOR_REVIEW,
        Concept.KIDNEY_TRANSPLANT,
        Concept.END_STAGE_RENAL_DISEASE,
    }
)
_EDUCATION = frozenset({Concept.DIABETES_EDUCATION, Concept.SELF_MANAGEMENT_EDUCATION})
_READ_CONCEPTS = _DIALYSIS | _EDUCATION | {Concept.PUMP_TRAINING, Concept.PUMP_IN_USE}


@dataclass(slots=True)
class ProcedureFacts:
    """Procedures by their meaning."""

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
        meaning = meaning_of(item.code).only(_READ_CONCEPTS)
        if not meaning:
            continue
        name = reference_to(item, full_url)
        if not _happened(item):
            context.note(f"{name} not counted: status {item.status}")
            continue
        if context.belongs_to_patient(item, item.subject, name):
            _add_facts(item, name, meaning, context, facts)
    return facts


def _happened(item: Procedure | ChargeItem) -> bool:
    return item.status == "completed" if isinstance(item, Procedure) else item.status in ("billable", "billed")


def _add_facts(
    item: Procedure | ChargeItem, name: str, meaning: Meaning, context: ChartContext, facts: ProcedureFacts
) -> None:
    moment, period = _times(item)
    when = context.when(moment, period.end if period else None, period)
    for coding in terminology.codings(item.code):
        if is_odd_spelling(coding.system) and terminology.any_concepts_of(coding.system, coding.code):
            context.note(f"{name}: code {(coding.code or '')[:20]} came under {str(coding.system)[:80]}, read as HCPCS")

    def record(wanted: frozenset[Concept]) -> Record:
        found = meaning.only(wanted)
        code, label = code_and_label(item.code, found)
        return Record(name, when, found.documented, label, code=code, supported=found.supported, review=found.review)

    taught = _education(meaning.only(_EDUCATION), item, context)
    if taught:
        facts.education.append(record(taught))
    elif meaning.only(_EDUCATION):
        context.note(f"{name} not counted as diabetes education: it has no diabetes reason")
    for wanted, records in (
        (_DIALYSIS, facts.dialysis),
        (frozenset({Concept.PUMP_TRAINING}), facts.pump_training),
        (frozenset({Concept.PUMP_IN_USE}), facts.pumps),
    ):
        if meaning.only(wanted):
            records.append(record(wanted))


def _education(taught: Meaning, item: Procedure | ChargeItem, context: ChartContext) -> frozenset[Concept]:
    """The education concepts that count: self-management training of unstated disease only with a diabetes reason."""
    general = frozenset({Concept.SELF_MANAGEMENT_EDUCATION})
    return taught.all if taught.only(general) and _for_diabetes(item, context) else taught.all - general


def _times(item: Procedure | ChargeItem) -> tuple[str | None, Period | None]:
    if isinstance(item, Procedure):
        return item.performedDateTime, item.performedPeriod
    return item.occurrenceDateTime, item.occurrencePeriod


def _for_diabetes(item: Procedure | ChargeItem, context: ChartContext) -> bool:
    """Whether a coded reason, or a confirmed Condition of the patient that it refers to, is diabetes."""
    reasons = (item.reasonCode if isinstance(item, Procedure) else item.reason) or ()
    meaning = meaning_of_any(reasons)
    if (meaning.documented | meaning.supported) & DIABETES:
        return True
    references = list(item.reasonReference or ()) if isinstance(item, Procedure) else []
    diagnoses = [context.diagnosis(reference) for reference in references]
    return any(d is not None and (d.concepts | d.supported) & DIABETES for d in diagnoses)
