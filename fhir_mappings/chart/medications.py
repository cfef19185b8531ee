"""MedicationRequest, MedicationStatement, MedicationDispense → orders of injected insulin."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from cds_service.concepts import Concept
from cds_service.engine.plain_text import insulin_name
from cds_service.facts import InsulinAction, InsulinOrder
from fhir_mappings.chart import sig_marks
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.chart.dosage import Dosing, names_sliding_scale, read_dosing, with_sliding_scale
from fhir_mappings.chart.insulin_names import ingredients_of, insulin_named, names_a_drug
from fhir_mappings.chart.medication_days import ACTIVE_OR_COMPLETED, AnyDrug, covered_days
from fhir_mappings.common import labels, terminology
from fhir_mappings.common.code_systems import ATC, RXNORM, system_key
from fhir_mappings.common.datatypes import CodeableConcept, Dosage
from fhir_mappings.common.references import SubjectMatch
from fhir_mappings.json.clinical_views import Medication, MedicationDispense, MedicationRequest, MedicationStatement
from fhir_mappings.json.fhir_json import plain

_ORDER_INTENTS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
# A cancelled order never began; "stopped" and "on-hold" end as the rule says.
_COUNTED_STATUSES = ACTIVE_OR_COMPLETED | {"on-hold", "stopped"}
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
    Concept.NOT_INSULIN_INJECTION: "an injected drug that is not insulin",
}
# Systems whose codes for insulin are all in the value sets: another code of theirs is another drug.
_WHOLE_SYSTEMS = (RXNORM, ATC)


@dataclass(frozen=True, slots=True)
class _Drug:
    ingredient: str
    action: InsulinAction
    label: str
    coded: bool
    for_pump: bool = False


def read_insulin(drugs: Iterable[tuple[AnyDrug, str | None]], context: ChartContext) -> list[InsulinOrder]:
    """Orders of injected insulin in every shape that a chart holds them in."""
    found: list[InsulinOrder] = []
    handed_over: list[InsulinOrder] = []
    for resource, full_url in drugs:
        name = reference_to(resource, full_url)
        drug = _identify(resource, name, context)
        if drug is None or not context.belongs_to_patient(resource, resource.subject, name):
            continue
        if not _is_counted(resource, name, context):
            continue
        lines = resource.dosage if isinstance(resource, MedicationStatement) else resource.dosageInstruction
        orders = [_order(resource, name, drug, step, context) for step in _titration_steps(lines or [], context)]
        read = [order for order in orders if order is not None]
        if isinstance(resource, MedicationDispense) and not lines:
            handed_over += read  # a dispense without directions repeats an order: it adds days, and nothing to count
        else:
            found += read
    return _with_supplies(found, handed_over)


def _with_supplies(orders: list[InsulinOrder], handed_over: list[InsulinOrder]) -> list[InsulinOrder]:
    """Adds the supplied days of dispenses without directions to the order that each follows."""
    if not handed_over:
        return orders
    starts: dict[str, list[date]] = {}
    for start, ingredient in sorted({(o.start, o.ingredient) for o in orders if o.start is not None}):
        starts.setdefault(ingredient, []).append(start)
    ends: dict[tuple[str, date], date] = {}
    for supply in handed_over:
        days = starts.get(supply.ingredient, [])
        place = bisect_right(days, supply.start) if supply.start is not None else 0
        if place and supply.end is not None:
            key = supply.ingredient, days[place - 1]
            ends[key] = max(ends.get(key, supply.end), supply.end)
    return [
        _with_supply_until(order, ends.get((order.ingredient, order.start)) if order.start else None)
        for order in orders
    ]


def _with_supply_until(order: InsulinOrder, until: date | None) -> InsulinOrder:
    last = max((day for day in (until, order.supplied_until) if day is not None), default=None)
    if order.status != "completed" or order.end is not None:
        return replace(order, supplied_until=last)
    return replace(order, supplied_until=last, end=last, live=last is not None)


# ---------------------------------------------------------------- which drug


def _identify(resource: AnyDrug, name: str, context: ChartContext) -> _Drug | None:
    concept = resource.medicationCodeableConcept
    if concept is None and resource.medicationReference is not None:
        medication = context.resolve(resource.medicationReference, Medication, resource.contained)
        concept = _product(medication) if medication is not None else None
        if concept is None:
            return _by_words([resource.medicationReference.display], resource, name, context)
    if concept is None:
        return _by_words([], resource, name, context)
    concepts = terminology.concepts(concept)
    for other, words in _NOT_INJECTED.items():
        if other in concepts:
            context.note(f"{name} adds no insulin injection: {words}")
            return None
    if Concept.INSULIN_FOR_PUMP in concepts:
        label = labels.label(concept, frozenset({Concept.INSULIN_FOR_PUMP}))
        return _Drug("insulin", InsulinAction.UNSTATED, label, True, for_pump=True)
    for kind, action in _ACTIONS.items():
        if kind in concepts:
            return _coded(concept, kind, action, name, context)
    codings = terminology.codings(concept)
    if any(c.code and system_key(c.system) in _WHOLE_SYSTEMS for c in codings):
        texts = [concept.text, *(c.display for c in codings)]
        return _by_words(texts, None, name, context)
    return _by_words([concept.text, *(c.display for c in codings)], resource, name, context)


def _product(medication: Medication) -> CodeableConcept | None:
    """What a product is: its code with its one ingredient, which may say it where the code is not known."""
    parts = [part.itemCodeableConcept for part in medication.ingredient or () if part.itemCodeableConcept]
    if len(parts) != 1:
        return medication.code
    if medication.code is None:
        return parts[0]
    codings = [*(medication.code.coding or ()), *(parts[0].coding or ())]
    return CodeableConcept(coding=codings, text=medication.code.text or parts[0].text)


def _by_words(texts: list[str | None], resource: AnyDrug | None, name: str, context: ChartContext) -> _Drug | None:
    """A drug that is only named. Where a resource is given and no word names any drug, the list stays open."""
    words = " ".join(text for text in texts if text)
    found = insulin_named(words)
    if found is not None:
        ingredient, action = found
        if action is None:
            context.note(f"{name} adds no insulin injection: {ingredient} insulin")
            return None
        return _Drug(ingredient, action, words[:120], False)
    if resource is not None and _would_count_if_insulin(resource, context) and not names_a_drug(words):
        context.note(f"{name}: its medication could not be resolved")
        context.unresolved_drugs += 1
    return None


def _would_count_if_insulin(resource: AnyDrug, context: ChartContext) -> bool:
    """Whether a resource with an unknown drug would count if it were insulin; adds no note."""
    ordered = not isinstance(resource, MedicationRequest) or resource.intent in _ORDER_INTENTS or _is_reported(resource)
    return (
        ordered
        and resource.status in ACTIVE_OR_COMPLETED
        and context.identity.subject_match(resource.subject) is not SubjectMatch.OTHER
    )


def _coded(concept: CodeableConcept, kind: Concept, action: InsulinAction, name: str, context: ChartContext) -> _Drug:
    carrying = [c for c in terminology.codings(concept) if kind in terminology.concepts_of(c.system, c.code)]
    own = terminology.display_of(carrying[0]) or carrying[0].display or concept.text or ""
    by_code, by_chart = ingredients_of(own), ingredients_of(carrying[0].display or "")
    if by_chart and by_code and by_chart != by_code:
        context.note(
            f"{name}: the code says {insulin_name(by_code)}, its name says {insulin_name(by_chart)}; the code counts"
        )
    return _Drug(by_code or action.value, action, labels.label(concept, frozenset({kind})), True)


# ---------------------------------------------------------------- whether it counts


def _is_counted(resource: AnyDrug, name: str, context: ChartContext) -> bool:
    status = resource.status or "missing"
    if status not in _COUNTED_STATUSES:
        context.note(f"{name} not counted: status {status[:20]}")
        return False
    if isinstance(resource, MedicationRequest) and not (resource.intent in _ORDER_INTENTS or _is_reported(resource)):
        context.note(f"{name} is context only: intent {str(resource.intent or 'missing')[:20]}")
        return False
    if isinstance(resource, MedicationRequest) and resource.doNotPerform:
        context.note(f"{name} not counted: it says not to take it")
        return False
    if "inpatient" in str(plain(resource.category)).casefold():
        context.note(f"{name} not counted: inpatient insulin is no regimen of the member's own")
        return False
    return True


def _is_reported(resource: MedicationRequest) -> bool:
    """Whether a plan is what the member is said to take already: it counts as a MedicationStatement does."""
    return resource.intent == "plan" and (resource.reportedBoolean is True or resource.reportedReference is not None)


# ---------------------------------------------------------------- how much, from when to when


def _titration_steps(lines: list[Dosage], context: ChartContext) -> list[list[Dosage]]:
    """The lines of an order, apart when they follow each other: a titration in steps is one injection, not three."""
    groups: dict[tuple[date | None, date | None], list[Dosage]] = {}
    for line in lines:
        bounds = line.timing.repeat.boundsPeriod if line.timing and line.timing.repeat else None
        groups.setdefault(context.calendar.period(bounds), []).append(line)
    spans = sorted((start, end or date.max) for start, end in groups if start)
    one_by_one = len(spans) == len(groups) > 1 and all(a[1] < b[0] for a, b in pairwise(spans))
    return list(groups.values()) if one_by_one else [lines]


def _order(
    resource: AnyDrug, name: str, drug: _Drug, lines: list[Dosage], context: ChartContext
) -> InsulinOrder | None:
    dosing = read_dosing(lines, drug.ingredient)
    dosing = with_sliding_scale(dosing) if names_sliding_scale(drug.label) else dosing
    if dosing.intravenous:
        context.note(f"{name} adds no insulin injection: intravenous route")
        return None
    days = covered_days(resource, lines, dosing.course_days, context)
    return InsulinOrder(
        reference=name,
        ingredient=drug.ingredient,
        label=insulin_name(drug.ingredient),
        action=drug.action,
        start=days.start,
        end=days.end,
        certain=dosing.certain,
        possible=dosing.possible,
        no_ceiling=dosing.no_ceiling,
        certain_at=dosing.certain_at,
        moments=dosing.moments,
        as_needed=dosing.as_needed,
        mixed=dosing.mixed,
        adjusts=_adjusting_words(dosing, drug),
        titrates=dosing.titrates,
        at_meals=dosing.at_meals or dosing.certain >= 3,
        from_text=dosing.from_text or not drug.coded,
        via_pump=drug.for_pump or dosing.via_pump or sig_marks.mentions_pump(drug.label),
        live=days.live,
        status=resource.status or "",
        supplied_until=days.supplied_until,
    )


def _adjusting_words(dosing: Dosing, drug: _Drug) -> str | None:
    """A ratio, correction or scale; or a bolus as needed: basal insulin as needed is no adjusting."""
    bolus = drug.action in (InsulinAction.RAPID, InsulinAction.SHORT, InsulinAction.UNSTATED)
    return dosing.adjusts or ("as-needed doses" if dosing.any_as_needed and bolus else None)
