"""Tables and their CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

Cell = str | int | float | None
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns. `plotted`: columns of numbers in one `unit`, drawn by the first column."""

    name: str
    title: str
    says: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    plotted: tuple[str, ...] = ()
    unit: str = "orders"
    stacked: bool = True

    def without(self, column: str) -> Table:
        """The table without one of its columns; as it is, where it has none of that name."""
        if column not in self.columns:
            return self
        at = self.columns.index(column)
        rows = [(*row[:at], *row[at + 1 :]) for row in self.rows]
        return replace(self, columns=(*self.columns[:at], *self.columns[at + 1 :]), rows=rows)


def csv_of(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """The rows with the column names first; what a client sent is no formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def _plain(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
