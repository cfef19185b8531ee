"""Two services on one machine: what waits for one database is never written to the other."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from cds_service.errors import BadSetting
from cds_service.settings import Settings
from cds_service.store.database import database_name, open_engine, upgrade
from cds_service.store.recorder import Recorder
from cds_service.store.repository import Repository
from cds_service.store.schema import calls
from cds_service.store.spool import Spool
from cds_service.store.store import close_stores, open_store
from tests.store.samples import call_record

ROOT = Path(__file__).parents[2]
# A process of a service whose database is locked, which is killed while records wait.
KILLED = """
import os, signal, sqlite3, sys
from cds_service.errors import BadSetting
from cds_service.settings import Settings
from cds_service.store.store import open_store
from tests.store.samples import call_record
url, spool = sys.argv[1:]
store = open_store(Settings(database_url=url, spool_folder=spool))
for number in range(3):
    store.recorder._spool.append(call_record(hook_instance=f"waiting-{number}").as_json())
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _held(url: str) -> list[str]:
    engine = open_engine(url)
    upgrade(engine)
    with engine.connect() as connection:
        found = sorted(connection.execute(select(calls.c.hook_instance)).scalars())
    engine.dispose()
    return found


def _served(url: str, spool: str) -> None:
    """A run of a service: it writes what waits, and ends."""
    store = open_store(Settings(database_url=url, spool_folder=spool))
    assert store is not None
    store.recorder.accept(call_record(hook_instance="own"))
    assert store.recorder.flush()
    close_stores()


@pytest.mark.parametrize("shared", [True, False])
def test_no_record_that_waits_for_one_database_is_written_to_another(tmp_path: Path, shared: bool) -> None:
    """With a spool folder that both name, and with the default one of two files side by side."""
    first, second = (f"sqlite:///{tmp_path}/{name}.sqlite3" for name in ("first", "second"))
    spool = str(tmp_path / "common") if shared else ""
    command = [sys.executable, "-c", KILLED, first, spool]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    killed = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (killed.stdout, killed.returncode) == ("ready\n", -signal.SIGKILL), killed.stderr
    _served(second, spool)
    assert _held(second) == ["own"]
    _served(first, spool)
    assert _held(first) == ["own", "waiting-0", "waiting-1", "waiting-2"]
    assert _held(second) == ["own"]


def test_the_spool_lies_beside_its_database(tmp_path: Path) -> None:
    store = open_store(Settings(database_url=f"sqlite:///{tmp_path}/x.sqlite3"))
    assert store is not None
    store.recorder._spool.append(b"{}")
    assert [path.parent for path in tmp_path.rglob("*.jsonl")] == [tmp_path / "spool"]
    store.recorder._spool.mark_written(3)
    close_stores()


def test_no_folder_is_made_for_a_database_that_has_none(tmp_path: Path) -> None:
    store = open_store(Settings(database_url=f"sqlite:///{tmp_path}/nowhere/x.sqlite3"))
    assert store is not None
    assert not store.recorder._spool.append(b"{}")
    assert list(tmp_path.iterdir()) == []
    close_stores()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("sqlite:///a.db", "sqlite:///b.db", False),
        ("sqlite:///a.db", "sqlite:///./a.db", True),
        ("postgresql://u:p@h/d", "postgresql://other:q@h/d", True),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d", True),
        ("postgresql://u:p@h/d", "postgresql://u:p@h/e", False),
        ("postgresql://u:p@h/d", "postgresql://u:p@i/d", False),
        ("postgresql://u:p@h/d", "postgresql://u:p@h:5433/d", False),
        ("postgresql://u:p@h/d", "postgresql://u:p@h/d?options=-csearch_path%3Dnorth", False),
        ("postgresql://h/d?user=a&password=b", "postgresql://h/d?user=c&password=d", True),
    ],
)
def test_databases_are_told_apart_whoever_connects(one: str, other: str, same: bool) -> None:
    assert (database_name(one) == database_name(other)) is same


@pytest.mark.parametrize("url", ["nonsense", "sqlite", "postgresql://h:port/d", "oracle9://x"])
def test_what_is_no_database_is_still_a_bad_setting(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting):
        open_store(Settings(database_url=url, spool_folder=str(tmp_path)))
    with pytest.raises(BadSetting):
        open_store(Settings(database_url=url))


def test_a_name_of_a_database_holds_no_password() -> None:
    assert database_name("postgresql://u:hunter2@h/d").isalnum()


def test_files_that_say_no_database_are_named_in_the_log_and_let_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An earlier version wrote such files: to guess would mix what belongs to different services."""
    old = tmp_path / "calls-0b0e2d4c-5c5f-4a57-8e0f-0f7f6f0a1b2c.jsonl"
    old.write_bytes(call_record().as_json() + b"\n")
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    upgrade(engine)
    recorder = Recorder(lambda: Repository(engine), tmp_path, 1_000_000, "0123456789abcdef")
    with caplog.at_level(logging.WARNING):
        recorder.start()
        recorder.close()
    assert old.exists()
    assert "1 file(s) in the spool folder" in caplog.text
    assert "calls-0123456789abcdef-" in caplog.text
    assert str(tmp_path) not in caplog.text
    renamed = Spool(tmp_path, 1_000_000, "0123456789abcdef")
    old.rename(tmp_path / old.name.replace("calls-", renamed.prefix))
    assert len(list(renamed.orphans())) == 1
    assert renamed.count_without_database() == 0
    engine.dispose()
