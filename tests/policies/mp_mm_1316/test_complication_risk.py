"""D.I.H: which of the ratios speak, what high HbA1c shows, and the signs that a reviewer judges."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.concepts import WITHOUT_STATUS, Concept
from cds_service.engine.finding import Basis, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import ChartSection, LabResult, Unusable
from cds_service.policies.mp_mm_1316.complication_risk import albuminuria, complication_risk, difficult_control
from tests.policies.charts import answers, case, diagnosis, hba1c, moment, ratio

REVIEW, INCOMPLETE = Gap.NEEDS_REVIEW, Gap.INCOMPLETE
TEXT = replace(ratio("2026-10-01", 0), value=None, shown="30-300", unusable=Unusable.TEXT_ONLY)

RATIOS = {
    "two in range, the newest of them": ([ratio("2026-03-01", 45), ratio("2026-08-01", 60)], Basis.DOCUMENTED),
    "both ends": ([ratio("2026-03-01", 30), ratio("2026-08-01", 300)], Basis.DOCUMENTED),
    "the newest below": (
        [ratio("2026-03-01", 45), ratio("2026-05-01", 60), ratio("2026-08-01", 12)],
        Basis.SUPPORTED,
    ),
    "the newest '<30', which is below": (
        [ratio("2026-03-01", 45), ratio("2026-05-01", 60), ratio("2026-08-01", 30, "<")],
        Basis.SUPPORTED,
    ),
    "the newest '<=30', which may be 30": (
        [ratio("2026-03-01", 45), ratio("2026-05-01", 60), ratio("2026-08-01", 30, "<=")],
        REVIEW,
    ),
    "two of the newest day, one of them below": (
        [ratio("2026-03-01", 45), ratio("2026-08-01", 60), ratio("2026-08-01", 12)],
        Basis.SUPPORTED,
    ),
    "the newest above": ([ratio("2026-03-01", 45), ratio("2026-05-01", 60), ratio("2026-08-01", 301)], REVIEW),
    "one above between": (
        [ratio("2026-03-01", 45), ratio("2026-05-01", 350), ratio("2026-08-01", 60)],
        Basis.DOCUMENTED,
    ),
    "two in range, two newer below": (
        [ratio("2026-01-01", 45), ratio("2026-02-01", 60), ratio("2026-05-01", 12), ratio("2026-08-01", 11)],
        REVIEW,
    ),
    "one of the two among the three newest": (
        [ratio("2026-01-01", 45), ratio("2026-02-01", 11), ratio("2026-05-01", 12), ratio("2026-08-01", 60)],
        REVIEW,
    ),
    "the newest is only text": ([ratio("2026-03-01", 45), ratio("2026-05-01", 60), TEXT], REVIEW),
    "the newest '>30', which may be above": (
        [ratio("2026-03-01", 45), ratio("2026-05-01", 60), ratio("2026-08-01", 30, ">")],
        REVIEW,
    ),
    "a newer one in another unit says nothing": (
        [ratio("2026-03-01", 45), ratio("2026-05-01", 60), replace(TEXT, unusable=Unusable.WRONG_UNIT)],
        Basis.DOCUMENTED,
    ),
    "only above": ([ratio("2026-03-01", 345), ratio("2026-08-01", 600)], REVIEW),
    "one in range": ([ratio("2026-08-01", 60)], INCOMPLETE),
    "two on one day": ([ratio("2026-08-01", 60), ratio("2026-08-01", 61)], INCOMPLETE),
    # 2025-11-20 is 12 calendar months before 2026-11-20.
    "the first day of the window": ([ratio("2025-11-20", 45), ratio("2026-08-01", 60)], Basis.DOCUMENTED),
    "a day before the window": ([ratio("2025-11-19", 45), ratio("2026-08-01", 60)], INCOMPLETE),
    "all outside the window": ([ratio("2024-03-01", 45), ratio("2024-08-01", 60)], Gap.NOT_DOCUMENTED),
    "without a date": ([ratio(None, 45)], INCOMPLETE),
    "below": ([ratio("2026-03-01", 5), ratio("2026-08-01", 6)], NOT_MET),
}


@pytest.mark.parametrize(("results", "what"), RATIOS.values(), ids=RATIOS.keys())
def test_ratios(results: list[LabResult], what: object) -> None:
    for order in (results, results[::-1]):
        found = albuminuria(case(albumin_creatinine=tuple(order)))
        assert what in (found.gap, found.basis if found.truth is MET else None, found.truth)


def test_ratios_that_are_there_are_never_said_to_be_missing() -> None:
    found = albuminuria(case(albumin_creatinine=(ratio("2024-03-01", 45),)))
    assert "45 mg/g on Mar 1, 2024" in found.explanation


def test_a_newer_ratio_may_have_been_missed() -> None:
    two = (ratio("2026-03-01", 45), ratio("2026-08-01", 60))
    found = albuminuria(case(albumin_creatinine=two, partial={ChartSection.ALBUMIN_CREATININE: "a page failed"}))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NOT_RETRIEVED)


def test_a_coded_diagnosis_documents_it_and_a_supported_one_supports_it() -> None:
    coded = albuminuria(case(diagnosis("2026-03-01", Concept.MICROALBUMINURIA)))
    assert (coded.truth, coded.basis) == (MET, Basis.DOCUMENTED)
    shared = albuminuria(case(diagnosis("2026-03-01", supported=frozenset({Concept.MICROALBUMINURIA}))))
    assert (shared.truth, shared.basis) == (MET, Basis.SUPPORTED)


SIGNS = {
    "retinopathy": diagnosis("2026-03-01", Concept.EARLY_COMPLICATION),
    "proteinuria": diagnosis("2026-03-01", Concept.KIDNEY_DISEASE_DEGREE_UNSTATED),
    "on a problem list without a status": diagnosis(
        "2026-03-01", Concept.EARLY_COMPLICATION, active=False, status=WITHOUT_STATUS
    ),
    "in words": diagnosis("2026-03-01", review=frozenset({Concept.EARLY_COMPLICATION})),
    "microalbuminuria in words": diagnosis("2026-03-01", review=frozenset({Concept.MICROALBUMINURIA})),
}


@pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS.keys())
def test_charted_complications_are_for_a_reviewer_and_named(sign: object) -> None:
    for ratios in ((), (ratio("2026-08-01", 5),), (ratio("2026-08-01", 60),)):
        found = complication_risk(case(sign, albumin_creatinine=ratios))  # type: ignore[arg-type]
        assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
        assert "a diagnosis (Mar 1, 2026)" in found.explanation
        assert "No early sign" not in found.explanation
        assert [e.reference for e in found.evidence] == [sign.reference]  # type: ignore[attr-defined]


@pytest.mark.parametrize("members", [{"confirmed": False}, {"active": False}])
def test_what_is_not_confirmed_or_over_is_no_sign(members: dict[str, bool]) -> None:
    found = complication_risk(case(diagnosis("2026-03-01", Concept.EARLY_COMPLICATION, **members)))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NOT_DOCUMENTED) or found.gap is Gap.NEEDS_ATTESTATION
    assert "No early sign of complications is charted" in found.explanation


def test_two_ratios_decide_beside_charted_complications() -> None:
    two = (ratio("2026-03-01", 45), ratio("2026-08-01", 60))
    found = complication_risk(case(SIGNS["retinopathy"], albumin_creatinine=two))
    assert (found.truth, found.basis) == (MET, Basis.DOCUMENTED)


FULL_REGIMEN = {
    "D_I_F_injections": 4.0,
    "D_I_F_since": moment("2026-01-05"),
    "D_I_F_adjusts": True,
    "D_I_G_average": 5.0,
}
HBA1C = {
    # 2026-07-01 to 2026-09-29 are 90 days.
    "two above 7 %, 90 days apart": ([hba1c("2026-07-01", 7.1), hba1c("2026-09-29", 7.1)], MET),
    "89 days apart": ([hba1c("2026-07-02", 7.1), hba1c("2026-09-29", 7.1)], Gap.NEEDS_ATTESTATION),
    "7.0 itself is not above": ([hba1c("2026-07-01", 7.0), hba1c("2026-09-29", 7.1)], Gap.NEEDS_ATTESTATION),
    "one before the regimen": ([hba1c("2026-01-04", 7.1), hba1c("2026-09-29", 7.1)], Gap.NEEDS_ATTESTATION),
}


@pytest.mark.parametrize(("results", "what"), HBA1C.values(), ids=HBA1C.keys())
def test_high_hba1c_on_the_full_regimen(results: list[LabResult], what: object) -> None:
    found = difficult_control(case(hba1c=tuple(results), answers=answers(**FULL_REGIMEN)))
    assert what in (found.truth, found.gap)
    assert results[-1].shown in found.explanation


def test_non_compliance_in_words_is_for_a_reviewer() -> None:
    said = diagnosis("2026-03-01", review=frozenset({Concept.NONCOMPLIANCE}))
    results = (hba1c("2026-07-01", 8.1), hba1c("2026-09-29", 8.1))
    found = difficult_control(case(said, hba1c=results, answers=answers(**FULL_REGIMEN)))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)


def test_high_hba1c_is_named_where_the_regimen_is_not_shown() -> None:
    found = difficult_control(case(hba1c=(hba1c("2026-03-01", 8.1), hba1c("2026-09-29", 8.3))))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_ATTESTATION)
    assert "8.3 % on Sep 29, 2026" in found.explanation
