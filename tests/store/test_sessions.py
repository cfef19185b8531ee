"""Sessions on the server: opened by their secret alone, gone when they have ended; on SQLite and PostgreSQL alike."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, inspect, select, update

from cds_service.errors import Unavailable
from cds_service.settings import Settings
from cds_service.store.database import open_engine
from cds_service.store.repository import Repository
from cds_service.store.run_database import RunDatabase
from cds_service.store.runtime_dir import run_folder, run_key
from cds_service.store.schema import sessions as table
from cds_service.store.sessions import Sessions, open_sessions
from cds_service.store.store import open_store

SECRET, OTHER = "cookie-secret-1", "cookie-secret-2"
BODY = b'{"patient": "patient-4711", "token": "token-of-the-ehr"}'
NOON = 1_800_000_000.0


class Clock:
    """Epoch seconds that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(repository: Repository) -> Engine:
    return repository.engine


@pytest.fixture
def kept(engine: Engine, clock: Clock) -> Sessions:
    return Sessions(lambda: engine, clock)


def rows(engine: Engine) -> list[tuple[str, bytes, float]]:
    with engine.connect() as connection:
        return [(row.id, bytes(row.body), row.ends_at) for row in connection.execute(select(table))]


def test_the_table_finds_what_has_ended(engine: Engine) -> None:
    """Migration 0002."""
    columns = {column["name"]: column for column in inspect(engine).get_columns("sessions")}
    assert set(columns) == {"id", "body", "ends_at"}
    assert not any(column["nullable"] for column in columns.values())
    assert inspect(engine).get_pk_constraint("sessions")["constrained_columns"] == ["id"]
    assert ["ends_at"] in [index["column_names"] for index in inspect(engine).get_indexes("sessions")]


def test_a_session_is_had_by_its_secret(kept: Sessions) -> None:
    kept.put(SECRET, BODY, NOON + 60)
    assert kept.get(SECRET) == BODY
    for stranger in (OTHER, "", SECRET.upper(), f"{SECRET} "):
        assert kept.get(stranger) is None


def test_bytes_of_every_kind_come_back(kept: Sessions) -> None:
    body = bytes(range(256)) * 400
    kept.put(SECRET, body, NOON + 60)
    assert kept.get(SECRET) == body


def test_what_is_put_again_takes_the_place_of_the_old(kept: Sessions, engine: Engine) -> None:
    kept.put(SECRET, BODY, NOON + 60)
    kept.put(OTHER, b"another", NOON + 60)
    kept.put(SECRET, b"new", NOON + 90)
    assert (kept.get(SECRET), kept.get(OTHER)) == (b"new", b"another")
    assert sorted(ends for _, _, ends in rows(engine)) == [NOON + 60, NOON + 90]


def test_a_dropped_session_is_gone_and_the_others_stay(kept: Sessions, engine: Engine) -> None:
    kept.put(SECRET, BODY, NOON + 60)
    kept.put(OTHER, b"another", NOON + 60)
    kept.drop(SECRET)
    kept.drop("nobody's")
    assert (kept.get(SECRET), kept.get(OTHER)) == (None, b"another")
    assert len(rows(engine)) == 1


def test_a_session_ends_at_its_time(kept: Sessions, clock: Clock) -> None:
    kept.put(SECRET, BODY, NOON + 60)
    clock.now = NOON + 59.9
    assert kept.get(SECRET) == BODY
    clock.now = NOON + 60.1
    assert kept.get(SECRET) is None


def test_rows_of_ended_sessions_go(kept: Sessions, clock: Clock, engine: Engine) -> None:
    kept.put(SECRET, BODY, NOON + 60)
    clock.now = NOON + 61
    kept.put(OTHER, b"another", NOON + 120)
    assert [ends for _, _, ends in rows(engine)] == [NOON + 120]


def test_pruning_takes_ended_sessions_along(kept: Sessions, engine: Engine) -> None:
    """Those that nobody's later session has cleared away."""
    kept.put(SECRET, BODY, NOON + 60)
    kept.put(OTHER, b"another", NOON + 120)
    Repository(engine).prune(datetime(2020, 1, 1, tzinfo=UTC), NOON + 61)
    assert [ends for _, _, ends in rows(engine)] == [NOON + 120]


def test_a_row_holds_neither_secret_nor_body(kept: Sessions, engine: Engine) -> None:
    kept.put(SECRET, BODY, NOON + 60)
    ((name, body, _),) = rows(engine)
    held = [name.encode(), body, urlsafe_b64decode(body)]
    for told in (SECRET.encode(), b"patient-4711", b"token-of-the-ehr", b"patient"):
        assert not any(told in each for each in held)


def test_another_secret_does_not_open_a_row(kept: Sessions, engine: Engine) -> None:
    """Even where the row is put under that secret's own name."""
    kept.put(OTHER, b"another", NOON + 60)
    ((others_name, _, _),) = rows(engine)
    kept.drop(OTHER)
    kept.put(SECRET, BODY, NOON + 60)
    with engine.begin() as connection:
        connection.execute(update(table).values(id=others_name))
    assert kept.get(OTHER) is None


def test_a_changed_row_opens_no_more(kept: Sessions, engine: Engine) -> None:
    kept.put(SECRET, BODY, NOON + 60)
    with engine.begin() as connection:
        connection.execute(update(table).values(body=b"gAAAAA-rubbish"))
    assert kept.get(SECRET) is None


def test_two_pages_of_one_browser_may_keep_their_session_at_once(kept: Sessions, engine: Engine) -> None:
    kept.put(SECRET, BODY, NOON + 60)

    def keep(number: int) -> None:
        for _ in range(10):
            kept.put(SECRET, str(number).encode(), NOON + 60)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(keep, range(4)))
    assert kept.get(SECRET) in (b"0", b"1", b"2", b"3")
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar() == 1


@pytest.fixture(params=["no tables", "no database", "no folder"])
def away(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    urls = {
        "no tables": f"sqlite:///{tmp_path / 'empty.sqlite3'}",
        "no database": "postgresql://nobody:pass-word@127.0.0.1:1/x",
        "no folder": f"sqlite:///{tmp_path / 'nowhere' / 'x.sqlite3'}",
    }
    engine = open_engine(urls[request.param])
    yield engine
    engine.dispose()


def test_a_database_that_is_away_is_told_as_that(away: Engine) -> None:
    lost = Sessions(lambda: away)
    for act in (lambda: lost.put(SECRET, BODY, NOON), lambda: lost.get(SECRET), lambda: lost.drop(SECRET)):
        with pytest.raises(Unavailable) as caught:
            act()
        words = str(caught.value)
        assert "try again" in words
        assert not any(told in words for told in (SECRET, "patient-4711", "pass-word", "sqlite", "nobody"))
        assert caught.value.__cause__ is None


# ---------------------------------------------------------------- where they are


def test_sessions_are_in_the_store_where_there_is_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    store = open_store(Settings(database_url=url, spool_folder=str(tmp_path / "spool")))
    assert store is not None
    open_sessions(store, RunDatabase()).put(SECRET, BODY, 4e9)
    assert open_sessions(store, RunDatabase()).get(SECRET) == BODY
    assert [ends for _, _, ends in rows(store.engine)] == [4e9]


def test_without_a_store_workers_share_a_file_of_the_run() -> None:
    one, other = open_sessions(None, RunDatabase()), open_sessions(None, RunDatabase())
    one.put(SECRET, BODY, 4e9)
    assert other.get(SECRET) == BODY
    other.drop(SECRET)
    assert one.get(SECRET) is None
    assert (run_folder() / "run.sqlite3").exists()


RUN = """
import json, os, sys
from cds_service.store.runtime_dir import run_folder, run_key
from cds_service.store.run_database import RunDatabase
from cds_service.store.sessions import open_sessions
first = [str(run_folder()), run_key()]
if os.fork() == 0:
    print(json.dumps([first == [str(run_folder()), run_key()], *first]), flush=True)
    sys.exit(0)
os.wait()
there = os.path.exists(os.path.join(first[0], "key"))
open_sessions(None, RunDatabase()).put("secret", b"body", 4e9)
print(there and str(run_folder()) == first[0])
"""


def test_a_run_has_one_private_folder_and_key_which_end_with_it() -> None:
    ended = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True, timeout=60)
    told, still_there = ended.stdout.splitlines()
    same, folder, key = json.loads(told)
    assert same
    assert still_there == "True"  # the worker that ended first took nothing away
    assert not Path(folder).exists()
    assert len(urlsafe_b64decode(key)) == 32
    again = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(again.stdout.splitlines()[0])[1:] != [folder, key]


def test_the_folder_and_the_key_are_for_this_user_alone() -> None:
    run_key()
    assert stat.S_IMODE(run_folder().stat().st_mode) == 0o700
    assert stat.S_IMODE((run_folder() / "key").stat().st_mode) == 0o600


def test_a_named_folder_that_has_gone_is_made_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PUMP_CDS_RUN_FOLDER", str(tmp_path / "gone"))
    made = run_folder()
    assert made.is_dir()
    assert made != tmp_path / "gone"
    assert os.environ["PUMP_CDS_RUN_FOLDER"] == str(made)
