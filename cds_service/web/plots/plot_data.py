"""The data of a chart plot: what is worked out from the chart, and then drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from cds_service.engine.truth import Truth
from cds_service.facts import LabResult

FINGER_STICKS, SENSOR = "finger-sticks", "sensor readings"


@dataclass(frozen=True, slots=True)
class Point:
    """One result: the days in which it lies, within the plot; % NGSP; whether it is above the threshold."""

    first: date
    last: date
    value: float
    shown: str
    side: Truth
    result: LabResult


class Spot(NamedTuple):
    """One reading with a time: when, mg/dL, as it is shown, whether it lies above the level."""

    day: str
    minute: int
    mg_dl: int
    shown: str
    above: bool


class Box(NamedTuple):
    """The readings of one hour of the day: how many (`size`), and their percentiles in mg/dL."""

    hour: int
    size: int
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float


@dataclass(frozen=True, slots=True)
class Kind:
    """The readings of a meter or of a sensor; with `boxes` they are drawn as these, else as points."""

    name: str
    spots: tuple[Spot, ...]
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """One order: its days, both included, `end` None where it runs on; whether it counts and can be read."""

    label: str
    injections: str
    start: date
    end: date | None
    for_pump: bool
    readable: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days from `start` up to, not including, `end` of the unbroken run; `bridged`: a gap that does not break it."""

    start: date
    end: date
    bridged: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is drawn. `mark`: the day by which the run must have begun; `goal`: injections a day."""

    bars: tuple[Bar, ...]
    run: tuple[Stretch, ...]
    first: date
    as_of: date
    mark: date
    months: int
    goal: float
