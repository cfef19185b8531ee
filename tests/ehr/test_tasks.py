"""Searches that run in threads of their own belong to the call that began them."""

from __future__ import annotations

from cds_service.ehr.tasks import Task, TaskRunner
from fhir_mappings.common.free_text import cut, recording_cut_lengths
from fhir_mappings.json.search_result import SearchResult


def test_what_a_search_cuts_is_noticed_by_its_call_and_by_no_other() -> None:
    def run() -> SearchResult:
        cut("x" * 3_000)
        return SearchResult()

    runner = TaskRunner(lambda: 5.0, 2)
    with recording_cut_lengths() as other, recording_cut_lengths() as lengths:
        runner.collect(runner.start([("conditions", Task("Condition", run))]))
    assert (lengths, other) == ({3_000}, set())
