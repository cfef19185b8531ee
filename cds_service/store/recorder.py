"""Writes records to the database in the background, in order, without delaying an answer.

A record is added to the spool, and a thread writes it to the database; while that cannot be reached it stays in the
spool. Without room there it is held in memory; without room in either it is lost, counted and logged.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from cds_service.store.repository import Repository
from cds_service.store.spool import Spool

log = logging.getLogger(__name__)

_BATCH = 100
_GATHER_SECONDS = 0.1
_MOST_IN_MEMORY = 1000
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
_ORPHAN_SECONDS = 15.0
# What writing raises when a record is at fault (StatementError for other reasons, too). A record of another version of
# this service may lack a member: it must not block those behind it.
_CONTENT_ERRORS = (StatementError, KeyError, TypeError, ValueError, AttributeError)


class Record(Protocol):
    """Something that can be stored."""

    def as_json(self) -> bytes:
        """One line of JSON."""
        ...


class Recorder:
    """The background writer of one process."""

    def __init__(
        self, open_repository: Callable[[], Repository], folder: Path, most_bytes: int, database: str = ""
    ) -> None:
        """`open_repository` is called when there is something to write, and again while it fails.

        `database`: the database's name, for a folder that several share; see `Spool`.
        """
        self._open = open_repository
        self._repository: Repository | None = None
        self._spool = Spool(folder, most_bytes, database)
        self._memory: deque[bytes] = deque()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._orphans_written = 0.0
        self.lost = 0
        self.written = 0
        self._on_lost: Callable[[int], None] = _ignore
        self._on_waiting: Callable[[int], None] = _ignore

    def accept(self, record: Record) -> None:
        """Accepts a record; never raises, never waits for the database."""
        try:
            line = record.as_json()
            if not self._spool.append(line):
                with self._guard:
                    if len(self._memory) >= _MOST_IN_MEMORY:
                        self._lose(1, "neither disk nor memory has room")
                        return
                    self._memory.append(line)
            self._start_thread()
            self._wake.set()
            self._on_waiting(self.waiting)
        except Exception as error:  # whatever is wrong with the record, the answer goes out
            self._lose(1, type(error).__name__)

    def report_to(self, lost: Callable[[int], None], waiting: Callable[[int], None]) -> None:
        """Sets what is called with the number of lost records, and with the bytes that wait when that changes."""
        self._on_lost, self._on_waiting = lost, waiting

    @property
    def waiting(self) -> int:
        """Bytes that wait for the database."""
        return self._spool.waiting + sum(map(len, tuple(self._memory)))

    def start(self) -> None:
        """Starts the thread, which also writes what ended processes left in the spool."""
        if count := self._spool.count_without_database():
            log.warning(
                "%d file(s) in the spool folder do not say which database they are for and are not written: put %r in "
                "place of `calls-` in their names if it is this one",
                count,
                self._spool.prefix,
            )
        self._start_thread()
        self._wake.set()

    def close(self, seconds: float = 8.0) -> None:
        """Writes the waiting records, for so many seconds; the rest stays in the spool for the next process."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._guard:
            if self._memory:
                self._lose(len(self._memory), "the process ended")
                self._memory.clear()
        self._spool.close()

    def flush(self, seconds: float = 10.0) -> bool:
        """Waits until everything that was accepted is written; False when the time is over first."""
        until = time.monotonic() + seconds
        while self.waiting:
            if time.monotonic() > until:
                return False
            self._wake.set()
            time.sleep(0.01)
        return True

    # ------------------------------------------------------------ the thread

    def _start_thread(self) -> None:
        with self._guard:
            if self._thread is None or not self._thread.is_alive():  # a forked process has no thread yet
                self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        failures = 0
        while True:
            done = self._write_waiting()
            self._on_waiting(self.waiting)
            failures = 0 if done else failures + 1
            if self._stop.is_set() and (done or failures > 1):
                return
            pause = _ORPHAN_SECONDS if done else _PAUSES[min(failures, len(_PAUSES)) - 1]
            self._wake.wait(pause)
            self._stop.wait(_GATHER_SECONDS)  # many records in one transaction cost little more than one
            self._wake.clear()

    def _write_waiting(self) -> bool:
        """Writes all that waits; False when the database cannot be reached."""
        try:
            repository = self._repository = self._repository or self._open()
            if time.monotonic() - self._orphans_written > _ORPHAN_SECONDS or not self._orphans_written:
                self._write_orphans(repository)
                self._orphans_written = time.monotonic()
            while True:
                lines, offset = self._spool.batch(_BATCH)
                if not lines:
                    break
                self._write(repository, lines)
                self._spool.mark_written(offset)
            while self._memory:
                self._write(repository, [self._memory[0]])
                self._memory.popleft()
        except (SQLAlchemyError, OSError) as error:
            log.warning("the store cannot be written, records wait: %s", type(error).__name__)
            return False
        except Exception as error:  # the thread must go on; nothing of a record is logged
            log.error("the recorder failed: %s", type(error).__name__)
            return False
        return True

    def _write_orphans(self, repository: Repository) -> None:
        for path in self._spool.orphans():
            lines = [line for line in path.read_bytes().split(b"\n") if line]
            for start in range(0, len(lines), _BATCH):
                self._write(repository, lines[start : start + _BATCH])
            path.unlink(missing_ok=True)

    def _write(self, repository: Repository, lines: Sequence[bytes]) -> None:
        """Writes a batch; a record that the database refuses is counted as lost, and the others are written."""
        records = [record for record in map(self._parsed, lines) if record is not None]
        try:
            repository.write(records)
            self.written += len(records)
            return
        except _CONTENT_ERRORS as error:
            if not _is_about_content(error):
                raise
        for record in records:
            try:
                repository.write([record])
                self.written += 1
            except _CONTENT_ERRORS as error:
                if not _is_about_content(error):
                    raise
                self._lose(1, f"the store does not take it: {type(error).__name__}")

    def _parsed(self, line: bytes) -> dict[str, Any] | None:
        try:
            record = msgspec.json.decode(line)
        except (msgspec.DecodeError, ValueError):
            record = None
        if not isinstance(record, dict):
            self._lose(1, "a record was cut off")
            return None
        return record

    def _lose(self, count: int, why: str) -> None:
        self.lost += count
        self._on_lost(count)
        log.error("%d record(s) could not be stored: %s", count, why)


def _ignore(_number: int) -> None:
    """Does nothing."""


def _is_about_content(error: Exception) -> bool:
    """Whether the record is at fault, and not a database that is unreachable, locked, full or not migrated."""
    return isinstance(error, IntegrityError | DataError) or not isinstance(error, DBAPIError)
