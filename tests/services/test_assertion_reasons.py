"""The reasons of a coverage assertion: whole sentences that say what was found and what closes it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.engine.coverage_assertion import CoverageAssertion
from cds_service.engine.coverage_match import CoverageMatch, MatchReason
from cds_service.engine.determination import Applicability, Determination
from cds_service.engine.finding import Basis, Finding, Gap, met, unknown
from cds_service.engine.truth import MET
from cds_service.facts import ChartSection
from cds_service.services.assert_coverage import AssertionContext, assertion_for
from cds_service.settings import Settings
from tests.hooks.sentences import alone, assessed, key, top_findings
from tests.policies.charts import AS_OF

MATCH = CoverageMatch(Applicability.GOVERNED, MatchReason.GOVERNED, "CareSource Marketplace in Ohio")
SETTINGS = Settings(public_url="https://cds.example.invalid")
ASKED = [finding for finding in top_findings() if finding in alone(finding).findings_in_question]


def _asserted(determination: Determination, match: CoverageMatch = MATCH) -> CoverageAssertion:
    context = AssertionContext(SETTINGS, "p1", None, AS_OF, True, False, True, frozenset())
    made = assertion_for(assessed(replace(determination, coverage_reference="Coverage/c1"), match), context)
    assert made is not None
    return made


@pytest.mark.parametrize("finding", ASKED, ids=[f"{n}: {key(f)}" for n, f in enumerate(ASKED)])
def test_a_reason_says_what_was_found_and_what_closes_it(finding: Finding) -> None:
    asserted = _asserted(alone(finding))
    (reason,) = asserted.reasons
    assert len(reason.text) <= 500
    assert "…" not in reason.text
    assert finding.id in reason.text
    assert ".." not in reason.text
    if finding.truth is not MET:
        assert "To do: " in reason.text
        assert reason.text.endswith(".")


def test_a_long_explanation_gives_way_to_what_closes_it() -> None:
    words = "; ".join(f"finding {number} of 2026-09-01" for number in range(60))
    asserted = _asserted(alone(unknown(Gap.INCOMPLETE, words, "A short remedy").with_id("D.I.F")))
    (reason,) = asserted.reasons
    assert len(reason.text) <= 500
    assert reason.text.endswith("2026-09-01; and more. To do: A short remedy.")


def test_an_approval_names_what_the_chart_only_suggests() -> None:
    determination = alone(met("Charted", Basis.SUPPORTED).with_id("D.I.D"))
    assert "1 of 9 only as the chart suggests (D.I.D)" in _asserted(determination).reasons[0].text
    documented = alone(met("Charted", Basis.DOCUMENTED).with_id("D.I.D"))
    assert "suggests" not in _asserted(documented).reasons[0].text


def test_what_could_not_be_read_is_named_by_whole_findings() -> None:
    finding = unknown(Gap.NOT_RETRIEVED, "Not read in full: insulin orders (" + "x" * 40 + ")", "c").with_id("D.I.F")
    determination = alone(finding)
    criteria = tuple(replace(finding, id=f.id) for f in determination.criteria)
    context = AssertionContext(SETTINGS, "p1", None, AS_OF, True, False, True, frozenset(ChartSection))
    determination = replace(determination, criteria=criteria, coverage_reference="Coverage/c1")
    made = assertion_for(assessed(determination, MATCH), context)
    assert made is not None
    (reason,) = made.reasons
    assert len(reason.text) <= 500
    assert reason.text.endswith("x)); and more")
