"""The quick way for what nearly all glucose readings are: the patient's, final, at a minute, in plain mg/dL.

A month of a sensor is 8,640 of them. Whatever is not plain is left to be read in full, with the same result.
"""

from __future__ import annotations

from datetime import date

from cds_service.facts import GlucoseReading
from fhir_mappings.clinical_views import Observation
from fhir_mappings.context import ChartContext
from fhir_mappings.glucose_readings import ObservationFacts
from fhir_mappings.laboratory import FINAL
from fhir_mappings.references import Whose

# Whole mg/dL that need no decimal arithmetic: half a unit is rounded up, and from 3,000 on units.py has to look.
_LEAST, _MOST = 0.5, 3000
Plain = tuple[date, int | None, int]


class PlainReadings:
    """Reads plain glucose readings of one chart."""

    def __init__(self, context: ChartContext) -> None:
        """`context`: whose chart it is, and its calendar."""
        self._whose = context.identity.whose
        self._day_minute = context.calendar.day_minute
        self._own: set[str] = set()

    def read(self, observation: Observation) -> Plain | None:
        """Day, minute and whole mg/dL of a plain reading; None when it has to be read in full."""
        quantity, stamp, subject = observation.valueQuantity, observation.effectiveDateTime, observation.subject
        if quantity is None or stamp is None or subject is None or observation.status not in FINAL:
            return None
        value = quantity.value
        if type(value) is not float or quantity.code != "mg/dL" or quantity.comparator is not None:
            return None
        if subject.reference not in self._own and not self._is_own(observation):
            return None
        placed = self._day_minute(stamp)
        if placed is None or not _LEAST <= value < _MOST:
            return None
        return placed[0], placed[1], int(value + 0.5)

    def _is_own(self, observation: Observation) -> bool:
        subject = observation.subject
        if subject is None or subject.reference is None or self._whose(subject) is not Whose.PATIENT:
            return False
        self._own.add(subject.reference)
        return True


def add_plain_test(
    observation: Observation, reading: Plain, code: str | None, facts: ObservationFacts, *, before_meal: bool
) -> bool:
    """Adds a finger-stick with nothing beside its value, as `read_glucose` would; False when it has to look."""
    if observation.encounter is not None or observation.extension or observation.id is None:
        return False
    facts.add_test(GlucoseReading(*reading, before_meal, f"Observation/{observation.id}"), (*reading, code))
    return True
