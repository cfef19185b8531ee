"""The report as files: one page that needs nothing beside it, and a CSV for each table."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from cds_service.services.report import Report
from cds_service.services.report_tables import Table, csv_of
from cds_service.web.plots.report_plots import draw_bars, draw_columns


def report_files(report: Report, span: str, made: str) -> dict[str, str]:
    """Names and texts of the files. `span`: the days that are reported, in words; `made`: when."""
    pages = Environment(
        loader=PackageLoader("cds_service.web"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("cds_service.web").joinpath("static/style.css").read_text(encoding="utf-8")
    shown = [(table, _drawn(table)) for table in report.tables]
    page = pages.get_template("report.html").render(
        shown=shown, span=span, made=made, style=style, made_under=report.made_under
    )
    return {"report.html": page} | {f"{table.name}.csv": csv_of(table.columns, table.rows) for table in report.tables}


def _drawn(table: Table) -> Markup | None:
    """The plot; None where there is nothing to draw. A course of time is drawn for all policies together."""
    series = {name: [float(row[at] or 0) for row in table.rows] for name, at in _places(table).items()}
    if not any(any(numbers) for numbers in series.values()):
        return None
    if table.name == "outcomes":
        periods = [str(row[0]) for row in table.rows]
        labels = list(dict.fromkeys(periods))
        summed = {name: _summed(periods, numbers) for name, numbers in series.items()}
        return draw_columns(table.name, labels, summed, "orders")
    named = [at for at, column in enumerate(table.columns) if at == 0 or column == "policy"]
    labels = [" ".join(str(row[at]) for at in named) for row in table.rows]
    return draw_bars(table.name, labels, series, table.unit, stacked=table.stacked)


def _places(table: Table) -> dict[str, int]:
    """Which columns are drawn, and where they stand."""
    return {name: table.columns.index(name) for name in table.plotted}


def _summed(labels: Sequence[str], numbers: Sequence[float]) -> list[float]:
    """The sum for each label, in the order of the labels."""
    sums = dict.fromkeys(labels, 0.0)
    for label, number in zip(labels, numbers, strict=True):
        sums[label] += number
    return list(sums.values())
