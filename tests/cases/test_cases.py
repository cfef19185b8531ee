"""Every case file, held against its own expectation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.services.answer_hook import EXTENSION
from tests.cases.runner import CaseFile, all_cases, determinations, findings
from tests.conformance.checker import check_response

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_case(case: CaseFile) -> None:
    response = case.run()
    assert check_response(response, json.loads(case.request.decode("utf-8-sig"))) == []
    expect = case.expect
    by_order = determinations(response)
    order = expect.get("order") or next(iter(by_order))
    _holds(by_order[order], expect)
    if "policy" in expect:
        assert by_order[order]["policy"]["id"] == expect["policy"]
    if "under" in expect:
        told = [d for d in response["extension"][EXTENSION] if d["order"] == order]
        assert {d["policy"]["id"]: d["outcome"] for d in told} == expect["under"]
        assert len(told) == len(expect["under"])
    for other, outcome in expect.get("orders", {}).items():
        assert by_order[other]["outcome"] == outcome, other
    if "cards" in expect:
        assert len(response["cards"]) == expect["cards"]
    text = "\n".join(f"{card['summary']}\n{card.get('detail', '')}" for card in response["cards"]).replace(
        "\u00a0", " "
    )
    for words in expect.get("card_says", ()):
        assert words in text
    for words in expect.get("card_never_says", ()):
        assert words not in text


def _holds(determination: dict[str, Any], expect: dict[str, Any]) -> None:
    assert determination["outcome"] == expect["outcome"], determination.get("reason")
    for name in ("coverage", "asOf"):
        if name in expect:
            assert determination[name] == expect[name]
    if "reason" in expect:
        assert expect["reason"] in determination["reason"]
    notes = "\n".join(determination.get("notes", ()))
    for words in expect.get("notes", ()):
        assert words in notes
    found = findings(determination)
    for key in ("truth", "gap", "basis"):
        for section, value in expect.get(key, {}).items():
            assert found[section].get(key) == value, (section, found[section])
    for section, words in expect.get("says", {}).items():
        assert words in found[section]["explanation"], (section, found[section])


def test_there_are_enough_cases_and_each_says_why() -> None:
    assert len(CASES) >= 120
    assert all(len(case.why.split()) > 3 for case in CASES)
    assert all(case.traces for case in CASES)
