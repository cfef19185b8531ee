"""Small changes that break a good document, each as a case that names the requirement it breaks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.conformance.rulebook import Violation
from tests.conformance.samples import fresh

Change = Callable[[Any], None]


class Case(NamedTuple):
    number: int
    sentence: str
    changes: tuple[Change, ...]
    also: frozenset[int] = frozenset()


def case(number: int, sentence: str, *changes: Change, also: tuple[int, ...] = ()) -> Any:
    return pytest.param(Case(number, sentence, changes, frozenset(also)), id=f"{number}: {sentence}")


def _walk(document: Any, path: str) -> tuple[Any, Any]:
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in steps:
        document = document[step]
    return document, last


def put(path: str, value: Any) -> Change:
    def change(document: Any) -> None:
        holder, last = _walk(document, path)
        holder[last] = fresh(value)

    return change


def drop(path: str) -> Change:
    def change(document: Any) -> None:
        holder, last = _walk(document, path)
        del holder[last]

    return change


def add(path: str, value: Any) -> Change:
    def change(document: Any) -> None:
        holder, last = _walk(document, path)
        holder[last].append(fresh(value))

    return change


def broken(document: Any, changed: Case) -> Any:
    body = fresh(document)
    for change in changed.changes:
        change(body)
    assert body != document
    return body


def numbers(found: list[Violation]) -> set[int]:
    return {violation.requirement for violation in found}
