"""Glucose readings: finger-sticks, a sensor's, and what is neither. Values are in whole mg/dL."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import NamedTuple


class GlucoseReading(NamedTuple):
    """One finger-stick: day, minute of the day (None without a time), whole mg/dL (None if not readable)."""

    day: date
    minute: int | None
    mg_dl: int | None
    before_meal: bool
    reference: str
    comparator: str = ""
    visit_unread: bool = False  # taken at a visit that the call does not hold

    def below(self, level: int) -> bool:
        """Whether every value that the reading allows lies below `level`."""
        if self.mg_dl is None or self.comparator in (">", ">="):
            return False
        return self.mg_dl < level or (self.comparator == "<" and self.mg_dl == level)

    def above(self, level: int) -> bool:
        """Whether every value that the reading allows lies above `level`."""
        if self.mg_dl is None or self.comparator in ("<", "<="):
            return False
        return self.mg_dl > level or (self.comparator == ">" and self.mg_dl == level)


class ReadingOrigin(StrEnum):
    """Where a glucose reading comes from; the values say why it counts as no self-test."""

    SELF_TEST = "taken at home"
    SENSOR = "from a glucose sensor"
    LABORATORY = "filed by a laboratory"
    POINT_OF_CARE = "measured by staff at an office visit"
    HOSPITAL = "measured at a hospital or emergency visit"
    VISIT_UNREAD = "from a visit whose kind could not be read"
    NAMED_ONLY = "under a local code or in words only"
    PENDING = "still preliminary"
    ANOTHER_PATIENT = "of another patient"
    WITHOUT_VALUE = "without a value"
    OTHER_UNIT = "in a unit that is not one of glucose"


# Readings of which only a person can say whether they are self-tests.
OPEN_ORIGINS = frozenset({ReadingOrigin.VISIT_UNREAD, ReadingOrigin.NAMED_ONLY})


class OtherReading(NamedTuple):
    """A glucose reading that is not counted as a self-test, with where it comes from and what the chart calls it."""

    day: date
    origin: ReadingOrigin
    reference: str
    label: str = ""


class SensorReading(NamedTuple):
    """One sensor reading: day, minute of the day, whole mg/dL. Thousands of them: no reference is kept."""

    day: date
    minute: int | None
    mg_dl: int | None

    def above(self, level: int) -> bool:
        """Whether the reading lies above `level`."""
        return self.mg_dl is not None and self.mg_dl > level
