"""Supplies that are ordered alone: assessed by a policy that says what they have to meet, by no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from cds_service.engine.determination import Outcome
from cds_service.engine.policy import Policy
from cds_service.facts import Chart, DeviceOrder, Scope
from cds_service.policies.registry import assess_refills, policy_named, with_refills
from cds_service.services.assess_orders import assess
from tests.policies.medicare_l33794.facts import DIABETES, ORDER, part_b

DAY = date(2026, 11, 20)
SUPPLIES = DeviceOrder("DeviceRequest/s", "DeviceRequest", "A4224", Scope.SUPPLIES, billing_codes=("A4224",))


def held(*ids: str) -> list[Policy]:
    return [policy for name in ids if (policy := policy_named(name)) is not None]


def test_only_beside_no_pump_and_only_where_a_policy_judges_them() -> None:
    both, alone = held("MP-MM-1316", "L33794"), held("MP-MM-1316")
    assert (assess_refills(both), assess_refills(alone)) == (True, False)
    assert [order.scope for order in with_refills([SUPPLIES], both)] == [Scope.REFILL]
    assert with_refills([SUPPLIES], alone) == [SUPPLIES]
    assert with_refills([SUPPLIES, ORDER], both) == [SUPPLIES, ORDER]
    refused = replace(ORDER, out_of_scope="revoked")
    assert [order.scope for order in with_refills([SUPPLIES, refused], both)] == [Scope.REFILL, Scope.PUMP]


@pytest.mark.parametrize(
    ("payer", "plan", "policy", "outcome"),
    [
        ("Medicare", "Part B", "L33794", Outcome.NEEDS_DOCUMENTATION),
        ("CareSource", "77552OH0010222-01", "MP-MM-1316", Outcome.NOT_APPLICABLE),
    ],
)
def test_the_policy_of_the_coverage_decides(payer: str, plan: str, policy: str, outcome: Outcome) -> None:
    orders = with_refills([SUPPLIES], held("MP-MM-1316", "L33794"))
    coverage = replace(part_b(payer=payer, plan=plan), plan_ids=(plan,))
    chart = Chart(diagnoses=(DIABETES,), coverages=(coverage,), state="OH")
    (made,) = assess(orders, chart, (DAY, DAY), held("MP-MM-1316", "L33794"))
    determination = made.determination
    assert (determination.policy_id, determination.outcome) == (policy, outcome)
    sections = [finding.id for finding in determination.criteria]
    assert sections == (["IV.DM", "IV.S.2", "IV.S.1", "IV.G.3"] if policy == "L33794" else [])
    assert not determination.exclusions
    if policy != "L33794":
        assert (determination.reason or "").startswith("Pump supplies alone: MP-MM-1316")
        assert made.order.scope is Scope.SUPPLIES
