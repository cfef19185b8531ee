"""Two third-party charts judged by hand under every policy, and one chart under two: the same facts, other answers.

Each expectation was read off the chart and the policy's text, with the reason why.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.facts import ChartSection
from cds_service.policies.registry import POLICIES
from tests import support
from tests.integration.judging import hold, resources
from tests.properties.test_determination import PLANS
from tests.support import JSON

ALL = replace(support.SETTINGS, policies=",".join(policy.id for policy in POLICIES))


def judged(chart: list[JSON]) -> list[JSON]:
    """The determinations of a pump order of the support's day, by a chart that is all there is."""
    patient = next(each["id"] for each in chart if each["resourceType"] == "Patient")
    call = support.call(support.order(subject={"reference": f"Patient/{patient}"}))
    call["context"]["patientId"] = patient
    call["prefetch"] = {"chart": support.bundle(*chart)} | dict.fromkeys(section.value for section in ChartSection)
    return support.judged(call, ALL)


def under(policy: str, chart: list[JSON]) -> JSON:
    """The determination under a plan of a policy, in place of the chart's own coverages."""
    patient = next(each["id"] for each in chart if each["resourceType"] == "Patient")
    own = support.call()["prefetch"]["coverage"]["entry"][0]["resource"]
    plan = {**own, "beneficiary": {"reference": f"Patient/{patient}"}, **PLANS[policy]}
    kept = [each for each in chart if each["resourceType"] != "Coverage"]
    (found,) = judged([*kept, plan])
    assert (found["policy"]["id"], found["coverage"]) == (policy, "governed")
    return found


NO_EDUCATION = "unknown not-documented: no session of education is charted, and no statement"
NO_TESTS = "unknown not-documented: the few glucose values are a laboratory's or a ward's, and nothing shows a sensor"
SCALE = "unknown incomplete: six orders of one sliding scale, as needed and without a timing: none is sure"
STATED = "unknown needs-attestation: only a statement shows it, and there is none"
TWO_STAYS = {
    # Born 1970; type 2; two stays for ketoacidosis in August and September 2026; HbA1c 5.9 % in October.
    "MP-MM-1316": {
        "D.I.A": "met documented: type 2 with live insulin orders",
        "D.I.C": STATED,
        "D.I.D": NO_EDUCATION,
        "D.I.F": "unknown incomplete: four times a day since the stay of August only, six months are asked for",
        "D.I.G": NO_TESTS,
        "D.I.I": "met documented: one of six is enough",
        "D.I.I.1": "not-met documented: the newest HbA1c, 5.9 %, decides",
        "D.I.I.6": "met documented: two inpatient stays for ketoacidosis, 28 days apart",
    },
    "L33794": {
        "IV.DM": "met documented: any type of diabetes",
        "IV.A": "unknown not-documented: no C-peptide among the results",
        "IV.B": "unknown not-documented: no antibody among the results",
        "IV.C.E": NO_EDUCATION,
        "IV.C.I": "unknown incomplete: as under MP-MM-1316, six months are asked for",
        "IV.C.1": "not-met documented: 5.9 % is not above 7 %",
        "IV.C.G": "unknown: ketoacidosis with hospital stays is not among Medicare's five, and the others are open",
        "IV.G.2": STATED,
        "IV.E": "met documented: the order is for E0784",
    },
    "CG-DME-51": {
        "MN.1": "met documented: any type of diabetes",
        "NEW.1": NO_EDUCATION,
        "NEW.2": "met: a scale four times a day, and no months are asked for",
        "NEW.3": NO_TESTS,
        "CON": STATED,
    },
}
SLIDING_SCALE = {
    # Born 1945; type 2; a sliding scale written anew at each visit; HbA1c 8.9 % in October 2026; Medicare.
    "MP-MM-1316": {
        "D.I.A": "met documented: type 2 with a live insulin order",
        "D.I.D": NO_EDUCATION,
        "D.I.F": SCALE,
        "D.I.G": NO_TESTS,
        "D.I.I": "met documented: HbA1c 8.9 % is above 7 %",
    },
    "L33794": {
        "IV.DM": "met documented: any type of diabetes",
        "IV.AB": "unknown not-documented: neither C-peptide nor antibody",
        "IV.C.E": NO_EDUCATION,
        "IV.C.I": SCALE,
        "IV.C.G": "met documented: HbA1c 8.9 % is above 7 %",
        "IV.D.1": STATED,
        "IV.G.1": STATED,
    },
    "CG-DME-51": {
        "MN.1": "met documented: any type of diabetes",
        "NEW.1": NO_EDUCATION,
        "NEW.2": SCALE,
        "NEW.3": NO_TESTS,
        "MN.2": "unknown: neither what is asked of a new pump nor the benefit of one in use",
    },
}
CHARTS = {"clinosim/pt-1214f18c8379*": TWO_STAYS, "clinosim/pt-1b93b0b9b792*": SLIDING_SCALE}


@pytest.mark.real
@pytest.mark.parametrize("policy", sorted(PLANS))
@pytest.mark.parametrize("pattern", CHARTS, ids=["two stays", "sliding scale"])
def test_a_chart_by_hand(pattern: str, policy: str) -> None:
    found = under(policy, resources(pattern))
    assert found["outcome"] == "needs-documentation"
    hold(found, CHARTS[pattern][policy])


@pytest.mark.real
@pytest.mark.parametrize(
    ("pattern", "policy", "coverage"),
    [
        ("clinosim/pt-1b93b0b9b792*", "L33794", "governed"),  # group CMS-MEDICARE, type "Medicare (Part A/B)"
        ("clinosim/pt-55916851295f*", "L33794", "governed"),  # "Medicare Advantage Plan (Part C)"
        ("clinosim/pt-55291b277369*", "L33794", "governed"),  # the same program, another year cancelled
        ("clinosim/pt-1214f18c8379*", "MP-MM-1316", "not-governed"),  # a state's Medicaid
        ("clinosim/pt-0fccf950b890*", "MP-MM-1316", "unverified"),  # an employer's plan of a payer that is not named
        ("clinosim/pt-3b3c5b564d71*", "MP-MM-1316", "unverified"),  # the patient pays
    ],
)
def test_the_coverages_of_others_choose_the_policy(pattern: str, policy: str, coverage: str) -> None:
    """Each chart has this year's coverage and last year's, which was cancelled; the payers lie on no server."""
    found = judged(resources(pattern))
    assert [(each["policy"]["id"], each["coverage"]) for each in found] == [(policy, coverage)]


# ---------------------------------------------------------------- one chart under two policies


def _one_chart() -> list[JSON]:
    """Type 2 on four injections a day; education three years ago; a sensor on all days and no finger-stick."""
    prefetch: dict[str, Any] = support.call()["prefetch"]
    kept = [e["resource"] for name in ("hba1c", "insulin", "attestations") for e in prefetch[name]["entry"]]
    sensor = [
        support.observation(f"s{day}-{n}", "99504-3", 140, "mg/dL", f"{support.DAY.replace(day=day)}T0{n}:00:00-05:00")
        for day in range(1, 20)
        for n in range(6)
    ]
    october = [
        support.observation(f"o{day}-{n}", "99504-3", 150, "mg/dL", f"2026-10-{day:02}T0{n}:00:00-04:00")
        for day in range(20, 32)
        for n in range(6)
    ]
    return [
        prefetch["patient"],
        prefetch["requester"],
        support.condition("c1", "E11.9"),
        support.education("e1", "2023-11-01"),
        *kept,
        *sensor,
        *october,
    ]


def test_one_chart_under_two_policies_has_two_right_answers() -> None:
    chart = _one_chart()
    hold(
        under("MP-MM-1316", chart),
        {
            "D.I.A": "met documented: type 2 with live insulin",
            "D.I.D": "not-met supported: education of 2023 lies before the last 12 months",
            "D.I.G": "unknown needs-review: sensor readings are no self-tests by the policy's words",
        },
    )
    hold(
        under("L33794", chart),
        {
            "IV.DM": "met documented: any type",
            "IV.AB": "unknown not-documented: Medicare asks for C-peptide or antibodies, which nobody measured",
            "IV.C.E": "met supported: education counts whenever it was",
            "IV.C.I": "met documented: the same injections",
            "IV.C.T": "met supported: use of a sensor satisfies the testing by article A52507",
        },
    )
