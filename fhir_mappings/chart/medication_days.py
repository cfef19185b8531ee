"""The days that a medication resource covers: its own start and end, and the last day of its supply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from fhir_mappings.chart.context import ChartContext
from fhir_mappings.common import units
from fhir_mappings.common.datatypes import Dosage
from fhir_mappings.json.clinical_views import MedicationDispense, MedicationRequest, MedicationStatement

AnyDrug = MedicationRequest | MedicationStatement | MedicationDispense
ACTIVE_OR_COMPLETED = frozenset({"active", "completed", "in-progress"})
_STILL_RUNNING = ("active", "in-progress")
_MOST_FILLS = 99


@dataclass(frozen=True, slots=True)
class CoveredDays:
    """`end`: the last stated day; None means open-ended when `live`, else unknown.

    `live`: it is running, or it was completed with a known last day. False for stopped and paused orders.
    """

    start: date | None
    end: date | None
    supplied_until: date | None
    live: bool


def covered_days(resource: AnyDrug, lines: list[Dosage], course: int | None, context: ChartContext) -> CoveredDays:
    """First and last day; `course`: days that the directions bound themselves to."""
    bounds = [
        context.calendar.period(line.timing.repeat.boundsPeriod) for line in lines if line.timing and line.timing.repeat
    ]
    starts = [start for start, _ in bounds if start]
    written, supplied = _date_and_supply(resource, context)
    start = min(starts, default=None) or written
    ends = [end for _, end in bounds if end]
    # A running order ends with its last line; one that was stopped, on the latest day that any line names.
    whole = len(ends) == len(lines) or resource.status not in _STILL_RUNNING
    end = _named_end(resource, ends if whole else [], context)
    if end is None:
        end = _last_day(start, course)
    supplied_until = _last_day(max(filter(None, (start, written)), default=None), supplied)
    if resource.status in _STILL_RUNNING and not isinstance(resource, MedicationDispense):
        return CoveredDays(start, end, supplied_until, True)
    if resource.status in ACTIVE_OR_COMPLETED:
        end = end or supplied_until
        return CoveredDays(start, end, supplied_until, end is not None)
    return CoveredDays(start, end, supplied_until, False)


def _named_end(resource: AnyDrug, ends: list[date], context: ChartContext) -> date | None:
    """The latest day of its bounds, its validity (of an order that no longer runs), the period of a statement."""
    named: list[date | None] = list(ends)
    if isinstance(resource, MedicationStatement):
        named.append(context.calendar.period(resource.effectivePeriod)[1])
    if isinstance(resource, MedicationRequest) and resource.status not in _STILL_RUNNING and resource.dispenseRequest:
        named.append(context.calendar.period(resource.dispenseRequest.validityPeriod)[1])
    return max((day for day in named if day), default=None)


def _last_day(start: date | None, days: int | None) -> date | None:
    """The last of so many days from a day."""
    if start is None or days is None:
        return None
    try:
        return start + timedelta(days=days - 1)
    except OverflowError:
        return None


def _date_and_supply(resource: AnyDrug, context: ChartContext) -> tuple[date | None, int | None]:
    """The day on which it was written or handed over, and the days that it supplies."""
    if isinstance(resource, MedicationRequest):
        when = context.when(resource.authoredOn)
        supply = resource.dispenseRequest
        each_fill = units.whole_days(supply.expectedSupplyDuration) if supply else None
        fills = 1 + max(0, (supply.numberOfRepeatsAllowed or 0)) if supply else 1
        return (when.last if when else None), each_fill * min(fills, _MOST_FILLS) if each_fill else None
    if isinstance(resource, MedicationDispense):
        when = context.when(resource.whenHandedOver, resource.whenPrepared)
        return (when.last if when else None), units.whole_days(resource.daysSupply)
    when = context.when(resource.effectiveDateTime, resource.effectivePeriod, resource.dateAsserted)
    # A statement made on a day with a period since earlier: the period's own start counts.
    start, _ = context.calendar.period(resource.effectivePeriod)
    return start or (when.last if when else None), None
