"""IV.D: a pump before enrollment in Medicare, and the self-testing in the month before it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import Coverage, GlucoseReading, Record
from cds_service.policies.medicare_l33794.before_medicare import (
    on_pump_before_medicare,
    pump_before_enrollment,
    self_tests_before_enrollment,
)
from tests.policies.charts import moment
from tests.policies.medicare_l33794.facts import case, part_b, pump_since, stated

ENROLLED = date(2019, 3, 1)


def pump(day: str | None, *coverages: Coverage, **more: Any) -> Finding:
    return pump_before_enrollment(case(coverages=coverages, pump_uses=(pump_since(day),) if day else (), **more))


@pytest.mark.parametrize(
    ("since", "truth"),
    [("2019-02-28", MET), ("2019-03-01", UNKNOWN), ("2012", MET), ("2019", UNKNOWN), ("2020-01-01", UNKNOWN)],
)
def test_the_pump_has_to_be_older_than_the_coverage_of_medicare(since: str, truth: Truth) -> None:
    found = pump(since, part_b("2019-03-01"))
    assert found.truth is truth
    assert (found.basis is Basis.DOCUMENTED) == (truth is MET)


@pytest.mark.parametrize(
    "coverage",
    [
        part_b(None),
        part_b(payer="Humana", plan="Gold Plus HMO"),
        part_b(payer="Humana Medicare", plan="HumanaChoice PPO"),
        part_b(payer="Aetna Medicare Advantage", plan="H5521-007"),
    ],
    ids=["without a start", "a brand", "an insurer's plan", "a contract"],
)
def test_a_plan_of_an_insurer_does_not_say_when_medicare_began(coverage: Coverage) -> None:
    found = pump("2012-01-01", coverage)
    assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)
    assert "nothing says when Medicare began" in found.explanation


@pytest.mark.parametrize(
    ("payer", "plan"),
    [
        ("Medicare", "Part B"),
        ("MEDICARE PART A AND B", "MEDICARE PART A AND B"),
        ("Centers for Medicare and Medicaid Services", "Part A"),
        ("Medicare", "Medicare"),
        ("Noridian", "Medicare Part B"),
    ],
)
def test_a_coverage_of_medicare_itself_says_when_it_began(payer: str, plan: str) -> None:
    assert pump("2012-01-01", part_b(payer=payer, plan=plan)).truth is MET


def test_the_first_coverage_counts_and_a_stated_day_stands_over_all() -> None:
    coverages = (part_b("2024-01-01"), part_b("2010-01-01", plan="Part A"))
    assert pump("2012-01-01", *coverages).truth is UNKNOWN
    day = stated("IV.D.1.enrolled", "2013-07-01") | stated("IV.D.1.before", True)
    found = pump("2012-01-01", *coverages, answers=day)
    assert (found.truth, found.basis) == (MET, Basis.DOCUMENTED)


def test_a_statement_decides_where_no_pump_is_on_file() -> None:
    assert pump(None, part_b(), answers=stated("IV.D.1.before", True)).basis is Basis.ATTESTED
    assert pump(None, part_b(), answers=stated("IV.D.1.before", False)).truth is NOT_MET
    assert pump(None, part_b()).gap is Gap.NEEDS_ATTESTATION


def test_a_statement_against_the_chart_is_for_a_reviewer() -> None:
    found = pump("2012-01-01", part_b(), answers=stated("IV.D.1.before", False))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)


def test_a_pump_in_words_only_shows_nothing() -> None:
    named = Record("Device/1", moment("2012-01-01"), frozenset(), "pump", review=frozenset({Concept.INSULIN_PUMP}))
    assert pump_before_enrollment(case(pump_uses=(named,), coverages=(part_b(),))).gap is Gap.NEEDS_ATTESTATION


class TestSelfTests:
    """The month before Medicare began: 30 days, 120 tests."""

    @staticmethod
    def sticks(count: int) -> tuple[GlucoseReading, ...]:
        days = [ENROLLED - timedelta(days=1 + number % 30) for number in range(count)]
        readings = (
            GlucoseReading(day, 60 * (number // 30) + 1, 100, False, f"O/{number}") for number, day in enumerate(days)
        )
        return tuple(sorted(readings))

    @pytest.mark.parametrize(("count", "truth"), [(120, MET), (119, NOT_MET)])
    def test_an_average_of_four_a_day_passes(self, count: int, truth: Truth) -> None:
        found = self_tests_before_enrollment(case(coverages=(part_b(),), self_tests=self.sticks(count)))
        assert found.truth is truth

    def test_tests_since_then_say_nothing(self) -> None:
        days = [date(2026, 11, 19) - timedelta(days=number % 60) for number in range(600)]
        recent = tuple(
            GlucoseReading(day, number, 100, False, f"O/{number}") for number, day in enumerate(sorted(days))
        )
        found = self_tests_before_enrollment(case(coverages=(part_b(),), self_tests=recent))
        assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_ATTESTATION)

    @pytest.mark.parametrize(("average", "truth"), [(4, MET), (3.9, NOT_MET)])
    @pytest.mark.parametrize("coverages", [(part_b(),), ()], ids=["with its day", "without"])
    def test_a_statement_decides(self, average: float, truth: Truth, coverages: tuple[Coverage, ...]) -> None:
        answers = stated("IV.D.2.average", average)
        found = self_tests_before_enrollment(case(coverages=coverages, answers=answers))
        assert (found.truth, found.basis) == (truth, Basis.ATTESTED)

    def test_the_statement_on_the_last_two_months_is_not_of_then(self) -> None:
        found = self_tests_before_enrollment(case(coverages=(part_b(),), answers=stated("IV.C.T.average", 6)))
        assert found.truth is UNKNOWN


def test_both_are_needed() -> None:
    facts: dict[str, Any] = {"coverages": (part_b(),), "pump_uses": (pump_since("2015-01-01"),)}
    found = on_pump_before_medicare(case(**facts))
    assert (found.truth, [part.id for part in found.missing]) == (UNKNOWN, ["IV.D.2"])
    assert on_pump_before_medicare(case(**facts, answers=stated("IV.D.2.average", 4))).truth is MET
