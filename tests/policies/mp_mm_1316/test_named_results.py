"""Results that only words name, beside surely named ones: they change nothing where they agree (D.I.I.1, D.I.H.1)."""

from __future__ import annotations

import pytest

from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import LabResult, Unusable, When
from cds_service.policies.mp_mm_1316.complication_risk import albuminuria
from cds_service.policies.rules.glycemic_indication import hba1c_above_threshold
from tests.policies.charts import case, moment


def result(when: str, value: float | None, *, named_only: bool = False) -> LabResult:
    """A result, surely named or in words only."""
    name, shown = f"Observation/{when}-{named_only}", "-" if value is None else f"{value:g}"
    unusable = Unusable.NAMED_ONLY if named_only else None
    when_read: When | None = moment(when)
    return LabResult(name, when_read, frozenset(), "HgbA1c, POC", value=value, shown=shown, unusable=unusable)


def hba1c(*results: LabResult) -> Finding:
    """The finding of D.I.I.1."""
    return hba1c_above_threshold(case(hba1c=results))


@pytest.mark.parametrize(
    ("sure", "named", "truth"),
    [
        (8.1, 8.4, MET),
        (8.1, 7.0, UNKNOWN),
        (8.1, None, UNKNOWN),
        (6.8, 6.9, NOT_MET),
        (6.8, 7.1, UNKNOWN),
    ],
)
def test_a_newer_hba1c_in_words_beside_a_sure_one(sure: float, named: float | None, truth: object) -> None:
    found = hba1c(result("2026-10-01", sure), result("2026-11-08", named, named_only=True))
    assert found.truth is truth
    if truth is UNKNOWN:
        assert found.gap is Gap.NEEDS_REVIEW
        assert "HgbA1c, POC" in found.explanation
    else:
        assert f"{sure:g}" in found.explanation


def test_an_older_hba1c_in_words_never_speaks_beside_a_newer_sure_one() -> None:
    assert hba1c(result("2026-10-01", 8.1), result("2026-09-01", 6.0, named_only=True)).truth is MET


def test_an_hba1c_in_words_alone_is_for_a_reviewer() -> None:
    for value in (8.4, 6.4, None):
        found = hba1c(result("2026-11-08", value, named_only=True))
        assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)


def ratio(*results: LabResult) -> Finding:
    """The finding of D.I.H.1."""
    return albuminuria(case(albumin_creatinine=results))


def test_a_ratio_in_words_that_would_make_two_is_for_a_reviewer() -> None:
    for value, gap in ((60, Gap.NEEDS_REVIEW), (None, Gap.NEEDS_REVIEW), (10, Gap.INCOMPLETE)):
        found = ratio(result("2026-03-01", 45), result("2026-08-01", value, named_only=True))
        assert (found.truth, found.gap) == (UNKNOWN, gap)


@pytest.mark.parametrize(("named", "truth"), [(50, MET), (350, UNKNOWN), (10, UNKNOWN)])
def test_a_newer_ratio_in_words_beside_two_in_range(named: float, truth: object) -> None:
    found = ratio(result("2026-03-01", 45), result("2026-05-01", 60), result("2026-08-01", named, named_only=True))
    assert found.truth is truth
    assert found.basis is (Basis.DOCUMENTED if truth is MET else None)
