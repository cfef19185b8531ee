"""MedicationRequest, MedicationStatement, MedicationDispense → orders of injected insulin (D.I.F)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from cds_service.concepts import Concept
from cds_service.facts import InsulinAction, InsulinOrder
from fhir_mappings import terminology, units
from fhir_mappings.clinical_views import Medication, MedicationDispense, MedicationRequest, MedicationStatement
from fhir_mappings.context import ChartContext, named
from fhir_mappings.datatypes import CodeableConcept, Dosage
from fhir_mappings.dosage import Dosing, by_scale, read_dosing, says_scale
from fhir_mappings.reading import plain

AnyDrug = MedicationRequest | MedicationStatement | MedicationDispense

_ORDERED = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
_RUNS = {"active", "completed", "in-progress"}
_ENDED = {"on-hold", "stopped", "cancelled"}
_ACTIONS = {
    Concept.INSULIN_WITH_GLP1: InsulinAction.COMBINED,
    Concept.INSULIN_PREMIX: InsulinAction.PREMIX,
    Concept.INSULIN_RAPID: InsulinAction.RAPID,
    Concept.INSULIN_SHORT: InsulinAction.SHORT,
    Concept.INSULIN_INTERMEDIATE: InsulinAction.INTERMEDIATE,
    Concept.INSULIN_LONG: InsulinAction.LONG,
    Concept.INSULIN_UNSPECIFIED: InsulinAction.UNSTATED,
}
_NOT_INJECTED = {
    Concept.INSULIN_INHALED: "inhaled insulin",
    Concept.INSULIN_INTRAVENOUS: "insulin for infusion",
    Concept.INSULIN_ANIMAL: "animal-source insulin",
    Concept.NOT_INSULIN_INJECTION: "an injected drug that is no insulin",
}
# Brand and ingredient words, for drugs that are named and not coded. The first that fits counts.
_WITH_GLP1 = "basal with GLP-1"
_BY_NAME = (
    (r"afrezza|inhal", "inhaled", None),
    (r"soliqua|xultophy|insulin.*(?:lixisenatide|liraglutide)", _WITH_GLP1, InsulinAction.COMBINED),
    (r"70 ?/ ?30|75 ?/ ?25|50 ?/ ?50|\bmix\b|protamine", "premix", InsulinAction.PREMIX),
    (r"humalog|admelog|lyumjev|lispro", "lispro", InsulinAction.RAPID),
    (r"novolog|novorapid|fiasp|aspart", "aspart", InsulinAction.RAPID),
    (r"apidra|glulisine", "glulisine", InsulinAction.RAPID),
    (r"humulin n|novolin n|isophane|\bnph\b", "isophane", InsulinAction.INTERMEDIATE),
    (r"lantus|basaglar|toujeo|semglee|rezvoglar|glargine", "glargine", InsulinAction.LONG),
    (r"levemir|detemir", "detemir", InsulinAction.LONG),
    (r"tresiba|degludec", "degludec", InsulinAction.LONG),
    (r"humulin r|novolin r|insulin,? regular|regular insulin|regular,? human", "regular", InsulinAction.SHORT),
    (r"\binsulin\b", "insulin", InsulinAction.UNSTATED),
)
_NAMES = tuple((re.compile(pattern, re.IGNORECASE), name, action) for pattern, name, action in _BY_NAME)
_SUPPLY_WORDS = re.compile(r"syringe|needle|pump|pod|pen cap|lancet|strip|test|sharps|reservoir", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Drug:
    ingredient: str
    action: InsulinAction
    label: str
    coded: bool


def read_insulin(drugs: Iterable[tuple[AnyDrug, str | None]], context: ChartContext) -> list[InsulinOrder]:
    """Orders of injected insulin in every shape that a chart holds them in."""
    found = []
    for resource, full_url in drugs:
        name = named(resource, full_url)
        drug = _identify(resource, name, context)
        if drug is None or not context.is_patients(resource, resource.subject, name):
            continue
        if not _counts(resource, name, context):
            continue
        lines = resource.dosage if isinstance(resource, MedicationStatement) else resource.dosageInstruction
        orders = (_order(resource, name, drug, step, context) for step in _steps(lines or [], context))
        found += [order for order in orders if order is not None]
    return found


# ---------------------------------------------------------------- which drug


def _identify(resource: AnyDrug, name: str, context: ChartContext) -> _Drug | None:
    concept = resource.medicationCodeableConcept
    if concept is None and resource.medicationReference is not None:
        medication = context.resolve(resource.medicationReference, Medication, resource.contained)
        if medication is None:
            return _by_display(resource, name, context)
        concept = medication.code
    if concept is None:
        return None
    concepts = terminology.concepts(concept)
    for other, words in _NOT_INJECTED.items():
        if other in concepts:
            context.note(f"{name} adds no insulin injection: {words}")
            return None
    for kind, action in _ACTIONS.items():
        if kind in concepts:
            return _coded(concept, kind, action, name, context)
    texts = [concept.text, *(c.display for c in terminology.codings(concept))]
    return _by_words(" ".join(text for text in texts if text))


def _by_display(resource: AnyDrug, name: str, context: ChartContext) -> _Drug | None:
    display = resource.medicationReference.display if resource.medicationReference else None
    drug = _by_words(display or "")
    if drug is None:
        context.note(f"{name}: its medication could not be resolved")
        context.unresolved_drugs += resource.status in _RUNS
    return drug


def _coded(concept: CodeableConcept, kind: Concept, action: InsulinAction, name: str, context: ChartContext) -> _Drug:
    carrying = [c for c in terminology.codings(concept) if kind in terminology.concepts_of(c.system, c.code)]
    own = terminology.display_of(carrying[0]) or carrying[0].display or concept.text or ""
    by_code, by_chart = _ingredients(own), _ingredients(carrying[0].display or "")
    if by_chart and by_code and by_chart != by_code:
        context.note(f"{name}: the code says insulin {by_code}, its name says {by_chart}; the code counts")
    return _Drug(by_code or action.value, action, terminology.label(concept, frozenset({kind})), True)


def _ingredients(text: str) -> str | None:
    """The ingredient of a drug; a combination is another drug than its components, so all of them name it."""
    if _name_of(text) == _WITH_GLP1:
        return _WITH_GLP1
    parts = [part for part in text.split(" / ") if _name_of(part)]
    return "/".join(sorted({_name_of(part) or "" for part in parts})) or None


@lru_cache(maxsize=1024)
def _name_of(text: str) -> str | None:
    return next((name for pattern, name, _ in _NAMES if pattern.search(text)), None)


def _by_words(text: str) -> _Drug | None:
    """A drug that is only named: insulin by brand or ingredient; supplies for insulin are none."""
    if not text or _SUPPLY_WORDS.search(text):
        return None
    for pattern, name, action in _NAMES:
        if pattern.search(text):
            return _Drug(name, action, text[:120], False) if action is not None else None
    return None


# ---------------------------------------------------------------- whether it counts


def _counts(resource: AnyDrug, name: str, context: ChartContext) -> bool:
    status = resource.status or "missing"
    if status not in _RUNS | _ENDED:
        context.note(f"{name} not counted: status {status[:20]}")
        return False
    if isinstance(resource, MedicationRequest) and resource.intent not in _ORDERED:
        context.note(f"{name} is context only: intent {str(resource.intent or 'missing')[:20]}")
        return False
    if isinstance(resource, MedicationRequest) and resource.doNotPerform:
        context.note(f"{name} not counted: it says not to take it")
        return False
    if "inpatient" in str(plain(resource.category)).casefold():
        context.note(f"{name} not counted: inpatient insulin is no regimen of the member's own")
        return False
    return True


# ---------------------------------------------------------------- how much, from when to when


def _steps(lines: list[Dosage], context: ChartContext) -> list[list[Dosage]]:
    """The lines of an order, apart when they follow each other: a titration in steps is one injection, not three."""
    groups: dict[tuple[date | None, date | None], list[Dosage]] = {}
    for line in lines:
        bounds = line.timing.repeat.boundsPeriod if line.timing and line.timing.repeat else None
        groups.setdefault(context.calendar.period(bounds), []).append(line)
    spans = sorted((start, end) for start, end in groups if start and end)
    one_by_one = len(spans) == len(groups) > 1 and all(a[1] < b[0] for a, b in pairwise(spans))
    return list(groups.values()) if one_by_one else [lines]


def _order(
    resource: AnyDrug, name: str, drug: _Drug, lines: list[Dosage], context: ChartContext
) -> InsulinOrder | None:
    dosing = by_scale(read_dosing(lines)) if says_scale(drug.label) else read_dosing(lines)
    if dosing.intravenous:
        context.note(f"{name} adds no insulin injection: intravenous route")
        return None
    start, end = _days(resource, lines, dosing.course_days, context)
    if isinstance(resource, MedicationDispense) and dosing.least is None:
        return None  # a dispense without directions repeats an order and adds nothing to count
    return _as_order(resource, name, drug, dosing, start, end)


def _as_order(
    resource: AnyDrug, name: str, drug: _Drug, dosing: Dosing, start: date | None, end: date | None
) -> InsulinOrder:
    return InsulinOrder(
        reference=name,
        ingredient=drug.ingredient,
        label=drug.label,
        action=drug.action,
        start=start,
        end=end,
        least=dosing.least,
        most=dosing.most,
        as_needed=dosing.as_needed,
        adjusts=dosing.adjusts,
        at_meals=dosing.at_meals or (dosing.least or 0) >= 3,
        from_text=dosing.from_text or not drug.coded,
        via_pump=dosing.via_pump,
        live=resource.status in _RUNS,
        status=resource.status or "",
    )


def _days(
    resource: AnyDrug, lines: list[Dosage], course: int | None, context: ChartContext
) -> tuple[date | None, date | None]:
    """First and last day that an order covers; an active order without an end runs on (None).

    `course`: days that the directions bound themselves to.
    """
    bounds = [
        context.calendar.period(line.timing.repeat.boundsPeriod) for line in lines if line.timing and line.timing.repeat
    ]
    starts = [start for start, _ in bounds if start]
    ends = [end for _, end in bounds if end]
    written, supplied = _written(resource, context)
    start = min(starts, default=None) or written
    end = max(ends, default=None) if len(ends) == len(lines) else None
    if end is None and isinstance(resource, MedicationStatement):
        _, end = context.calendar.period(resource.effectivePeriod)
    if end is None and course is not None and start is not None:
        end = start + timedelta(days=course - 1)
    if end is not None or resource.status == "active":
        return start, end
    return start, _last_day(resource, start, supplied, context)


def _written(resource: AnyDrug, context: ChartContext) -> tuple[date | None, int | None]:
    """The day on which it was written or handed over, and the days that it supplies."""
    if isinstance(resource, MedicationRequest):
        when = context.when(resource.authoredOn)
        supply = resource.dispenseRequest
        each_fill = units.whole_days(supply.expectedSupplyDuration) if supply else None
        fills = 1 + max(0, (supply.numberOfRepeatsAllowed or 0)) if supply else 1
        return (when.last if when else None), each_fill * min(fills, 99) if each_fill else None
    if isinstance(resource, MedicationDispense):
        when = context.when(resource.whenHandedOver, resource.whenPrepared)
        return (when.last if when else None), units.whole_days(resource.daysSupply)
    when = context.when(resource.effectiveDateTime, resource.effectivePeriod, resource.dateAsserted)
    # A statement made on a day with a period since earlier: the period's own start counts.
    start, _ = context.calendar.period(resource.effectivePeriod)
    return start or (when.last if when else None), None


def _last_day(resource: AnyDrug, start: date | None, supplied: int | None, context: ChartContext) -> date | None:
    """The last day of an order that no longer runs; its first day when it does not say."""
    if start is None:
        return None
    written, _ = _written(resource, context)
    start = max(start, written or start)
    if isinstance(resource, MedicationRequest) and resource.status in _ENDED:
        _, end = context.calendar.period(resource.dispenseRequest.validityPeriod if resource.dispenseRequest else None)
        return end or start
    return start + timedelta(days=supplied - 1) if supplied else start
