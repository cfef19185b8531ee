"""Counts as a page shows them: small ones are hidden, and with them whatever would tell them."""

from __future__ import annotations

from collections.abc import Sequence

# CMS publishes no count of 1 to 10 people.
LEAST = 11
HIDDEN = f"<{LEAST}"
COVERED = "hidden"


def shown_counts(counts: Sequence[int], *, small_cells: bool, total_is_shown: bool = True) -> list[str]:
    """Counts that add up to a total, as texts.

    A count of 1 to 10 is hidden. Where only one is, the total would tell it: the next larger one is hidden too.
    `total_is_shown` False: the counts do not add up to a number that is shown.
    """
    if small_cells:
        return [f"{count:,}" for count in counts]
    texts = [f"{count:,}" if count == 0 or count >= LEAST else HIDDEN for count in counts]
    if total_is_shown and texts.count(HIDDEN) == 1:
        others = [at for at, count in enumerate(counts) if count >= LEAST]
        if others:
            texts[min(others, key=lambda at: counts[at])] = COVERED
    return texts


def shown_count(count: int, *, small_cells: bool) -> str:
    """One count that stands alone."""
    return shown_counts([count], small_cells=small_cells, total_is_shown=False)[0]


def share(text: str, count: int, total: int) -> str:
    """The share of a total beside a count; none where the count is hidden."""
    if text in (HIDDEN, COVERED) or not total:
        return ""
    part = 100 * count / total
    return f"{part:.0f}%" if part >= 10 or part == 0 else f"{part:.1f}%"
