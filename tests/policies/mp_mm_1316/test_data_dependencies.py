"""What each part of the chart feeds: a criterion that waits for a part is listed with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.engine.finding import Gap
from cds_service.facts import ChartSection, DeviceOrder
from cds_service.policies.mp_mm_1316 import POLICY
from tests.policies.charts import ORDER, case

FIRST = POLICY.on(POLICY.first_day())
RULES, feeds_any = FIRST.rules, FIRST.feeds_any
REPLACES = replace(ORDER, replacement_sign="modifier RA")


def test_every_part_of_the_chart_feeds_sections_of_the_policy() -> None:
    assert set(POLICY.dependencies) == set(ChartSection)
    fed = {section for sections in POLICY.dependencies.values() for section in sections}
    assert fed <= set(POLICY.sections) | {"coverage", "time zone"}
    assert all(POLICY.dependencies.values())


@pytest.mark.parametrize("order", [ORDER, REPLACES], ids=["a first pump", "a replacement"])
@pytest.mark.parametrize("section", ChartSection)
def test_what_waits_for_a_part_of_the_chart_is_fed_by_it(section: ChartSection, order: DeviceOrder) -> None:
    chart = case(order=order, unread={section: "the search failed"})
    waiting = {name for name, rule in RULES.items() if chart.finding(rule).gap is Gap.NOT_RETRIEVED}
    assert {name for name in waiting if not feeds_any([section], name)} == set()


@pytest.mark.parametrize("section", [f"D.I.{letter}" for letter in "CDEFGHI"])
def test_statements_feed_every_criterion_that_has_a_question(section: str) -> None:
    assert feeds_any([ChartSection.ATTESTATIONS], section)
    assert not feeds_any([ChartSection.ATTESTATIONS], "D.I.A")
    assert not feeds_any([ChartSection.ATTESTATIONS], "D.I.B")


def test_visits_feed_education_self_tests_and_events() -> None:
    fed = {name for name in RULES if feeds_any([ChartSection.ENCOUNTERS], name)}
    assert {"D.I.D", "D.I.G", "D.I.I", "D.I.I.6"} <= fed
    assert not {"D.I.F", "D.II.A.1"} & fed
