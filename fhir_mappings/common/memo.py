"""A cache of a function's results by its argument, for values that thousands of readings share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Memo(dict[Any, Any]):
    """`memo[key]` is the function's result for that key; the function is called once for each key."""

    def __init__(self, work_out: Callable[[Any], Any]) -> None:
        """`work_out`: the function that is cached."""
        super().__init__()
        self._work_out = work_out

    def __missing__(self, asked: Any) -> Any:
        """Called by `memo[key]` for a key that is not cached."""
        answer = self[asked] = self._work_out(asked)
        return answer
