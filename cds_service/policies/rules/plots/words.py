"""How numbers and days of a plot are put into words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from cds_service.engine.plain_text import capitalized, period_text
from cds_service.policies.rules.case import Case

# More rows than these are summed up: nobody reads a table of thousands.
MOST_ROWS = 60


def days_in_words(days: Iterable[date]) -> str:
    """Days in words, neighbors joined: `Nov 1, 2026; Nov 5 to Nov 7, 2026`."""
    runs: list[tuple[date, date]] = []
    for day in sorted(days):
        if runs and day - runs[-1][1] == timedelta(days=1):
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return "; ".join(period_text(first, last) for first, last in runs)


def not_whole(case: Case, *sections: str) -> list[str]:
    """A warning where the chart could not be read whole, so that what is not drawn may still exist."""
    return ["the chart could not be read in full, so there may be more"] if case.not_read(*sections) else []


def sentences(parts: Sequence[str]) -> str:
    """Sentences joined, empty ones left out; each begins with a capital letter and ends with a full stop."""
    return " ".join(f"{capitalized(part)}." for part in parts if part)
