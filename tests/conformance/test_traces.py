"""Every row of the public bug log that applies to this service is traced by a case file or a test, by its number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cases.runner import all_cases

TESTS = Path(__file__).parents[1]
# All sections, and why a row has no case here.
APPLIES = set(range(1, 99))
ELSEWHERE = {
    5: "a missing prefetch with no server is answered as not retrieved, which the contract defines",
    11: "templates depend on no earlier key, so clients have nothing to leave unresolved; see the discovery lint",
    13: "the same: templates use root context fields only",
    83: "speed has benchmarks of its own",
}
_NUMBER = re.compile(r"bug-log (\d+)")


def _traced() -> set[int]:
    texts = [trace for case in all_cases() for trace in case.traces]
    texts += [path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py") if path.name != "test_traces.py"]
    return {int(number) for text in texts for number in _NUMBER.findall(text)}


@pytest.mark.parametrize("row", sorted(APPLIES - set(ELSEWHERE)))
def test_row_is_traced(row: int) -> None:
    assert row in _traced()
