"""The command report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from cds_service.cli.store import StoreRefused, current_store, day_of
from cds_service.services.report import PERIODS, report


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--since", metavar="DATE", help="Only calls received since this day (YYYY-MM-DD).")
@click.option("--by", type=click.Choice(PERIODS), default="week", show_default=True, help="What outcomes are added by.")
def report_command(folder: Path, since: str | None, by: str) -> None:
    """Writes what the store holds, as a page (report.html) and CSV files, into FOLDER; nobody is named in it."""
    from cds_service.web.report_page import report_files

    _, store = current_store()
    day, created = day_of(since), datetime.now(UTC)
    repository = store.repository()
    try:
        result = report(repository.determinations_since(day), repository.feedback_since(day), by)
    except SQLAlchemyError as error:
        raise StoreRefused(f"the store cannot be read ({type(error).__name__})") from None
    span = f"since {day}" if day else f"up to {created:%Y-%m-%d}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in report_files(result, span, f"{created:%Y-%m-%d %H:%M} UTC").items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreRefused(f"{folder} cannot be written ({error.strerror})") from None
    click.echo(f"written: {folder / 'report.html'} and {len(result.tables)} CSV files")
