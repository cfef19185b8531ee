"""FHIR dates as local calendar days.

A dateTime with an offset other than Z is already local: its own clock counts. One with Z is converted to the
member's zone. One without a zone is kept, the member's zone is assumed. Partial dates are intervals.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import TypeVar
from zoneinfo import ZoneInfo

from cds_service.facts import When
from fhir_mappings.common.datatypes import Period

EASTERN, CENTRAL = "America/New_York", "America/Chicago"
# Georgia, Ohio and West Virginia lie in one zone; Indiana's corners are Central.
_STATE_ZONES = {"GA": EASTERN, "OH": EASTERN, "WV": EASTERN}
# Seconds, minutes-only times, `+0000` and `-00:00` are all seen in the wild.
_STAMP = re.compile(
    r"^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|z|[+-]\d{2}:?\d{2})?)?)?)?$"
)
# A zero offset is UTC, however it is spelt: no member of the policy's states keeps that clock.
_UTC_SPELLINGS = ("Z", "z", "+00:00", "-00:00", "-0000", "+0000")
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$", re.ASCII)
# Years before and after these stand for "unknown" or "for ever" (0001, 9999): day arithmetic would leave the calendar.
_FIRST_YEAR, _LAST_YEAR = 1800, 2999
_HOURS = {f"{between}{hour:02d}": hour * 60 for between in "T " for hour in range(24)}
_MINUTES = {f":{minute:02d}": minute for minute in range(60)}
# The same numbers for all: of thousands of readings each would hold one of its own.
_MINUTES_OF_DAY = tuple(range(24 * 60))
# Days, hours and clocks that are kept in one zone: two years of hours are fewer.
_MOST_KNOWN = 20_000
_LENGTH_OF_DATE = len("2026-11-25")
# The local day and the minute of it at which an hour begins.
_Hours = dict[str, tuple[date, int]]
K = TypeVar("K")
V = TypeVar("V")


@cache
def _central_zips() -> frozenset[str]:
    text = files(__package__).joinpath("indiana_central_zips.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def member_zone(state: str | None, postal_code: str | None, default: str) -> ZoneInfo:
    """The member's time zone where state and ZIP decide it, else the configured default."""
    if state == "IN" and postal_code:
        return ZoneInfo(CENTRAL if postal_code[:5] in _central_zips() else EASTERN)
    return ZoneInfo(_STATE_ZONES.get(state or "", default))


def _shift_from_utc(day: date, minute: int, ahead: int) -> tuple[date, int] | None:
    """A UTC time on a local clock that many minutes ahead; None when the hour that begins then crosses midnight."""
    days, local = divmod(minute + ahead, 24 * 60)
    if local > 23 * 60:
        return None
    try:
        return day + timedelta(days=days), local
    except OverflowError:
        return None


def _remember(known: dict[K, V], asked: K, answer: V) -> V:
    """Stores an answer in a cache and returns it; a full cache is emptied first."""
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[asked] = answer
    return answer


@cache
def calendar_of(zone: ZoneInfo) -> Calendar:
    """The one calendar of a zone."""
    return Calendar(zone)


class Calendar:
    """Reads FHIR dates in one time zone. What an hour of a day means there is kept: it is the same for everybody.

    Used by several threads at once: what is kept is asked for in one step, since it may be let go at any moment.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        """`zone` is the member's."""
        self.zone = zone
        self._days: dict[str, date] = {}
        self._midnights: dict[date, int] = {}
        self._hours: _Hours = {}
        self._hours_of_utc: _Hours = {}
        self._tails: dict[str, _Hours] = {}
        self._clocks: dict[str, tuple[int, _Hours]] = {}
        self._dates: dict[str, When] = {}

    def when(self, text: str | None) -> When | None:
        """A FHIR date, dateTime or instant as local days; None when missing or not a date."""
        if text is None or len(text) > _LENGTH_OF_DATE:
            return self._read(text)
        known = self._dates.get(text)
        if known is not None:
            return known
        found = self._read(text)
        return found if found is None else _remember(self._dates, text, found)

    def _read(self, text: str | None) -> When | None:
        stamp = _STAMP.match(text.strip()) if text else None
        if stamp is None:
            return None
        year, month, day, hour, minute, second, offset = stamp.groups()
        if not _FIRST_YEAR <= int(year) <= _LAST_YEAR:
            return None
        if second is not None and second > "60":  # FHIR allows leap seconds
            return None
        try:
            if month is None:
                return When(date(int(year), 1, 1), date(int(year), 12, 31))
            if day is None:
                last = monthrange(int(year), int(month))[1]
                return When(date(int(year), int(month), 1), date(int(year), int(month), last))
            whole = date(int(year), int(month), int(day))
            if hour is None:
                return When(whole, whole)
            return self._moment(whole, int(hour), int(minute), offset)
        except (ValueError, OverflowError):
            return None

    def _moment(self, day: date, hour: int, minute: int, offset: str | None) -> When:
        if hour == 24:  # the end of a day, as some systems write midnight
            day, hour = day + timedelta(days=1), 0
        if offset in _UTC_SPELLINGS:
            local = datetime.combine(day, time(hour, minute), UTC).astimezone(self.zone)
            return When(local.date(), local.date(), local.time())
        return When(day, day, time(hour, minute))

    def day_minute(self, text: str) -> tuple[date, int | None] | None:
        """Local day and minute of the day; None for partial dates and for what is no date.

        The quick way for thousands of readings, with the same answers as `when`: a stamp is its hour
        (`2026-11-25T10`) and its clock (`:05:00Z`), and each is understood once, however many readings share it.
        """
        clock = self._clocks.get(text[13:]) or self._clock(text[13:])
        if clock is not None:
            minute, hours = clock
            hour = hours.get(text[:13]) or self._hour(text[:13], hours)
            if hour is not None:
                return hour[0], _MINUTES_OF_DAY[hour[1] + minute]
        return self._read_in_full(text)

    def _clock(self, text: str) -> tuple[int, _Hours] | None:
        """The minute of a clock, and the hours that stand before such clocks; None when it has to be read in full."""
        minute, hours = _MINUTES.get(text[:3]), self._tails.get(text[3:])
        if minute is None or hours is None:
            return None
        return _remember(self._clocks, text, (minute, hours))

    def _hour(self, text: str, hours: _Hours) -> tuple[date, int] | None:
        """The local day and minute at which an hour begins; None when it has to be read in full."""
        day, minute = self._days.get(text[:10]) or self._day(text[:10]), _HOURS.get(text[10:])
        if day is None or minute is None:
            return None
        found: tuple[date, int] | None = (day, minute)
        if hours is self._hours_of_utc:
            ahead = self._minutes_ahead(day)
            found = self._hour_of_utc(day, minute) if ahead is None else _shift_from_utc(day, minute, ahead)
        return found if found is None else _remember(hours, text, found)

    def _day(self, text: str) -> date | None:
        if not _DAY.match(text) or not _FIRST_YEAR <= int(text[:4]) <= _LAST_YEAR:
            return None
        try:
            return _remember(self._days, text, date.fromisoformat(text))
        except ValueError:
            return None

    def _minutes_ahead(self, day: date) -> int | None:
        """How far the local clock is ahead of UTC on the whole of a day of UTC; None when that changes on the day."""
        try:
            begin, end = self._ahead_at(day), self._ahead_at(day + timedelta(days=1))
        except OverflowError:
            return None
        return begin if begin == end else None

    def _ahead_at(self, day: date) -> int | None:
        """The same at the midnight of UTC at which a day begins; None where it is no whole number of minutes."""
        known = self._midnights.get(day)
        if known is not None:
            return known
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        ahead = midnight.astimezone(self.zone).utcoffset() or timedelta()
        minutes, rest = divmod(ahead, timedelta(minutes=1))
        return None if rest else _remember(self._midnights, day, minutes)

    def _hour_of_utc(self, day: date, minute: int) -> tuple[date, int] | None:
        """The same for an hour of a day on which the local clock changes; None when it does so within the hour."""
        first = datetime(day.year, day.month, day.day, minute // 60, tzinfo=UTC)
        try:
            begin, end = (moment.astimezone(self.zone) for moment in (first, first + timedelta(minutes=59)))
        except OverflowError:
            return None
        local = begin.hour * 60 + begin.minute
        steady = end.date() == begin.date() and end.hour * 60 + end.minute - local == 59
        return (begin.date(), local) if steady else None

    def _read_in_full(self, text: str) -> tuple[date, int | None] | None:
        when = self.when(text)
        if when is None or when.first != when.last:
            return None
        if when.clock is None:
            return when.first, None
        stamp = _STAMP.match(text)
        if stamp is not None and stamp[4] != "24":
            _remember(self._tails, text[16:], self._hours_of_utc if stamp[7] in _UTC_SPELLINGS else self._hours)
        return when.first, when.clock.hour * 60 + when.clock.minute

    def period(self, period: Period | None) -> tuple[date | None, date | None]:
        """First and last day of a period; None where it is open."""
        if period is None:
            return None, None
        start, end = self.when(period.start), self.when(period.end)
        return (start.first if start else None), (end.last if end else None)
