"""Day arithmetic that every rule shares: windows hold whole local days and include both ends."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import LabResult, When


def months_before(day: date, months: int) -> date:
    """The same day of the month, `months` calendar months earlier; the last of the month where it is short."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def months_after(day: date, months: int) -> date:
    """The same day of the month, `months` calendar months later; the last of the month where it is short."""
    return months_before(day, -months)


def days_before(day: date, days: int) -> date:
    """`days` calendar days earlier."""
    return day - timedelta(days=days)


def within(when: When | None, start: date, end: date) -> Truth:
    """Whether a finished event lies in the days from `start` to `end`, both included.

    A partial date is inside when all of it is (cut at `end`, since a finished event cannot lie later),
    outside when none of it is, else unknown. No date is unknown.
    """
    if when is None:
        return UNKNOWN
    if when.first > end or when.last < start:
        return NOT_MET
    return MET if when.first >= start else UNKNOWN


def compared(result: LabResult, threshold: float) -> Truth:
    """Whether every value that a result allows lies strictly above `threshold`.

    MET: all of them do; NOT_MET: none does; UNKNOWN: some may, or the result cannot be compared.
    """
    if result.value is None or result.unusable is not None:
        return UNKNOWN
    if result.comparator == "":
        return MET if result.value > threshold else NOT_MET
    if result.comparator in ("<", "<="):
        return UNKNOWN if result.value > threshold else NOT_MET
    surely_above = result.value >= threshold if result.comparator == ">" else result.value > threshold
    return MET if surely_above else UNKNOWN


def in_range(result: LabResult, low: float, high: float) -> Truth:
    """Whether a result lies from `low` to `high`, both included; a comparator counts where it decides."""
    if result.value is None or result.unusable is not None:
        return UNKNOWN
    value = result.value
    if result.comparator == "":
        return MET if low <= value <= high else NOT_MET
    if result.comparator in ("<", "<="):
        outside = value < low or (value == low and result.comparator == "<")
    else:
        outside = value > high or (value == high and result.comparator == ">")
    return NOT_MET if outside else UNKNOWN


def at_most(result: LabResult, limit: float) -> Truth:
    """Whether every value that a result allows is at most `limit`; NOT_MET: none is."""
    return {MET: NOT_MET, NOT_MET: MET, UNKNOWN: UNKNOWN}[compared(result, limit)]
