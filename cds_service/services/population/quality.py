"""What of an export could not be read: file, line, problem. No value of a line is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cds_service.services.assess_population import JudgedPopulation

QualityRow = tuple[str, str, str, str, int]


def quality_rows(judged: JudgedPopulation) -> Iterator[QualityRow]:
    """Files first, then lines by file and number, then what was set aside when charts were read."""
    for file, problem in sorted({*judged.folder.problems, *judged.complete.problems}):
        yield file, "", "", problem, 1
    before: dict[str, int] = {}
    for counts in judged.counts:
        offset = before.get(counts.file, 0)
        for line, kind, problem in counts.named:
            yield counts.file, str(offset + line), kind, problem, 1
        for key, count in sorted(counts.more.items()):
            kind, _, problem = key.partition("\t")
            yield counts.file, "", kind, problem, count
        before[counts.file] = offset + counts.lines
    for (kind, problem), count in sorted(judged.problems.items()):
        yield "", "", kind, problem, count


def quality_counts(judged: JudgedPopulation) -> dict[str, int]:
    """How often each problem was seen."""
    found: dict[str, int] = {}
    for _, _, kind, problem, count in quality_rows(judged):
        name = f"{kind}: {problem}" if kind else problem
        found[name] = found.get(name, 0) + count
    return dict(sorted(found.items()))
