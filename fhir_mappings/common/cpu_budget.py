"""The CPU time that one call may take, checked between steps: what is not reached by then is not retrieved.

The time is the thread's own, so that a busy machine or a slow FHIR server takes nothing from it. Steps are short: what
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
    """Gives what runs inside, in this thread, so many seconds."""
    token = _until.set(time.thread_time() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


def spent() -> bool:
    """Whether the budget is used up; never where there is none."""
    until = _until.get()
    return until is not None and time.thread_time() > until


def while_it_lasts(items: Sequence[T], cut: Callable[[], None]) -> Iterator[T]:
    """The items as far as the budget reaches; `cut` is called when some are left out."""
    return chain.from_iterable(_steps(items, cut))


def _steps(items: Sequence[T], cut: Callable[[], None]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _STEP):
        if spent():
            cut()
            return
        yield items[start : start + _STEP]
