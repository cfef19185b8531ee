"""The tables come from nothing, agree with what the code thinks they are, and go again."""

from __future__ import annotations

import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from cds_service.errors import BadSetting
from cds_service.settings import Settings
from cds_service.store import database
from cds_service.store.schema import metadata
from cds_service.store.store import Store, check_store, open_store

UPGRADE = """
import sys
from cds_service.store.database import is_current, open_engine, upgrade
engine = open_engine(sys.argv[1])
sys.stdin.readline()
upgrade(engine)
sys.exit(0 if is_current(engine) else 1)
"""


def test_up_from_nothing_and_down_again(empty: Engine) -> None:
    assert not database.is_current(empty)
    database.upgrade(empty)
    assert database.is_current(empty)
    assert set(metadata.tables) < set(inspect(empty).get_table_names())
    command.downgrade(database._configuration(empty), "base")
    assert not set(metadata.tables) & set(inspect(empty).get_table_names())
    assert not database.is_current(empty)
    database.upgrade(empty)
    assert database.is_current(empty)


def test_upgrading_what_is_current_changes_nothing(empty: Engine) -> None:
    database.upgrade(empty)
    database.upgrade(empty)
    assert database.is_current(empty)


def test_the_migrated_tables_are_those_of_the_code(empty: Engine) -> None:
    database.upgrade(empty)
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_processes_that_upgrade_at_once(url: str, empty: Engine) -> None:
    arguments = [sys.executable, "-c", UPGRADE, url]
    started = [subprocess.Popen(arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [(process.communicate(timeout=30)[1], process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * 4, "\n".join(words for words, _ in ended)
    assert database.is_current(empty)


def test_tables_of_a_later_version_are_an_error_of_the_database(empty: Engine) -> None:
    """So that whoever asks copes with it as with a database that is away."""
    database.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SQLAlchemyError):
        database.upgrade(empty)
    assert not database.is_current(empty)


def test_a_store_of_a_later_version_is_not_ready(tmp_path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/x.db", spool_folder=str(tmp_path / "spool"))
    store = open_store(settings)
    assert isinstance(store, Store)
    assert store.is_ready()
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store._ready = False
    assert not store.is_ready()


@pytest.mark.parametrize(
    "setting", ["nonsense", "oracle9://x", "mysql+nobody://x", "postgres://x", "://", "sqlite:/x y:"]
)
def test_a_url_that_cannot_be_used_is_named(setting: str) -> None:
    with pytest.raises(BadSetting, match="PUMP_CDS_DATABASE_URL"):
        database.open_engine(setting)


def test_a_database_that_is_away_is_not_current(tmp_path) -> None:
    engine = database.open_engine(f"sqlite:///{tmp_path}/nowhere/x.db")
    assert not database.is_current(engine)
    engine.dispose()


@pytest.mark.parametrize("url", ["", "postgresql://nobody@127.0.0.1:1/x"])
def test_a_data_folder_that_cannot_be_made_is_a_bad_setting(tmp_path, monkeypatch, url: str) -> None:
    """A container without a home: the command says what to set, and does not start."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(BadSetting, match="PUMP_CDS_SPOOL_FOLDER"):
        check_store(Settings(database_url=url))
    with pytest.raises(BadSetting, match="PUMP_CDS_SPOOL_FOLDER"):
        open_store(Settings(database_url=url))
