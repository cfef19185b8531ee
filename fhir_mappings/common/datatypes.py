"""FHIR data types, as far as any resource view uses them. Every field may be missing or null."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, TypeVar

from msgspec import Meta as Limits
from msgspec import Raw, Struct

T = TypeVar("T")
# No list of a real resource is longer: codings, directions and the like; payers and classes of one insurance.
MOST_ENTRIES, MOST_PAYERS = 1_000, 100
Several = Annotated[list[T], Limits(max_length=MOST_ENTRIES)]
Few = Annotated[list[T], Limits(max_length=MOST_PAYERS)]

# Whole numbers from here on are more than 64 bits hold without doubt.
_MOST_WHOLE = 10**18

# A raw field that the resource does not have: false, so that `if x.category` asks the right question.
NOTHING: Raw = b""  # type: ignore[assignment]


class Coding(Struct, gc=False):
    """FHIR Coding."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Struct, gc=False):
    """FHIR CodeableConcept."""

    coding: Several[Coding] | None = None
    text: str | None = None
    extension: Raw = NOTHING


class Identifier(Struct, gc=False):
    """FHIR Identifier."""

    system: str | None = None
    value: str | None = None


class Reference(Struct, gc=False):
    """FHIR Reference."""

    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Quantity(Struct, gc=False):
    """FHIR Quantity; some servers send the number as a string.

    `value`: an int or a float, a Decimal as precise as it was written, or a string.
    """

    value: Any = None
    comparator: str | None = None
    unit: str | None = None
    code: str | None = None

    def __post_init__(self) -> None:
        """What is no number that a float holds, and no string, is malformed: ValueError."""
        value = self.value
        if type(value) is int and -_MOST_WHOLE < value < _MOST_WHOLE:
            return
        if isinstance(value, Decimal):
            if not isfinite(float(value)) or (value and not float(value)):
                raise ValueError("a number that no float holds")
        elif value is not None and not isinstance(value, float | str):
            raise ValueError("a quantity's value is a number")


class Period(Struct, gc=False):
    """FHIR Period."""

    start: str | None = None
    end: str | None = None


class Range(Struct, gc=False):
    """FHIR Range."""

    low: Quantity | None = None
    high: Quantity | None = None


class Meta(Struct, gc=False):
    """What of meta tells two versions of one resource apart."""

    versionId: str | None = None
    lastUpdated: str | None = None


class Annotation(Struct, gc=False):
    """FHIR Annotation."""

    text: str | None = None


class Repeat(Struct, gc=False):
    """FHIR Timing.repeat, as far as a daily count needs it."""

    boundsPeriod: Period | None = None
    boundsDuration: Quantity | None = None
    boundsRange: Range | None = None
    frequency: float | None = None
    frequencyMax: float | None = None
    period: float | None = None
    periodMax: float | None = None
    periodUnit: str | None = None
    dayOfWeek: Several[str] | None = None
    timeOfDay: Several[str] | None = None
    when: Several[str] | None = None


class Timing(Struct, gc=False):
    """FHIR Timing."""

    repeat: Repeat | None = None
    code: CodeableConcept | None = None


class Dosage(Struct, gc=False):
    """FHIR Dosage; MedicationDispense and MedicationStatement share it."""

    text: str | None = None
    additionalInstruction: Several[CodeableConcept] | None = None
    patientInstruction: str | None = None
    timing: Timing | None = None
    asNeededBoolean: bool | None = None
    asNeededCodeableConcept: CodeableConcept | None = None
    route: CodeableConcept | None = None
