"""What a page draws about a criterion: numbers and words, free of any drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PlotData:
    """One plot. `kind` names how it is drawn, `data` what that kind needs (web/plots says which).

    `words` is its text alternative: what a sighted reader sees. The table holds the same numbers.
    """

    section: str
    title: str
    kind: str
    data: Any
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
