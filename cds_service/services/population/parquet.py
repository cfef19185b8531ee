"""Rows as Parquet, by pyarrow: the extra `population`."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pyarrow
from pyarrow import csv, parquet

_NUMBERS = {"count"}
# A row group: of parts that are small, many are taken together.
_GROUP_BYTES = 8_000_000


def write_parquet(path: Path, columns: tuple[str, ...], parts: Iterable[bytes]) -> None:
    """Writes rows that come as CSV without a head. OSError when the disk is full."""
    types = {name: pyarrow.int64() if name in _NUMBERS else pyarrow.string() for name in columns}
    schema = pyarrow.schema(list(types.items()))
    path.touch(mode=0o600)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        held = bytearray()
        for part in parts:
            held += part
            if len(held) > _GROUP_BYTES:
                writer.write_table(_table(bytes(held), columns, types))
                held.clear()
        if held:
            writer.write_table(_table(bytes(held), columns, types))


def _table(rows: bytes, columns: tuple[str, ...], types: dict[str, pyarrow.DataType]) -> pyarrow.Table:
    return csv.read_csv(
        io.BytesIO(rows),
        read_options=csv.ReadOptions(column_names=list(columns)),
        convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )
