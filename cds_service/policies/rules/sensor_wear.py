"""Whether a continuous glucose sensor was worn in the window of self-tests, and on how many of its days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from cds_service.engine.days import within
from cds_service.engine.finding import Evidence
from cds_service.engine.plain_text import day_text
from cds_service.engine.truth import NOT_MET
from cds_service.facts import LabResult
from cds_service.policies.rules.case import Case, cite, usable


@dataclass(frozen=True, slots=True)
class SensorWear:
    """Evidence that a sensor was worn. `days`: on how many days of the window."""

    shown: str
    days: int
    evidence: tuple[Evidence, ...]


def sensor_wear(case: Case, start: date, end: date) -> SensorWear | None:
    """A sensor worn in the days from `start` to `end`; None when nothing shows one.

    Shown by a reading coded or named as a sensor's, by days of implausible rate, by stated days of wear, by a
    summary of sensor data, or by a sensor among the current orders and active devices.
    """
    by_rate = {day for day in case.glucose.implausible_days if start <= day <= end}
    coded = {r.day for r in case.chart.sensor if start <= r.day <= end}
    stated = [r for r in case.chart.sensor_wear if r.value and _touches(r, case, start)]
    signs = [s for s in case.chart.sensor_signs if _touches(s, case, start) or _is_current(s, case)]
    if not (coded or stated or signs) and len(by_rate) < case.parameters["implausible_days_of_a_sensor"]:
        return None
    days = max((_days_of(r, start, end) for r in stated), default=0)
    read = coded | by_rate
    evidence = tuple(cite(r, r.shown) for r in stated) + tuple(cite(s, s.label) for s in signs[:3])
    if read:
        number = sum(start <= r.day <= end for r in case.glucose.sensor)
        readings = "1 reading" if number == 1 else f"{number:,} readings"
        last = Evidence(case.chart.sensor_reference, f"{readings} of a sensor", f"{start}/{end}")
        evidence = (*([last] if case.chart.sensor_reference else ()), *evidence)
        shown = f"a glucose sensor was worn on {len(read)} of {(end - start).days + 1} days ({readings})"
        return SensorWear(shown, max(days, len(read)), evidence)
    if stated:
        last_stated = stated[-1]
        day = f" ({day_text(last_stated.when)})" if last_stated.when else ""
        return SensorWear(f"{last_stated.shown} of sensor wear are charted{day}", days, evidence)
    return SensorWear(f"a glucose sensor is charted ({signs[-1].label}) without its days of wear", 0, evidence)


def _touches(record: object, case: Case, start: date) -> bool:
    when = getattr(record, "when", None)
    return when is not None and within(when, start, case.as_of) is not NOT_MET


def _is_current(record: object, case: Case) -> bool:
    """Whether a sign is a device or order, which stand until they are ended; a report is of its own time only."""
    reference, when = getattr(record, "reference", ""), getattr(record, "when", None)
    return not reference.startswith("Observation/") and usable(when, case.as_of)


def _days_of(stated: LabResult, start: date, end: date) -> int:
    """The fewest of the stated days of wear that lie in the window.

    Days without a date are assumed to lie outside the window, as far as the period of the statement reaches there.
    Without a period the statement is of the days up to its date.
    """
    worn = int(stated.value or 0)
    if stated.when is None:
        return 0
    first, last = stated.when.first, stated.when.last
    if first == last:
        first = last - timedelta(days=max(worn - 1, 0))
    inside = (min(last, end) - max(first, start)).days + 1
    outside = (last - first).days + 1 - max(inside, 0)
    return max(min(worn - outside, inside), 0)
