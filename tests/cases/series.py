"""Resources that come many times: readings at the same hours on many days, or lists of what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import cycle, islice
from typing import Any

from tests.cases.edits import JSON, CaseError

KEYS = ("each", "days", "diary", "times", "values", "ids", "first", "count")


def repeated(table: Mapping[str, Any]) -> list[JSON]:
    """The elements that differ, for each resource of the series that an `add` describes."""
    if "each" in table:
        return _listed(table["each"])
    times = table.get("times", [""])
    if "diary" in table:
        days = [date.fromisoformat(day) for day in table["diary"]]
        if any(len(row) != len(times) for row in table["diary"].values()):
            raise CaseError("a day of the diary has not one value for each of the times")
        values = iter([value for row in table["diary"].values() for value in row])
    else:
        days = _days(*table["days"])
        values = _values(table["values"])
    return list(islice(_readings(days, times, values, table), table.get("count")))


def _readings(days: list[date], times: list[str], values: Iterator[Any], table: Mapping[str, Any]) -> Iterator[JSON]:
    """A reading for each time of each day; `first` is where {number} or {day} begins in their ids."""
    ids: str = table["ids"]
    number = table.get("first", 1)
    for day, on in enumerate(days, table.get("first", 0)):
        for time, hour in enumerate(times):
            yield {
                "id": ids.format(number=number, day=day, time=time, date=on),
                "effectiveDateTime": f"{on}T{hour}" if hour else str(on),
                "valueQuantity": {"value": next(values)},
            }
            number += 1


def _listed(each: Any) -> list[Any]:
    """One table for each position of the lists in a table of lists."""
    if isinstance(each, list):
        return each
    columns = {key: _listed(value) for key, value in each.items()}
    if len({len(column) for column in columns.values()}) != 1:
        raise CaseError("the lists of `each` are not of one length")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _days(first: str, last: str) -> list[date]:
    """The days from one to another, forwards or backwards."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    step = 1 if end >= start else -1
    return [start + timedelta(days=step * count) for count in range(abs((end - start).days) + 1)]


def _values(values: Any) -> Iterator[Any]:
    """The values in turn, again and again: a list, or a table that counts from one number to another."""
    return cycle(values if isinstance(values, list) else range(values["from"], values["to"] + 1))
