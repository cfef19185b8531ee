"""Which policies an order is held against: by payer, product and day of the coverages, in their order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.concepts import Product
from cds_service.engine.coverage_match import CoverageMatch, MatchReason
from cds_service.engine.determination import Applicability, Outcome
from cds_service.engine.policy import Governs
from cds_service.facts import Chart
from cds_service.hooks.messages import as_json
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.policies.registry import choose_policies
from cds_service.services.assess_orders import assess
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.json.fhir_json import read
from tests.policies.charts import AS_OF, ORDER, case
from tests.policies.other_payer import OTHER
from tests.support import JSON, PATIENT

# A policy of Medicare's that asks little: only whom it governs matters here.
PROGRAM = replace(
    OTHER,
    id="PROGRAM-1",
    governs=Governs("medicare", "The program", Product.MEDICARE, "Medicare", also=(Product.DUAL,)),
)
SOPT, X12_TYPE = "https://nahdo.org/sopt", "https://codesystem.x12.org/005010/1336"
MARKETPLACE = {"payor": [{"display": "CareSource"}], "class": [{"value": "77552OH0010222-01"}]}
MEDICARE = {"payor": [{"display": "Medicare"}], "class": [{"value": "Part B"}]}
PART_A = {"payor": [{"display": "Medicare"}], "class": [{"value": "Part A"}]}
MEDIGAP = {"payor": [{"display": "Mutual of Omaha"}], "class": [{"value": "Medigap Plan G"}]}
EMPLOYER = {"payor": [{"display": "Acme Benefits"}], "class": [{"value": "Choice PPO"}]}
MEDICAID = {"payor": [{"display": "Ohio Medicaid"}], "type": {"coding": [{"system": SOPT, "code": "2"}]}}
D_SNP = {"payor": [{"display": "CareSource"}], "class": [{"value": "CareSource Dual Advantage (HMO D-SNP)"}]}
ADVANTAGE = {"payor": [{"display": "CareSource"}], "class": [{"value": "CareSource Advantage Ohio H6396"}]}
BY_NUMBER = {"identifier": [{"system": "http://hl7.org/fhir/sid/us-mbi", "value": "1EG4TE5MK73"}]}
WORKING_AGED = {**MEDICARE, "type": {"coding": [{"system": X12_TYPE, "code": "12"}]}}
BLUE_BUTTON = {
    "payor": [{"identifier": {"value": "Centers for Medicare and Medicaid Services"}}],
    "class": [
        {"type": {"coding": [{"code": "group"}]}, "value": "Medicare"},
        {"type": {"coding": [{"code": "plan"}]}, "value": "Part B"},
    ],
}
OVER = {"period": {"end": "2026-06-30"}}


def chosen(*coverages: JSON, order: tuple[int | None, ...] = (), **chart: Any) -> list[tuple[str, CoverageMatch]]:
    """The policies that an order of 2026-11-20 is held against under coverages, with `Coverage.order` where given."""
    entries = []
    for at, coverage in enumerate(coverages):
        place = order[at] if at < len(order) else None
        members = {"resourceType": "Coverage", "id": f"c{at}", "status": "active", "beneficiary": PATIENT}
        entries.append(as_json({**members, **coverage, **({"order": place} if place else {})}))
    located = [(resource, None) for entry in entries for resource, _ in read(entry).resources]
    read_chart = ChartReader({}, located, "p1", None, "America/New_York").coverage_only()
    found = choose_policies([POLICY, PROGRAM], ORDER, replace(read_chart, **chart), AS_OF)
    return [(policy.id, match) for policy, match in found]


GOVERNED, NOT_GOVERNED = Applicability.GOVERNED, Applicability.NOT_GOVERNED
NOT_IN_FORCE, UNVERIFIED = Applicability.NOT_IN_FORCE, Applicability.UNVERIFIED
ONE = {
    "the Marketplace": ((MARKETPLACE,), (), "MP-MM-1316", GOVERNED),
    "Part B": ((MEDICARE,), (), "PROGRAM-1", GOVERNED),
    "Blue Button's Part B": ((BLUE_BUTTON,), (), "PROGRAM-1", GOVERNED),
    "a Medicare number and nothing else": ((BY_NUMBER,), (), "PROGRAM-1", GOVERNED),
    "Parts A and B apart": ((PART_A, MEDICARE), (), "PROGRAM-1", GOVERNED),
    "Part A alone": ((PART_A,), (), "PROGRAM-1", UNVERIFIED),
    "a D-SNP of a payer that also sells on the Marketplace": ((D_SNP,), (), "PROGRAM-1", GOVERNED),
    "another Advantage plan of that payer": ((ADVANTAGE,), (), "PROGRAM-1", GOVERNED),
    "another payer": ((EMPLOYER,), (), "MP-MM-1316", NOT_GOVERNED),
    "nothing": ((), (), "MP-MM-1316", UNVERIFIED),
    "Medicare first, Medigap behind it": ((MEDICARE, MEDIGAP), (1, 2), "PROGRAM-1", GOVERNED),
    "Medigap without an order": ((MEDIGAP, MEDICARE), (), "PROGRAM-1", GOVERNED),
    "Medigap written as the first": ((MEDIGAP, MEDICARE), (1, 2), "PROGRAM-1", GOVERNED),
    "Medigap alone": ((MEDIGAP,), (), "PROGRAM-1", UNVERIFIED),
    "an employer's plan before Medicare": ((EMPLOYER, MEDICARE), (1, 2), "MP-MM-1316", NOT_GOVERNED),
    "Medicare before an employer's plan": ((EMPLOYER, MEDICARE), (2, 1), "PROGRAM-1", GOVERNED),
    "an employer's plan of unknown place": ((EMPLOYER, MEDICARE), (), "PROGRAM-1", UNVERIFIED),
    "working aged beside an employer's plan": ((EMPLOYER, WORKING_AGED), (), "MP-MM-1316", NOT_GOVERNED),
    "working aged alone": ((WORKING_AGED,), (), "PROGRAM-1", UNVERIFIED),
    "Medicaid beside Medicare": ((MEDICAID, MEDICARE), (), "PROGRAM-1", GOVERNED),
    "Medicaid alone": ((MEDICAID,), (), "MP-MM-1316", NOT_GOVERNED),
    "Medicare that is over": (({**MEDICARE, **OVER},), (), "PROGRAM-1", NOT_IN_FORCE),
    "Medicare that is over beside the Marketplace": ((MARKETPLACE, {**MEDICARE, **OVER}), (), "MP-MM-1316", GOVERNED),
    "the Marketplace that is over beside Medicare": (({**MARKETPLACE, **OVER}, MEDICARE), (), "PROGRAM-1", GOVERNED),
    "Medicare before the Marketplace": ((MARKETPLACE, MEDICARE), (2, 1), "PROGRAM-1", GOVERNED),
    "the Marketplace before Medicare": ((MARKETPLACE, MEDICARE), (1, 2), "MP-MM-1316", GOVERNED),
    "the Marketplace beside Part A": ((MARKETPLACE, PART_A), (), "MP-MM-1316", UNVERIFIED),
}


@pytest.mark.parametrize(("coverages", "order", "policy", "applicability"), ONE.values(), ids=ONE.keys())
def test_one_policy(
    coverages: tuple[JSON, ...], order: tuple[int, ...], policy: str, applicability: Applicability
) -> None:
    ((found, match),) = chosen(*coverages, order=order)
    assert (found, match.applicability) == (policy, applicability)


SEVERAL = {
    "Marketplace and Medicare": ((MARKETPLACE, MEDICARE), ()),
    "of the same order": ((MARKETPLACE, MEDICARE), (1, 1)),
    "Marketplace and a D-SNP of one payer": ((MARKETPLACE, D_SNP), ()),
    "Marketplace, Part A and Part B": ((MARKETPLACE, PART_A, MEDICARE), ()),
    "a product that nobody knows, and Medicare": (({"payor": [{"display": "CareSource"}]}, MEDICARE), ()),
}


@pytest.mark.parametrize(("coverages", "order"), SEVERAL.values(), ids=SEVERAL.keys())
def test_equally_first_coverages_of_two_policies_leave_both_unverified(
    coverages: tuple[JSON, ...], order: tuple[int, ...]
) -> None:
    found = chosen(*coverages, order=order)
    assert [policy for policy, _ in found] == ["MP-MM-1316", "PROGRAM-1"]
    for _, match in found:
        assert (match.applicability, match.reason) == (UNVERIFIED, MatchReason.SEVERAL_POLICIES)
    own = [match.coverage.reference for _, match in found if match.coverage]
    assert own == ["Coverage/c0", f"Coverage/c{len(coverages) - 1}"]


def test_the_coverage_that_the_order_names_settles_it() -> None:
    order = replace(ORDER, coverage_references=("Coverage/c1",))
    coverages = (MARKETPLACE, MEDICARE)
    entries = [
        as_json({"resourceType": "Coverage", "id": f"c{at}", "status": "active", "beneficiary": PATIENT, **each})
        for at, each in enumerate(coverages)
    ]
    located = [(resource, None) for entry in entries for resource, _ in read(entry).resources]
    chart = ChartReader({}, located, "p1", None, "America/New_York").coverage_only()
    ((policy, match),) = choose_policies([POLICY, PROGRAM], order, chart, AS_OF)
    assert (policy.id, match.applicability) == ("PROGRAM-1", GOVERNED)


def test_a_program_does_not_ask_a_plans_list_of_members() -> None:
    class Nobody:
        def knows(self, member_ids: object) -> bool:
            return False

        def span_on(self, member_ids: object, day: object) -> None:
            return None

    chart = Chart(coverages=())
    located = [
        (resource, None)
        for resource, _ in read(
            as_json({"resourceType": "Coverage", "id": "c", "status": "active", "beneficiary": PATIENT, **MEDICARE})
        ).resources
    ]
    chart = ChartReader({}, located, "p1", None, "America/New_York").coverage_only()
    ((_, match),) = choose_policies([POLICY, PROGRAM], ORDER, chart, AS_OF, members=Nobody())
    assert match.applicability is GOVERNED


def test_neither_of_two_policies_approves() -> None:
    """The same chart, everything met: each alone would approve it."""
    found = chosen(MARKETPLACE, MEDICARE)
    coverages = tuple(match.coverage for _, match in found if match.coverage)
    chart = replace(case().chart, coverages=coverages, state="OH")
    determinations = [a.determination for a in assess([ORDER], chart, (AS_OF, AS_OF), [POLICY, PROGRAM])]
    assert len(determinations) == 2
    for determination in determinations:
        assert determination.outcome is not Outcome.LIKELY_APPROVED
        assert determination.eligibility == "ask which plan pays first"
