"""Observation → finger-sticks: what is a self-test, when it was, what it read (D.I.G, D.I.I.2 to D.I.I.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cds_service.concepts import Concept
from cds_service.facts import GlucoseReading, LabResult, SensorReading, Unusable
from fhir_mappings import terminology, units
from fhir_mappings.clinical_views import Device, Encounter, Observation
from fhir_mappings.context import ChartContext, named
from fhir_mappings.datatypes import Quantity
from fhir_mappings.laboratory import PENDING, quantity_of, result
from fhir_mappings.reading import plain
from fhir_mappings.unit_spellings import Unit, unit_named
from fhir_mappings.visit_kind import VisitKind, visit_kind

_METER_WORDS = re.compile(r"gluco(?:se )?met|blood glucose (?:meter|monitor)|smbg", re.IGNORECASE)
_BEFORE_MEAL = re.compile(rb'"(?:ac[mdv]?|[^"]*(?:before|pre-?meal|preprandial|fasting)[^"]*)"')


@dataclass(slots=True)
class ObservationFacts:
    """What the Observations of a chart say."""

    hba1c: list[LabResult] = field(default_factory=list)
    albumin_creatinine: list[LabResult] = field(default_factory=list)
    egfr: list[LabResult] = field(default_factory=list)
    self_test_counts: list[LabResult] = field(default_factory=list)
    sensor: list[SensorReading] = field(default_factory=list)
    sensor_wear: list[LabResult] = field(default_factory=list)
    _tests: dict[tuple[object, ...], GlucoseReading] = field(default_factory=dict)
    newest_sensor_stamp: str = ""
    _newest_sensor: Observation | None = None

    def add_test(self, reading: GlucoseReading, key: tuple[object, ...]) -> None:
        """Adds a finger-stick once: the same minute, value and code again is a duplicate."""
        if reading.reference < self._tests.setdefault(key, reading).reference:
            self._tests[key] = reading  # of duplicates the same one speaks, whichever came first

    @property
    def self_tests(self) -> list[GlucoseReading]:
        """The finger-sticks, each once."""
        return list(self._tests.values())

    def note_newest_sensor(self, stamp: str, observation: Observation) -> None:
        """Remembers whose stamp is the newest, and of equal ones always the same."""
        newer = stamp > self.newest_sensor_stamp
        if newer or (stamp == self.newest_sensor_stamp and named(observation, None) > self.sensor_reference):
            self.newest_sensor_stamp, self._newest_sensor = stamp, observation

    @property
    def sensor_reference(self) -> str:
        """The newest sensor reading, as evidence refers to it."""
        return named(self._newest_sensor, None) if self._newest_sensor is not None else ""


def _glucose_value(observation: Observation, quantity: Quantity) -> int | None:
    """Glucose in mg/dL; without a unit the code says whether it is mass or moles."""
    if quantity.code or quantity.unit:
        return units.glucose_mg_dl(quantity)
    by_moles = any("Moles" in terminology.display_of(c) for c in terminology.codings(observation.code))
    return units.glucose_mg_dl(quantity, moles_by_code=by_moles)


def read_glucose(
    observation: Observation,
    name: str,
    concepts: frozenset[Concept],
    context: ChartContext,
    facts: ObservationFacts,
) -> None:
    """Adds a finger-stick, or a recorded number of tests a day, to the facts; says why when it does not count."""
    if observation.status in PENDING:
        context.note(f"{name} is pending and not counted: status {observation.status}")
        return
    quantity = quantity_of(observation)
    if quantity is not None and quantity.code != "mg/dL" and unit_named(units.unit_of(quantity)) is Unit.PER_DAY:
        facts.self_test_counts.append(result(observation, name, concepts, context, _count))
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
    comparator = units.glucose_comparator(quantity) if quantity is not None else ""
    if comparator is None:
        value, comparator = None, ""
    visit = observation.encounter.reference if observation.encounter is not None else None
    unknown = bool(visit) and context.resolve(observation.encounter, Encounter) is None
    reading = GlucoseReading(*placed, value, _before_meal(observation, concepts), name, comparator, unknown)
    facts.add_test(reading, key)


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
    return visit_kind(encounter) is VisitKind.INPATIENT


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
