"""The command report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from cds_service.cli.common import Refused
from cds_service.cli.store import current_store, day_of
from cds_service.cli.terminal import progress, wrapped
from cds_service.engine.plain_text import day_text
from cds_service.services.report.assemble import PERIODS, report


@click.command("report", short_help="Writes a report on the stored orders: page and CSV.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--since", metavar="DATE", help="Only calls received since this day (YYYY-MM-DD).")
@click.option("--by", type=click.Choice(PERIODS), default="week", show_default=True, help="What outcomes are added by.")
@click.option("--small-cells", is_flag=True, help="Show counts of 1 to 10 as well; else they are hidden.")
def report_command(folder: Path, since: str | None, by: str, small_cells: bool) -> None:
    """Writes what the store holds, as a page (report.html) and CSV files, into FOLDER; nobody is named in it.

    Counts of 1 to 10 are hidden, unless --small-cells or the setting report_small_cells shows them.
    """
    from cds_service.web.report_page import report_files

    settings, store = current_store()
    day, created = day_of(since), datetime.now(UTC)
    repository = store.repository()
    try:
        with progress("Reading the store") as reading:
            rows = reading.counted(repository.determinations_since(day))
            feedback = repository.feedback_since(day)
            result = report(rows, feedback, by, small_cells=small_cells or settings.report_small_cells)
    except SQLAlchemyError as error:
        raise Refused(f"the store cannot be read ({type(error).__name__})") from None
    span = f"since {day_text(day)}" if day else f"up to {day_text(created.date())}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in report_files(result, span, f"{day_text(created.date())}, {created:%H:%M} UTC").items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{folder} cannot be written ({error.strerror})") from None
    click.echo(wrapped(result.headline))
    for sentence in result.sentences:
        click.echo(wrapped(sentence))
    click.echo(f"\nWritten: {folder / 'report.html'} and {len(result.tables)} CSV files")
