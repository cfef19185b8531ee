"""FHIR date, dateTime and instant → local days. Offsets: New York is UTC-5, in summer UTC-4."""

from __future__ import annotations

from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.facts import When
from fhir_mappings.common import dates
from fhir_mappings.common.datatypes import Period
from fhir_mappings.common.dates import Calendar, member_zone

NEW_YORK = ZoneInfo("America/New_York")


def day(iso: str, clock: str | None = None) -> When:
    """One local day, with its clock where there is one."""
    return When(date.fromisoformat(iso), date.fromisoformat(iso), time.fromisoformat(clock) if clock else None)


def span(first: str, last: str) -> When:
    """An interval of days."""
    return When(date.fromisoformat(first), date.fromisoformat(last))


def same(found: When | None, expected: When | None) -> bool:
    """Equal with their clocks, which the comparison of When leaves out."""
    return found == expected and (found is None or expected is None or found.clock == expected.clock)


SPELLINGS = {
    "year": ("2026", span("2026-01-01", "2026-12-31")),
    "month": ("2026-04", span("2026-04-01", "2026-04-30")),
    "february": ("2026-02", span("2026-02-01", "2026-02-28")),
    "leap february": ("2028-02", span("2028-02-01", "2028-02-29")),
    "day": ("2026-05-01", day("2026-05-01")),
    "leap day": ("2028-02-29", day("2028-02-29")),
    "spaces around": (" 2026-05-01 ", day("2026-05-01")),
    "no zone is the member's": ("2026-05-01T09:30:00", day("2026-05-01", "09:30")),
    # 02:30 UTC - 4 h = 22:30 of the day before.
    "Z in summer": ("2026-05-01T02:30:00Z", day("2026-04-30", "22:30")),
    # 03:00 UTC - 5 h = 22:00 of the year before.
    "Z in winter": ("2026-01-01T03:00:00Z", day("2025-12-31", "22:00")),
    "lower-case z": ("2026-05-01T02:30:00z", day("2026-04-30", "22:30")),
    "fraction and Z": ("2026-05-01T02:30:00.123Z", day("2026-04-30", "22:30")),
    "fraction and offset": ("2026-05-01T02:30:00.5-04:00", day("2026-05-01", "02:30")),
    "+0000": ("2026-05-01T02:30:00+0000", day("2026-04-30", "22:30")),
    "-00:00": ("2026-05-01T02:30:00-00:00", day("2026-04-30", "22:30")),
    "own offset": ("2026-05-01T23:30:00-04:00", day("2026-05-01", "23:30")),
    "own offset of another zone": ("2026-05-01T23:30:00-07:00", day("2026-05-01", "23:30")),
    "own half-hour offset": ("2026-05-01T00:15:00+05:30", day("2026-05-01", "00:15")),
    "own offset without colon": ("2026-05-01T23:30:00-0400", day("2026-05-01", "23:30")),
    "minutes only, Z": ("2026-05-01T02:30Z", day("2026-04-30", "22:30")),
    "minutes only, own offset": ("2026-05-01T02:30-04:00", day("2026-05-01", "02:30")),
    "minutes only, no zone": ("2026-05-01T02:30", day("2026-05-01", "02:30")),
    "24:00 is the next midnight": ("2026-05-01T24:00:00", day("2026-05-02", "00:00")),
    # 24:00 UTC of 1 May = 00:00 UTC of 2 May = 20:00 of 1 May.
    "24:00 Z": ("2026-05-01T24:00:00Z", day("2026-05-01", "20:00")),
}


@pytest.mark.parametrize(("text", "expected"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_spelling(text: str, expected: When) -> None:
    found = Calendar(NEW_YORK).when(text)
    assert same(found, expected), found


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "yesterday", "05/01/2026", "20260501", "2026-5-1", "2026-13", "2026-00", "2026-02-29", "2026-04-31"),
        *("0000", "2026-05-01T", "2026-05-01T9:30Z", "2026-05-01T25:00:00Z", "2026-05-01T09:60:00Z", "2026-05-01Z"),
        *("9999-12-31T24:00:00Z", "2026-05-01T09:30:00Zulu", "T09:30", "2026-05-01T09:30:75Z"),
    ],
)
def test_nonsense_is_no_date(text: str) -> None:
    calendar = Calendar(NEW_YORK)
    assert calendar.when(text) is None
    assert calendar.day_minute(text) is None


def test_no_text_is_no_date() -> None:
    assert Calendar(NEW_YORK).when(None) is None


@pytest.mark.parametrize("spelling", ["Z", "z", "+00:00", "-00:00", "+0000", "-0000"])
def test_every_spelling_of_the_zero_offset_is_the_same_moment(spelling: str) -> None:
    # FHIR R4 dateTime (ISO 8601): Z stands for +00:00, so 02:30 UTC is 22:30 of 30 April in Ohio under each of them.
    found = Calendar(NEW_YORK).when(f"2026-05-01T02:30:00{spelling}")
    assert same(found, day("2026-04-30", "22:30")), found


# ---------------------------------------------------------------- zones

ZONES = {
    "Georgia": ("GA", "30303", "America/New_York"),
    "Ohio": ("OH", "43215", "America/New_York"),
    "West Virginia": ("WV", "25301", "America/New_York"),
    "Gary, Indiana": ("IN", "46402", "America/Chicago"),
    "Gary with ZIP+4": ("IN", "46402-1234", "America/Chicago"),
    "Evansville, Indiana": ("IN", "47708", "America/Chicago"),
    "Indianapolis, Indiana": ("IN", "46204", "America/New_York"),
    "Fort Wayne, Indiana": ("IN", "46802", "America/New_York"),
    "Indiana without ZIP": ("IN", None, "America/Denver"),
    "another state": ("CO", "80202", "America/Denver"),
    "no state": (None, None, "America/Denver"),
    "no state but a ZIP of Gary": (None, "46402", "America/Denver"),
}


@pytest.mark.parametrize(("state", "postal", "zone"), ZONES.values(), ids=ZONES.keys())
def test_zone_of_the_member(state: str | None, postal: str | None, zone: str) -> None:
    assert member_zone(state, postal, default="America/Denver").key == zone


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        # India is UTC+5:30: 18:15Z + 5:30 = 23:45, 18:45Z + 5:30 = 00:15 of the next day.
        ("Asia/Kolkata", "2026-05-01T18:15:00Z", day("2026-05-01", "23:45")),
        ("Asia/Kolkata", "2026-05-01T18:45:00Z", day("2026-05-02", "00:15")),
        # On 8 March 2026 New York's clock goes from 02:00 to 03:00 at 07:00Z.
        ("America/New_York", "2026-03-08T06:59:00Z", day("2026-03-08", "01:59")),
        ("America/New_York", "2026-03-08T07:00:00Z", day("2026-03-08", "03:00")),
        # On 1 November 2026 it goes back from 02:00 to 01:00 at 06:00Z: 01:30 comes twice.
        ("America/New_York", "2026-11-01T05:30:00Z", day("2026-11-01", "01:30")),
        ("America/New_York", "2026-11-01T06:30:00Z", day("2026-11-01", "01:30")),
        # Chicago is an hour behind: UTC-6, in summer UTC-5.
        ("America/Chicago", "2026-01-01T05:59:00Z", day("2025-12-31", "23:59")),
        ("America/Chicago", "2026-07-01T05:00:00Z", day("2026-07-01", "00:00")),
        # On 8 March 2026 Newfoundland (UTC-3:30) goes from 02:00 to 03:00 at 05:30Z, within an hour of UTC.
        ("America/St_Johns", "2026-03-08T05:15:00Z", day("2026-03-08", "01:45")),
        ("America/St_Johns", "2026-03-08T05:45:00Z", day("2026-03-08", "03:15")),
    ],
)
def test_conversion(zone: str, text: str, expected: When) -> None:
    calendar = Calendar(ZoneInfo(zone))
    assert same(calendar.when(text), expected)
    for minute in ("00", "15", "59"):  # other stamps of the same hour, which may be kept
        calendar.day_minute(text[:14] + minute + text[16:])
    assert expected.clock is not None
    assert calendar.day_minute(text) == (expected.first, expected.clock.hour * 60 + expected.clock.minute)


# ---------------------------------------------------------------- the quick way

OFFSETS = ("Z", "z", "-00:00", "+0000", "-0000", "-05:00", "-04:00", "+05:30", "-0330", "+14:00", "")
DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 30))


@st.composite
def stamps(draw: st.DrawFn) -> list[str]:
    """Several stamps of one or two days and hours, so that they share what the calendar keeps."""
    days = draw(st.lists(DAYS, min_size=1, max_size=2))
    hours = draw(st.lists(st.integers(0, 23), min_size=1, max_size=2))
    offsets = draw(st.lists(st.sampled_from(OFFSETS), min_size=1, max_size=3))
    one = st.builds(
        "{}T{:02}:{:02}:{:02}{}{}".format,
        st.sampled_from(days),
        st.sampled_from(hours),
        st.integers(0, 59),
        st.integers(0, 59),
        st.sampled_from(["", ".5", ".123"]),
        st.sampled_from(offsets),
    )
    return draw(st.lists(one, min_size=1, max_size=8))


@settings(max_examples=400, deadline=None)
@given(stamps(), st.sampled_from(["America/New_York", "America/Chicago", "Asia/Kolkata", "Asia/Kathmandu"]))
def test_the_quick_way_agrees_whatever_was_seen_before(texts: list[str], zone: str) -> None:
    warm = Calendar(ZoneInfo(zone))
    for text in texts:
        when = Calendar(ZoneInfo(zone)).when(text)
        assert when is not None
        assert when.clock is not None
        expected = when.first, when.clock.hour * 60 + when.clock.minute
        assert Calendar(ZoneInfo(zone)).day_minute(text) == expected
        assert warm.day_minute(text) == expected


@pytest.mark.parametrize(
    "text",
    ["2026-05-01T09:30:xx-04:00", "2026-05-01T09:30:00-nonsense", "2026-05-01T24:00:00-04:00", "2026-05-01T24:00:00Z"],
)
def test_an_odd_stamp_reads_the_same_whatever_was_seen_before(text: str) -> None:
    # The order of arrival never matters: a good stamp of that day must not change how an odd one reads.
    warm = Calendar(NEW_YORK)
    for good in ("2026-05-01T09:00:00-04:00", "2026-05-01T09:00:00Z", "2026-05-01T23:00:00Z"):
        warm.day_minute(good)
    assert warm.day_minute(text) == Calendar(NEW_YORK).day_minute(text)


def test_no_more_is_kept_than_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's stamps, however odd and however many, fill no memory and change no answer."""
    monkeypatch.setattr(dates, "_MOST_KNOWN", 3)
    small = Calendar(NEW_YORK)
    for minute in range(50):
        for number in range(1, 15):
            text = f"2026-03-{number:02}T{number + 6:02}:{minute:02}:{number:02}.{minute}Z"
            assert small.day_minute(text) == Calendar(NEW_YORK).day_minute(text)
            assert small.when(text[:10]) == day(text[:10])
    assert all(len(kept) <= 3 for kept in vars(small).values() if isinstance(kept, dict))


class _Emptied(dict[Any, Any]):
    """What another thread empties just after it was asked whether it holds something."""

    def __contains__(self, key: object) -> bool:
        held = super().__contains__(key)
        self.clear()
        return held


def test_what_is_kept_may_go_at_any_moment() -> None:
    calendar = Calendar(NEW_YORK)
    for name, kept in list(vars(calendar).items()):
        if isinstance(kept, dict):
            setattr(calendar, name, _Emptied())
    for _ in range(3):
        assert calendar.when("2026-03-02") == day("2026-03-02")
        assert calendar.day_minute("2026-03-02T12:30:00Z") == (date(2026, 3, 2), 7 * 60 + 30)
        assert calendar.day_minute("2026-03-02T17:30:00Z") == (date(2026, 3, 2), 12 * 60 + 30)


@pytest.mark.parametrize("text", ["2026", "2026-05"])
def test_partial_dates_have_no_day(text: str) -> None:
    assert Calendar(NEW_YORK).day_minute(text) is None


def test_a_day_without_time_has_no_minute() -> None:
    # A date without a time never counts for a time-of-day rule.
    assert Calendar(NEW_YORK).day_minute("2026-05-01") == (date(2026, 5, 1), None)


PERIODS = {
    "both ends": (Period("2026-01-05", "2026-02-10T23:30:00-05:00"), (date(2026, 1, 5), date(2026, 2, 10))),
    "partial ends reach as far as they may": (Period("2026-01", "2026-02"), (date(2026, 1, 1), date(2026, 2, 28))),
    "open end": (Period("2026-01-05", None), (date(2026, 1, 5), None)),
    "open start": (Period(None, "2026-01-05"), (None, date(2026, 1, 5))),
    "unreadable start": (Period("soon", "2026-01-05"), (None, date(2026, 1, 5))),
    "none": (None, (None, None)),
}


@pytest.mark.parametrize(("period", "expected"), PERIODS.values(), ids=PERIODS.keys())
def test_period(period: Period | None, expected: tuple[date | None, date | None]) -> None:
    assert Calendar(NEW_YORK).period(period) == expected
