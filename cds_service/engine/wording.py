"""The sentences of a policy as data: `{parameter}` placeholders stand for numbers, so that each stands in one place.

How a placeholder is written out:

| placeholder | value | text |
|---|---|---|
| `{months}` | 6 | 6 |
| `{months:words}`, `{months:Words}` | 6 | six, Six |
| `{months:months}`, `{months:Words months}` | 6; 1 | 6 months, Six months; 1 month, One month |
| `{days:last}` | 30; 60 | last month; last 60 days |
| `{minute:hhmm}` | 120 | 02:00 |
| `{minute:hour}`, `{minute:hour am}` | 120 | 2, 2 am |
| `{states:states}` | GA, OH | Georgia and Ohio |
| `{version}` | a day | May 1, 2026 |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from string import Formatter
from typing import Any

from cds_service.engine.plain_text import day_text
from cds_service.engine.states import STATE_NAMES

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MINUTES_OF_HALF_A_DAY = 12 * 60
# A noun with its plural's s, after the way in which the number is written.
_COUNTED = re.compile(r"(?:(words|Words) )?([a-z][a-z -]*s)")
# A window of so many days is called a month.
_DAYS_OF_A_MONTH = range(28, 32)


class _Fill(Formatter):
    """Writes values as people do; every other format is Python's own."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if not format_spec:
            return shown(value)
        write = _FORMATS.get(format_spec)
        if write is not None:
            return write(value)
        noun = _COUNTED.fullmatch(format_spec)
        if noun is None:
            return str(super().format_field(value, format_spec))
        return f"{_FORMATS[noun[1]](value) if noun[1] else shown(value)} {noun[2][:-1] if value == 1 else noun[2]}"


_FILL = _Fill()


def fill(text: str, values: Mapping[str, Any]) -> str:
    """A sentence with its placeholders filled. KeyError for a placeholder that names no value."""
    return _FILL.vformat(text, (), values) if "{" in text else text


def shown(value: Any) -> str:
    """A parameter's value for people: 7.0 is 7, a list is joined, true is yes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(item) for item in value)
    if isinstance(value, date):
        return day_text(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def number_in_words(value: float) -> str:
    """A small whole number in words, others in digits."""
    whole = int(value)
    return _NUMBERS[whole] if whole == value and 0 <= whole < len(_NUMBERS) else shown(value)


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 day`, `1,234 days`, `2 batteries`. `many`: a plural that is not made with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def clock_time(minute: int) -> str:
    """A minute of the day as on a clock of 24 hours: 120 is 02:00."""
    return f"{int(minute) // 60:02d}:{int(minute) % 60:02d}"


def cut_to(text: str, most: int) -> str:
    """A text of at most so many characters, with an ellipsis where it was longer."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def last_days(days: int) -> str:
    """A window that ends with the day before: the last month, where it is as long as one."""
    return "last month" if days in _DAYS_OF_A_MONTH else f"last {days} days"


def listed(words: Iterable[str], last: str = "and") -> str:
    """Words as a list in a sentence, each once: `a`, `a and b`, `a, b and c`."""
    *head, tail = dict.fromkeys(words)
    return f"{', '.join(head)} {last} {tail}" if head else tail


def _hour(minute: int) -> str:
    """A minute of the day as an hour of half a day: 120 is 2, 150 is 2:30."""
    hour, rest = divmod(int(minute) % _MINUTES_OF_HALF_A_DAY, 60)
    return f"{hour or 12}:{rest:02d}" if rest else f"{hour or 12}"


def _hour_am(minute: int) -> str:
    return f"{_hour(minute)} {'am' if int(minute) < _MINUTES_OF_HALF_A_DAY else 'pm'}"


def _states(codes: Iterable[str]) -> str:
    return listed(STATE_NAMES.get(code, code) for code in codes)


_FORMATS: dict[str, Callable[[Any], str]] = {
    "words": number_in_words,
    "Words": lambda value: number_in_words(value).capitalize(),
    "last": last_days,
    "hhmm": clock_time,
    "hour": _hour,
    "hour am": _hour_am,
    "states": _states,
}
