"""Glucose results are searched for as far back as a rule looks, whatever the windows of the text in force."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from cds_service.ehr.search_plan import PLAN, values_for
from cds_service.engine.days import days_before, months_before
from cds_service.facts import ChartSection
from cds_service.hooks.messages import HookRequest
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.services.read_chart import CallReader
from tests.policies.mp_mm_1316.changed import changed

START = date(2027, 5, 1)
AFTER, BEFORE = date(2027, 6, 15), date(2026, 9, 15)
REQUEST = HookRequest("order-sign", "6f1d9a3e-5a0e-4f38-9d56-1316b7c0a201", None, "p1")


def test_the_windows_of_today() -> None:
    # 12 months of at most 31 days and 28 more; 30 days and 3 more.
    assert POLICY.search_days(POLICY.on(BEFORE).parameters) == {"glucose": 400, "sensor": 33}


@pytest.mark.parametrize("parameter", ["hypoglycemia_window_months", "excursion_window_months"])
def test_meter_readings_of_a_longer_window_are_searched_for(parameter: str) -> None:
    policy = changed(POLICY, {parameter: 24}, START)
    days = policy.search_days(policy.on(AFTER).parameters)["glucose"]
    assert days_before(AFTER, days) <= months_before(AFTER, 24)


def test_readings_of_a_longer_month_are_searched_for() -> None:
    policy = changed(POLICY, {"self_test_window_days": 600}, START)
    found = policy.search_days(policy.on(AFTER).parameters)
    assert min(found["glucose"], found["sensor"]) > 600


def test_of_several_policies_and_days_the_longest_window_counts() -> None:
    longer = changed(POLICY, {"hypoglycemia_window_months": 24}, START)
    none = replace(POLICY, search_days=lambda _: {})
    reader = CallReader(REQUEST, [], "America/New_York", (none, POLICY, longer))
    assert reader.search_days([BEFORE]) == {"glucose": 400, "sensor": 33}
    assert reader.search_days([BEFORE, AFTER])["glucose"] == 24 * 31 + 28


def test_a_search_goes_back_as_far_as_the_policies_say() -> None:
    meter, sensor, _ = PLAN[ChartSection.GLUCOSE]
    days = {"glucose": 772, "sensor": 63}
    assert values_for(meter, "p1", AFTER, days)["since"] == str(AFTER - timedelta(days=772))
    assert values_for(sensor, "p1", AFTER, days)["since"] == str(AFTER - timedelta(days=63))
    assert values_for(meter, "p1", AFTER)["since"] == str(AFTER - timedelta(days=400))
