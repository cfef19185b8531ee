"""Third-party charts judged by hand: each expectation was read off the chart and the policy, with the reason why."""

from __future__ import annotations

import pytest

from tests.integration.judging import Case, check, resources

pytestmark = pytest.mark.real

ALONE = "unknown incomplete: type 2 is charted, and nothing shows insulin: T2D alone is incomplete"
NO_ORDER = "unknown not-documented: there is no insulin order at all, which is unknown and never not-met"
LABORATORY = "unknown not-documented: every glucose in the chart is a laboratory's, which never counts as a self-test"

CASES = [
    Case(
        "GMI is no HbA1c",
        "ecqm-qicore-2025/CMS122_6630d394*",
        {
            "D.I.A": "met supported: a code due to type 1, active; no verificationStatus counts as confirmed",
            "D.I.I.1": "unknown not-documented: 9.1 % is a glucose management indicator (97506-0), no HbA1c",
        },
    ),
    Case(
        "corrected HbA1c over a period",
        "ecqm-qicore-2025/CMS122_8956ebb5*",
        {"D.I.I.1": "met documented: 9.1 % under 17855-8, corrected counts, and old results still decide"},
        {"D.I.I.1": "9.1"},
    ),
    Case(
        "HbA1c whose value is Yes",
        "ecqm-qicore-2025/CMS122_5ed37c9e*",
        {"D.I.I.1": "unknown needs-review: a value in words is never read as a number, and a person has to look"},
    ),
    Case(
        "HbA1c with no value",
        "ecqm-qicore-2025/CMS122_21695544*",
        {"D.I.I.1": "unknown incomplete: a final HbA1c is there, and its value is not: some evidence, not enough"},
    ),
    Case(
        "drugs given in hospital, laboratory glucose",
        "ecqm-qicore-2025/CMS871HHHyper_7507debb*",
        {
            "D.I.A": "met documented: 46635009 is type 1 by its code, though the display says Diabetes Mellitus only",
            "D.I.F": "unknown not-documented: a MedicationAdministration is no order, and this one is a tablet",
            "D.I.G": LABORATORY,
        },
    ),
    Case(
        "a diagnosis whose onset was a period, a stay with no reason",
        "ecqm-qicore-2025/CMS871HHHyper_48c2ed10*",
        {
            "D.I.A": "met documented: type 1, confirmed and active; the end of an onsetPeriod is no abatement",
            "D.I.I.6": "unknown not-documented: the inpatient stay has no reason, the other is an emergency",
        },
    ),
    Case(
        "800 mg/dL in the emergency department",
        "ecqm-qicore-2025/CMS871HHHyper_98533ccd*",
        {
            "D.I.G": LABORATORY,
            "D.I.I.5": "unknown not-documented: no crisis is coded, and a laboratory is no meter at night",
            "D.I.I.6": "unknown not-documented: the stay of three hours has no coded reason",
        },
    ),
    Case(
        "an insulin order with no directions, Medicare through an insurer",
        "ecqm-qicore-2025/NHSNGlycemic*",
        {
            "D.I.A": "met documented: type 1, confirmed, active",
            "D.I.F": "unknown incomplete: a premix was ordered, and its timing holds bounds and no frequency",
            "D.I.I.6": "unknown not-documented: the acute stay has no reason that counts",
        },
        coverage="governed: its type is Medicare (SOPT 1), and a plan that an insurer runs for Medicare follows L33794",
    ),
    Case(
        "insulin 70/30 with no dosage",
        "smart-synthea-r4/Neva_Hyatt*",
        {
            "D.I.A": "met documented: type 2, and an active order for a suspension that can only be injected",
            "D.I.F": "unknown incomplete: the one insulin order has no dosageInstruction, so its dosing is unreadable",
            "D.I.G": LABORATORY,
            "D.I.I.1": "not-met documented: the newest HbA1c is 3.03 %, just plausible, and not above 7",
        },
    ),
    Case(
        "newest HbA1c not plausible",
        "smart-synthea-r4/Josue_Sipes*",
        {
            "D.I.H.1": "met documented: microalbuminuria due to type 2 diabetes is coded and active",
            "D.I.I.1": "not-met documented: the eight newest, below 3 %, are unusable; before them 5.74 %",
        },
        {"D.I.I.1": "May 16, 2020"},
    ),
    Case(
        "type 2 with no insulin, HbA1c of six years ago",
        "smart-synthea-r4/Casimira*",
        {
            "D.I.A": ALONE,
            "D.I.F": NO_ORDER,
            "D.I.H": "unknown not-documented: the one albumin ratio is 7 mg/g of 2020: no sign is unknown",
            "D.I.I.1": "met documented: 7.38 % is above 7; an HbA1c older than 6 months still decides",
        },
    ),
    Case(
        "one albumin ratio in range",
        "carebundle/type2_diabetes-42-0000*",
        {
            "D.I.A": ALONE,
            "D.I.H.1": "unknown incomplete: 45 mg/g on one day of the year, and persistent takes two",
            "D.I.I.1": "met documented: 7.9 % is the only HbA1c",
        },
    ),
    Case(
        "albumin ratio of 10",
        "carebundle/type2_diabetes-42-0004*",
        {
            "D.I.I.1": "not-met documented: 6.0 % is not above 7",
            "D.I.H": "unknown: the signs listed are examples, so none of them is unknown and never not-met",
        },
    ),
    Case(
        "two stays with ketoacidosis",
        "clinosim/pt-1214*",
        {
            "D.I.A": "met documented: E11.9 active, and active orders for subcutaneous insulin",
            "D.I.I.1": "not-met documented: the newest HbA1c decides, 5.9 % on 2026-10-26, not the highest of 11.5",
            "D.I.I.6": "met documented: two inpatient stays for E11.10, from 2026-08-19 and 2026-09-16",
        },
        coverage="not-governed: this year's active plan is the state's Medicaid; last year's is cancelled",
    ),
    Case(
        "Medicaid of this year and of last year",
        "clinosim/pt-3977*",
        {"D.I.I.1": "met documented: the newest HbA1c is 9.0 % of 2026-10-21"},
        coverage="not-governed: Medicaid, cancelled for 2025 and active for 2026, is no Marketplace plan",
    ),
    Case(
        "Medicare Part A in another state",
        "davinci-test-ehr/pat016*",
        {"D.I.A": "unknown not-documented: no diagnosis of diabetes", "D.I.G": LABORATORY},
        coverage="unverified: Part A pays for no pump, and the Part B or Medicare plan beside it is not on file",
    ),
    Case(
        "insulin statements in an Australian referral, gestational diabetes",
        "hl7au/*curated*",
        {
            "D.I.A": "unknown needs-review: gestational diabetes is neither type; a reviewer has to say",
            "D.I.F": "met supported: twice a day and before each meal is five by plain directions, since 2024; "
            "regular insulin at meals supports self-adjustment",
            "D.I.I.1": "unknown not-documented: the letter holds no HbA1c",
        },
    ),
    Case(
        "the same referral with its results",
        "hl7au/*autogen*",
        {
            "D.I.G": LABORATORY,
            "D.I.I.1": "not-met documented: 5.8 % with a UCUM code and no unit text",
        },
    ),
    Case(
        "metformin only, a stay for an angiogram",
        "hl7au/*gpvisit*",
        {
            "D.I.A": ALONE,
            "D.I.F": "unknown not-documented: metformin is no insulin, and there is no insulin order",
            "D.I.I.6": "unknown not-documented: the one inpatient stay was for an angiogram",
        },
    ),
    Case(
        "dialysis every fortnight",
        "pysynthea/Latoria*",
        {
            "D.I.A": "met documented: type 2, and an active order for lispro by injection",
            "D.I.I.1": "not-met documented: 6.0 % is not above 7",
            "D.II.A.1": "met documented: dialysis all year, last on 2026-11-07, within 90 days, with no acute injury",
        },
        coverage="not-governed: the payer is Medicaid",
    ),
    Case(
        "dialysis until the transplant of 2022",
        "pysynthea/Silas*",
        {
            "D.I.H.1": "met documented: microalbuminuria due to type 2 diabetes is coded and active",
            "D.II.A.1": "not-met documented: stage 4 is coded, no dialysis within 90 days, no end-stage code",
        },
        coverage="not-governed: the payer is Anthem",
    ),
    Case(
        "a diagnosis that abated in July",
        "ecqm-qicore-2025/CMS871HHHyper_fd579f44*",
        {"D.I.A": "unknown needs-review: it takes an active Condition; clinicalStatus and abatement contradict"},
    ),
    Case(
        "sliding scale by the name of the drug",
        "clinosim/pt-0fcc*",
        {"D.I.F": "unknown incomplete: every order is Sliding scale insulin, with a route and no directions"},
        {"D.I.F": "sliding scale"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_chart_is_judged_as_by_hand(case: Case) -> None:
    check(case, resources(case.chart))
