"""Resources that no patient is named on, on disk: found by `Type/id`, roles by their practitioner as well."""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

from fhir_mappings.common.references import local
from fhir_mappings.json.edge_numbers import DecodeError

_LINES, _INDEX = "shared.lines", "shared.index"


class _Reference(msgspec.Struct, gc=False):
    reference: str | None = None


class _Head(msgspec.Struct, gc=False):
    resourceType: str | None = None
    id: str | None = None
    practitioner: _Reference | None = None


_head = msgspec.json.Decoder(_Head)


def write_shared(folder: Path, pieces: Iterable[bytes], server: str | None) -> int:
    """Writes the lines with their index; how many there are. Takes 24 bytes of memory for each."""
    keys, offsets, lengths = array("Q"), array("Q"), array("Q")
    count = position = 0
    with (folder / _LINES).open("wb", buffering=1 << 20) as file:
        for line in (line for piece in pieces for line in piece.split(b"\n") if line):
            count += 1
            for key in keys_of(line, server):
                keys.append(key)
                offsets.append(position)
                lengths.append(len(line))
            position += file.write(line)
    order = sorted(range(len(keys)), key=keys.__getitem__)
    with (folder / _INDEX).open("wb", buffering=1 << 20) as file:
        for column in (keys, offsets, lengths):
            file.write(array("Q", (column[at] for at in order)).tobytes())
    return count


def keys_of(line: bytes, server: str | None) -> Iterator[int]:
    """What a shared line is found by."""
    try:
        head = _head.decode(line)
    except DecodeError:
        return
    if head.id:
        yield reference_key(f"{head.resourceType}/{head.id}")
    literal = head.practitioner.reference if head.practitioner is not None else None
    if head.resourceType == "PractitionerRole" and literal:
        yield reference_key(local(literal, server) or literal)


def reference_key(reference: str) -> int:
    """A reference as 64 bits."""
    return int.from_bytes(blake2b(reference.encode(), digest_size=8).digest())


class SharedResources:
    """What was written, looked up without being held in memory."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where it was written."""
        self._keys: Sequence[int] = ()
        size = (folder / _INDEX).stat().st_size
        if size:
            with (folder / _INDEX).open("rb") as index, (folder / _LINES).open("rb") as lines:
                columns = memoryview(mmap.mmap(index.fileno(), 0, access=mmap.ACCESS_READ)).cast("Q")
                self._lines = mmap.mmap(lines.fileno(), 0, access=mmap.ACCESS_READ)
            count = len(columns) // 3
            self._keys = columns[:count]
            self._offsets, self._lengths = columns[count : 2 * count], columns[2 * count :]

    def find(self, references: Iterable[str]) -> list[bytes]:
        """The lines of these references, each once; all versions of one that came several times."""
        found: dict[int, bytes] = {}
        for reference in references if self._keys else ():
            key = reference_key(reference)
            at = bisect_left(self._keys, key)
            while at < len(self._keys) and self._keys[at] == key:
                start = self._offsets[at]
                found[start] = self._lines[start : start + self._lengths[at]]
                at += 1
        return list(found.values())
