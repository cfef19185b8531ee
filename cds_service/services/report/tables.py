"""Tables and their CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

Cell = str | int | float | None
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns. `plotted`: columns of numbers in one `unit`, drawn by the first column.

    `labels`: what a page calls a column, where that is not its name; `values`: what a page calls the texts of a column.
    """

    name: str
    title: str
    says: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    plotted: tuple[str, ...] = ()
    unit: str = "orders"
    stacked: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    def without(self, *columns: str) -> Table:
        """The table without some of its columns; those that it does not have are passed over."""
        kept = [at for at, column in enumerate(self.columns) if column not in columns]
        rows = [tuple(row[at] for at in kept) for row in self.rows]
        return replace(self, columns=tuple(self.columns[at] for at in kept), rows=rows)

    def only(self, column: str, value: str) -> Table:
        """The rows that have this value in a column, without that column."""
        at = self.columns.index(column)
        return replace(self, rows=[row for row in self.rows if row[at] == value]).without(column)

    def label(self, column: str) -> str:
        """What a page calls a column."""
        return self.labels.get(column, column)


def csv_of(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """The rows with the column names first; what a client sent is no formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def _plain(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
