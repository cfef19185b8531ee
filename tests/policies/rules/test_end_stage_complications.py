"""D.II.A.1: which kidney disease and which dialysis exclude, and which records are named."""

from __future__ import annotations

import pytest

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import Diagnosis, Record
from cds_service.policies.rules.end_stage_complications import end_stage_complications
from tests.policies.charts import case, diagnosis, moment

CHRONIC, UNSTATED = Concept.CHRONIC_DIALYSIS, Concept.DIALYSIS
REVIEW = Gap.NEEDS_REVIEW
ACUTE = diagnosis("2026-08-01", Concept.ACUTE_KIDNEY_INJURY)
TRANSPLANT = Record("Procedure/new", moment("2026-09-01"), frozenset({Concept.KIDNEY_TRANSPLANT}), "a transplant")


def session(when: str | None, concept: Concept = UNSTATED) -> Record:
    return Record(f"Procedure/{when}", moment(when), frozenset({concept}), "a session")


def sessions(*days: str | None, concept: Concept = UNSTATED) -> tuple[Record, ...]:
    return tuple(session(day, concept) for day in days)


def judged(*diagnoses: Diagnosis, dialysis: tuple[Record, ...] = ()) -> tuple[object, object, list[str]]:
    """Truth, gap or basis, and what is cited."""
    found = end_stage_complications(case(*diagnoses, dialysis=dialysis))
    return found.truth, found.gap or found.basis, [each.reference for each in found.evidence]


def test_a_stage_for_review_does_not_hold_up_what_dialysis_shows() -> None:
    """Chronic dialysis of the last 90 days excludes, whatever stage is charted beside it."""
    stage = diagnosis("2024-01-01", Concept.KIDNEY_FAILURE_FOR_REVIEW)
    found = judged(stage, dialysis=sessions("2026-11-01", concept=CHRONIC))
    assert found == (MET, Basis.DOCUMENTED, ["Procedure/2026-11-01"])


def test_a_stage_for_review_goes_before_sessions_for_acute_injury() -> None:
    stage = diagnosis("2024-01-01", Concept.KIDNEY_FAILURE_FOR_REVIEW)
    assert judged(stage, ACUTE, dialysis=sessions("2026-08-03"))[:2] == (UNKNOWN, REVIEW)


SPANS = {
    "90 days, the last of them 90 days ago": (("2026-05-24", "2026-08-22"), MET),
    "90 days, the last of them 91 days ago": (("2026-05-23", "2026-08-21"), UNKNOWN),
    "89 days": (("2026-08-20", "2026-11-17"), UNKNOWN),
    "three sessions, 90 days from the first to the last": (("2026-08-20", "2026-10-01", "2026-11-18"), MET),
    "a month and a day in it, of which nobody knows how far apart": (("2026-05", "2026-11-18"), UNKNOWN),
    "one of no date": ((None, "2026-11-18"), UNKNOWN),
    "one after the order": (("2026-09-01", "2026-11-30"), UNKNOWN),
}


@pytest.mark.parametrize(("days", "truth"), SPANS.values(), ids=SPANS.keys())
def test_sessions_of_unstated_kind(days: tuple[str | None, ...], truth: object) -> None:
    """2026-08-22 is 9 + 30 + 31 + 20 = 90 days before 2026-11-20; 2026-05-24 is 7 + 30 + 31 + 22 = 90 before that."""
    found = judged(dialysis=sessions(*days))
    assert found[:2] == ((MET, Basis.DOCUMENTED) if truth is MET else (UNKNOWN, REVIEW))


def test_sessions_dated_after_the_order_are_none() -> None:
    assert judged(dialysis=sessions("2026-11-30")) == (NOT_MET, None, [])


def test_a_transplant_alone_is_no_session_and_is_named() -> None:
    found = end_stage_complications(case(dialysis=(TRANSPLANT,)))
    assert (found.truth, [each.reference for each in found.evidence]) == (NOT_MET, ["Procedure/new"])
    assert "Kidney transplant (a transplant)" in found.explanation


def test_dialysis_that_goes_on_beside_a_transplant_is_for_a_reviewer_who_sees_both() -> None:
    """Z94.0 beside end-stage disease that is still current: the same of dialysis that is."""
    found = judged(dialysis=(*sessions("2026-11-01", concept=CHRONIC), TRANSPLANT))
    assert found == (UNKNOWN, REVIEW, ["Procedure/2026-11-01", "Procedure/new"])


def test_the_last_three_sessions_are_cited_and_the_last_one_dated() -> None:
    days = ("2026-08-01", "2026-09-01", "2026-10-01", "2026-11-10")
    found = end_stage_complications(case(dialysis=sessions(*days)))
    assert found.explanation == "Chronic dialysis, last on Nov 10, 2026"
    assert [each.date for each in found.evidence] == ["2026-09-01", "2026-10-01", "2026-11-10"]


def test_sessions_for_acute_injury_are_cited_with_it() -> None:
    days = ("2026-08-03", "2026-08-05", "2026-08-07", "2026-08-09")
    found = end_stage_complications(case(ACUTE, dialysis=sessions(*days)))
    assert (found.truth, found.basis) == (NOT_MET, Basis.DOCUMENTED)
    assert found.explanation == "Dialysis on Aug 9, 2026 for acute kidney injury (a diagnosis)"
    assert [each.date for each in found.evidence] == ["2026-08-05", "2026-08-07", "2026-08-09", "2026-08-01"]


def test_old_sessions_are_cited_and_dated_for_the_reviewer() -> None:
    days = ("2026-05-01", "2026-05-03", "2026-05-05", "2026-05-07")
    found = end_stage_complications(case(dialysis=sessions(*days)))
    assert found.explanation == "Dialysis, last on May 7, 2026, not shown to be chronic now"
    assert [each.date for each in found.evidence] == ["2026-05-03", "2026-05-05", "2026-05-07"]
    undated = end_stage_complications(case(dialysis=sessions(None)))
    assert undated.explanation == "Dialysis, last on an unknown date, not shown to be chronic now"


def test_failure_of_another_organ_is_cited_once() -> None:
    heart = diagnosis("2026-03-01", Concept.OTHER_ORGAN_FAILURE)
    assert judged(heart) == (UNKNOWN, REVIEW, [heart.reference])
