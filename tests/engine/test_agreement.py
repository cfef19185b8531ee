"""What chart and statement say together."""

from __future__ import annotations

import pytest

from cds_service.engine.agreement import reconciled
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown

CHART, STATEMENT = [Evidence("MedicationRequest/m1")], [Evidence("QuestionnaireResponse/q1")]
CHARTED = {
    "yes": met("charted yes", Basis.DOCUMENTED, CHART),
    "weak yes": met("charted yes", Basis.SUPPORTED, CHART),
    "no": not_met("charted no", Basis.DOCUMENTED, CHART),
    "open": unknown(Gap.INCOMPLETE, "charted open", "more data", CHART),
}
STATED = {
    "yes": met("stated yes", Basis.ATTESTED, STATEMENT),
    "no": not_met("stated no", Basis.ATTESTED, STATEMENT),
    "open": unknown(Gap.INCOMPLETE, "stated open", "the day", STATEMENT),
}


@pytest.mark.parametrize(
    ("charted", "stated", "complete", "truth", "basis", "says"),
    [
        ("yes", None, True, "met", Basis.DOCUMENTED, "charted yes"),
        ("yes", "yes", True, "met", Basis.DOCUMENTED, "charted yes"),
        ("weak yes", "yes", True, "met", Basis.ATTESTED, "charted yes"),
        ("no", "no", False, "not-met", Basis.DOCUMENTED, "charted no"),
        ("no", "yes", False, "met", Basis.ATTESTED, "stated yes"),
        ("open", "yes", True, "met", Basis.ATTESTED, "stated yes"),
        ("open", "no", True, "not-met", Basis.ATTESTED, "stated no"),
        ("yes", "open", True, "met", Basis.DOCUMENTED, "charted yes"),
    ],
)
def test_who_speaks(charted: str, stated: str | None, complete: bool, truth: str, basis: Basis, says: str) -> None:
    found = reconciled(CHARTED[charted], STATED[stated] if stated else None, complete)
    assert (found.truth.value, found.basis, found.explanation) == (truth, basis, says)


@pytest.mark.parametrize(("charted", "stated"), [("no", "yes"), ("yes", "no"), ("weak yes", "no")])
def test_a_conflict_is_for_a_reviewer_and_names_both(charted: str, stated: str) -> None:
    found: Finding = reconciled(CHARTED[charted], STATED[stated], complete=True)
    assert (found.truth.value, found.gap) == ("unknown", Gap.NEEDS_REVIEW)
    assert CHARTED[charted].explanation in found.explanation
    assert STATED[stated].explanation in found.explanation
    assert found.evidence == (*CHART, *STATEMENT)
    assert found.closes


def test_a_charted_yes_against_a_stated_no_is_a_conflict_of_an_incomplete_chart_too() -> None:
    assert reconciled(CHARTED["yes"], STATED["no"], complete=False).gap is Gap.NEEDS_REVIEW


def test_two_open_ones_stay_open() -> None:
    assert reconciled(CHARTED["open"], STATED["open"], complete=True).truth.value == "unknown"
