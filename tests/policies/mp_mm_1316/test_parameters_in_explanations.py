"""What rules say of a chart names the numbers in force: each row changes one parameter, on a chart that reaches it.

The order is of 2026-11-20. Each phrase stands, on the same chart, in what the policy says with the old value, and its
counterpart with the new one; the old phrase then stands nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.policy import Policy
from cds_service.facts import (
    Chart,
    GlucoseReading,
    InsulinAction,
    InsulinOrder,
    OtherReading,
    ReadingOrigin,
    Record,
    SensorReading,
    Unusable,
    When,
)
from cds_service.policies.mp_mm_1316 import POLICY
from tests.policies.charts import (
    AS_OF,
    DIABETES,
    ORDER,
    answers,
    diagnosis,
    hba1c,
    moment,
    ratio,
    sensed,
    stick,
    visit,
)
from tests.policies.mp_mm_1316.changed import changed, sentences

LAST = AS_OF - timedelta(days=1)
EDUCATION, LOW = Concept.DIABETES_EDUCATION, Concept.HYPOGLYCEMIA


@dataclass(frozen=True)
class Row:
    """A parameter's new value, the section whose finding says it, phrases before and after, and the chart.

    `also`: values of other parameters, before and after alike.
    """

    parameter: str
    value: Any
    section: str
    phrases: tuple[tuple[str, str], ...]
    chart: Mapping[str, Any]
    also: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For the test's id."""
        return f"{self.parameter}: {self.phrases[0][0]}"


def says(policy: Policy, row: Row) -> list[str]:
    """What the policy says about the row's section."""
    in_force = policy.on(AS_OF, row.also)
    case = in_force.make_case(ORDER, Chart(diagnoses=(DIABETES, *row.chart.get("more", ())), **_facts(row)), AS_OF)
    finding = case.finding(in_force.rules[row.section])
    return [*sentences(finding), in_force.next_step(finding), in_force.what_helps(finding)]


def _facts(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.chart.items() if name != "more"}


def lessons(when: str | None, **members: Any) -> dict[str, Any]:
    """Diabetes education of a day; in words only with `review`."""
    concepts = frozenset() if "review" in members else frozenset({EDUCATION})
    return {"education": (Record("Procedure/e", moment(when), concepts, "Education", **members),)}


def insulin(certain: float, start: str | None, possible: float | None = -1, **members: Any) -> InsulinOrder:
    """A mealtime insulin of so many injections a day."""
    day = date.fromisoformat(start) if start else None
    most = certain if possible == -1 else possible
    more = {"end": None, "adjusts": "carb ratio"} | members
    name = f"MedicationRequest/{start}"
    return InsulinOrder(name, "lispro", "lispro", InsulinAction.RAPID, day, certain=certain, possible=most, **more)


def self_tests(a_day: int, days: int) -> dict[str, Any]:
    """So many self-tests on each of the last days before the order."""
    found = [(LAST - timedelta(days=d), n) for d in range(days) for n in range(a_day)]
    return {"self_tests": tuple(GlucoseReading(d, n, 120, False, f"Observation/{d}-{n}") for d, n in sorted(found))}


def sensor(days: int) -> dict[str, Any]:
    """A sensor's readings on each of the last days before the order."""
    readings = tuple(SensorReading(LAST - timedelta(days=d), n, 120) for d in range(days) for n in range(24))
    return {"sensor": readings, "sensor_reference": "Observation/s"}


def stays(*spans: tuple[str, str]) -> dict[str, Any]:
    """Inpatient stays for ketoacidosis, from one day to another."""
    return {"visits": tuple(visit(start, end, Concept.KETOACIDOSIS, inpatient=True) for start, end in spans)}


def row(parameter: str, value: Any, section: str, chart: dict[str, Any], *phrases: str, **also: Any) -> Row:
    """A row; a phrase is written as `before -> after`."""
    pairs = tuple((before, after) for before, after in (phrase.split(" -> ") for phrase in phrases))
    return Row(parameter, value, section, pairs, chart, also.get("also", {}))


PARTIAL = When(date(2024, 11, 1), date(2025, 12, 31))
ODD_RATIO = replace(ratio("2026-10-01", 50), unusable=Unusable.TEXT_ONLY)
ROWS = [
    row(
        "education_window_months",
        24,
        "D.I.D",
        lessons("2024-01-10"),
        "before the last 12 months -> before the last 24 months",
    ),
    row(
        "education_window_months",
        24,
        "D.I.D",
        lessons(None),
        "may lie before the last 12 months -> may lie before the last 24 months",
    ),
    row(
        "education_window_months",
        24,
        "D.I.D",
        lessons("2023-01-10", review=frozenset({EDUCATION})),
        "before the last 12 months, charted -> before the last 24 months, charted",
    ),
    row(
        "education_window_months",
        24,
        "D.I.D",
        {"answers": answers(D_I_D_date=moment("2023-01-10"), D_I_D_educator="RN")},
        "lies before the last 12 months -> lies before the last 24 months",
    ),
    row(
        "education_window_months",
        24,
        "D.I.D",
        {"answers": answers(D_I_D_date=PARTIAL, D_I_D_educator="RN")},
        "may lie before the last 12 months -> may lie before the last 24 months",
    ),
    row(
        "regimen_injections",
        4,
        "D.I.F",
        {"insulin": (insulin(1, "2026-01-05"),)},
        "eeds 3 or more insulin injections a day -> eeds 4 or more insulin injections a day",
        "needs 3 or more injections a day for -> needs 4 or more injections a day for",
    ),
    row(
        "regimen_injections",
        4,
        "D.I.F",
        {},
        "that show 3 self-adjusted injections -> that show 4 self-adjusted injections",
    ),
    row(
        "regimen_injections",
        4,
        "D.I.F",
        {"insulin": (insulin(3, "2026-01-05", end=date(2026, 3, 1)),)},
        "show at least 3 injections a day -> show at least 4 injections a day",
    ),
    row(
        "regimen_injections",
        4,
        "D.I.F",
        {"insulin": (insulin(1, "2026-01-05", possible=6),)},
        "show 3 or more injections a day -> show 4 or more injections a day",
    ),
    row(
        "regimen_injections",
        4,
        "D.I.F",
        {"insulin": (insulin(5, None),)},
        "3 injections a day without a break up to -> 4 injections a day without a break up to",
        "that show 3 injections a day since -> that show 4 injections a day since",
    ),
    row(
        "regimen_injections",
        4,
        "D.I.F",
        {"answers": answers(D_I_F_injections=2.0)},
        "needs 3 or more injections a day -> needs 4 or more injections a day",
    ),
    row("regimen_months", 8, "D.I.F", {}, "injections a day for 6 months -> injections a day for 8 months"),
    row(
        "regimen_months",
        8,
        "D.I.F",
        {"insulin": (insulin(3, "2026-08-20"),)},
        "6 months are needed -> 8 months are needed",
    ),
    row(
        "regimen_months",
        8,
        "D.I.F",
        {
            "insulin": (
                insulin(1, "2026-01-05", end=date(2026, 8, 19), live=False, status="completed"),
                insulin(3, "2026-08-20"),
            )
        },
        "needs 6 months of the regimen -> needs 8 months of the regimen",
    ),
    row(
        "regimen_months",
        8,
        "D.I.F",
        {
            "insulin": (insulin(3, "2026-08-20"),),
            "answers": answers(D_I_F_since=moment("2026-08-20"), D_I_F_injections=3.0),
        },
        "needs 6 months of the regimen -> needs 8 months of the regimen",
    ),
    # 60 days times 4 tests; from 2026-09-21 to 2026-11-19 are 60 days; 20 tests over 30 and 60 days, cut to tenths.
    row(
        "self_test_window_days",
        60,
        "D.I.G",
        self_tests(2, 10),
        "Oct 21 to Nov 19, 2026 with at least 120 self -> Sep 21 to Nov 19, 2026 with at least 240 self",
        "on 10 of 30 days -> on 10 of 60 days",
        ", 0.6 a day -> , 0.3 a day",
    ),
    row(
        "self_test_window_days",
        60,
        "D.I.G",
        {"other_readings": (OtherReading(LAST, ReadingOrigin.LABORATORY, "Observation/o", "Glucose"),)},
        "own self-tests of the last month -> own self-tests of the last 60 days",
    ),
    row(
        "self_tests_per_day",
        5,
        "D.I.G",
        self_tests(2, 10),
        "with at least 120 self-tests -> with at least 150 self-tests",
    ),
    row(
        "self_tests_per_day",
        5,
        "D.I.G",
        self_tests(3, 30),
        "needs 4 self-tests a day; the meter -> needs 5 self-tests a day; the meter",
    ),
    row(
        "self_tests_per_day",
        5,
        "D.I.G",
        {"answers": answers(D_I_G_average=2.0)},
        "needs 4 self-tests a day; the statement -> needs 5 self-tests a day; the statement",
    ),
    row(
        "self_tests_per_day",
        5,
        "D.I.G",
        {"self_test_counts": (replace(hba1c("2026-11-15", 2), shown="2 a day"),)},
        "needs 4 self-tests a day; the chart -> needs 5 self-tests a day; the chart",
    ),
    row(
        "plausible_self_tests_per_day",
        25,
        "D.I.G",
        self_tests(30, 1),
        "on days with more than 20 are -> on days with more than 25 are",
    ),
    row(
        "cgm_counts_as_self_testing",
        True,
        "D.I.G",
        sensor(10),
        "does not say whether a sensor counts -> This plan counts sensor data",
    ),
    row(
        "sensor_wear_days",
        27,
        "D.I.G",
        sensor(10),
        "sensor data that cover 21 days -> sensor data that cover 27 days",
        "ensor data of at least 21 days -> ensor data of at least 27 days",
        "needs sensor data of 21 days -> needs sensor data of 27 days",
        also={"cgm_counts_as_self_testing": True},
    ),
    row(
        "albuminuria_low",
        20,
        "D.I.H.1",
        {},
        "ratios from 30 to 300 mg/g on different days -> ratios from 20 to 300 mg/g on different days",
    ),
    row(
        "albuminuria_low",
        20,
        "D.I.H.1",
        {"albumin_creatinine": (ratio("2026-10-01", 5),)},
        "outside 30 to 300 -> outside 20 to 300",
    ),
    row("albuminuria_low", 20, "D.I.H", {}, "(two from 30 to 300 mg/g) -> (two from 20 to 300 mg/g)"),
    row(
        "albuminuria_high",
        400,
        "D.I.H.1",
        {"albumin_creatinine": (ratio("2026-10-01", 500),)},
        "ratio above 300 mg/g -> ratio above 400 mg/g",
    ),
    row(
        "albuminuria_high",
        400,
        "D.I.H.1",
        {"albumin_creatinine": (ratio("2026-10-01", 50),)},
        "second albumin-creatinine ratio from 30 to 300 -> second albumin-creatinine ratio from 30 to 400",
    ),
    row(
        "albuminuria_high",
        400,
        "D.I.H.1",
        {"albumin_creatinine": (ratio("2026-09-01", 50), ratio("2026-10-01", 60))},
        "2 albumin-creatinine ratios from 30 to 300 -> 2 albumin-creatinine ratios from 30 to 400",
    ),
    row(
        "albuminuria_results",
        4,
        "D.I.H.1",
        {"albumin_creatinine": (ratio("2026-10-01", 50),)},
        "Add a second albumin-creatinine ratio from -> Add three more albumin-creatinine ratios from",
        "mg/g on another day -> mg/g on other days",
        "add a second albumin-creatinine ratio of another day -> add three more albumin-creatinine ratios of other",
    ),
    row(
        "albuminuria_results",
        4,
        "D.I.H.1",
        {"albumin_creatinine": (ODD_RATIO,)},
        "Add two albumin-creatinine ratios from 30 -> Add four albumin-creatinine ratios from 30",
    ),
    row(
        "albuminuria_results",
        1,
        "D.I.H.1",
        {},
        "Add two albumin-creatinine ratios from 30 to -> Add one albumin-creatinine ratio from 30 to 300 mg/g",
    ),
    row("albuminuria_results", 4, "D.I.H", {}, "(two from -> (four from"),
    row(
        "difficulty_hba1c",
        7.5,
        "D.I.H.2",
        {"hba1c": (hba1c("2026-10-01", 8.1),)},
        "two above 7 % -> two above 7.5 %",
    ),
    row("difficulty_hba1c", 7.5, "D.I.H.2", {}, "No HbA1c above 7 % -> No HbA1c above 7.5 %"),
    row(
        "difficulty_days_apart",
        120,
        "D.I.H.2",
        {"hba1c": (hba1c("2026-10-01", 8.1),)},
        "at least 90 days apart on -> at least 120 days apart on",
    ),
    row(
        "hba1c_threshold",
        7.5,
        "D.I.I.1",
        {"hba1c": (hba1c("2026-10-01", 6.5),)},
        "6.5 % on Oct 1, 2026, not above 7 % -> 6.5 % on Oct 1, 2026, not above 7.5 %",
        "HbA1c is not above 7 %, show -> HbA1c is not above 7.5 %, show",
    ),
    row(
        "hba1c_threshold",
        7.5,
        "D.I.I.1",
        {"hba1c": (hba1c("2026-10-01", 6.5, ">"),)},
        "does not say whether it is above 7 % -> does not say whether it is above 7.5 %",
    ),
    row(
        "hba1c_threshold",
        7.5,
        "D.I.I",
        {},
        "HbA1c above 7 %, or show one of the other five -> HbA1c above 7.5 %, or show one of the other five",
    ),
    row(
        "hba1c_threshold",
        7.5,
        "D.I.I",
        {"hba1c": (hba1c("2026-10-01", 6.5),)},
        "or a newer HbA1c above 7 % -> or a newer HbA1c above 7.5 %",
    ),
    # From 2026-03-20 to 2026-11-20 are 245 days: eight months.
    row(
        "hba1c_stale_months",
        12,
        "D.I.I.1",
        {"hba1c": (hba1c("2026-03-20", 8.1),)},
        "The newest HbA1c is 245 days old -> HbA1c 8.1 %",
    ),
    row(
        "hypoglycemia_level",
        65,
        "D.I.I.2",
        {"self_tests": (stick("2026-11-01T08:00", 50), stick("2026-11-03T08:00", 50))},
        "eter readings below 70 mg/dL on 2 days -> eter readings below 65 mg/dL on 2 days",
    ),
    row(
        "hypoglycemia_level",
        65,
        "D.I.I.2",
        {"self_tests": (stick("2026-11-01T08:00", 50),)},
        "eter readings below 70 mg/dL in one event -> eter readings below 65 mg/dL in one event",
    ),
    row(
        "hypoglycemia_days",
        4,
        "D.I.I.2",
        {"more": (diagnosis("2026-03-01", LOW),)},
        "episodes on two different days -> episodes on four different days",
    ),
    row(
        "hypoglycemia_days",
        4,
        "D.I.I.2",
        {"more": tuple(diagnosis(f"2026-0{month}-01", LOW) for month in (3, 4, 5))},
        "ypoglycemia charted on 3 days -> hree hypoglycemic episodes (",
    ),
    row(
        "hypoglycemia_days",
        4,
        "D.I.I.2",
        {"self_tests": (stick("2026-11-01T08:00", 50), stick("2026-11-03T08:00", 50))},
        "below 70 mg/dL on 2 days -> below 70 mg/dL on two days, the last (Nov 3, 2026)",
    ),
    row(
        "sensor_low_level",
        60,
        "D.I.I.2",
        {"sensor": tuple(sensed("2026-11-01T08:00", 50, 50, 50, 50, 50, 120)), "sensor_reference": "Observation/s"},
        "ensor readings below 54 mg/dL for 15 -> ensor readings below 60 mg/dL for 15",
    ),
    row(
        "sensor_low_minutes",
        20,
        "D.I.I.2",
        {"sensor": tuple(sensed("2026-11-01T08:00", 50, 50, 50, 50, 50, 120)), "sensor_reference": "Observation/s"},
        "54 mg/dL for 15 minutes or longer -> 54 mg/dL for 20 minutes or longer",
    ),
    row("dawn_from_minute", 180, "D.I.I.4", {}, "from 02:00 to 08:00 -> from 03:00 to 08:00"),
    row("dawn_until_minute", 450, "D.I.I.4", {}, "from 02:00 to 08:00 -> from 02:00 to 07:30"),
    row("dawn_mornings", 9, "D.I.I.4", {}, "on at least 7 mornings -> on at least 9 mornings"),
    row(
        "dawn_level",
        180,
        "D.I.I.4",
        {"self_tests": (stick("2026-11-01T06:00", 250),)},
        "glucose above 200 mg/dL on 1 of -> glucose above 180 mg/dL on 1 of",
    ),
    row(
        "dawn_level",
        180,
        "D.I.I.4",
        {"answers": answers(D_I_I_4=True)},
        "phenomenon frequently above 200 mg/dL (sig -> phenomenon frequently above 180 mg/dL (sig",
    ),
    row(
        "dawn_level",
        180,
        "D.I.I.4",
        {"answers": answers(D_I_I_4=False)},
        "dawn phenomenon above 200 mg/dL (sig -> dawn phenomenon above 180 mg/dL (sig",
    ),
    row(
        "night_level",
        60,
        "D.I.I.5",
        {"self_tests": (stick("2026-11-01T03:00", 50), stick("2026-11-03T03:00", 50))},
        "eter readings below 54 mg/dL on 2 nights -> eter readings below 60 mg/dL on 2 nights",
    ),
    row(
        "night_level",
        60,
        "D.I.I.5",
        {"self_tests": (stick("2026-11-01T03:00", 50),)},
        "eter reading below 54 mg/dL on one night -> eter reading below 60 mg/dL on one night",
    ),
    row(
        "night_nights",
        3,
        "D.I.I.5",
        {"self_tests": (stick("2026-11-01T03:00", 50), stick("2026-11-03T03:00", 50))},
        "54 mg/dL on 2 nights -> 54 mg/dL on two nights (Nov 3, 2026)",
    ),
    row(
        "hospital_stays",
        3,
        "D.I.I.6",
        stays(("2026-02-01", "2026-02-04"), ("2026-06-01", "2026-06-02")),
        "2 inpatient stays, last on Jun 1, 2026 -> Two inpatient stays (Feb 1, 2026, 3 days; Jun 1, 2026, 1 day)",
    ),
    row(
        "transfer_hours",
        72,
        "D.I.I.6",
        stays(("2026-02-01", "2026-02-02"), ("2026-02-04", "2026-02-05")),
        "2 inpatient stays, last on Feb 4, 2026 -> recorded as 2 that overlap or follow each other",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_finding_names_the_number_in_force(row: Row) -> None:
    before, after = says(POLICY, row), says(changed(POLICY, {row.parameter: row.value}), row)
    for old, new in row.phrases:
        assert any(old in sentence for sentence in before), before
        assert any(new in sentence for sentence in after), after
        assert not any(old in sentence for sentence in after), after
