"""Fast path for ordinary glucose Observations: the patient's own, final, with a time of day, a number in mg/dL.

A sensor month is 8,640 of them. All others go through the full mapping; both give the same facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import cast

from cds_service.facts import GlucoseReading, SensorReading
from fhir_mappings.chart.context import ChartContext
from fhir_mappings.chart.laboratory import FINAL
from fhir_mappings.chart.observation_facts import ObservationFacts
from fhir_mappings.chart.observation_kind import Kind
from fhir_mappings.chart.reading_origin import ReadingOrigins, Sign
from fhir_mappings.common.datatypes import CodeableConcept, Coding, Reference
from fhir_mappings.common.memo import Memo
from fhir_mappings.common.references import SubjectMatch
from fhir_mappings.json.clinical_views import Observation

# Whole mg/dL that need no decimal arithmetic: half a unit is rounded up, and from 3,000 on units.py has to look.
_LEAST, _MOST, _HALF = Decimal("0.5"), 3000, Decimal("0.5")
_PLAIN = frozenset({int, Decimal})
# What SensorReading(…) does, without a call in Python.
_NEW = tuple.__new__
_NO_KIND = Kind(CodeableConcept())


def _kind_of(asked: tuple[str | None, ...]) -> Kind:
    """`asked`: the text, then system, code and display of one coding after the other."""
    parts = asked[1:]
    codings = [Coding(*each) for each in zip(parts[::3], parts[1::3], parts[2::3], strict=True)]
    return Kind(CodeableConcept(codings, asked[0]))


def split_fast_path(
    observations: Iterable[tuple[Observation, str | None]],
    context: ChartContext,
    origins: ReadingOrigins,
    facts: ObservationFacts,
) -> list[tuple[Observation, str | None, Kind]]:
    """Adds the plain readings to the facts; returns what has a code and has to be read in full.

    One loop, with hardly a call: what a reading shares with the one before (code, patient) is not looked up again.
    """
    rest, kinds = list[tuple[Observation, str | None, Kind]](), Memo(_kind_of)
    is_own = Memo(lambda literal: context.identity.subject_match(Reference(literal)) is SubjectMatch.PATIENT)
    day_minute, sensor, add_test, new = context.calendar.day_minute, facts.sensor, facts.add_test, _NEW
    alike, text = cast("Coding | None", None), cast("str | None", None)  # what the kind was looked up by
    kind, owner, own, newest, latest = _NO_KIND, None, False, "", list[Observation]()
    for observation, full_url in observations:
        code = observation.code
        if code is None or not (code.coding or code.text):
            continue
        coding = code.coding or ()
        first = coding[0] if len(coding) == 1 else None
        if first is None or first != alike or code.text != text:
            kind = kinds[code.text, *(part for each in coding for part in (each.system, each.code, each.display))]
            alike, text = first, code.text
        placed, mg_dl = None, 0
        quantity, stamp = observation.valueQuantity, observation.effectiveDateTime or ""
        if kind.glucose and observation.status in FINAL and quantity is not None and quantity.code == "mg/dL":
            value, subject = quantity.value, observation.subject
            if type(value) in _PLAIN and _LEAST <= value < _MOST and not quantity.comparator and subject is not None:
                if subject.reference != owner:
                    owner = subject.reference
                    own = is_own[owner]
                mg_dl = value if type(value) is int else int(value + _HALF)
                placed = day_minute(stamp) if own else None
        if placed is None:
            rest.append((observation, full_url, kind))
        elif kind.sensor or (observation.device is not None and origins.of_device(observation) is Sign.SENSOR):
            sensor.append(new(SensorReading, (placed[0], placed[1], mg_dl)))
            if stamp > newest:
                newest, latest = stamp, [observation]
            elif stamp == newest:
                latest.append(observation)
        elif kind.plain_stick and observation.id is not None and not origins.needs_full_reading(observation):
            (day, minute), name = placed, f"Observation/{observation.id}"
            reading = new(GlucoseReading, (day, minute, mg_dl, kind.before_meal, name, "", False))
            add_test(reading, (day, minute, mg_dl, kind.code))
        else:
            rest.append((observation, full_url, kind))
    facts.note_newest_sensor(newest, *latest)
    return rest
