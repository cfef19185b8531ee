"""The quick way for what nearly all glucose readings are: the patient's, final, at a minute, in plain mg/dL.

A month of a sensor is 8,640 of them. Whatever is not plain is left to be read in full, with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cds_service.concepts import Concept
from cds_service.facts import GlucoseReading, SensorReading
from fhir_mappings import terminology
from fhir_mappings.clinical_views import Observation
from fhir_mappings.context import ChartContext
from fhir_mappings.datatypes import CodeableConcept, Coding, Reference
from fhir_mappings.glucose_readings import ObservationFacts
from fhir_mappings.laboratory import FINAL
from fhir_mappings.references import Whose

# Whole mg/dL that need no decimal arithmetic: half a unit is rounded up, and from 3,000 on units.py has to look.
_LEAST, _MOST = 0.5, 3000
# What SensorReading(…) does, without a call in Python.
_NEW = tuple.__new__


class Kind:
    """What the code of an Observation says."""

    def __init__(self, concepts: frozenset[Concept], code: str | None = None) -> None:
        """`code`: where it is the only one."""
        self.concepts = concepts
        self.code = code
        self.sensor = Concept.CGM_READING in concepts
        self.before_meal = Concept.GLUCOSE_BEFORE_MEAL in concepts
        self.may_be_plain = self.sensor or (code is not None and Concept.GLUCOSE_SELF_TEST in concepts)


class _Known(dict[Any, Any]):
    """Answers by what was asked, each worked out once."""

    def __init__(self, work_out: Callable[[Any], Any]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, asked: Any) -> Any:
        """Called by `known[asked]` when it was not asked before."""
        answer = self[asked] = self._work_out(asked)
        return answer


def _kind_of(codings: tuple[str | None, ...]) -> Kind:
    """`codings`: system and code of one after the other."""
    found = [Coding(system, code) for system, code in zip(codings[::2], codings[1::2], strict=True)]
    return Kind(terminology.concepts(CodeableConcept(found)), found[0].code if len(found) == 1 else None)


def take_plain(
    observations: Iterable[tuple[Observation, str | None]], context: ChartContext, facts: ObservationFacts
) -> list[tuple[Observation, str | None, Kind]]:
    """Adds the plain readings to the facts; returns what has a code and has to be read in full.

    One loop, and hardly a call in it: at thousands of readings each call is a millisecond or more. What a reading
    has in common with the one before (its code, its patient) is not looked up again.
    """
    rest: list[tuple[Observation, str | None, Kind]] = []
    kinds = _Known(_kind_of)
    is_own = _Known(lambda literal: context.identity.whose(Reference(literal)) is Whose.PATIENT)
    day_minute, sensor, new = context.calendar.day_minute, facts.sensor, _NEW
    kind, owner, own = kinds[()], None, False
    alike: Coding | None = None  # what the kind was looked up by, where it is a single coding
    newest, latest = "", list[Observation]()
    for observation, full_url in observations:
        coding = observation.code.coding if observation.code is not None else None
        if not coding:
            continue
        first = coding[0]
        if alike is None or first.code != alike.code or first.system != alike.system or len(coding) > 1:
            kind = kinds[tuple(part for each in coding for part in (each.system, each.code))]
            alike = first if len(coding) == 1 else None
        placed, mg_dl = None, 0
        quantity, stamp = observation.valueQuantity, observation.effectiveDateTime or ""
        if kind.may_be_plain and observation.status in FINAL and quantity is not None and quantity.code == "mg/dL":
            value, subject = quantity.value, observation.subject
            if type(value) is float and _LEAST <= value < _MOST and quantity.comparator is None and subject is not None:
                if subject.reference != owner:
                    owner = subject.reference
                    own = is_own[owner]
                mg_dl = int(value + 0.5)
                placed = day_minute(stamp) if own else None
        if placed is None:
            rest.append((observation, full_url, kind))
        elif kind.sensor:
            sensor.append(new(SensorReading, (placed[0], placed[1], mg_dl)))
            if stamp > newest:
                newest, latest = stamp, [observation]
            elif stamp == newest:
                latest.append(observation)
        elif observation.encounter is not None or observation.extension or observation.id is None:
            rest.append((observation, full_url, kind))  # a stick with more to it than its value
        else:
            name = f"Observation/{observation.id}"
            reading = new(GlucoseReading, (placed[0], placed[1], mg_dl, kind.before_meal, name, "", False))
            facts.add_test(reading, (placed[0], placed[1], mg_dl, kind.code))
    for each in latest:
        facts.note_newest_sensor(newest, each)
    return rest
