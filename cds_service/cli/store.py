"""Commands on the store: db, replay, feedback."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from cds_service import settings as settings_module
from cds_service.errors import BadRequest, BadSetting
from cds_service.services.feedback_statistics import feedback_statistics
from cds_service.services.replay_call import replayed
from cds_service.services.report.tables import csv_of
from cds_service.store.database import is_current, upgrade
from cds_service.store.store import Store, open_store


class StoreRefused(click.ClickException):
    """The store cannot be used as asked: one line on standard error, exit code 2."""

    exit_code = 2


def _store() -> tuple[settings_module.Settings, Store]:
    try:
        settings = settings_module.load()
        store = open_store(settings)
    except BadSetting as error:
        raise StoreRefused(str(error)) from None
    if store is None:
        raise StoreRefused("PUMP_CDS_DATABASE_URL is `off`: nothing is stored")
    return settings, store


def current_store() -> tuple[settings_module.Settings, Store]:
    """The settings and the store, with current tables; StoreRefused when it cannot be used."""
    settings, store = _store()
    if not store.is_ready():
        raise StoreRefused("the store is not reached, or not migrated: insulin-pump-cds db upgrade")
    return settings, store


def day_of(since: str | None) -> date | None:
    """The day of --since; StoreRefused when it is no date."""
    try:
        return date.fromisoformat(since) if since else None
    except ValueError:
        raise StoreRefused("--since must be a day such as 2026-11-01") from None


@click.group()
def db() -> None:
    """Creates, migrates and prunes the store."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Creates the tables, or migrates them to this version."""
    _, store = _store()
    was = is_current(store.engine)
    try:
        upgrade(store.engine)
    except (SQLAlchemyError, OSError) as error:
        raise StoreRefused(f"the store cannot be migrated ({type(error).__name__})") from None
    click.echo("the store is up to date" if was else "the store was migrated")


@db.command("prune")
@click.option("--days", type=click.IntRange(0), help="Keep so many days; default: PUMP_CDS_RETENTION_DAYS.")
def db_prune(days: int | None) -> None:
    """Deletes calls and feedback that are older than the retention, and expired tokens."""
    settings, store = current_store()
    kept = settings.retention_days if days is None else days
    calls, tokens = store.repository().prune(datetime.now(UTC) - timedelta(days=kept), time.time())
    click.echo(f"deleted {calls} calls older than {kept} days and {tokens} ended tokens")


@click.command()
@click.argument("call_id", metavar="ID")
@click.argument("request_file", metavar="REQUEST.json", type=click.Path(path_type=Path))
@click.option("--fetch", is_flag=True, help="Read what the request lacks from its fhirServer again.")
def replay(call_id: str, request_file: Path, fetch: bool) -> None:
    """Answers a stored call again, and says whether the answer is the same.

    ID is the call's id or its hook instance. Exit code 0 when the answer is the same, 1 when it is not.
    """
    from cds_service.ehr.client import open_client

    settings, store = current_store()
    try:
        body = request_file.read_bytes()
        result = replayed(store.repository(), call_id, body, settings, open_client if fetch else None)
    except OSError as error:
        raise StoreRefused(f"{request_file} cannot be read ({error.strerror})") from None
    except (BadRequest, BadSetting, LookupError) as error:
        raise StoreRefused(f"{request_file}: {error}") from None
    for line in result.lines:
        click.echo(line)
    sys.exit(0 if result.same else 1)


@click.command()
@click.option("--since", metavar="DATE", help="Only feedback received since this day (YYYY-MM-DD).")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def feedback(since: str | None, as_csv: bool, as_json: bool) -> None:
    """Prints acceptance and override reasons by outcome and criterion."""
    _, store = current_store()
    rows = feedback_statistics(store.repository().feedback_since(day_of(since)))
    columns = _columns(rows)
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif as_csv:
        click.echo(csv_of(list(columns), [[row[name] for name in columns] for row in rows]), nl=False)
    else:
        click.echo("\n".join(_table(rows, columns)) if rows else "no feedback")


_WIDTHS = {"outcome": 22, "policy": 14, "about": 14, "accepted": 9, "overridden": 11, "reasons": 0}


def _columns(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Columns with their widths; the policy's column only where there are several policies."""
    several = len({row["policy"] for row in rows} - {""}) > 1
    return {name: width for name, width in _WIDTHS.items() if several or name != "policy"}


def _table(rows: list[dict[str, Any]], columns: dict[str, int]) -> list[str]:
    head = "".join(name.ljust(width) for name, width in columns.items())
    return [head.rstrip(), *("".join(str(r[n]).ljust(w) for n, w in columns.items()).rstrip() for r in rows)]
