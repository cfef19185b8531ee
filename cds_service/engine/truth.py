"""Three-valued truth: a criterion is met, not met, or unknown."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Truth(StrEnum):
    """The truth of a criterion. Absence of data is UNKNOWN, never NOT_MET."""

    __hash__ = str.__hash__

    MET = "met"
    NOT_MET = "not-met"
    UNKNOWN = "unknown"


MET, NOT_MET, UNKNOWN = Truth.MET, Truth.NOT_MET, Truth.UNKNOWN


def all_of(truths: Iterable[Truth]) -> Truth:
    """Conjunction: not-met dominates, then unknown. All of nothing is met."""
    seen = set(truths)
    if NOT_MET in seen:
        return NOT_MET
    return UNKNOWN if UNKNOWN in seen else MET


def any_of(truths: Iterable[Truth]) -> Truth:
    """Disjunction: met dominates, then unknown. Any of nothing is not met."""
    seen = set(truths)
    if MET in seen:
        return MET
    return UNKNOWN if UNKNOWN in seen else NOT_MET
