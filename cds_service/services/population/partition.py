"""Lines of an export, sorted by member into segments on disk: each segment holds the lines of all buckets in turn.

A bucket is a range of the members' hashes, so that buckets one after the other are all members in one order, however
many buckets there are.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from cds_service.services.population.export_lines_reader import TOO_LONG, LineCount, lines_of
from cds_service.services.population.line_classifier import NOT_AS_NAMED, ClassifiedLine, LineClassifier, Role, misnamed

_MOST_NAMED = 100
_MOST_KNOWN = 200_000


@dataclass(frozen=True, slots=True)
class PartitionTask:
    """A part of one file. `end` None: to the file's end."""

    number: int
    file: str
    path: str
    compressed: bool
    start: int
    end: int | None
    named_type: str | None


@dataclass(slots=True)
class PartitionCounts:
    """What one task found: lines by type, problems by line, references to other servers, what went wrong."""

    task: int = 0
    file: str = ""
    lines: int = 0
    size: int = 0
    types: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    named: list[tuple[int, str, str]] = field(default_factory=list)
    more: Counter[str] = field(default_factory=Counter)
    outcomes: list[str] = field(default_factory=list)
    segments: int = 0
    problem: str = ""

    def add(self, classified_line: ClassifiedLine, line: bytes, named_type: str | None, number: int) -> None:
        """Counts one line. `number`: of the line in the task."""
        if classified_line.kind:
            self.types[classified_line.kind[:64]] += 1
        if classified_line.base:
            self.bases[classified_line.base] += 1
        if classified_line.problem:
            self.note(number, classified_line.kind, classified_line.problem)
        if classified_line.kind != named_type and misnamed(classified_line, named_type):
            self.note(number, classified_line.kind, NOT_AS_NAMED)
        if classified_line.role is Role.OUTCOME and len(self.outcomes) < _MOST_NAMED:
            self.outcomes.append(line[:10_000].decode(errors="replace"))

    def note(self, line: int, kind: str, problem: str) -> None:
        """One line with a problem: the first ones are named, the rest is counted."""
        if len(self.named) < _MOST_NAMED:
            self.named.append((line, kind, problem))
        else:
            self.more[f"{kind}\t{problem}"] += 1

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


def hash_of(member: str) -> int:
    """A 64-bit hash of a member's id; members are sorted by it."""
    return int.from_bytes(blake2b(member.encode(), digest_size=8).digest())


def bucket_of(member: str, buckets: int) -> int:
    """Which of so many buckets a member's lines lie in."""
    return hash_of(member) * buckets >> 64


def segment_path(folder: Path, task: int, segment: int) -> Path:
    """Where a segment lies; its index lies beside it."""
    return folder / f"task-{task:06d}-{segment:04d}.lines"


class Partitioner:
    """Sorts the lines of one task into segments."""

    def __init__(self, folder: Path, buckets: int, merged: Mapping[str, str], most_bytes: int) -> None:
        """`merged`: into which member another one was merged, by id. `most_bytes`: of lines that are held at a time."""
        self._folder, self._buckets, self._most = folder, buckets, most_bytes
        self._classifier = LineClassifier(merged)
        self._bucket_of: dict[str, int] = {}
        self._held: list[list[bytes]] = []
        self._named: set[str] = set()
        self._size = 0
        self._counts = PartitionCounts()

    def run(self, task: PartitionTask) -> PartitionCounts:
        """Reads the task's lines, writes its segments. OSError when the disk is full or the file cannot be read."""
        counts = self._counts = PartitionCounts(task.number, task.file)
        self._clear()
        progress, classify = LineCount(), self._classifier.classify
        for number, line in lines_of(task.path, task.compressed, task.start, task.end, progress):
            if line is None:
                counts.note(number, "", TOO_LONG)
            else:
                classified_line = classify(line)
                counts.add(classified_line, line, task.named_type, number)
                self._buffer_line(classified_line, line)
            if self._size > self._most:
                self._write(task.number)
        self._write(task.number)
        counts.lines, counts.size, counts.problem = progress.lines, progress.bytes, progress.problem
        return counts

    def _clear(self) -> None:
        self._held = [[] for _ in range(self._buckets + 1)]
        self._named, self._size = set(), 0

    def _buffer_line(self, classified_line: ClassifiedLine, line: bytes) -> None:
        role = classified_line.role
        if role is Role.MEMBER:
            member = classified_line.members[0]
            record = b"%b\t%b\n" % (member.encode(), line)
            self._held[self._bucket(member)].append(record)
            self._size += len(record)
        elif role is Role.SHARED:
            self._held[self._buckets].append(line + b"\n")
            self._size += len(line) + 1
        elif role is Role.NAMES_MEMBERS:
            for member in classified_line.members:
                if member not in self._named:
                    self._named.add(member)
                    self._held[self._bucket(member)].append(b"%b\t\n" % member.encode())
                    self._size += len(member) + 2

    def _bucket(self, member: str) -> int:
        bucket = self._bucket_of.get(member)
        if bucket is None:
            if len(self._bucket_of) > _MOST_KNOWN:
                self._bucket_of.clear()
            bucket = self._bucket_of[member] = bucket_of(member, self._buckets)
        return bucket

    def _write(self, task: int) -> None:
        if not self._size:
            return
        path = segment_path(self._folder, task, self._counts.segments)
        offsets = array("Q", [0])
        with path.open("wb", buffering=1 << 20) as file:
            for records in self._held:
                for record in records:
                    file.write(record)
                offsets.append(file.tell())
        path.with_suffix(".index").write_bytes(offsets.tobytes())
        self._counts.segments += 1
        self._clear()


class Segments:
    """The segments of all tasks, to be read bucket by bucket."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where they lie."""
        self._paths = sorted(folder.glob("task-*.lines"))

    def size(self, bucket: int) -> int:
        """Bytes of a bucket."""
        return sum(end - start for _, start, end in self._places(bucket))

    def total(self, buckets: Iterable[int]) -> int:
        """Bytes of several buckets."""
        wanted, total = sorted(buckets), 0
        for path in self._paths:
            offsets = array("Q", path.with_suffix(".index").read_bytes())
            total += sum(offsets[bucket + 1] - offsets[bucket] for bucket in wanted)
        return total

    def read(self, bucket: int) -> Iterator[bytes]:
        """The records of a bucket, one piece for each segment."""
        for path, start, end in self._places(bucket):
            if end > start:
                with path.open("rb") as file:
                    file.seek(start)
                    yield file.read(end - start)

    def _places(self, bucket: int) -> Iterator[tuple[Path, int, int]]:
        for path in self._paths:
            with path.with_suffix(".index").open("rb") as file:
                file.seek(bucket * 8)
                offsets = array("Q", file.read(16))
            yield path, offsets[0], offsets[1]


def write_counts(path: Path, counts: PartitionCounts) -> None:
    """Writes what a task found, once its segments are whole."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(msgspec.json.encode(counts.as_json()))
    draft.replace(path)
