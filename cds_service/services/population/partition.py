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
from fhir_mappings.json.export_lines import ID, group_members, head_of, owner_of
from fhir_mappings.json.views import KNOWN_TYPES

_NOT_READ = frozenset({"Bundle", "OperationOutcome", "Parameters", "Group"})
_READ = KNOWN_TYPES - _NOT_READ
# What members share, where no patient is named on it.
SHARED_TYPES = frozenset({"Practitioner", "PractitionerRole", "Organization", "Medication", "Device"})
_WITHOUT_PATIENT = SHARED_TYPES | {"Location", "Substance", "HealthcareService", "Endpoint", "Questionnaire", "Library"}
_MOST_NAMED = 100
_MOST_KNOWN = 200_000
NO_JSON = "the line is no FHIR resource as JSON"
NO_PATIENT = "the resource names no patient"
BAD_ID = "the patient's id is no FHIR id"
NOT_AS_NAMED = "the resource is of another type than the file's name says"
A_BUNDLE = "a Bundle in a file of resources is not read"


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
    bytes: int = 0
    types: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    named: list[tuple[int, str, str]] = field(default_factory=list)
    more: Counter[str] = field(default_factory=Counter)
    outcomes: list[str] = field(default_factory=list)
    segments: int = 0
    problem: str = ""
    first: bool = True

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
    """64 bits that place a member among all members."""
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
        self._folder, self._buckets, self._merged, self._most = folder, buckets, merged, most_bytes
        self._held: list[list[bytes]] = []
        self._known: dict[str, tuple[str, int, str] | None] = {}
        self._seen: set[str] = set()
        self._size = 0
        self._counts = PartitionCounts()

    def run(self, task: PartitionTask) -> PartitionCounts:
        """Reads the task's lines, writes its segments. OSError when the disk is full or the file cannot be read."""
        counts = self._counts = PartitionCounts(task.number, task.file, first=task.start == 0)
        self._clear()
        progress = LineCount()
        for number, line in lines_of(task.path, task.compressed, task.start, task.end, progress):
            if line is None:
                counts.note(number, "", TOO_LONG)
            else:
                self._take(number, line, task)
            if self._size > self._most:
                self._write(task.number)
        self._write(task.number)
        counts.lines, counts.bytes, counts.problem = progress.lines, progress.bytes, progress.problem
        return counts

    def _clear(self) -> None:
        self._held = [[] for _ in range(self._buckets + 1)]
        self._seen, self._size = set(), 0

    def _take(self, number: int, line: bytes, task: PartitionTask) -> None:
        counts = self._counts
        head = head_of(line)
        if head is None or head.resourceType is None:
            counts.note(number, "", NO_JSON)
            return
        kind = head.resourceType
        counts.types[kind if len(kind) < 64 else "?"] += 1
        if (
            kind != task.named_type
            and task.named_type in KNOWN_TYPES
            and kind not in ("OperationOutcome", "Parameters")
        ):
            counts.note(number, kind[:64], NOT_AS_NAMED)
        if kind == "Patient":
            literal = f"Patient/{head.id}" if head.id else None
        elif kind in _NOT_READ:
            self._take_other(number, kind, line)
            return
        else:
            literal = head.owner
        place = self._place(literal) if literal else None
        if place is None:
            self._take_unowned(number, kind, literal, line)
            return
        member, bucket, base = place
        if base:
            counts.bases[base] += 1
        if kind in _READ:
            self._hold(bucket, b"%b\t%b\n" % (member.encode(), line))
        elif member not in self._seen:
            self._hold(bucket, b"%b\t\n" % member.encode())
            self._seen.add(member)

    def _take_unowned(self, number: int, kind: str, literal: str | None, line: bytes) -> None:
        if literal is None and kind in SHARED_TYPES:
            self._hold(self._buckets, line + b"\n")
        elif kind == "Patient":
            self._counts.note(number, kind, BAD_ID)
        elif kind in _READ and kind not in _WITHOUT_PATIENT:
            self._counts.note(number, kind, NO_PATIENT)

    def _take_other(self, number: int, kind: str, line: bytes) -> None:
        if kind == "OperationOutcome":
            if len(self._counts.outcomes) < _MOST_NAMED:
                self._counts.outcomes.append(line[:10_000].decode(errors="replace"))
        elif kind == "Bundle":
            self._counts.note(number, kind, A_BUNDLE)
        elif kind == "Group":
            for each in group_members(line):
                place = self._place(f"Patient/{each}")
                if place is not None and place[0] not in self._seen:
                    self._hold(place[1], b"%b\t\n" % place[0].encode())
                    self._seen.add(place[0])

    def _place(self, literal: str) -> tuple[str, int, str] | None:
        """The member that a reference names, after merging, with bucket and base URL; None where it names none."""
        try:
            return self._known[literal]
        except KeyError:
            pass
        owner = owner_of(literal)
        place = None
        if owner is not None and ID.fullmatch(owner.id):
            member = self._merged.get(owner.id, owner.id)
            place = member, bucket_of(member, self._buckets), owner.base
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        self._known[literal] = place
        return place

    def _hold(self, bucket: int, record: bytes) -> None:
        self._held[bucket].append(record)
        self._size += len(record)

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
