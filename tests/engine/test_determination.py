"""The outcome of an order, row by row of the specification's table."""

from __future__ import annotations

import itertools

import pytest

from cds_service.engine.determination import Applicability, Outcome, outcome_of
from cds_service.engine.finding import Basis, Finding, Gap, met, not_met, unknown

MET = [met("met", basis) for basis in Basis]
NOT_MET = not_met("not met", Basis.DOCUMENTED)
OPEN = {gap: unknown(gap, "unknown", "close it") for gap in Gap}
ABSENT = not_met("nothing charted")
DOCUMENTED, ATTESTED, SUPPORTED = (met("met", b) for b in (Basis.DOCUMENTED, Basis.ATTESTED, Basis.SUPPORTED))
EXCLUDED, APPROVED, NEEDS = Outcome.EXCLUDED, Outcome.LIKELY_APPROVED, Outcome.NEEDS_DOCUMENTATION

TABLE = {
    # An exclusion that is met on documented or attested evidence dominates.
    "exclusion documented": ([DOCUMENTED], [DOCUMENTED], EXCLUDED),
    "exclusion attested": ([DOCUMENTED], [ATTESTED], EXCLUDED),
    "exclusion documented, criterion not met": ([NOT_MET], [ABSENT, DOCUMENTED], EXCLUDED),
    "exclusion documented, criterion unknown": ([OPEN[Gap.NEEDS_REVIEW]], [DOCUMENTED], EXCLUDED),
    "exclusion documented, another for review": ([DOCUMENTED], [OPEN[Gap.NEEDS_REVIEW], DOCUMENTED], EXCLUDED),
    # Likely approved: every criterion met on any basis, no exclusion met, none for review.
    "all met, documented": ([DOCUMENTED, DOCUMENTED], [ABSENT], APPROVED),
    "all met, each on another basis": ([DOCUMENTED, ATTESTED, SUPPORTED], [ABSENT, NOT_MET], APPROVED),
    "all met, nobody attested an exclusion": ([SUPPORTED], [OPEN[Gap.NEEDS_ATTESTATION]], APPROVED),
    "all met, no exclusion asked": ([SUPPORTED], [], APPROVED),
    # Everything else.
    "exclusion supported": ([DOCUMENTED], [SUPPORTED], NEEDS),
    "exclusion for review": ([DOCUMENTED], [OPEN[Gap.NEEDS_REVIEW]], NEEDS),
    "one criterion not met": ([DOCUMENTED, NOT_MET], [ABSENT], NEEDS),
    **{f"one criterion {gap}": ([DOCUMENTED, OPEN[gap]], [ABSENT], NEEDS) for gap in Gap},
}


@pytest.mark.parametrize(("required", "exclusions", "outcome"), TABLE.values(), ids=TABLE.keys())
def test_outcome(required: list[Finding], exclusions: list[Finding], outcome: Outcome) -> None:
    for criteria, excluding in itertools.product(itertools.permutations(required), itertools.permutations(exclusions)):
        assert outcome_of(criteria, excluding) is outcome


def test_the_words_are_those_of_the_contract() -> None:
    assert {str(o) for o in Outcome} == {"excluded", "likely-approved", "needs-documentation", "not-applicable"}
    assert {str(s) for s in Applicability} == {"governed", "not-governed", "not-in-force", "unverified"}
    assert {str(b) for b in Basis} == {"documented", "supported", "attested"}
    assert {str(g) for g in Gap} == {
        "not-documented",
        "incomplete",
        "needs-review",
        "needs-attestation",
        "not-retrieved",
    }
