"""Pieces of explanations: how many records are named, and how the rest is counted."""

from __future__ import annotations

import pytest

from cds_service.facts import Record
from cds_service.policies.rules.phrases import dated_labels, sentence
from tests.policies.charts import moment


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, "r1 (Mar 1, 2026)"), (3, "r1 (Mar 1, 2026), r2 (Mar 2, 2026), r3 (Mar 3, 2026)")],
)
def test_up_to_three_records_are_named_with_their_dates(number: int, expected: str) -> None:
    assert dated_labels(_records(number)) == expected


def test_more_than_three_are_counted() -> None:
    assert dated_labels(_records(5)) == "r1 (Mar 1, 2026), r2 (Mar 2, 2026), r3 (Mar 3, 2026) and 2 more"


def test_a_record_without_a_date_is_named_alone_and_equal_ones_once() -> None:
    undated = Record("Condition/1", None, frozenset(), "coma")
    assert dated_labels([undated, undated]) == "coma"


def _records(number: int) -> list[Record]:
    return [Record(f"Condition/{n}", moment(f"2026-03-0{n}"), frozenset(), f"r{n}") for n in range(1, number + 1)]


def test_findings_are_one_sentence() -> None:
    assert sentence(["one low", "a level"]) == "One low; a level"
