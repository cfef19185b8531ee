"""Observation → results and readings. The room of the hot path: a sensor month is 8,640 of these."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from cds_service.concepts import Concept
from cds_service.facts import SensorReading
from fhir_mappings import terminology, units
from fhir_mappings.clinical_views import Observation
from fhir_mappings.context import ChartContext, named
from fhir_mappings.datatypes import CodeableConcept
from fhir_mappings.glucose_readings import ObservationFacts, read_glucose
from fhir_mappings.laboratory import FINAL, PENDING, albumin_creatinine, days, hba1c, result
from fhir_mappings.plain_readings import PlainReadings, add_plain_test
from fhir_mappings.references import Whose

_GLUCOSE = frozenset({Concept.GLUCOSE_SELF_TEST, Concept.GLUCOSE_GENERAL, Concept.SELF_MONITORING})
# No sensor record is longer; a period that says so is cut.
_LONGEST_WEAR = 400
_HBA1C = frozenset({Concept.HBA1C, Concept.HBA1C_UNIT_REQUIRED})


class _Kind:
    """What the code of an Observation says, worked out once for all that share it."""

    def __init__(self, concepts: frozenset[Concept], codes: str | None = None) -> None:
        self.concepts = concepts
        self.code = codes
        self.sensor = Concept.CGM_READING in concepts
        self.self_test = codes is not None and Concept.GLUCOSE_SELF_TEST in concepts and not self.sensor
        self.before_meal = Concept.GLUCOSE_BEFORE_MEAL in concepts


class _Kinds:
    """The kinds of the codes that were seen."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, str | None], _Kind] = {}

    def of(self, code: CodeableConcept | None) -> _Kind | None:
        """What an Observation's code says; None when it has none."""
        coding = code.coding if code is not None else None
        if not coding:
            return None
        if len(coding) > 1:
            return _Kind(terminology.concepts(code))
        one = coding[0]
        kind = self._known.get((one.system, one.code))
        if kind is None:
            kind = self._known[one.system, one.code] = _Kind(terminology.concepts(code), one.code)
        return kind


def read_observations(
    observations: Iterable[tuple[Observation, str | None]], context: ChartContext
) -> ObservationFacts:
    """Sorts Observations by what their codes say; those that no rule reads are passed over.

    Nearly all readings of a meter or a sensor are plain, and `PlainReadings` reads them quickly; the rest is read in
    full, with the same result.
    """
    facts, kinds, plain = ObservationFacts(), _Kinds(), PlainReadings(context)
    for observation, full_url in observations:
        kind = kinds.of(observation.code)
        if kind is None:
            continue
        reading = plain.read(observation) if kind.sensor or kind.self_test else None
        if kind.sensor:
            if reading is not None:
                facts.add_sensor(SensorReading(*reading), observation.effectiveDateTime or "", observation)
            else:
                _read_sensor(observation, context, facts)
        elif reading is None or not add_plain_test(
            observation, reading, kind.code, facts, before_meal=kind.before_meal
        ):
            _read_other(observation, full_url, kind.concepts, context, facts)
    return facts


def _read_sensor(observation: Observation, context: ChartContext, facts: ObservationFacts) -> None:
    stamp = observation.effectiveDateTime or observation.effectiveInstant
    if observation.status not in FINAL:
        if observation.status in PENDING:
            context.note_each(named(observation, None), "is pending and not counted: sensor reading")
        return
    if context.identity.whose(observation.subject) is Whose.STRANGER:
        context.note_each(named(observation, None), "was set aside: its subject is another patient")
        return
    if not stamp:
        _read_sensor_period(observation, context, facts)
        return
    placed, quantity = context.calendar.day_minute(stamp), observation.valueQuantity
    if placed is None or quantity is None:
        return
    value = units.glucose_mg_dl(quantity) if quantity.comparator is None else None
    facts.add_sensor(SensorReading(*placed, value), stamp, observation)


def _read_sensor_period(observation: Observation, context: ChartContext, facts: ObservationFacts) -> None:
    """Sampled data of one or more days: shows that the sensor was worn, not what it read at which minute."""
    start, end = context.calendar.period(observation.effectivePeriod)
    if start is None:
        return
    days = min(((end or start) - start).days, _LONGEST_WEAR)
    for n in range(days + 1):
        facts.add_sensor(SensorReading(start + timedelta(days=n), None, None), start.isoformat(), observation)


def _read_other(
    observation: Observation,
    full_url: str | None,
    concepts: frozenset[Concept],
    context: ChartContext,
    facts: ObservationFacts,
) -> None:
    if not concepts:
        return
    name = named(observation, full_url)
    if observation.status not in FINAL and observation.status not in PENDING:
        context.note(f"{name} ignored: status {str(observation.status or 'missing')[:20]}")
        return
    if not context.is_patients(observation, observation.subject, name):
        return
    if concepts & _HBA1C and Concept.NOT_HBA1C not in concepts:
        facts.hba1c.append(hba1c(observation, name, concepts, context))
    elif Concept.ALBUMIN_CREATININE_RATIO in concepts:
        facts.albumin_creatinine.append(albumin_creatinine(observation, name, concepts, context))
    elif Concept.EGFR in concepts:
        facts.egfr.append(result(observation, name, concepts, context, units.egfr))
    elif Concept.NOT_HBA1C in concepts:
        context.note_each(name, "is no HbA1c to compare: an estimate, or a mass concentration")
    elif concepts & _GLUCOSE:
        read_glucose(observation, name, concepts, context, facts)
    elif Concept.CGM_DAYS_OF_WEAR in concepts:
        facts.sensor_wear.append(result(observation, name, concepts, context, days))
