"""Files of records that wait for the database; they survive the process.

One line per record, appended in one write before the answer is sent. Each process has its own file and holds a lock on
it. A file without a lock belongs to a process that has ended: any other process may take it over.
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
_NO_DATABASE_IN_NAME = re.compile(r"calls-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl")


class Spool:
    """The file of this process, created when first needed. Used from several threads."""

    def __init__(self, folder: Path, most_bytes: int, database: str = "") -> None:
        """`most_bytes`: the most that may wait for the database.

        `database`: a name of the database, part of the files' names, since a folder may be shared with processes that
        write to other databases. Without it every file of the folder is taken as for this database.
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
                self._drop_inherited_file()
                if self._size + len(line) + 1 > self._most_bytes:
                    return False
                descriptor = self._open()
                written = os.write(descriptor, line + b"\n")
            except OSError:
                return False
            if written != len(line) + 1:  # the disk is full: half a line is useless
                self._truncate()
                return False
            self._size += written
            return True

    def batch(self, most: int) -> tuple[list[bytes], int]:
        """The oldest records that are not marked as written, and the offset behind them."""
        with self._lock:
            if self._file is None or self._read >= self._size:
                return [], self._read
            # Through our own descriptor, which is valid even when the file was deleted.
            with os.fdopen(os.dup(self._file), "rb") as file:
                file.seek(self._read)
                lines = [line for line in (file.readline() for _ in range(most)) if line.endswith(b"\n")]
            return [line.rstrip(b"\n") for line in lines], self._read + sum(map(len, lines))

    def mark_written(self, offset: int) -> None:
        """The records before this offset are in the database. A file without others is emptied."""
        with self._lock:
            self._read = offset
            if self._file is not None and self._read >= self._size:
                os.ftruncate(self._file, 0)
                self._size = self._read = 0

    @property
    def waiting(self) -> int:
        """Bytes that wait for the database."""
        return self._size - self._read

    def close(self) -> None:
        """Closes the file and deletes it if it is empty; another process takes over what is left."""
        with self._lock:
            if self._file is None:
                return
            if self._read >= self._size:
                self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def _drop_inherited_file(self) -> None:
        """A forked process starts its own file: the inherited one stays its parent's."""
        if self._file is not None and self._process != os.getpid():
            os.close(self._file)  # the lock stays with the parent
            self._file = None
            self._size = self._read = 0

    def _open(self) -> int:
        if self._file is None:
            self._folder.mkdir(exist_ok=True, mode=0o700)
            path = self._folder / f"{self.prefix}{uuid4()}{_SUFFIX}"
            unlocked = path.with_suffix(".new")  # not taken for an orphan before it is locked
            descriptor = os.open(unlocked, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                unlocked.rename(path)
            except OSError:
                os.close(descriptor)
                raise
            self._file, self._path, self._process = descriptor, path, os.getpid()
        return self._file

    def _truncate(self) -> None:
        if self._file is not None:
            os.ftruncate(self._file, self._size)

    def count_without_database(self) -> int:
        """How many files of an earlier version do not name their database."""
        paths = self._folder.glob(f"calls-*{_SUFFIX}") if self._folder.is_dir() else ()
        return sum(1 for path in paths if _NO_DATABASE_IN_NAME.fullmatch(path.name))

    def orphans(self) -> Iterator[Path]:
        """Files of ended processes for the same database, each locked while the caller reads it."""
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
