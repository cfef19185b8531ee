"""CPU budget of one call, checked between steps: items that are not reached in time are left out and noted.

The thread's own CPU time counts, so a busy machine or a slow FHIR server does not use it up. Steps are short: what
a step may cost is bounded by the limits of texts, orders and lists.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from typing import TypeVar

T = TypeVar("T")
_STEP = 32
USED_UP = "the computing time of one call was used up"
_until: ContextVar[float | None] = ContextVar("thread time at which the budget ends", default=None)


@contextmanager
def cpu_budget(seconds: float) -> Iterator[None]:
    """Context manager: limits the code inside, in this thread, to so many seconds of CPU time."""
    token = _until.set(time.thread_time() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def is_budget_used_up() -> bool:
    """Whether this thread's budget is used up; False when none was set."""
    until = _until.get()
    return until is not None and time.thread_time() > until


def items_within_budget(items: Sequence[T], on_cut: Callable[[], None]) -> Iterator[T]:
    """The items until the budget is used up; `on_cut` is called when some are left out."""
    return chain.from_iterable(_steps(items, on_cut))


def _steps(items: Sequence[T], on_cut: Callable[[], None]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _STEP):
        if is_budget_used_up():
            on_cut()
            return
        yield items[start : start + _STEP]
