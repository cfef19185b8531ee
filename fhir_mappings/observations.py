"""Observation → results and readings. The room of the hot path: a sensor month is 8,640 of these."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from cds_service.concepts import Concept
from cds_service.facts import SensorReading
from fhir_mappings import units
from fhir_mappings.clinical_views import Observation
from fhir_mappings.context import ChartContext, named
from fhir_mappings.glucose_readings import ObservationFacts, read_glucose
from fhir_mappings.laboratory import FINAL, PENDING, albumin_creatinine, days, hba1c, result
from fhir_mappings.plain_readings import take_plain
from fhir_mappings.references import Whose

_GLUCOSE = frozenset({Concept.GLUCOSE_SELF_TEST, Concept.GLUCOSE_GENERAL, Concept.SELF_MONITORING})
# No sensor record is longer; a period that says so is cut.
_LONGEST_WEAR = 400
_HBA1C = frozenset({Concept.HBA1C, Concept.HBA1C_UNIT_REQUIRED})


def read_observations(
    observations: Iterable[tuple[Observation, str | None]], context: ChartContext
) -> ObservationFacts:
    """Sorts Observations by what their codes say; those that no rule reads are passed over."""
    facts = ObservationFacts()
    for observation, full_url, kind in take_plain(observations, context, facts):
        if kind.sensor:
            _read_sensor(observation, context, facts)
        elif kind.concepts:
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
    facts.sensor.append(SensorReading(*placed, value))
    facts.note_newest_sensor(stamp, observation)


def _read_sensor_period(observation: Observation, context: ChartContext, facts: ObservationFacts) -> None:
    """Sampled data of one or more days: shows that the sensor was worn, not what it read at which minute."""
    start, end = context.calendar.period(observation.effectivePeriod)
    if start is None:
        return
    days = min(((end or start) - start).days, _LONGEST_WEAR)
    facts.sensor += [SensorReading(start + timedelta(days=n), None, None) for n in range(days + 1)]
    facts.note_newest_sensor(start.isoformat(), observation)


def _read_other(
    observation: Observation,
    full_url: str | None,
    concepts: frozenset[Concept],
    context: ChartContext,
    facts: ObservationFacts,
) -> None:
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
