"""Prefetch by chart section: what a missing key means, and which parts of the chart are asked for at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cds_service.facts import ChartSection, ResultKind
from cds_service.hooks.prefetch import Prefetch, completed, given
from fhir_mappings.json.search_result import SearchResult, Status

WEIGHT = ResultKind("weight", "body weight", frozenset({("http://loinc.org", "29463-7")}), {"kg": 1.0})
EVERY: dict[str, Any] = dict.fromkeys(ChartSection)
NEEDED = (ChartSection.PATIENT, ChartSection.COVERAGE, "weight")


@dataclass
class Source:
    """Answers every search with nothing, and remembers what was asked."""

    asked: list[str] = field(default_factory=list)
    unfinished: frozenset[str] = frozenset()

    def fetch(self, sections: Sequence[str], pages: Mapping[str, str]) -> Mapping[str, SearchResult]:
        self.asked += [*sections, *pages]
        return {section: SearchResult() for section in sections}

    def rest(self, *, waiting: bool) -> Mapping[str, SearchResult]:
        return {}


def _given(members: dict[str, Any], *kinds: ResultKind) -> tuple[dict[str, SearchResult], list[SearchResult]]:
    return given(Prefetch(json.dumps(members).encode()), kinds)


def test_where_every_chart_section_came_a_missing_key_of_a_policy_is_nothing_there() -> None:
    """The contract: where the thirteen are present, a missing one of these is "nothing there"."""
    assert len(EVERY) == 13
    by_section, _ = _given(EVERY, WEIGHT)
    assert by_section["weight"].status is Status.EMPTY
    source = Source()
    assert completed(by_section, source, NEEDED)["weight"].status is Status.EMPTY
    assert source.asked == []


def test_where_one_is_missing_so_is_the_key_of_a_policy() -> None:
    by_section, _ = _given({name: None for name in EVERY if name != "egfr"}, WEIGHT)
    assert "weight" not in by_section
    assert completed(dict(by_section), None, NEEDED)["weight"].status is Status.FAILED
    source = Source()
    assert completed(dict(by_section), source, NEEDED)["weight"].status is Status.EMPTY
    assert source.asked == ["weight"]


def test_what_came_under_the_key_of_a_policy_is_read_there() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    by_section, others = _given(EVERY | {"weight": outcome, "other": None}, WEIGHT)
    assert by_section["weight"].status is Status.FAILED
    assert len(others) == 1


def test_a_key_that_no_policy_in_use_asks_for_is_the_clients_own() -> None:
    by_section, others = _given(EVERY | {"weight": None})
    assert "weight" not in by_section
    assert len(others) == 1


def test_only_what_is_needed_is_asked_for_or_said_to_be_missing() -> None:
    source = Source()
    assert set(completed({}, source, NEEDED)) == set(NEEDED)
    assert source.asked == list(NEEDED)
    assert set(completed({}, None, NEEDED)) == set(NEEDED)


def test_further_pages_are_read_only_of_what_is_needed() -> None:
    first_page = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [],
        "link": [{"relation": "next", "url": "https://ehr.example.invalid/r4?page=2"}],
    }
    by_section, _ = _given(EVERY | {"weight": first_page, "egfr": first_page}, WEIGHT)
    source = Source()
    completed(by_section, source, NEEDED)
    assert source.asked == ["weight"]
