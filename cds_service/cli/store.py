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
from cds_service.cli.common import Refused
from cds_service.cli.terminal import progress, row, wrapped
from cds_service.engine.wording import counted, cut_to
from cds_service.errors import BadRequest, BadSetting
from cds_service.policies.registry import policy_named
from cds_service.services.feedback_statistics import feedback_statistics
from cds_service.services.replay_call import replayed
from cds_service.services.report.outcomes import OUTCOME_LABELS
from cds_service.services.report.tables import csv_of
from cds_service.store.database import is_current, upgrade
from cds_service.store.store import Store, open_store


def _open_store() -> tuple[settings_module.Settings, Store]:
    try:
        settings = settings_module.load()
        store = open_store(settings)
    except BadSetting as error:
        raise Refused(str(error)) from None
    if store is None:
        raise Refused("PUMP_CDS_DATABASE_URL is `off`: nothing is stored")
    return settings, store


def current_store() -> tuple[settings_module.Settings, Store]:
    """The settings and the store, with current tables; Refused when it cannot be used."""
    settings, store = _open_store()
    if not store.is_ready():
        raise Refused("the store is not reached, or not migrated: insulin-pump-cds db upgrade")
    return settings, store


def day_of(since: str | None) -> date | None:
    """The day of --since; Refused when it is no date."""
    try:
        return date.fromisoformat(since) if since else None
    except ValueError:
        raise Refused("--since must be a day such as 2026-11-01") from None


@click.group()
def db() -> None:
    """Creates, migrates and prunes the store."""


@db.command("upgrade")
def db_upgrade() -> None:
    """Creates the tables, or migrates them to this version."""
    _, store = _open_store()
    was = is_current(store.engine)
    try:
        with progress("Migrating the store"):
            upgrade(store.engine)
    except (SQLAlchemyError, OSError) as error:
        raise Refused(f"the store cannot be migrated ({type(error).__name__})") from None
    click.echo("the store is up to date" if was else "the store was migrated")


@db.command("prune")
@click.option("--days", type=click.IntRange(0), help="Keep so many days; default: PUMP_CDS_RETENTION_DAYS.")
def db_prune(days: int | None) -> None:
    """Deletes calls and feedback that are older than the retention, and expired tokens."""
    settings, store = current_store()
    kept = settings.retention_days if days is None else days
    with progress("Deleting"):
        calls, tokens = store.repository().prune(datetime.now(UTC) - timedelta(days=kept), time.time())
    click.echo(f"deleted {counted(calls, 'call')} older than {kept} days and {counted(tokens, 'ended token')}")


@click.command(short_help="Answers a stored call again: is the answer the same?")
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
        with progress("Answering again"):
            result = replayed(store.repository(), call_id, body, settings, open_client if fetch else None)
    except OSError as error:
        raise Refused(f"{request_file} cannot be read ({error.strerror})") from None
    except (BadRequest, BadSetting, LookupError) as error:
        raise Refused(f"{request_file}: {error}") from None
    for line in result.lines:
        click.echo(wrapped(line))
    sys.exit(0 if result.same else 1)


@click.command(short_help="Prints how often cards were accepted or overridden.")
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
        click.echo(csv_of(list(columns), [[each[name] for name in columns] for each in rows]), nl=False)
    else:
        click.echo("\n".join(_table(rows, columns)) if rows else "no feedback")


_WIDTHS = {"outcome": 22, "policy": 14, "about": 30, "accepted": 10, "overridden": 12, "reasons": 0}


def _columns(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Columns with their widths; the policy's column only where there are several policies."""
    several = len({each["policy"] for each in rows} - {""}) > 1
    return {name: width for name, width in _WIDTHS.items() if several or name != "policy"}


def _table(rows: list[dict[str, Any]], columns: dict[str, int]) -> list[str]:
    """The rows for people: outcomes and sections by what they are called."""
    head = "".join(name.ljust(width) for name, width in columns.items()).rstrip()
    return [head, *(_line({**each, **_in_words(each)}, columns) for each in rows)]


def _line(values: dict[str, Any], columns: dict[str, int]) -> str:
    *first, last = columns
    return row([(str(values[name]), columns[name]) for name in first], str(values[last])).rstrip()


def _in_words(values: dict[str, Any]) -> dict[str, str]:
    outcome = values["outcome"]
    policy = policy_named(values["policy"])
    section = policy.sections.get(values["about"]) if policy is not None else None
    title = cut_to(section.title, _WIDTHS["about"] - 2) if section is not None else values["about"]
    return {
        "outcome": OUTCOME_LABELS.get(outcome, outcome),
        "about": title,
        "reasons": values["reasons"].replace("-", " "),
    }
