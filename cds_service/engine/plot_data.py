"""What a page draws about a criterion: numbers and words, free of any drawing.

How a plot is drawn goes by the class of its `data`: web/plots has a drawing for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from cds_service.engine.truth import Truth


@dataclass(frozen=True, slots=True)
class DayCounts:
    """A count for each day. `what` is counted; `goal`: as many are wanted, None where none is; `name`: of all columns,
    where there is no goal."""

    counts: Mapping[date, int]
    what: str
    name: str
    goal: float | None = None


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One result: the days in which it lies, within the plot; its value; on which side of the threshold it is.

    `bounded`: it was reported with a comparator, so its text says more than its place.
    """

    first: date
    last: date
    value: float
    shown: str
    above: Truth
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class Trend:
    """Results over time against a threshold, all in one unit."""

    points: tuple[TrendPoint, ...]
    start: date
    end: date
    threshold: float
    quantity: str
    unit: str


class Spot(NamedTuple):
    """One reading with a time: its day, minute and value, as it is shown, whether it lies above the level."""

    day: str
    minute: int
    value: int
    shown: str
    above: bool


class HourBox(NamedTuple):
    """The readings of one hour of the day: how many (`size`), and their percentiles."""

    hour: int
    size: int
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


@dataclass(frozen=True, slots=True)
class ReadingKind:
    """Readings of one origin, drawn as `boxes` where there are any, else as points. `chief`: the origin that counts."""

    name: str
    spots: tuple[Spot, ...]
    boxes: tuple[HourBox, ...] = ()
    chief: bool = True


@dataclass(frozen=True, slots=True)
class HoursOfDay:
    """Readings by hour of the day against a level; `marked`: first minute of a marked span and the next one after."""

    kinds: tuple[ReadingKind, ...]
    marked: tuple[int, int]
    marked_name: str
    level: float
    quantity: str
    unit: str


@dataclass(frozen=True, slots=True)
class OrderBar:
    """One order: its days, both included, `end` None where it runs on; whether it counts and can be read."""

    label: str
    amount: str
    start: date
    end: date | None
    aside: bool
    readable: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days from `start` up to, not including, `end` of an unbroken run; `bridged`: a gap that does not break it."""

    start: date
    end: date
    bridged: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """Orders over time. `mark`: the day by which the run must have begun, `months` before `as_of`, None where a policy
    asks for none; `run_name`: what the run is of."""

    bars: tuple[OrderBar, ...]
    run: tuple[Stretch, ...]
    first: date
    as_of: date
    mark: date | None
    months: int
    run_name: str


@dataclass(frozen=True, slots=True)
class PlotData:
    """One plot. `words` is its text alternative: what a sighted reader sees. The table holds the same numbers."""

    section: str
    title: str
    data: DayCounts | Trend | HoursOfDay | Timeline
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
