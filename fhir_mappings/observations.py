"""Observation → results and readings. The room of the hot path: a sensor month is 8,640 of these."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cds_service.facts import Concept, GlucoseReading, LabResult, SensorReading, Unusable, When
from fhir_mappings import terminology, units
from fhir_mappings.context import ChartContext, named
from fhir_mappings.reading import plain
from fhir_mappings.references import Whose
from fhir_mappings.views import Device, Encounter, Observation, Quantity

_FINAL = frozenset({"final", "amended", "corrected"})
_PENDING = frozenset({"preliminary", "registered"})
_METER_WORDS = re.compile(r"gluco(?:se )?met|blood glucose (?:meter|monitor)|smbg", re.IGNORECASE)
_BEFORE_MEAL = re.compile(rb'"(?:ac[mdv]?|[^"]*(?:before|pre-?meal|preprandial|fasting)[^"]*)"')
_PER_DAY = ("/d", "{tests}/d", "/day", "1/d", "per day", "tests/day", "{#}/d")
_GLUCOSE = frozenset({Concept.GLUCOSE_SELF_TEST, Concept.GLUCOSE_GENERAL, Concept.SELF_MONITORING})
_HBA1C = frozenset({Concept.HBA1C, Concept.HBA1C_UNIT_REQUIRED})


@dataclass(slots=True)
class ObservationFacts:
    """What the Observations of a chart say."""

    hba1c: list[LabResult] = field(default_factory=list)
    albumin_creatinine: list[LabResult] = field(default_factory=list)
    egfr: list[LabResult] = field(default_factory=list)
    self_tests: list[GlucoseReading] = field(default_factory=list)
    self_test_counts: list[LabResult] = field(default_factory=list)
    sensor: list[SensorReading] = field(default_factory=list)
    sensor_wear: list[LabResult] = field(default_factory=list)
    sensor_reference: str = ""
    seen_tests: set[tuple[object, ...]] = field(default_factory=set)


def read_observations(
    observations: Iterable[tuple[Observation, str | None]], context: ChartContext
) -> ObservationFacts:
    """Sorts Observations by what their codes say; those that no rule reads are passed over."""
    facts = ObservationFacts()
    newest_sensor = ("", "")
    kinds: dict[tuple[str | None, str | None], frozenset[Concept]] = {}
    for observation, full_url in observations:
        coding = observation.code.coding if observation.code is not None else None
        if not coding:
            continue
        if len(coding) == 1:
            key = coding[0].system, coding[0].code
            concepts = kinds.get(key)
            if concepts is None:
                concepts = kinds[key] = terminology.concepts(observation.code)
        else:
            concepts = terminology.concepts(observation.code)
        if Concept.CGM_READING in concepts:
            mark = _read_sensor(observation, context, facts)
            newest_sensor = max(newest_sensor, mark)
        elif concepts:
            _read_other(observation, full_url, concepts, context, facts)
    facts.sensor_reference = newest_sensor[1]
    return facts


def _read_sensor(observation: Observation, context: ChartContext, facts: ObservationFacts) -> tuple[str, str]:
    stamp = observation.effectiveDateTime or observation.effectiveInstant
    if observation.status not in _FINAL or not stamp:
        return "", ""
    if context.identity.whose(observation.subject) is Whose.STRANGER:
        context.note(f"Observation/{observation.id} was set aside: its subject is another patient")
        return "", ""
    placed = context.calendar.day_minute(stamp)
    if placed is None:
        return "", ""
    quantity = observation.valueQuantity
    if quantity is None:
        return "", ""
    value = _quick_glucose(quantity) if quantity.comparator is None else None
    facts.sensor.append(SensorReading(placed[0], placed[1], value))
    return stamp, f"Observation/{observation.id}" if observation.id else "Observation without id"


def _glucose_value(observation: Observation, quantity: Quantity) -> int | None:
    """Glucose in mg/dL; without a unit the code says whether it is mass or moles."""
    if quantity.code or quantity.unit:
        return _quick_glucose(quantity)
    display = terminology.display_of(terminology.codings(observation.code)[0])
    return units.glucose_mg_dl(quantity, moles_by_code="Moles" in display)


def _quick_glucose(quantity: Quantity) -> int | None:
    """Glucose in mg/dL; plain mg/dL numbers, which nearly all are, without decimal arithmetic."""
    value = quantity.value
    if type(value) is float and quantity.code == "mg/dL" and 0.5 <= value < 3000:
        return int(value + 0.5)
    return units.glucose_mg_dl(quantity)


def _read_other(
    observation: Observation,
    full_url: str | None,
    concepts: frozenset[Concept],
    context: ChartContext,
    facts: ObservationFacts,
) -> None:
    name = named(observation, full_url)
    if observation.status not in _FINAL and observation.status not in _PENDING:
        context.note(f"{name} ignored: status {str(observation.status or 'missing')[:20]}")
        return
    if not context.is_patients(observation, observation.subject, name):
        return
    if concepts & _HBA1C and Concept.NOT_HBA1C not in concepts:
        facts.hba1c.append(_hba1c(observation, name, concepts, context))
    elif Concept.ALBUMIN_CREATININE_RATIO in concepts:
        facts.albumin_creatinine.append(_ratio(observation, name, concepts, context))
    elif Concept.EGFR in concepts:
        facts.egfr.append(_result(observation, name, concepts, context, units.egfr))
    elif concepts & _GLUCOSE:
        _glucose(observation, name, concepts, context, facts)
    elif Concept.CGM_DAYS_OF_WEAR in concepts:
        facts.sensor_wear.append(_result(observation, name, concepts, context, _days))


# ---------------------------------------------------------------- laboratory


def _effective(observation: Observation, name: str, context: ChartContext) -> When | None:
    when = context.when(observation.effectiveDateTime, observation.effectiveInstant, observation.effectivePeriod)
    if when is None:
        when = context.when(observation.issued)
        context.note(f"{name} has no effective date; {'its issue date stands in' if when else 'it cannot be placed'}")
    return when


def _quantity(observation: Observation) -> Quantity | None:
    if observation.valueQuantity is not None:
        return observation.valueQuantity
    if observation.valueInteger is not None:
        return Quantity(value=float(observation.valueInteger))
    return None


def _result(
    observation: Observation, name: str, concepts: frozenset[Concept], context: ChartContext, convert: object
) -> LabResult:
    """One result through a unit conversion; text is kept for the reader and never compared."""
    quantity = _quantity(observation)
    if quantity is not None:
        read = convert(quantity)  # type: ignore[operator]
    else:
        concept = observation.valueCodeableConcept
        text = observation.valueString or (terminology.label(concept) if concept else "")
        read = units.Read(None, "", text[:60], Unusable.TEXT_ONLY if text else Unusable.NO_VALUE)
    if read.note:
        context.note(f"{name}: {read.note}")
    if read.unusable in (Unusable.IMPLAUSIBLE, Unusable.WRONG_UNIT, Unusable.NO_VALUE):
        context.note(f"{name} not used: {read.unusable.value}{f' ({read.shown})' if read.shown else ''}")
    if observation.status in _PENDING:
        context.note(f"{name} is pending: status {observation.status}")
    return LabResult(
        reference=name,
        when=_effective(observation, name, context),
        concepts=concepts,
        label=terminology.label(observation.code, concepts),
        value=read.value,
        comparator=read.comparator,
        shown=read.shown,
        unusable=read.unusable,
        pending=observation.status in _PENDING,
    )


def _hba1c(observation: Observation, name: str, concepts: frozenset[Concept], context: ChartContext) -> LabResult:
    codes = {coding.code for coding in terminology.codings(observation.code)}

    def convert(quantity: Quantity) -> units.Read:
        return units.hba1c(
            quantity,
            unit_required=Concept.HBA1C not in concepts,
            ifcc_by_code="59261-8" in codes and "4548-4" not in codes,
            fraction_by_code="71875-9" in codes,
        )

    return _result(observation, name, concepts, context, convert)


def _ratio(observation: Observation, name: str, concepts: frozenset[Concept], context: ChartContext) -> LabResult:
    label = terminology.display_of(terminology.codings(observation.code)[0])
    for coding in terminology.codings(observation.code):
        label = terminology.display_of(coding) or label

    def convert(quantity: Quantity) -> units.Read:
        return units.albumin_creatinine(quantity, mass_ratio="Mass Ratio" in label)

    return _result(observation, name, concepts, context, convert)


def _days(quantity: Quantity) -> units.Read:
    value = units.number(quantity.value)
    if value is None:
        return units.Read(None, "", "", Unusable.NO_VALUE)
    return units.Read(float(value), "", f"{float(value):g} days")


# ---------------------------------------------------------------- finger-sticks


def _glucose(
    observation: Observation,
    name: str,
    concepts: frozenset[Concept],
    context: ChartContext,
    facts: ObservationFacts,
) -> None:
    if observation.status in _PENDING:
        context.note(f"{name} is pending and not counted: status {observation.status}")
        return
    quantity = _quantity(observation)
    if quantity is not None and quantity.code != "mg/dL" and units.unit_of(quantity) in _PER_DAY:
        facts.self_test_counts.append(_result(observation, name, concepts, context, _count))
        return
    if not _is_self_test(observation, concepts, context):
        return
    has_value = (quantity is not None and quantity.value is not None) or bool(
        observation.valueString or observation.valueCodeableConcept
    )
    stamp = (
        observation.effectiveDateTime
        or observation.effectiveInstant
        or (observation.effectivePeriod.start if observation.effectivePeriod else None)
        or observation.issued
    )
    placed = context.calendar.day_minute(stamp) if stamp else None
    if placed is None or not has_value:
        context.note(f"{name} not counted: {'it has no day' if has_value else 'it has no value'}")
        return
    value = _glucose_value(observation, quantity) if quantity is not None else None
    coding = terminology.codings(observation.code)
    codes = coding[0].code if len(coding) == 1 else tuple(sorted(c.code or "" for c in coding))
    key = (*placed, value if value is not None else observation.valueString, codes)
    if key in facts.seen_tests:
        return
    facts.seen_tests.add(key)
    comparator = units.glucose_comparator(quantity) if quantity is not None else ""
    if comparator is None:
        value, comparator = None, ""
    facts.self_tests.append(GlucoseReading(*placed, value, _before_meal(observation, concepts), name, comparator))


def _count(quantity: Quantity) -> units.Read:
    value = units.number(quantity.value)
    if value is None or quantity.comparator:
        return units.Read(None, "", units.shown(quantity), Unusable.NO_VALUE)
    return units.Read(float(value), "", f"{float(value):g} a day")


def _is_self_test(observation: Observation, concepts: frozenset[Concept], context: ChartContext) -> bool:
    """A finger-stick or meter code; or a general code with a sign that the patient tested at home.

    A serum code beside it speaks for the laboratory unless a positive sign says otherwise.
    """
    encounter = context.resolve(observation.encounter, Encounter)
    if encounter is not None and _is_inpatient(encounter):
        return False
    if Concept.GLUCOSE_SELF_TEST in concepts or Concept.SELF_MONITORING in concepts:
        return True
    if Concept.SELF_MONITORING in terminology.concepts(observation.method):
        return True
    if _by_patient(observation, context) or _on_home_meter(observation, context):
        return True
    if Concept.GLUCOSE_LABORATORY in concepts:
        return False
    visit_unknown = observation.encounter is not None and observation.encounter.reference and encounter is None
    return "laboratory" not in str(plain(observation.category)).casefold() and not visit_unknown


def _is_inpatient(encounter: Encounter) -> bool:
    kind = encounter.class_
    if kind is None:
        return False
    return Concept.INPATIENT_STAY in terminology.concepts_of(kind.system, kind.code)


def _by_patient(observation: Observation, context: ChartContext) -> bool:
    performers = plain(observation.performer)
    for performer in performers if isinstance(performers, list) else [performers]:
        literal = performer.get("reference") if isinstance(performer, dict) else None
        if isinstance(literal, str) and "Patient/" in literal:
            return True
    return False


def _on_home_meter(observation: Observation, context: ChartContext) -> bool:
    device = context.resolve(observation.device, Device)
    words = [observation.device.display or ""] if observation.device is not None else []
    if device is not None:
        if Concept.HOME_GLUCOSE_METER in terminology.concepts(device.type):
            return True
        words += [n.name or "" for n in device.deviceName or ()]
        words += [device.type.text or ""] if device.type else []
        words += [c.display or "" for c in terminology.codings(device.type)]
    return any(_METER_WORDS.search(word) for word in words)


def _before_meal(observation: Observation, concepts: frozenset[Concept]) -> bool:
    if Concept.GLUCOSE_BEFORE_MEAL in concepts:
        return True
    extension = bytes(observation.extension).lower() if observation.extension else b""
    return b"meal" in extension and bool(_BEFORE_MEAL.search(extension))
