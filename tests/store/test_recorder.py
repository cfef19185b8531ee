"""The background writer: whatever becomes of the database, a record is kept once, or counted as lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.exc import OperationalError

from cds_service.store import recorder as module
from cds_service.store.database import open_engine, upgrade
from cds_service.store.recorder import Recorder
from cds_service.store.repository import Repository
from cds_service.store.schema import calls
from tests.store.samples import Line, call_record, card, feedback_record

MUCH = 10_000_000
Make = Callable[..., Recorder]

KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy.exc import OperationalError
from cds_service.store.recorder import Recorder
from tests.store.samples import call_record

def away():
    raise OperationalError("", {}, Exception())

recorder = Recorder(away, Path(sys.argv[1]), 10_000_000)
for number in range(int(sys.argv[2])):
    recorder.accept(call_record(hook_instance=f"killed-{number}"))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSES", (0.02,))
    monkeypatch.setattr(module, "_GATHER_SECONDS", 0.005)


@pytest.fixture
def make(tmp_path: Path, repository: Repository) -> Iterator[Make]:
    made: list[Recorder] = []

    def new(open_repository: Callable[[], Repository] = lambda: repository, most: int = MUCH) -> Recorder:
        made.append(Recorder(open_repository, tmp_path / "spool", most))
        return made[-1]

    yield new
    for recorder in made:
        recorder.close(2.0)


class Away:
    """A repository that is not reached, until it is back."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.back = threading.Event()
        self.asked = threading.Semaphore(0)

    def __call__(self) -> Repository:
        self.asked.release()
        if not self.back.is_set():
            raise OperationalError("", {}, Exception("refused"))
        return self.repository


def _instances(repository: Repository) -> list[str]:
    """Hook instances of the calls, as they were written."""
    with repository.engine.connect() as connection:
        found = connection.execute(select(calls.c.hook_instance, calls.c.duration_ms))
        return [row.hook_instance for row in sorted(found, key=lambda row: row.duration_ms)]


def _many(count: int, name: str = "call") -> list[Any]:
    return [call_record(hook_instance=f"{name}-{n}", duration_ms=float(n)) for n in range(count)]


class Recording(Repository):
    """Notes the order in which calls are written."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.order: list[str] = []

    def write(self, records: Any) -> None:
        super().write(records)
        self.order += [record["hook_instance"] for record in records]


def test_records_are_written_in_the_order_they_were_accepted(make: Make, repository: Repository) -> None:
    noting = Recording(repository.engine)
    recorder = make(lambda: noting)
    for record in _many(250):
        recorder.accept(record)
    assert recorder.flush()
    assert noting.order == [f"call-{n}" for n in range(250)]
    assert (recorder.written, recorder.lost, recorder.waiting) == (250, 0, 0)


def test_a_call_and_the_word_on_its_card(make: Make, repository: Repository) -> None:
    recorder, call = make(), call_record()
    recorder.accept(call)
    recorder.accept(feedback_record(call.cards[0]["uuid"]))
    assert recorder.flush()
    (found,) = repository.feedback_since(None)
    assert found.call_id == call.id


@pytest.mark.parametrize("most", [MUCH, 2_000])
def test_the_database_is_away_and_comes_back(make: Make, repository: Repository, most: int) -> None:
    """With a spool that holds all of it, and with one that is soon full."""
    away = Away(repository)
    recorder = make(away, most)
    for record in _many(30):
        recorder.accept(record)
    assert away.asked.acquire(timeout=5)
    assert away.asked.acquire(timeout=5)  # and again, though nobody calls
    assert recorder.waiting > 0
    assert not recorder.flush(0.05)
    assert repository.counts()["calls"] == 0
    away.back.set()
    assert recorder.flush()
    assert _instances(repository) == [f"call-{n}" for n in range(30)]
    assert recorder.lost == 0


def test_a_connection_that_fails_at_first(make: Make, repository: Repository, monkeypatch: Any) -> None:
    """What is away is the connection, not the opening of the store."""
    real, failures = repository.engine.connect, [OSError("refused")] * 3

    class Failing(Repository):
        def write(self, records: Any) -> None:
            if failures:
                raise failures.pop()
            with real():
                super().write(records)

    recorder = make(lambda: Failing(repository.engine))
    for record in _many(5):
        recorder.accept(record)
    assert recorder.flush()
    assert _instances(repository) == [f"call-{n}" for n in range(5)]


def test_a_database_without_tables_is_waited_for(make: Make, tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/later.db")
    recorder = make(lambda: Repository(engine))
    recorder.accept(call_record())
    assert not recorder.flush(0.1)
    upgrade(engine)
    assert recorder.flush()
    assert Repository(engine).counts()["calls"] == 1
    assert recorder.lost == 0
    recorder.close()
    engine.dispose()


def test_with_a_full_disk_memory_holds_the_records(make: Make, repository: Repository, monkeypatch: Any) -> None:
    away = Away(repository)
    recorder = make(away)

    def full(_file: int, _data: bytes) -> int:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("cds_service.store.spool.os.write", full)
    for record in _many(5):
        recorder.accept(record)
    monkeypatch.undo()
    away.back.set()
    assert recorder.flush()
    assert _instances(repository) == [f"call-{n}" for n in range(5)]
    assert recorder.lost == 0


def test_memory_has_a_bound_and_what_is_above_it_is_counted(make: Make, repository: Repository) -> None:
    away = Away(repository)
    recorder = make(away, 1)
    for record in _many(1_007):
        recorder.accept(record)
    assert recorder.lost == 7
    away.back.set()
    assert recorder.flush()
    assert (recorder.written, recorder.lost) == (1_000, 7)


def test_a_record_that_cannot_be_written_as_json_is_counted_and_nothing_is_raised(make: Make) -> None:
    recorder = make()
    recorder.accept(call_record(determinations=[object()]))
    assert recorder.lost == 1


@pytest.mark.parametrize(
    "poison",
    [
        b"{",
        b"5",
        b"{}",
        b'{"kind": "call", "id": "of-another-version"}',
        b'{"kind": "feedback", "id": "of-another-version"}',
        call_record(received_at="yesterday").as_json(),
        call_record(hook=None).as_json(),
        call_record(determinations=[5]).as_json(),
        call_record(cards=[card(uuid=None)]).as_json(),
    ],
)
def test_a_record_that_the_database_does_not_take_is_in_nobodys_way(
    make: Make, repository: Repository, poison: bytes
) -> None:
    recorder = make()
    before, after = _many(2)
    for record in (before, Line(poison), after):
        recorder.accept(record)
    assert recorder.flush()
    assert _instances(repository) == ["call-0", "call-1"]
    assert (recorder.written, recorder.lost) == (2, 1)


def test_close_writes_what_waits(make: Make, repository: Repository, tmp_path: Path) -> None:
    recorder = make()
    for record in _many(300):
        recorder.accept(record)
    recorder.close()
    assert repository.counts()["calls"] == 300
    assert list((tmp_path / "spool").iterdir()) == []


def test_close_leaves_to_the_next_process_what_it_cannot_write(make: Make, repository: Repository) -> None:
    recorder = make(Away(repository))
    for record in _many(3):
        recorder.accept(record)
    recorder.close(3.0)
    assert (recorder.lost, repository.counts()["calls"]) == (0, 0)
    heir = make()
    heir.start()
    _until(lambda: heir.written == 3)
    assert _instances(repository) == ["call-0", "call-1", "call-2"]


def test_close_counts_what_was_in_memory_alone(make: Make, repository: Repository) -> None:
    recorder = make(Away(repository), 1)
    for record in _many(3):
        recorder.accept(record)
    recorder.close(3.0)
    assert recorder.lost == 3


def test_what_a_killed_process_had_accepted_is_written_once(make: Make, repository: Repository, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "spool"), "120"]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], timeout=30, check=False)
    assert ended.returncode == -signal.SIGKILL
    heirs = [make(), make()]
    for heir in heirs:
        heir.start()
    _until(lambda: sum(heir.written for heir in heirs) >= 120)
    _until(lambda: not list((tmp_path / "spool").glob("*.jsonl")))
    assert sorted(_instances(repository)) == sorted(f"killed-{n}" for n in range(120))
    assert [heir.lost for heir in heirs] == [0, 0]


def test_a_line_that_a_killed_process_did_not_finish_is_counted(
    make: Make, repository: Repository, tmp_path: Path
) -> None:
    (tmp_path / "spool").mkdir()
    whole = call_record(hook_instance="whole").as_json()
    (tmp_path / "spool" / "calls-1.jsonl").write_bytes(whole + b"\n" + whole[:50])
    heir = make()
    heir.start()
    _until(lambda: not list((tmp_path / "spool").glob("*.jsonl")))
    assert heir.lost == 1
    assert _instances(repository) == ["whole"]


def test_a_batch_that_was_written_but_not_crossed_off_is_not_written_again(
    make: Make, repository: Repository, tmp_path: Path
) -> None:
    """The process was killed between the two: the next one finds the whole file."""
    records = _many(3)
    repository.write([json.loads(record.as_json()) for record in records])
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "calls-1.jsonl").write_bytes(b"".join(record.as_json() + b"\n" for record in records))
    heir = make()
    heir.start()
    _until(lambda: not list((tmp_path / "spool").glob("*.jsonl")))
    assert _instances(repository) == ["call-0", "call-1", "call-2"]


def test_a_forked_process_writes_its_own_records(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/x.db")
    upgrade(engine)
    engine.dispose()
    recorder = Recorder(lambda: Repository(open_engine(f"sqlite:///{tmp_path}/x.db")), tmp_path / "spool", MUCH)
    recorder.accept(call_record(hook_instance="parent"))
    assert recorder.flush()
    child = os.fork()
    if not child:
        recorder._repository = None
        recorder.accept(call_record(hook_instance="child"))
        os._exit(0 if recorder.flush(5.0) else 1)
    assert os.waitpid(child, 0)[1] == 0
    recorder.close()
    repository = recorder._open()
    assert sorted(_instances(repository)) == ["child", "parent"]
    repository.engine.dispose()
    assert recorder._repository is not None
    recorder._repository.engine.dispose()


def test_many_threads_lose_nothing(make: Make, repository: Repository) -> None:
    recorder = make()

    def accept(name: str) -> None:
        for record in _many(40, name):
            recorder.accept(record)

    threads = [threading.Thread(target=accept, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.flush()
    assert sorted(_instances(repository)) == sorted(f"t{t}-{n}" for t in range(8) for n in range(40))


def _until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    done = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        done.wait(0.02)
    raise AssertionError("it did not come about in time")
