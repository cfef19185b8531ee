"""Hides small counts of a table with row and column sums, so that no hidden count can be computed from shown ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cds_service.services.population.small_cells import COVERED, HIDDEN, LEAST

Place = tuple[int, int]


def is_small(count: float) -> bool:
    """Whether a count is of so few that it is not shown: 1 to 10."""
    return 0 < count < LEAST


def cell(count: int, *, small_cells: bool) -> int | str:
    """A count that stands alone, or what stands in its place."""
    return HIDDEN if is_small(count) and not small_cells else count


def hidden_places(counts: Sequence[Sequence[int]]) -> dict[Place, str]:
    """What stands in place of which counts, by row and column.

    `counts`: rows with their sum in the last column; the sums add up to a number that is shown as well. A row, or the
    column of sums, in which one number alone is hidden would tell it: the next larger one is hidden too.
    """
    hidden = {(i, j): HIDDEN for i, row in enumerate(counts) for j, count in enumerate(row) if is_small(count)}
    while True:
        place = next(_revealed(counts, hidden), None)
        if place is None:
            return hidden
        hidden[place] = COVERED


def _revealed(counts: Sequence[Sequence[int]], hidden: Mapping[Place, str]) -> Iterator[Place]:
    """Counts to hide as well: one more in each row or sum column in which one hidden number could be computed."""
    rows = [[(i, j) for j in range(len(row))] for i, row in enumerate(counts)]
    for line in (*rows, [row[-1] for row in rows]):
        if sum(place in hidden for place in line) == 1:
            others = [(i, j) for i, j in line if (i, j) not in hidden and counts[i][j]]
            if others:  # the smallest; a sum, which is never smaller than what it adds up, only where there is no other
                yield min(others, key=lambda place: (counts[place[0]][place[1]], place[1]))
