"""Groups records and readings of low glucose into events: coded records, meter readings, sensor readings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

from cds_service.facts import Diagnosis, GlucoseReading, Record, SensorReading, Visit, When
from cds_service.policies.rules.case import Case

_MINUTES_OF_DAY = 24 * 60


@dataclass(slots=True)
class Episode:
    """Coded records that count as one event. `merged`: they are of different days and may be two events."""

    records: list[Record] = field(default_factory=list)
    merged: bool = False

    @property
    def when(self) -> When:
        """When the first record was; every record of an episode has a date."""
        when = self.records[0].when
        assert when is not None
        return when


def coded_episodes(records: Iterable[Record], hours: int) -> list[Episode]:
    """Records as episodes, by date; records without a date cannot be placed and are left out.

    Records of one visit, or on the same or consecutive days, are one episode, measured from its first record; both
    with times more than so many hours apart are two.
    """
    episodes: list[Episode] = []
    for record in sorted(_one_per_visit(records), key=by_time):
        latest = episodes[-1] if episodes else None
        if latest is None or not may_follow(last_moment(latest.records[0]), record, hours):
            episodes.append(Episode([record]))
            continue
        latest.merged |= _day(latest.records[0]) != _day(record) or any(map(_is_partial, (latest.records[0], record)))
        latest.records.append(record)
    return episodes


def _one_per_visit(records: Iterable[Record]) -> list[Record]:
    """Dated records: of a visit and the diagnoses that belong to it the visit alone, of its diagnoses the first."""
    dated = sorted((record for record in records if record.when is not None), key=by_time)
    visits = [record for record in dated if isinstance(record, Visit)]
    of_visits = {reference for visit in visits for reference in visit.diagnoses}
    seen = {visit.reference for visit in visits}
    kept: list[Record] = [*visits]
    for record in dated:
        if isinstance(record, Diagnosis) and record.reference not in of_visits and record.encounter not in seen:
            kept.append(record)
            seen |= {record.encounter} if record.encounter else set()
    return kept


def by_time(record: Record) -> tuple[date, str, str]:
    """Sorts dated records."""
    when = record.when
    assert when is not None
    return when.first, str(when.clock or ""), record.reference


def may_follow(end: When, later: Record, hours: int) -> bool:
    """Whether a record may begin within so many hours of an end: by the times where both have one, else by the days."""
    begin, apart = later.when, timedelta(hours=hours)
    assert begin is not None
    if begin.first - end.last > timedelta(days=1) * -(-hours // 24):
        return False
    ended, began = _instant(end), _instant(begin)
    return ended is None or began is None or began - ended <= apart


def last_moment(record: Record) -> When:
    """When a record's event was over, as far as the chart tells: the end of a visit, else its own date."""
    when, end = record.when, record.end if isinstance(record, Visit) else None
    assert when is not None
    return end if end is not None and end.last >= when.last else when


def _instant(when: When) -> datetime | None:
    return datetime.combine(when.first, when.clock) if when.clock is not None else None


def _day(record: Record) -> date | None:
    return record.when.first if record.when is not None else None


def _is_partial(record: Record) -> bool:
    return record.when is not None and not isinstance(record, Visit) and record.when.first != record.when.last


# ---------------------------------------------------------------- meter and sensor


def meter_lows(case: Case, level: int, window: str) -> list[GlucoseReading]:
    """Finger-sticks below a level in the months before the day, by time."""
    start = case.months_ago(window)
    near = [r for r in case.glucose.self_tests if r.mg_dl is not None and r.mg_dl <= level]  # few are
    return [r for r in near if r.below(level) and start <= r.day <= case.as_of]


def meter_events(lows: Sequence[GlucoseReading], minutes: int) -> list[GlucoseReading]:
    """The first reading of each event: lows within so many minutes of the one before are one event."""
    events: list[GlucoseReading] = []
    before: int | None = None
    for reading in lows:
        at = _minute(reading)
        if before is None or at is None or at - before > minutes:
            events.append(reading)
        before = at
    return events


def _minute(reading: GlucoseReading) -> int | None:
    return None if reading.minute is None else _minute_of_calendar(reading.day, reading.minute)


@dataclass(frozen=True, slots=True)
class SensorLow:
    """A run of sensor readings below a level: its first day, the nights that it touches."""

    day: date
    nights: frozenset[date]


def sensor_lows(case: Case) -> list[SensorLow]:
    """Runs of low sensor readings that last long enough, in the months before the day."""
    p = case.parameters
    start, interval = case.months_ago("hypoglycemia_window_months"), p["sensor_reading_minutes"]
    runs = _runs(case.glucose.sensor, p["sensor_low_level"], p["sensor_gap_minutes"])
    lasting = [run for run in runs if _lasts(run, interval) >= p["sensor_low_minutes"]]
    lows = [SensorLow(_day_of(run[0]), _nights(run, p["night_until_minute"])) for run in lasting]
    return [low for low in lows if start <= low.day <= case.as_of]


def _runs(readings: Sequence[SensorReading], level: int, gap: int) -> list[list[int]]:
    """Minutes of readings below the level that follow each other; one at or above it, or a longer pause, ends a run."""
    low = sorted(
        {
            _minute_of_calendar(r.day, r.minute)
            for r in readings
            if r.mg_dl is not None and r.mg_dl < level and r.minute is not None
        }
    )
    if not low:
        return []
    # Thousands of readings: no call for each.
    high = {
        day.toordinal() * _MINUTES_OF_DAY + minute
        for day, minute, mg_dl in readings
        if mg_dl is not None and mg_dl >= level and minute is not None
    }
    runs = [[low[0]]]
    for before, at in pairwise(low):
        if at - before > gap or not high.isdisjoint(range(before, at + 1)):
            runs.append([])
        runs[-1].append(at)
    return runs


def _minute_of_calendar(day: date, minute: int) -> int:
    """A minute of a day, counted from the first day of the calendar."""
    return day.toordinal() * _MINUTES_OF_DAY + minute


def _day_of(place: int) -> date:
    return date.fromordinal(place // _MINUTES_OF_DAY)


def _nights(run: Sequence[int], until: int) -> frozenset[date]:
    return frozenset(_day_of(at) for at in run if at % _MINUTES_OF_DAY < until)


def _lasts(run: Sequence[int], interval: int) -> int:
    """Minutes that a run lasts; the last reading counts for as long as the one before it, at most one interval."""
    return run[-1] - run[0] + min(interval, run[-1] - run[-2]) if len(run) > 1 else 0
