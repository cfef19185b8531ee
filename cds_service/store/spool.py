"""A file of records that wait for the database: what is in it survives the process.

One line a record, appended in one write before the answer goes out. Each process has a file of its own, held by a
lock; a file whose lock is free belongs to a process that is gone, and whoever finds it takes it over.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from uuid import uuid4

_SUFFIX = ".jsonl"
_NAMELESS = re.compile(r"calls-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl")


class Spool:
    """This process's file. Used from several threads; made when it is first needed."""

    def __init__(self, folder: Path, most_bytes: int, database: str = "") -> None:
        """`most_bytes`: more than this does not wait for the database.

        `database`: a name for the database that the records are for, which is part of the files' names: a folder may
        be shared with processes that write to others. Without it every file of the folder is for this database.
        """
        self._folder = folder
        self.prefix = f"calls-{database}-" if database else "calls-"
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._file: int | None = None
        self._process = 0
        self._size = 0
        self._read = 0
        self._path = folder / _SUFFIX

    def append(self, line: bytes) -> bool:
        """Adds a record; False when there is no room, or the file cannot be written."""
        with self._lock:
            try:
                self._leave_to_parent()
                if self._size + len(line) + 1 > self._most_bytes:
                    return False
                descriptor = self._opened()
                written = os.write(descriptor, line + b"\n")
            except OSError:
                return False
            if written != len(line) + 1:  # the disk is full: half a line helps nobody
                self._cut()
                return False
            self._size += written
            return True

    def batch(self, most: int) -> tuple[list[bytes], int]:
        """The oldest records that were not taken yet, and the place behind them."""
        with self._lock:
            if self._file is None or self._read >= self._size:
                return [], self._read
            # Through our own descriptor: it is good even where somebody tidied the folder.
            with os.fdopen(os.dup(self._file), "rb") as file:
                file.seek(self._read)
                lines = [line for line in (file.readline() for _ in range(most)) if line.endswith(b"\n")]
            return [line.rstrip(b"\n") for line in lines], self._read + sum(map(len, lines))

    def taken(self, place: int) -> None:
        """The records before this place are in the database; an emptied file begins anew."""
        with self._lock:
            self._read = place
            if self._file is not None and self._read >= self._size:
                os.ftruncate(self._file, 0)
                self._size = self._read = 0

    @property
    def waiting(self) -> int:
        """Bytes that wait for the database."""
        return self._size - self._read

    def close(self) -> None:
        """Lets go of the file; an empty one is deleted, another one waits for whoever comes next."""
        with self._lock:
            if self._file is None:
                return
            if self._read >= self._size:
                self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def _leave_to_parent(self) -> None:
        """A forked process begins a file of its own: what waits in the one that it inherited is its parent's."""
        if self._file is not None and self._process != os.getpid():
            os.close(self._file)  # the lock stays with the parent
            self._file = None
            self._size = self._read = 0

    def _opened(self) -> int:
        if self._file is None:
            self._folder.mkdir(exist_ok=True, mode=0o700)
            path = self._folder / f"{self.prefix}{uuid4()}{_SUFFIX}"
            unlocked = path.with_suffix(".new")  # nobody takes it for an orphan before the lock is ours
            descriptor = os.open(unlocked, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                unlocked.rename(path)
            except OSError:
                os.close(descriptor)
                raise
            self._file, self._path, self._process = descriptor, path, os.getpid()
        return self._file

    def _cut(self) -> None:
        if self._file is not None:
            os.ftruncate(self._file, self._size)

    def nameless(self) -> int:
        """How many files an earlier version left that do not say which database they are for."""
        found = self._folder.glob(f"calls-*{_SUFFIX}") if self._folder.is_dir() else ()
        return sum(1 for path in found if _NAMELESS.fullmatch(path.name))

    def orphans(self) -> Iterator[Path]:
        """Files of processes that are gone, for the same database, each locked for as long as it is looked at."""
        for path in sorted(self._folder.glob(f"{self.prefix}*{_SUFFIX}")) if self._folder.is_dir() else ():
            if path == self._path:
                continue
            try:
                descriptor = os.open(path, os.O_RDWR)
            except OSError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.exists():
                    yield path
            except OSError:
                continue
            finally:
                os.close(descriptor)
