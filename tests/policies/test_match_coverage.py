"""Which coverage is named where none is in force, and whom the plan's list of members is asked about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from cds_service.engine.coverage_match import CoverageMatch, MatchReason
from cds_service.engine.determination import Applicability
from cds_service.facts import Chart, Coverage
from cds_service.policies.match_coverage import match_coverage
from cds_service.policies.mp_mm_1316 import POLICY
from tests.policies.charts import AS_OF, ORDER, moment

PLAN = Coverage(
    "Coverage/a",
    "active",
    (None, None),
    None,
    frozenset(),
    ("CareSource",),
    ("77552OH0010222-01",),
    member_ids=frozenset({"1"}),
)


class Nobody:
    """A plan that knows no member."""

    def knows(self, member_ids: Iterable[str]) -> bool:
        return False

    def span_on(self, member_ids: Iterable[str], day: date) -> tuple[date, date | None] | None:
        return None


def matched(*coverages: Coverage, **more: Any) -> CoverageMatch:
    return match_coverage(ORDER, Chart(coverages=coverages, state="OH"), AS_OF, POLICY.on(AS_OF), **more)


def ended(name: str, day: str, **members: Any) -> Coverage:
    return replace(PLAN, reference=f"Coverage/{name}", period=(None, moment(day)), **members)


def test_of_coverages_that_ended_the_last_one_is_named() -> None:
    found = matched(ended("a", "2026-03-31"), ended("b", "2026-06-30"))
    assert (found.applicability, found.reason) == (Applicability.NOT_IN_FORCE, MatchReason.OVER)
    assert found.coverage == ended("b", "2026-06-30")


def test_one_that_can_be_referred_to_goes_before_a_later_one_that_cannot() -> None:
    later = ended("b", "2026-06-30", nameable=False)
    assert matched(ended("a", "2026-03-31"), later).coverage == ended("a", "2026-03-31")


def test_the_one_that_the_order_names_goes_before_both() -> None:
    order = replace(ORDER, coverage_references=("Coverage/b",))
    chart = Chart(coverages=(ended("a", "2026-06-30"), ended("b", "2026-03-31")), state="OH")
    assert match_coverage(order, chart, AS_OF, POLICY.on(AS_OF)).coverage == ended("b", "2026-03-31")


ASKED = {
    "governed": (PLAN, MatchReason.MEMBER_UNKNOWN),
    "a product that nobody knows": (replace(PLAN, plan_ids=()), MatchReason.MEMBER_UNKNOWN),
    "another product": (replace(PLAN, plan_ids=(), plan_texts=("Medicaid",)), MatchReason.OTHER_PRODUCT),
    "another payer": (replace(PLAN, payer_names=("Aetna",), plan_ids=()), MatchReason.OTHER_PAYER),
    "no payer named": (replace(PLAN, payer_names=(), plan_ids=()), None),
    "over": (ended("a", "2026-03-31"), MatchReason.OVER),
}


@pytest.mark.parametrize(("coverage", "reason"), ASKED.values(), ids=ASKED.keys())
def test_the_plan_is_asked_only_about_its_own_members(coverage: Coverage, reason: MatchReason | None) -> None:
    found = matched(coverage, members=Nobody()).reason
    assert found is reason if reason else found is not MatchReason.MEMBER_UNKNOWN
