"""Answers by what was asked, each worked out once: what thousands of readings share is looked at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Memo(dict[Any, Any]):
    """`memo[asked]` is the answer of a function, which is called only when it was not asked before."""

    def __init__(self, work_out: Callable[[Any], Any]) -> None:
        """`work_out` answers what was not asked before."""
        super().__init__()
        self._work_out = work_out

    def __missing__(self, asked: Any) -> Any:
        """Called by `memo[asked]` when it was not asked before."""
        answer = self[asked] = self._work_out(asked)
        return answer
