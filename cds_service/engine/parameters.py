"""Numbers and windows of a policy as dated data.

A parameter has a start date for each value and no end date: an end is the next start. What is said of a parameter
names a number only as `{value}`, so that it is true of each of its values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from cds_service.engine.wording import fill
from cds_service.errors import NoVersionInForce


@dataclass(frozen=True, slots=True)
class DatedValue:
    """One value and the first day on which it holds; `source`: where this one comes from, if not where all do."""

    start: date
    value: Any
    source: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named quantity of the policy: what it says, its unit, its section and source, its values by date.

    `says` and `source` may have a `{value}`: `says_of` and `source_of` fill it. `fixed`: the text itself decides it, so
    that no plan's setting changes it.
    """

    name: str
    section: str
    unit: str
    says: str
    source: str
    values: tuple[DatedValue, ...]
    fixed: bool = False

    def on(self, day: date) -> Any:
        """The value in force on `day`; NoVersionInForce before the first start."""
        held = [dated.value for dated in self.values if dated.start <= day]
        if not held:
            raise NoVersionInForce(f"{self.name} has no value before {self.values[0].start.isoformat()}")
        return held[-1]

    def says_of(self, dated: DatedValue) -> str:
        """What one of its values says."""
        return fill(self.says, {"value": dated.value})

    def source_of(self, dated: DatedValue) -> str:
        """Where one of its values comes from."""
        return fill(dated.source or self.source, {"value": dated.value})


def values_on(parameters: Mapping[str, Parameter], day: date) -> dict[str, Any]:
    """The values of all parameters that have one on a day; those of a later text have none yet."""
    return {name: parameter.on(day) for name, parameter in parameters.items() if parameter.values[0].start <= day}


def load_parameters(text: str) -> dict[str, Parameter]:
    """Reads a parameters TOML: one table a parameter with section, unit, says, source and dated values."""
    loaded = {}
    for name, table in tomllib.loads(text).items():
        values = tuple(DatedValue(row["from"], row["value"], row.get("source", "")) for row in table["values"])
        if any(later.start <= earlier.start for earlier, later in pairwise(values)):
            raise ValueError(f"{name}: start dates must ascend")
        told = (table["section"], table["unit"], table["says"], table["source"])
        loaded[name] = Parameter(name, *told, values, table.get("fixed", False))
    return loaded
