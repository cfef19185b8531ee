"""Diabetes of any type, and education at any time."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import Diagnosis, Record
from cds_service.policies.rules.diagnosis import diabetes_of_any_type
from cds_service.policies.rules.education import education_completed_at_any_time
from tests.policies.charts import moment
from tests.policies.medicare_l33794.facts import case, stated

T1, T2, OTHER, UNCLEAR = (
    Concept.TYPE_1_DIABETES,
    Concept.TYPE_2_DIABETES,
    Concept.OTHER_DIABETES_TYPE,
    Concept.DIABETES_TYPE_UNCLEAR,
)


def coded(concept: Concept, code: str, **members: Any) -> Diagnosis:
    return Diagnosis(
        "Condition/1", None, frozenset({concept}), members.pop("label", "a diagnosis"), code=code, **members
    )


@pytest.mark.parametrize(
    ("diagnosis", "truth", "basis"),
    [
        (coded(T1, "E10.65"), MET, Basis.DOCUMENTED),
        (coded(T2, "E11.9"), MET, Basis.DOCUMENTED),
        (coded(OTHER, "E08.9"), MET, Basis.DOCUMENTED),
        (coded(OTHER, "E13.65"), MET, Basis.DOCUMENTED),
        (coded(T1, "46635009"), MET, Basis.DOCUMENTED),
        (coded(T1, "O24.011", label="Pre-existing type 1 diabetes in pregnancy"), MET, Basis.DOCUMENTED),
        (coded(UNCLEAR, "73211009"), MET, Basis.SUPPORTED),
        (coded(OTHER, "O24.410"), UNKNOWN, None),
        (coded(OTHER, "11687002", label="Gestational diabetes"), UNKNOWN, None),
        (coded(UNCLEAR, "E10.A1"), UNKNOWN, None),
        (coded(UNCLEAR, "E11.A"), UNKNOWN, None),
        (coded(UNCLEAR, "250.01"), UNKNOWN, None),
        (coded(T2, "E11.9", active=False, status="resolved"), UNKNOWN, None),
        (coded(T2, "E11.9", confirmed=False, status="provisional"), UNKNOWN, None),
    ],
    ids=lambda each: each.code if isinstance(each, Diagnosis) else str(each),
)
def test_diabetes_counts_whatever_its_type(diagnosis: Diagnosis, truth: Truth, basis: Basis | None) -> None:
    found = diabetes_of_any_type(case(diagnoses=(diagnosis,)))
    assert (found.truth, found.basis) == (truth, basis)


def test_words_alone_are_for_a_reviewer_and_silence_is_said() -> None:
    in_words = Diagnosis("Condition/1", None, frozenset(), "diabetes", review=frozenset({T2}))
    assert diabetes_of_any_type(case(diagnoses=(in_words,))).gap is Gap.NEEDS_REVIEW
    assert diabetes_of_any_type(case(diagnoses=())).gap is Gap.NOT_DOCUMENTED
    assert diabetes_of_any_type(case(diagnoses=(), unread={"conditions": "no answer"})).gap is Gap.NOT_RETRIEVED


def record(day: str | None, *concepts: Concept, **members: Any) -> Record:
    return Record("Procedure/1", moment(day), frozenset(concepts), "Diabetes education", **members)


class TestEducation:
    """At any time, by code or as stated."""

    @pytest.mark.parametrize("day", ["1999-05-05", "2023-11-20", "2026-11-20", None])
    def test_a_session_of_any_age_counts(self, day: str | None) -> None:
        session = record(day, Concept.DIABETES_EDUCATION)
        found = education_completed_at_any_time(case(education=(session,)))
        assert (found.truth, found.basis) == (MET, Basis.SUPPORTED)

    def test_a_stated_date_needs_no_credential(self) -> None:
        found = education_completed_at_any_time(case(answers=stated("IV.C.E.date", "2011-03-01")))
        assert found.basis is Basis.ATTESTED

    def test_a_stated_date_after_the_order_is_not_used(self) -> None:
        found = education_completed_at_any_time(case(answers=stated("IV.C.E.date", "2027-03-01")))
        assert found.next_step == "correct the education date, it lies after the order"

    def test_words_alone_are_for_a_reviewer(self) -> None:
        named = record("2020-02-02", review=frozenset({Concept.DIABETES_EDUCATION}))
        assert education_completed_at_any_time(case(education=(named,))).gap is Gap.NEEDS_REVIEW

    def test_nothing_is_never_against(self) -> None:
        found = education_completed_at_any_time(case())
        assert (found.truth is NOT_MET, found.gap) == (False, Gap.NOT_DOCUMENTED)
