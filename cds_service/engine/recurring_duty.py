"""A duty that comes back: something has to happen at least every so often for as long as a benefit runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from cds_service.engine.days import months_after
from cds_service.facts import When

_INTERVAL = re.compile(r"(\d+) (month|day)s?")


@dataclass(frozen=True, slots=True)
class Interval:
    """So many calendar months, or so many days."""

    months: int = 0
    days: int = 0

    @classmethod
    def parsed(cls, text: str) -> Interval:
        """An interval as a parameter has it: `3 months` or `91 days`. ValueError for anything else."""
        match = _INTERVAL.fullmatch(text)
        if match is None:
            raise ValueError(f"an interval is so many months or days, such as 3 months: {text}")
        return cls(months=int(match[1])) if match[2] == "month" else cls(days=int(match[1]))

    def after(self, day: date) -> date:
        """The day on which it ends that begins on a day: January 15 and 3 months are April 15."""
        return months_after(day, self.months) + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """The newest event that counts, and the last day until which it fulfils the duty."""

    last: When
    until: date


def fulfilled_until(events: Iterable[When], as_of: date, interval: Interval) -> Fulfilment | None:
    """The newest event on or before a day with the last day that it is good for; None where there is none.

    Of a partial date the first day counts, since no more is sure.
    """
    past = [when for when in events if when.first <= as_of]
    if not past:
        return None
    newest = max(past, key=lambda when: (when.first, when.last))
    return Fulfilment(newest, interval.after(newest.first))


def is_due(fulfilment: Fulfilment | None, as_of: date) -> bool:
    """Whether the duty is not fulfilled on a day."""
    return fulfilment is None or fulfilment.until < as_of
