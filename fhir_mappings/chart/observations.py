"""Observation → results and readings. A sensor month is 8,640 of them: most take the path of glucose_fast_path.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from cds_service.concepts import Concept
from cds_service.facts import ReadingOrigin, Record, ResultKind, SensorReading
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.chart.draws import Draws
from fhir_mappings.chart.glucose_fast_path import split_fast_path
from fhir_mappings.chart.glucose_readings import daily_test_count, is_daily_test_count, read_glucose
from fhir_mappings.chart.laboratory import FINAL, PENDING, albumin_creatinine, days, hba1c, result
from fhir_mappings.chart.observation_facts import ObservationFacts
from fhir_mappings.chart.observation_kind import Kind
from fhir_mappings.chart.own_results import OwnResults
from fhir_mappings.chart.reading_origin import ReadingOrigins
from fhir_mappings.common import labels, units
from fhir_mappings.common.references import SubjectMatch
from fhir_mappings.common.unit_spellings import Unit, unit_named
from fhir_mappings.json.clinical_views import Observation

_GLUCOSE = frozenset(
    {Concept.GLUCOSE_SELF_TEST, Concept.GLUCOSE_GENERAL, Concept.SELF_MONITORING, Concept.GLUCOSE_LABORATORY}
)
# No sensor record is longer; a period that says so is cut.
_LONGEST_WEAR = 400
_HBA1C = frozenset({Concept.HBA1C, Concept.HBA1C_UNIT_REQUIRED})
_SUMMARY = frozenset({Concept.CGM_SUMMARY, Concept.CGM_DAYS_OF_WEAR})


def read_observations(
    observations: Iterable[tuple[Observation, str | None]],
    context: ChartContext,
    result_kinds: Iterable[ResultKind] = (),
    draws: Draws | None = None,
) -> ObservationFacts:
    """Reads each Observation by what its code means; those that no rule reads are skipped.

    `result_kinds`: results that the policies in use ask for on their own. `draws`: which draw a result comes from.
    """
    own = OwnResults(result_kinds, draws or Draws(context), context)
    asks_for_kinds = bool(own)
    facts, origins = ObservationFacts(), ReadingOrigins(context)
    for observation, full_url, kind in split_fast_path(observations, context, origins, facts):
        if asks_for_kinds and own.has(observation, kind) and _is_usable(observation, full_url, kind, context):
            own.add(observation, full_url, kind)
        if kind.sensor:
            _read_sensor(observation, context, facts)
        elif kind.concepts & _GLUCOSE or Concept.GLUCOSE_GENERAL in kind.named:
            _read_glucose(observation, full_url, kind, origins, context, facts)
        elif kind.concepts or kind.named:
            _read_other(observation, full_url, kind, context, facts)
        elif origins.is_sensor(observation) and _is_in_glucose_unit(observation):
            _read_sensor(observation, context, facts)  # under whatever code its values are filed
    facts.of_kinds = own.results()
    return facts


def _is_usable(observation: Observation, full_url: str | None, kind: Kind, context: ChartContext) -> bool:
    """Whether a result is neither withdrawn nor another patient's; noted here only where no other function notes it."""
    if kind.concepts or kind.named:
        return observation.status in FINAL | PENDING and context.may_belong_to_patient(observation.subject)
    name = reference_to(observation, full_url)
    return not _is_withdrawn(observation, name, context) and context.belongs_to_patient(
        observation, observation.subject, name
    )


def _is_in_glucose_unit(observation: Observation) -> bool:
    quantity = observation.valueQuantity
    return quantity is not None and unit_named(units.unit_of(quantity)) in (Unit.MG_PER_DL, Unit.MMOL_PER_L)


def _read_sensor(observation: Observation, context: ChartContext, facts: ObservationFacts) -> None:
    stamp = observation.effectiveDateTime or observation.effectiveInstant
    if observation.status not in FINAL:
        if observation.status in PENDING:
            context.add_repeated_note(reference_to(observation, None), "is pending and not counted: sensor reading")
        return
    if context.identity.subject_match(observation.subject) is SubjectMatch.OTHER:
        context.add_repeated_note(reference_to(observation, None), "was set aside: its subject is another patient")
        return
    if not stamp:
        _read_sensor_period(observation, context, facts)
        return
    placed, quantity = context.calendar.day_minute(stamp), observation.valueQuantity
    if placed is None or quantity is None:
        return
    value = units.glucose_mg_dl(quantity) if quantity.comparator is None else None
    if units.is_odd_number(quantity.value):
        context.add_repeated_note(
            reference_to(observation, None), "shows that a sensor was worn, its value cannot be read"
        )
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


def _read_glucose(
    observation: Observation,
    full_url: str | None,
    kind: Kind,
    origins: ReadingOrigins,
    context: ChartContext,
    facts: ObservationFacts,
) -> None:
    """One reading in full: a sensor's under another code, a number of tests a day, or a value with its origin."""
    if origins.is_sensor(observation):
        _read_sensor(observation, context, facts)
        return
    name = reference_to(observation, full_url)
    if _is_withdrawn(observation, name, context):
        return
    if not context.belongs_to_patient(observation, observation.subject, name):
        origin = ReadingOrigin.ANOTHER_PATIENT
    elif observation.status in PENDING:
        context.add_repeated_note(name, f"is pending and not counted: status {observation.status}")
        origin = ReadingOrigin.PENDING
    elif is_daily_test_count(observation):
        facts.self_test_counts.append(result(observation, name, kind.concepts, context, daily_test_count))
        return
    else:
        origin = origins.of(observation, kind.concepts)
    unread = origins.is_visit_unread(observation)
    read_glucose(observation, name, kind.concepts, origin, context, facts, visit_unread=unread)


def _is_withdrawn(observation: Observation, name: str, context: ChartContext) -> bool:
    """Whether the status takes an Observation back, or leaves open what it is; that is noted."""
    if observation.status in FINAL or observation.status in PENDING:
        return False
    context.note(f"{name} ignored: status {str(observation.status or 'missing')[:20]}")
    return True


def _read_other(
    observation: Observation, full_url: str | None, kind: Kind, context: ChartContext, facts: ObservationFacts
) -> None:
    name, concepts = reference_to(observation, full_url), kind.concepts
    if _is_withdrawn(observation, name, context) or not context.belongs_to_patient(
        observation, observation.subject, name
    ):
        return
    meant = concepts | kind.named
    if concepts & _SUMMARY and observation.status in FINAL:
        _read_sensor_summary(observation, name, concepts, context, facts)
    if meant & _HBA1C and Concept.NOT_HBA1C not in concepts:
        facts.hba1c.append(hba1c(observation, name, concepts, context))
    elif Concept.ALBUMIN_CREATININE_RATIO in meant:
        facts.albumin_creatinine.append(albumin_creatinine(observation, name, concepts, context))
    elif Concept.EGFR in meant:
        facts.egfr.append(result(observation, name, concepts, context, units.egfr))
    elif Concept.NOT_HBA1C in concepts:
        context.add_repeated_note(name, "is no HbA1c to compare: an estimate, or a mass concentration")


def _read_sensor_summary(
    observation: Observation, name: str, concepts: frozenset[Concept], context: ChartContext, facts: ObservationFacts
) -> None:
    """A report on a sensor's data, or the days that it was worn."""
    if Concept.CGM_DAYS_OF_WEAR in concepts:
        facts.sensor_wear.append(result(observation, name, concepts, context, days))
        return
    when = context.when(observation.effectiveDateTime, observation.effectiveInstant, observation.effectivePeriod)
    label = labels.label(observation.code, concepts)
    facts.sensor_summaries.append(Record(name, when or context.when(observation.issued), concepts, label))
