"""Antibodies: which tests count, what they have found, and that one positive result is enough for ever."""

from __future__ import annotations

import pytest

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import LabResult, TestOutcome, Unusable
from cds_service.policies.rules.beta_cell_antibodies import positive_antibody
from tests.policies.medicare_l33794.facts import antibody, case, results, stated

GAD, IAA = Concept.GAD_ANTIBODY, Concept.INSULIN_ANTIBODY
POSITIVE, NEGATIVE = TestOutcome.POSITIVE, TestOutcome.NEGATIVE


def judged(*found: LabResult, **more: object) -> Finding:
    return positive_antibody(case(results=results(antibodies=found), **more))


@pytest.mark.parametrize("concept", [GAD, Concept.ISLET_CELL_ANTIBODY, Concept.IA2_ANTIBODY, Concept.ZNT8_ANTIBODY])
def test_a_positive_result_of_any_accepted_test_is_enough_however_old(concept: Concept) -> None:
    found = judged(antibody(concept, POSITIVE, "1998-04-01"))
    assert (found.truth, found.basis) == (MET, Basis.DOCUMENTED)
    assert "Apr 1, 1998" in found.explanation


@pytest.mark.parametrize(
    ("outcome", "truth"),
    [
        (NEGATIVE, NOT_MET),
        (TestOutcome.EQUIVOCAL, UNKNOWN),
        (TestOutcome.CONFLICTING, UNKNOWN),
        (TestOutcome.UNREAD, UNKNOWN),
    ],
)
def test_other_outcomes(outcome: TestOutcome, truth: Truth) -> None:
    found = judged(antibody(GAD, outcome))
    assert found.truth is truth
    assert truth is NOT_MET or found.gap is Gap.NEEDS_REVIEW


def test_insulin_antibodies_are_for_a_reviewer() -> None:
    found = judged(antibody(IAA, POSITIVE))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
    assert "insulin treatment" in found.explanation


def test_one_positive_result_stands_beside_negative_ones() -> None:
    negative = antibody(GAD, NEGATIVE, "2026-01-01")
    assert judged(negative, antibody(Concept.ZNT8_ANTIBODY, POSITIVE)).truth is MET
    assert judged(negative, antibody(GAD, POSITIVE, "2010-01-01")).truth is MET


def test_a_negative_result_beside_an_open_one_stands_against_nothing() -> None:
    assert judged(antibody(GAD, NEGATIVE), antibody(IAA, POSITIVE)).gap is Gap.NEEDS_REVIEW


def test_a_positive_result_that_only_words_name_is_for_a_reviewer() -> None:
    found = judged(antibody(GAD, POSITIVE, unusable=Unusable.NAMED_ONLY))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)


def test_a_pending_one_is_waited_for() -> None:
    assert (
        judged(antibody(GAD, TestOutcome.UNREAD, pending=True)).next_step == "send the antibody result when it is final"
    )


def test_nothing_found_names_the_tests_that_count() -> None:
    found = judged()
    assert (found.gap, "ICA, GAD65, IA-2 or ZnT8" in (found.closes or "")) == (Gap.NOT_DOCUMENTED, True)


def test_a_statement_of_a_report_on_paper_counts() -> None:
    assert judged(answers=stated("IV.B.positive", True)).basis is Basis.ATTESTED
    assert judged(antibody(GAD, NEGATIVE), answers=stated("IV.B.positive", True)).truth is MET
    assert judged(answers=stated("IV.B.positive", False)).truth is NOT_MET


def test_what_could_not_be_read_is_not_missing() -> None:
    assert judged(unread={"antibodies": "no answer"}).gap is Gap.NOT_RETRIEVED
