"""A duty that comes back: something has to happen at least every so many months for as long as a benefit runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from cds_service.engine.days import months_after
from cds_service.facts import When


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """The newest event that counts, and the last day until which it fulfils the duty."""

    last: When
    until: date


def fulfilled_until(events: Iterable[When], as_of: date, months: int) -> Fulfilment | None:
    """The newest event on or before a day with the last day that it is good for; None where there is none.

    An event is good for so many calendar months: one of January 15 until April 15, both included. Of a partial date the
    first day counts, since no more is sure.
    """
    past = [when for when in events if when.first <= as_of]
    if not past:
        return None
    newest = max(past, key=lambda when: (when.first, when.last))
    return Fulfilment(newest, months_after(newest.first, months))


def is_due(fulfilment: Fulfilment | None, as_of: date) -> bool:
    """Whether the duty is not fulfilled on a day."""
    return fulfilment is None or fulfilment.until < as_of
