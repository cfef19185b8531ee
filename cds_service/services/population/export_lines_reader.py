"""Lines of a file, or of a part of one: bounded, whatever ends them, compressed or not."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

# Of a resource: a note with its whole text is some hundred kB.
MOST_LINE_BYTES = 32_000_000
_BOM = b"\xef\xbb\xbf"
TOO_LONG = f"a line is longer than {MOST_LINE_BYTES // 1_000_000} MB"
CUT_SHORT = "the file ends before its end, or is damaged: what follows was not read"


@dataclass(slots=True)
class LineCount:
    """How far a file was read: lines and bytes; `problem` when it could not be read to its end."""

    lines: int = 0
    bytes: int = 0
    problem: str = ""


def lines_of(
    path: str, compressed: bool, start: int, end: int | None, count: LineCount
) -> Iterator[tuple[int, bytes | None]]:
    """Numbers and lines, from the first that begins at `start` or behind it to the last that begins before `end`.

    Numbers begin with 1 where reading begins. Blank lines are passed over; a line that is too long is None.
    OSError when the file cannot be read.
    """
    with Path(path).open("rb", buffering=1 << 20) as raw:
        file: BinaryIO = raw
        if compressed:
            file = cast("BinaryIO", io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 20))
        try:
            if start:
                raw.seek(start - 1)
                start += _skip_line(file) - 1
            yield from _numbered(file, start, end, count)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            count.problem = CUT_SHORT


def all_lines(path: str, compressed: bool, problems: list[tuple[str, str]], name: str) -> Iterator[tuple[int, bytes]]:
    """Numbers and lines of a whole file; what cannot be read of it is a problem under the file's name."""
    count = LineCount()
    try:
        for number, line in lines_of(path, compressed, 0, None, count):
            if line is None:
                problems.append((name, f"line {number}: {TOO_LONG}"))
            else:
                yield number, line
    except OSError as error:
        problems.append((name, f"the file cannot be read ({error.strerror})"))
    if count.problem:
        problems.append((name, count.problem))


def _numbered(file: BinaryIO, position: int, end: int | None, count: LineCount) -> Iterator[tuple[int, bytes | None]]:
    number, first = 0, position == 0
    while end is None or position < end:
        line = file.readline(MOST_LINE_BYTES)
        if not line:
            break
        length = len(line)
        number += 1
        whole = length < MOST_LINE_BYTES or line.endswith(b"\n")
        if not whole:
            length += _skip_line(file)
        position += length
        count.lines, count.bytes = number, count.bytes + length
        if first:
            line, first = line.removeprefix(_BOM), False
        if not whole:
            yield number, None
        elif stripped := line.strip():
            yield number, stripped


def _skip_line(file: BinaryIO) -> int:
    """Reads to the end of a line; how many bytes that were."""
    skipped = 0
    while piece := file.readline(MOST_LINE_BYTES):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
