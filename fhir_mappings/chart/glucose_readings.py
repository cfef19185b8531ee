"""Observation → finger-sticks: what is a self-test, when it was, what it read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from cds_service.concepts import Concept
from cds_service.facts import GlucoseReading, OtherReading, ReadingOrigin, Unusable
from fhir_mappings.chart.context import ChartContext
from fhir_mappings.chart.laboratory import quantity_of
from fhir_mappings.chart.observation_facts import ObservationFacts
from fhir_mappings.common import labels, terminology, units
from fhir_mappings.common.datatypes import Quantity
from fhir_mappings.common.unit_spellings import Unit, unit_named
from fhir_mappings.json.clinical_views import Observation

# A unit that is not known by name may be an odd spelling of one of these.
_GLUCOSE_UNITS = (Unit.MG_PER_DL, Unit.MMOL_PER_L, None)
_BEFORE_MEAL = re.compile(rb'"(?:ac[mdv]?|[^"]*(?:before|pre-?meal|preprandial|fasting)[^"]*)"')


def is_daily_test_count(observation: Observation) -> bool:
    """Whether an Observation is a number of self-tests a day (unit /d) and not a glucose value."""
    quantity = quantity_of(observation)
    return quantity is not None and quantity.code != "mg/dL" and unit_named(units.unit_of(quantity)) is Unit.PER_DAY


def daily_test_count(quantity: Quantity) -> units.ConvertedQuantity:
    """Self-tests a day; with a comparator such as `>` the number is not used."""
    value = units.number(quantity.value)
    if value is None or quantity.comparator:
        return units.ConvertedQuantity(None, "", units.shown(quantity), Unusable.NO_VALUE)
    return units.ConvertedQuantity(float(value), "", f"{value:f} a day")


def read_glucose(
    observation: Observation,
    name: str,
    concepts: frozenset[Concept],
    origin: ReadingOrigin,
    context: ChartContext,
    facts: ObservationFacts,
    *,
    visit_unread: bool = False,
) -> None:
    """Adds a reading to the facts: as a finger-stick, or as an other reading with the reason why it is not one."""
    quantity = quantity_of(observation)
    has_number = quantity is not None and quantity.value is not None and not units.is_odd_number(quantity.value)
    has_value = has_number or bool(observation.valueString or observation.valueCodeableConcept)
    placed = local_day_and_minute(observation, context)
    if placed is None or not has_value:
        context.add_repeated_note(name, f"not counted: {'it has no day' if has_value else 'it has no value'}")
        if placed is None:
            return
        origin = ReadingOrigin.WITHOUT_VALUE
    elif quantity is not None and unit_named(units.unit_of(quantity)) not in _GLUCOSE_UNITS:
        context.add_repeated_note(name, "not counted: its unit is of another kind")
        origin = ReadingOrigin.OTHER_UNIT
    value = _glucose_value(observation, quantity) if quantity is not None else None
    codings = terminology.codings(observation.code)
    codes = codings[0].code if len(codings) == 1 else tuple(sorted(c.code or "" for c in codings))
    key = (*placed, value if value is not None else observation.valueString, codes)
    if origin is not ReadingOrigin.SELF_TEST:
        facts.add_other(OtherReading(placed[0], origin, name, labels.label(observation.code, concepts)), key)
        return
    comparator = units.glucose_comparator(quantity) if quantity is not None else ""
    if comparator is None:
        value, comparator = None, ""
    before_meal = _before_meal(observation, concepts)
    facts.add_test(GlucoseReading(*placed, value, before_meal, name, comparator, visit_unread), key)


def local_day_and_minute(observation: Observation, context: ChartContext) -> tuple[date, int | None] | None:
    """The local day and minute of a reading; None when it has no day."""
    period = observation.effectivePeriod
    stamps: Iterable[str | None] = (
        observation.effectiveDateTime,
        observation.effectiveInstant,
        period.start if period is not None else None,
        observation.issued,
    )
    stamp = next((each for each in stamps if each), None)
    return context.calendar.day_minute(stamp) if stamp else None


def _glucose_value(observation: Observation, quantity: Quantity) -> int | None:
    """Glucose in mg/dL; without a unit the code says whether it is mass or moles."""
    if quantity.code or quantity.unit:
        return units.glucose_mg_dl(quantity)
    by_moles = any("Moles" in terminology.display_of(c) for c in terminology.codings(observation.code))
    return units.glucose_mg_dl(quantity, moles_by_code=by_moles)


def _before_meal(observation: Observation, concepts: frozenset[Concept]) -> bool:
    if Concept.GLUCOSE_BEFORE_MEAL in concepts:
        return True
    extension = bytes(observation.extension).lower() if observation.extension else b""
    return b"meal" in extension and bool(_BEFORE_MEAL.search(extension))
