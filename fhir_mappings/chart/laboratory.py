"""Observation → one laboratory result, converted to the policy's unit."""

from __future__ import annotations

from collections.abc import Callable

from cds_service.concepts import Concept
from cds_service.facts import LabResult, Unusable, When
from fhir_mappings.chart.context import ChartContext
from fhir_mappings.common import labels, terminology, units
from fhir_mappings.common.datatypes import Quantity
from fhir_mappings.json.clinical_views import Observation

FINAL = frozenset({"final", "amended", "corrected"})
PENDING = frozenset({"preliminary", "registered"})
# What no measured quantity reaches, and a float still holds.
_LARGEST = 10**12


def effective_time(observation: Observation, context: ChartContext) -> When | None:
    """When a result was drawn or measured, else when it was issued."""
    when = context.when(observation.effectiveDateTime, observation.effectiveInstant, observation.effectivePeriod)
    return when or context.when(observation.issued)


def _effective(observation: Observation, name: str, context: ChartContext) -> When | None:
    when = context.when(observation.effectiveDateTime, observation.effectiveInstant, observation.effectivePeriod)
    if when is None:
        when = context.when(observation.issued)
        context.note(f"{name} has no effective date; {'its issue date stands in' if when else 'it cannot be placed'}")
    return when


def quantity_of(observation: Observation) -> Quantity | None:
    """The number of an Observation, whichever value element it stands in."""
    if observation.valueQuantity is not None:
        return observation.valueQuantity
    if observation.valueInteger is not None:
        whole = observation.valueInteger
        return Quantity(value=float(whole) if abs(whole) < _LARGEST else None)
    return None


def result(
    observation: Observation,
    name: str,
    concepts: frozenset[Concept],
    context: ChartContext,
    convert: Callable[[Quantity], units.ConvertedQuantity],
    *,
    sure: bool = False,
) -> LabResult:
    """One result through a unit conversion; text is kept for the reader and never compared.

    `sure`: a sure code says what it is, though it stands for none of our concepts.
    """
    quantity = quantity_of(observation) or Quantity()
    if quantity_of(observation) is not None:
        read = convert(quantity)
    else:
        concept = observation.valueCodeableConcept
        text = observation.valueString or (labels.label(concept) if concept else "")
        read = units.ConvertedQuantity(None, "", text[:60], Unusable.TEXT_ONLY if text else Unusable.NO_VALUE)
    if read.note:
        context.note(f"{name}: {read.note}")
    if read.unusable in (Unusable.IMPLAUSIBLE, Unusable.WRONG_UNIT, Unusable.NO_VALUE):
        context.note(f"{name} not used: {read.unusable.value}{f' ({read.shown})' if read.shown else ''}")
    if observation.status in PENDING:
        context.note(f"{name} is pending: status {observation.status}")
    unusable = read.unusable
    if not (concepts or sure) and (
        unusable is None or (unusable is Unusable.WRONG_UNIT and not units.unit_of(quantity))
    ):
        unusable = Unusable.NAMED_ONLY
        context.note(f"{name} is named by a local code or in words only: {labels.label(observation.code)[:60]}")
    return LabResult(
        reference=name,
        when=_effective(observation, name, context),
        concepts=concepts,
        label=labels.label(observation.code, concepts),
        value=read.value,
        comparator=read.comparator,
        shown=read.shown,
        unusable=unusable,
        pending=observation.status in PENDING,
    )


def hba1c(observation: Observation, name: str, concepts: frozenset[Concept], context: ChartContext) -> LabResult:
    """HbA1c in % NGSP."""
    codes = {coding.code for coding in terminology.codings(observation.code)}

    def convert(quantity: Quantity) -> units.ConvertedQuantity:
        return units.hba1c(
            quantity,
            unit_required=Concept.HBA1C not in concepts,
            ifcc_by_code="59261-8" in codes and "4548-4" not in codes,
            fraction_by_code="71875-9" in codes,
        )

    return result(observation, name, concepts, context, convert)


def albumin_creatinine(
    observation: Observation, name: str, concepts: frozenset[Concept], context: ChartContext
) -> LabResult:
    """Albumin-creatinine ratio in mg/g."""
    mass_ratio = any("Mass Ratio" in terminology.display_of(c) for c in terminology.codings(observation.code))

    def convert(quantity: Quantity) -> units.ConvertedQuantity:
        return units.albumin_creatinine(quantity, mass_ratio=mass_ratio)

    return result(observation, name, concepts, context, convert)


def days(quantity: Quantity) -> units.ConvertedQuantity:
    """A number of days."""
    value = units.number(quantity.value)
    if value is None:
        return units.ConvertedQuantity(None, "", "", Unusable.NO_VALUE)
    return units.ConvertedQuantity(float(value), "", f"{value:f} days")
