"""Results of a run as files: members, criteria, changes, quality, run.json with the hash of the result."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cds_service.services.population.judge_bucket import TABLES
from cds_service.services.population.quality import quality_rows
from cds_service.services.population.rows import (
    CHANGE_COLUMNS,
    CRITERION_COLUMNS,
    LIST_COLUMNS,
    MEMBER_COLUMNS,
    QUALITY_COLUMNS,
)
from cds_service.services.population.run_summary import run_summary
from cds_service.services.population.work_folder import RUN

if TYPE_CHECKING:
    from cds_service.services.assess_population import JudgedPopulation

COLUMNS = dict(zip(TABLES, (MEMBER_COLUMNS, CRITERION_COLUMNS, CHANGE_COLUMNS, LIST_COLUMNS), strict=True))
_PIECE = 1 << 20


def write_results(judged: JudgedPopulation, *, as_csv: bool) -> dict[str, Any]:
    """Writes the tables, then run.json, and removes what the run had beside them; what run.json says.

    `as_csv`: CSV in place of Parquet. OSError when the disk is full.
    """
    with judged.lock:
        return _written(judged, as_csv=as_csv)


def _written(judged: JudgedPopulation, *, as_csv: bool) -> dict[str, Any]:
    out, digest = judged.run.out, sha256()
    for path in out.iterdir():
        if path.is_file():
            path.unlink()
    for table in _tables(judged):
        rows = _Hashed(_parts(judged, table), digest) if table != "list" else _parts(judged, table)
        name = _file_stem(table, judged.rules.list_gap)
        if as_csv or table == "list":
            _write_csv(out / f"{name}.csv", COLUMNS[table], rows)
        else:
            from cds_service.services.population.parquet import write_parquet

            write_parquet(out / f"{name}.parquet", COLUMNS[table], rows)
    _write_quality(judged, as_csv=as_csv)
    summary = run_summary(judged, digest.hexdigest())
    _private(out / RUN).write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(judged.work)
    return summary


def write_page(judged: JudgedPopulation, page: str) -> None:
    """Writes the page beside the tables."""
    _private(judged.run.out / "index.html").write_text(page, encoding="utf-8")


def _tables(judged: JudgedPopulation) -> Iterator[str]:
    yield from ("members", "criteria")
    if judged.rules.scenarios:
        yield "changes"
    if judged.rules.list_gap:
        yield "list"


def _file_stem(table: str, section: str) -> str:
    return f"list-{section}" if table == "list" else table


def _parts(judged: JudgedPopulation, table: str) -> Iterator[bytes]:
    """The rows as CSV without a head, a bucket at a time: buckets in their order are all members in one order."""
    for bucket in range(judged.buckets):
        yield (judged.work / f"bucket-{bucket:06d}.{table}").read_bytes()


class _Hashed:
    """Parts that are hashed as they pass."""

    def __init__(self, parts: Iterator[bytes], digest: Any) -> None:
        self._parts, self._digest = parts, digest

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self._digest.update(part)
            yield part


def _private(path: Path) -> Path:
    """A file that only its owner can read."""
    path.touch(mode=0o600)
    return path


def _write_csv(path: Path, columns: tuple[str, ...], parts: Any) -> None:
    with _private(path).open("wb", buffering=_PIECE) as file:
        file.write(f"{','.join(columns)}\n".encode())
        for part in parts:
            file.write(part)


def _write_quality(judged: JudgedPopulation, *, as_csv: bool) -> None:
    rows = list(quality_rows(judged))
    path = judged.work / "quality"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    if as_csv:
        _write_csv(judged.run.out / "quality.csv", QUALITY_COLUMNS, [path.read_bytes()])
    else:
        from cds_service.services.population.parquet import write_parquet

        write_parquet(judged.run.out / "quality.parquet", QUALITY_COLUMNS, [path.read_bytes()])
