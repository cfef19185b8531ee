"""What a connection of SQLite is prepared with."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cds_service.store import database


class Busy(sqlite3.Connection):
    """A database that another process switches over: for a while it says that it is locked, without waiting."""

    refusals = 0

    def cursor(self, *_: Any, **__: Any) -> Any:
        return super().cursor(_BusyCursor)


class _BusyCursor(sqlite3.Cursor):
    def execute(self, statement: str, *parameters: Any) -> Any:
        if "journal_mode" in statement and Busy.refusals > 0:
            Busy.refusals -= 1
            raise sqlite3.OperationalError("database is locked")
        return super().execute(statement, *parameters)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3.dbapi2, "connect", lambda *given, **named: connect(*given, factory=Busy, **named))
    return f"sqlite:///{tmp_path / 'store.sqlite3'}"


def test_a_switch_that_another_process_is_at_is_waited_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Busy, "refusals", 3)
    with database.open_engine(url).connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 5000
    assert Busy.refusals == 0


def test_a_database_that_stays_locked_is_said_to_be(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Busy, "refusals", 1_000_000)
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.1)
    with pytest.raises(SQLAlchemyError, match="locked"), database.open_engine(url).connect():
        pass
