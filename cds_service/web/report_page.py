"""The report as files: one page that needs nothing beside it, and a CSV for each table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from markupsafe import Markup

from cds_service.engine.plain_text import day_text, unbroken
from cds_service.services.population.small_cells import COVERED, HIDDEN
from cds_service.services.report.assemble import Report
from cds_service.services.report.outcomes import CHECKED
from cds_service.services.report.tables import Cell, Table, csv_of
from cds_service.web.plots.report_plots import draw_bars, draw_columns
from cds_service.web.standalone_page import standalone_page

_NOT_TOLD = "small counts together"
_STYLES = ("style.css", "report.css")


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table as the page shows it: `id` is unique on the page, `numbers` are the columns that hold counts or times."""

    id: str
    table: Table
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[bool, ...]
    plot: Markup | None


def report_files(report: Report, span: str, created: str) -> dict[str, str]:
    """Names and texts of the files. `span`: the days that are reported, in words; `created`: when."""
    page = standalone_page(
        "report.html",
        _STYLES,
        report=report,
        span=span,
        created=created,
        parts=[(part, list(_tables_of(report, part.id))) for part in report.parts],
        common=list(_common_tables(report)),
        hidden=HIDDEN,
        covered=COVERED,
    )
    return {"report.html": page} | {f"{table.name}.csv": csv_of(table.columns, table.rows) for table in report.tables}


def _tables_of(report: Report, policy: str) -> Iterator[ShownTable]:
    """The tables of one policy: those that have rows by policy, but for what was said to cards."""
    for table in report.tables:
        if "policy" in table.columns and table.name != "feedback":
            own = table.only("policy", policy).without("section")
            if len(report.parts) == 1:
                yield _shown(own, table.name)
            else:
                yield _shown(replace(own, title=f"{table.title}, {policy}"), f"{table.name}-{policy}")


def _common_tables(report: Report) -> Iterator[ShownTable]:
    """The tables that are of all policies together."""
    for table in report.tables:
        if "policy" not in table.columns or table.name == "feedback":
            yield _shown(table if len(report.parts) > 1 else table.without("policy"), table.name)


def _shown(table: Table, name: str) -> ShownTable:
    numbers = tuple(
        any(isinstance(row[at], int | float) or row[at] in (HIDDEN, COVERED) for row in table.rows)
        for at in range(len(table.columns))
    )
    rows = tuple(tuple(_text(table, at, cell) for at, cell in enumerate(row)) for row in table.rows)
    columns = tuple(map(table.label, table.columns))
    return ShownTable(name, table, columns, rows, numbers, _drawn(table, name))


def _text(table: Table, at: int, cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return _period_text(table.columns[at], table.values.get(cell, cell))
    return f"{cell:,}"


def _period_text(column: str, text: str) -> str:
    """A day, or a month, as people write it; every other text as it is."""
    if column == "month":
        return day_text(date.fromisoformat(f"{text}-01")).replace(" 1,", "")
    return unbroken(day_text(date.fromisoformat(text))) if column in ("day", "week") else text


def _drawn(table: Table, name: str) -> Markup | None:
    """The plot; None where there is nothing to draw. What is hidden in the table is not drawn."""
    places = {column: table.columns.index(column) for column in table.plotted}
    series = {column: [_number(row[at]) for row in table.rows] for column, at in places.items()}
    series = {column: numbers for column, numbers in series.items() if any(numbers)}
    if not series:
        return None
    named = [at for at, column in enumerate(table.columns) if at == 0 or column == "policy"]
    labels = [" ".join(filter(None, (_text(table, at, row[at]) for at in named))) for row in table.rows]
    if table.name == "outcomes":
        rest = _not_told(table, series)
        drawn = series | ({_NOT_TOLD: rest} if any(rest) else {})
        return draw_columns(
            name, [label.partition(",")[0].replace("\u00a0", " ") for label in labels], drawn, table.unit, table.labels
        )
    filled = [at for at, numbers in enumerate(zip(*series.values(), strict=True)) if any(numbers)]
    kept = {column: [numbers[at] for at in filled] for column, numbers in series.items()}
    return draw_bars(name, [labels[at] for at in filled], kept, table.unit, table.labels, stacked=table.stacked)


def _not_told(table: Table, series: Mapping[str, Sequence[float]]) -> list[float]:
    """What is left of each row's sum, where that is shown, beside the counts that are shown."""
    sums = [_number(row[table.columns.index(CHECKED)]) for row in table.rows]
    shown = [sum(numbers) for numbers in zip(*series.values(), strict=True)]
    return [max(0.0, whole - part) for whole, part in zip(sums, shown, strict=True)]


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0
