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
from zoneinfo import ZoneInfo

from cds_service.facts import When
from fhir_mappings.datatypes import Period

EASTERN, CENTRAL = "America/New_York", "America/Chicago"
# Georgia, Ohio and West Virginia lie in one zone; Indiana's corners are Central.
_STATE_ZONES = {"GA": EASTERN, "OH": EASTERN, "WV": EASTERN}
# Seconds, minutes-only times, `+0000` and `-00:00` are all seen in the wild.
_STAMP = re.compile(
    r"^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|z|[+-]\d{2}:?\d{2})?)?)?)?$"
)
# A zero offset is UTC, however it is spelt: no member of the policy's states keeps that clock.
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$", re.ASCII)
_UTC_SPELLINGS = ("Z", "z", "+00:00", "-00:00", "-0000", "+0000")


@cache
def _central_zips() -> frozenset[str]:
    text = files(__package__).joinpath("indiana_central_zips.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def member_zone(state: str | None, postal_code: str | None, default: str) -> ZoneInfo:
    """The member's time zone where state and ZIP decide it, else the configured default."""
    if state == "IN" and postal_code:
        return ZoneInfo(CENTRAL if postal_code[:5] in _central_zips() else EASTERN)
    return ZoneInfo(_STATE_ZONES.get(state or "", default))


class Calendar:
    """Reads FHIR dates in one time zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        """`zone` is the member's."""
        self.zone = zone
        self._bases: dict[str, tuple[date, int]] = {}
        self._tails: dict[str, bool] = {}

    def when(self, text: str | None) -> When | None:
        """A FHIR date, dateTime or instant as local days; None when missing or not a date."""
        stamp = _STAMP.match(text.strip()) if text else None
        if stamp is None:
            return None
        year, month, day, hour, minute, second, offset = stamp.groups()
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

        The quick way for thousands of readings, with the same answers as `when`: a day, an hour in UTC and the tail
        of a stamp are each looked at once, however many readings share them.
        """
        own = self._tails.get(text[16:])
        hour, minute = text[11:13], text[14:16]
        digits = hour.isdecimal() and minute.isdecimal() and hour < "24" and minute < "60"
        if own is None or not digits or text[10] not in "T " or text[13] != ":":
            return self._in_full(text)
        key = text[:10] if own else text[:13]
        base = self._bases.get(key)
        if base is None:
            base = self._base(key, own)
            if base is None:
                return self._in_full(text)
        return base[0], base[1] + int(minute) + (int(hour) * 60 if own else 0)

    def _base(self, key: str, own: bool) -> tuple[date, int] | None:
        """The local day and minute at which a day, or an hour of UTC, begins; None when it has to be read in full."""
        if not _DAY.match(key[:10]) or len(self._bases) > 20_000:
            return None
        try:
            day = date.fromisoformat(key[:10])
            if own:
                base = day, 0
            else:
                first = datetime(day.year, day.month, day.day, int(key[11:13]), tzinfo=UTC)
                begin, end = (t.astimezone(self.zone) for t in (first, first + timedelta(minutes=59)))
                base = begin.date(), begin.hour * 60 + begin.minute
                # Within an hour of UTC the local clock may cross midnight or change: such hours are read one by one.
                if end.date() != base[0] or end.hour * 60 + end.minute - base[1] != 59:
                    return None
        except (ValueError, OverflowError):
            return None
        self._bases[key] = base
        return base

    def _in_full(self, text: str) -> tuple[date, int | None] | None:
        when = self.when(text)
        if when is None or when.first != when.last:
            return None
        if when.clock is None:
            return when.first, None
        stamp = _STAMP.match(text)
        if stamp is not None and stamp[4] != "24" and len(self._tails) < 20_000:
            self._tails[text[16:]] = stamp[7] not in _UTC_SPELLINGS
        return when.first, when.clock.hour * 60 + when.clock.minute

    def period(self, period: Period | None) -> tuple[date | None, date | None]:
        """First and last day of a period; None where it is open."""
        if period is None:
            return None, None
        start, end = self.when(period.start), self.when(period.end)
        return (start.first if start else None), (end.last if end else None)
