"""Free text is cut before any pattern reads it, and the call says so.

Patterns are Python's `re`, written so that their time grows with the length of the text: no repeat that overlaps with
one inside it or beside it, gaps between words bounded. `google-re2` 1.1 (wheels for glibc Linux, macOS and Windows, no
dependencies) guarantees that, and was measured with the patterns of concept_words.toml: 1.3 us a search against 0.9 us
in a name of 47 characters, 3.6 us against 41 us in 2,000 characters. It was not taken: one pattern in six needs
lookaround, which it has not; its `\\b` and `\\w` know ASCII only; texts of a chart are short; and its wheels come late
for new Pythons and not for musl. tests/properties/test_hostile_text.py holds every pattern to linear time instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
LONGEST_TEXT = 2_000
# Lengths that are named in notes; further ones are not.
_MOST_NAMED = 20
_lengths: ContextVar[set[int] | None] = ContextVar("lengths of texts that were cut", default=None)


def cut(text: str) -> str:
    """The first 2,000 characters of a text, which is all that patterns read; a longer length is recorded."""
    if len(text) <= LONGEST_TEXT:
        return text
    lengths = _lengths.get()
    if lengths is not None and len(lengths) < _MOST_NAMED:
        lengths.add(len(text))
    return text[:LONGEST_TEXT]


@contextmanager
def recording_cut_lengths() -> Iterator[set[int]]:
    """Context manager: collects the lengths of texts that `cut` shortens inside it."""
    lengths: set[int] = set()
    token = _lengths.set(lengths)
    try:
        yield lengths
    finally:
        _lengths.reset(token)


def recording_into_this_call(function: Callable[P, R]) -> Callable[P, R]:
    """Wraps a function for another thread, so that its cuts are recorded in the call that wrapped it."""
    lengths = _lengths.get()

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        token = _lengths.set(lengths)
        try:
            return function(*args, **kwargs)
        finally:
            _lengths.reset(token)

    return run


def notes_of(lengths: set[int]) -> list[str]:
    """One note for each length of a text that was cut."""
    return [f"A text of {length:,} characters was read up to its first {LONGEST_TEXT:,}" for length in sorted(lengths)]


def cached_for_short_texts(most: int) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """`lru_cache` for functions of texts; texts that would be cut are not cached, so that each call records its own."""

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        cached = lru_cache(maxsize=most)(function)

        @wraps(function)
        def call(*texts: Any) -> R:
            for text in texts:
                if text is not None and len(text) > LONGEST_TEXT:
                    return function(*texts)
            return cached(*texts)

        return call

    return decorate
