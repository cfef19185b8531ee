"""Laboratory values and measurements that only some policies ask for, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ResultKind:
    """One kind of result. `key`: its prefetch key and its part of the chart; `name`: what it is called in a sentence.

    `codes`: system and code of the Observations that are of this kind. `units`: UCUM units with the factor into the
    policy's own unit. `plausible`: lowest and highest value that can be right, in that unit.
    """

    key: str
    name: str
    codes: frozenset[tuple[str, str]]
    units: Mapping[str, float]
    plausible: tuple[float, float] = field(default=(0.0, 1e9))
