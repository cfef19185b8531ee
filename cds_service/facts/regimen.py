"""FHIR-free words for a regimen of injected insulin: what acts how, at which times of day, how often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class InsulinAction(StrEnum):
    """How an insulin acts, as far as the rules care."""

    RAPID = "rapid-acting"
    SHORT = "short-acting"
    INTERMEDIATE = "intermediate-acting"
    LONG = "long-acting"
    PREMIX = "premixed"
    COMBINED = "with a GLP-1 agonist"
    UNSTATED = "of unstated action"


class Moment(StrEnum):
    """A time of the day at which insulin is injected."""

    __hash__ = str.__hash__

    BREAKFAST = "breakfast"
    LUNCH = "lunch"
    DINNER = "dinner"
    BEDTIME = "bedtime"


@dataclass(frozen=True, slots=True)
class InsulinOrder:
    """One order, dispense or statement of injected insulin.

    `certain`: scheduled injections a day that its lines show. `possible`: the most that they allow, as far as they
    state a ceiling; None when a line cannot be read. `no_ceiling`: how many as-needed or scale lines state none.
    `certain_at`: the times of day that the certain injections name; `moments`: those that any line names.
    `start` to `end` are the days that it covers: of a live order None means that it runs on, of one that has ended
    that the day is not known. `supplied_until` is the last day of what was supplied.
    `adjusts` quotes a ratio, correction, scale or as-needed bolus, `titrates` a dose range or words of titration.
    """

    reference: str
    ingredient: str
    label: str
    action: InsulinAction
    start: date | None
    end: date | None
    certain: float
    possible: float | None
    no_ceiling: int = 0
    certain_at: frozenset[Moment] = frozenset()
    moments: frozenset[Moment] = frozenset()
    as_needed: bool = False
    mixed: bool = False
    adjusts: str | None = None
    titrates: str | None = None
    at_meals: bool = False
    from_text: bool = False
    via_pump: bool = False
    live: bool = True
    status: str = "active"
    supplied_until: date | None = None
