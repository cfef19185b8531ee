"""The sentences of a policy as data: `{parameter}` placeholders stand for numbers, so that each stands in one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Formatter
from typing import Any

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class _Fill(Formatter):
    """Formats numbers as people write them; the format `words` spells a small whole number, `Words` capitalized."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec in ("words", "Words"):
            spelled = number_in_words(value)
            return spelled.capitalize() if format_spec == "Words" else spelled
        if format_spec == "clock":
            return f"{int(value) // 60}" if int(value) % 60 == 0 else f"{int(value) // 60}:{int(value) % 60:02d}"
        if not format_spec:
            return shown(value)
        return str(super().format_field(value, format_spec))


_FILL = _Fill()


def fill(text: str, values: Mapping[str, Any]) -> str:
    """A sentence with its placeholders filled. KeyError for a placeholder that names no value."""
    return _FILL.vformat(text, (), values) if "{" in text else text


def shown(value: Any) -> str:
    """A parameter's value for people: 7.0 is 7, a list is joined, true is yes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def number_in_words(value: float) -> str:
    """A small whole number in words, others in digits."""
    whole = int(value)
    return _NUMBERS[whole] if whole == value and 0 <= whole < len(_NUMBERS) else shown(value)


def listed(words: Iterable[str], last: str = "and") -> str:
    """Words as a list in a sentence, each once: `a`, `a and b`, `a, b and c`."""
    *head, tail = dict.fromkeys(words)
    return f"{', '.join(head)} {last} {tail}" if head else tail
