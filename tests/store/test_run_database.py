"""What workers remember together where nothing is stored."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from cds_service.errors import Unavailable
from cds_service.store import run_database
from cds_service.store.run_database import RunDatabase
from cds_service.store.schema import used_tokens


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUMP_CDS_RUN_FOLDER", str(tmp_path))


def test_a_token_that_another_worker_saw_is_not_new() -> None:
    one, other = RunDatabase(), RunDatabase()
    ends = time.time() + 300
    assert one.first_use("hospital", "j", ends)
    assert not other.first_use("hospital", "j", ends)
    assert other.first_use("clinic", "j", ends)


def test_ended_tokens_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_database, "_FORGET_SECONDS", 0.0)
    run = RunDatabase()
    for number in range(5):
        assert run.first_use("hospital", str(number), time.time() - 1)
    with run.engine().connect() as connection:
        assert connection.execute(select(func.count()).select_from(used_tokens)).scalar_one() == 1


def test_nobody_is_let_in_while_nobody_can_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_url: str) -> None:
        raise OperationalError("x", {}, Exception("disk"))

    monkeypatch.setattr(run_database, "open_engine", broken)
    with pytest.raises(Unavailable):
        RunDatabase().first_use("hospital", "j", 4e9)
