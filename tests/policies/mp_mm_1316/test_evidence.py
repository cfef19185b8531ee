"""What findings cite and say: the records that decided, with their values and dates, and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.determination import Applicability, Outcome
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import (
    Coverage,
    GlucoseReading,
    LabResult,
    OtherReading,
    ReadingOrigin,
    Record,
    SensorReading,
    Unusable,
)
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.policies.mp_mm_1316.complication_risk import albuminuria, complication_risk, difficult_control
from cds_service.policies.rules.education import education_completed
from cds_service.policies.rules.glycemic_indication import hba1c_above_threshold
from cds_service.policies.rules.hospital_stays import recurrent_hospital_stays
from cds_service.policies.rules.hypoglycemia import recurring_hypoglycemia, severe_excursions
from cds_service.policies.rules.operation import operates_device
from cds_service.policies.rules.self_testing import tests_often_enough as self_testing
from tests.policies.charts import AS_OF, ORDER, answers, case, determine, diagnosis, hba1c, moment, ratio, stick, visit

ON_REGIMEN: dict[str, Any] = {"D_I_F_injections": 4.0, "D_I_F_since": moment("2026-01-05"), "D_I_F_adjusts": True}
HIGH = (hba1c("2026-02-01", 8.1), hba1c("2026-06-01", 8.2), hba1c("2026-10-01", 8.3))


def cited(finding: Finding) -> list[str]:
    """Dates of the evidence."""
    return [str(each.date) for each in finding.evidence]


def unreadable(result: LabResult, reason: Unusable) -> LabResult:
    return replace(result, value=None, unusable=reason)


# ---------------------------------------------------------------- statements


@pytest.mark.parametrize(("value", "shown"), [(True, "yes"), (False, "no")])
def test_an_attested_yes_or_no_is_shown_as_such(value: bool, shown: str) -> None:
    (evidence,) = operates_device(case(answers=answers(D_I_E=value))).evidence
    assert (evidence.value, evidence.date) == (f"{shown}", "2026-11-18")


# ---------------------------------------------------------------- D.I.D


def test_education_in_words_cites_the_last_three_visits() -> None:
    days = ("2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01")
    education = frozenset({Concept.DIABETES_EDUCATION})
    visits = tuple(Record(f"Encounter/{day}", moment(day), frozenset(), "a class", review=education) for day in days)
    found = education_completed(case(education=visits))
    assert (found.gap, cited(found)) == (Gap.NEEDS_REVIEW, ["2026-04-01", "2026-05-01", "2026-06-01"])
    assert found.explanation.startswith("a class on Jun 1, 2026")
    assert "D.I.D.date" not in POLICY.on(AS_OF).prefilled(case(education=visits)), "words fill in no answer"


# ---------------------------------------------------------------- D.I.H


@pytest.mark.parametrize("reason", [Unusable.NO_VALUE, Unusable.WRONG_UNIT, Unusable.IMPLAUSIBLE])
def test_a_newer_ratio_that_says_nothing_is_none_of_the_newest(reason: Unusable) -> None:
    newer = unreadable(ratio("2026-10-01", 0), reason)
    found = albuminuria(case(albumin_creatinine=(ratio("2026-03-01", 45), ratio("2026-05-01", 60), newer)))
    assert (found.truth, found.basis, cited(found)) == (MET, Basis.DOCUMENTED, ["2026-03-01", "2026-05-01"])


def test_of_two_ratios_of_a_day_the_later_hour_is_the_newest() -> None:
    day = [ratio("2026-08-01T08:00", 12), ratio("2026-08-01T15:00", 60)]
    found = albuminuria(case(albumin_creatinine=(ratio("2026-03-01", 45), *day)))
    assert (found.truth, found.basis) == (MET, Basis.DOCUMENTED)


def test_newer_ratios_that_leave_it_open_are_cited_too() -> None:
    ratios = (ratio("2026-03-01", 45), ratio("2026-05-01", 60), ratio("2026-08-01", 301))
    found = albuminuria(case(albumin_creatinine=ratios))
    assert (found.gap, cited(found)) == (Gap.NEEDS_REVIEW, ["2026-03-01", "2026-05-01", "2026-08-01"])


@pytest.mark.parametrize(("when", "said"), [("2026-10-01", "on Oct 1, 2026"), (None, "on an unknown date")])
def test_a_pending_ratio_is_named_as_pending_and_is_no_result(when: str | None, said: str) -> None:
    found = albuminuria(case(albumin_creatinine=(replace(ratio(when, 45), pending=True),)))
    assert found.remarks == (f"Albumin-creatinine ratio {said} is pending",)
    assert (found.gap, found.evidence) == (Gap.NOT_DOCUMENTED, ())


@pytest.mark.parametrize("ratios", [(), (ratio("2026-11-21", 45),)], ids=["none", "after the order"])
def test_no_ratio_is_said_with_the_day_since_when(ratios: tuple[LabResult, ...]) -> None:
    found = albuminuria(case(albumin_creatinine=ratios))
    assert found.explanation == "No albumin-creatinine ratio since Nov 20, 2025"
    assert (found.gap, found.evidence) == (Gap.NOT_DOCUMENTED, ())


@pytest.mark.parametrize("short", [{"D_I_F_injections": 2.0}, {"D_I_G_average": 3.0}])
def test_difficulty_needs_the_injections_and_the_self_tests(short: dict[str, float]) -> None:
    given = answers(**(ON_REGIMEN | {"D_I_G_average": 5.0} | short))
    found = difficult_control(case(hba1c=HIGH, answers=given))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)
    assert cited(found) == ["2026-02-01", "2026-10-01"]
    assert "HbA1c stays high (8.1 % on Feb 1, 2026, 8.3 % on Oct 1, 2026), but" in found.explanation


def test_difficulty_cites_the_first_and_the_last_high_hba1c() -> None:
    found = difficult_control(case(hba1c=HIGH, answers=answers(**ON_REGIMEN, D_I_G_average=5.0)))
    assert (found.truth, cited(found)) == (MET, ["2026-02-01", "2026-10-01"])
    assert found.explanation == "HbA1c stays high on the regimen: 8.1 % on Feb 1, 2026, 8.3 % on Oct 1, 2026"


def test_a_charted_complication_alone_is_said_in_one_sentence() -> None:
    found = complication_risk(case(diagnosis("2026-03-01", Concept.EARLY_COMPLICATION)))
    said = "a diagnosis (Mar 1, 2026): the plan has to decide whether this is an early sign"
    assert (found.gap, found.explanation, cited(found)) == (Gap.NEEDS_REVIEW, said, ["2026-03-01"])


def test_a_complication_in_words_that_is_over_is_no_sign() -> None:
    over = diagnosis("2026-03-01", review=frozenset({Concept.EARLY_COMPLICATION}), active=False)
    assert complication_risk(case(over)).gap is not Gap.NEEDS_REVIEW


# ---------------------------------------------------------------- D.I.I


def test_an_hba1c_that_cannot_be_used_is_shown_as_it_is_or_by_its_name() -> None:
    nameless = replace(unreadable(hba1c("2026-10-01", 0), Unusable.NO_VALUE), shown="")
    in_words = replace(unreadable(hba1c("2026-09-01", 0), Unusable.WRONG_UNIT), shown="8 g/dL")
    found = hba1c_above_threshold(case(hba1c=(nameless, in_words)))
    assert "(a result: no value; 8 g/dL: the unit is of another kind)" in found.explanation


def test_level_codes_are_said_only_where_there_are_some_and_no_episode() -> None:
    assert recurring_hypoglycemia(case()).explanation == "No hypoglycemic episode is charted"
    level = diagnosis("2026-03-01", Concept.HYPOGLYCEMIA_LEVEL)
    alone = recurring_hypoglycemia(case(level)).explanation
    assert alone == "A level of hypoglycemia is charted without an episode (a diagnosis (Mar 1, 2026))"
    beside = recurring_hypoglycemia(case(level, diagnosis("2026-03-01", Concept.HYPOGLYCEMIA))).explanation
    assert beside == "One hypoglycemic episode (Mar 1, 2026)"


@pytest.mark.parametrize("rule", [recurring_hypoglycemia, severe_excursions, recurrent_hospital_stays])
def test_what_an_unsure_code_says_twice_is_supported(rule: Any) -> None:
    said = frozenset({Concept.HYPOGLYCEMIA, Concept.SEVERE_EXCURSION})
    stays = tuple(
        visit(day, day, inpatient=True, supported=said, name=f"Encounter/{day}") for day in ("2026-03-01", "2026-05-01")
    )
    found = rule(case(visits=stays))
    assert (found.truth, found.basis) == (MET, Basis.SUPPORTED)
    assert cited(found) == ["2026-03-01", "2026-05-01"]


@pytest.mark.parametrize("rule", [recurring_hypoglycemia, severe_excursions])
def test_what_happened_after_the_day_of_the_order_shows_nothing(rule: Any) -> None:
    said = (Concept.HYPOGLYCEMIA, Concept.SEVERE_EXCURSION)
    visits = tuple(visit(day, None, *said) for day in ("2026-11-21", "2026-11-25"))
    lows = tuple(stick(f"{day}T03:00", 50) for day in ("2026-11-21", "2026-11-22"))
    found = rule(case(visits=visits, self_tests=lows))
    assert (found.truth, found.gap, found.evidence) == (UNKNOWN, Gap.NOT_DOCUMENTED, ())
    today = tuple(stick(f"{day}T03:00", 50) for day in ("2026-11-19", "2026-11-20"))
    assert rule(case(self_tests=today)).truth is MET


def test_stays_are_dated_by_the_last_one_that_began() -> None:
    stays = [
        visit("2026-03-01", "2026-03-03", Concept.KETOACIDOSIS, inpatient=True),
        visit("2026-05-01", "2026-05-03", Concept.KETOACIDOSIS, inpatient=True),
        visit("2026-05-03", "2026-05-09", Concept.KETOACIDOSIS, inpatient=True),
    ]
    found = recurrent_hospital_stays(case(visits=tuple(stays)))
    assert found.explanation == "2 inpatient stays, last on May 1, 2026"


def test_nothing_is_not_met_by_silence() -> None:
    rules = (albuminuria, difficult_control, hba1c_above_threshold, recurring_hypoglycemia, severe_excursions)
    assert NOT_MET not in {rule(case()).truth for rule in rules}


# ---------------------------------------------------------------- D.I.G

LAST = date(2026, 11, 19)
DAYS = [LAST - timedelta(days=n) for n in reversed(range(30))]
ONE_A_DAY = tuple(GlucoseReading(day, 480, 120, False, f"Observation/{day}") for day in DAYS)
SENSED = tuple(SensorReading(day, 480, 120) for day in DAYS)


def test_chart_and_statement_that_differ_are_both_cited() -> None:
    twice = tuple(sorted((*ONE_A_DAY, *(each._replace(minute=900) for each in ONE_A_DAY))))
    found = self_testing(case(self_tests=twice, answers=answers(D_I_G_average=6.0)))
    assert (found.gap, cited(found)) == (Gap.NEEDS_REVIEW, ["2026-10-21/2026-11-19", "2026-11-18"])


def test_a_sensor_is_cited_beside_the_sticks() -> None:
    found = self_testing(case(self_tests=ONE_A_DAY[-1:], sensor=SENSED, sensor_reference="Observation/s"))
    assert [(each.reference, each.value) for each in found.evidence] == [
        ("Observation/2026-11-19", "1 self-test"),
        ("Observation/s", "30 readings of a sensor"),
    ]
    assert found.explanation.startswith("1 self-test on 1 of 30 days (Oct 21 to Nov 19, 2026), 0.0 a day")


def test_readings_of_one_day_that_are_a_sensors_by_their_rate_are_said() -> None:
    many = tuple(GlucoseReading(LAST, n, 120, False, f"Observation/{n}") for n in range(25))
    found = self_testing(case(self_tests=many))
    assert "25 readings on days with more than 20 are counted as sensor readings" in found.explanation
    assert (found.gap, found.next_step) == (
        Gap.NOT_DOCUMENTED,
        "show the member's own self-tests of the last month",
    )


def test_readings_that_were_set_aside_are_named_only_where_words_name_them() -> None:
    named = OtherReading(LAST, ReadingOrigin.NAMED_ONLY, "Observation/w", "Sugar at home")
    filed = OtherReading(LAST, ReadingOrigin.LABORATORY, "Observation/l", "Glucose [Mass/volume]")
    found = self_testing(case(other_readings=(filed, named)))
    said = "not counted as self-tests: 1 reading filed by a laboratory, 1 reading under a local code or in words only"
    assert f"{said} (Sugar at home)" in found.explanation


@pytest.mark.parametrize(
    "count",
    [
        LabResult("Observation/c", moment("2026-10-20"), frozenset(), "tests a day", 5, "", "5 a day"),
        LabResult("Observation/c", moment("2026-11-10"), frozenset(), "tests a day", 5, "<", "<5 a day"),
        LabResult("Observation/c", moment("2026-11-10"), frozenset(), "tests a day", None, "", "5-6 a day"),
        LabResult("Observation/c", None, frozenset(), "tests a day", 5, "", "5 a day"),
    ],
    ids=["before the window", "with a comparator", "in words", "without a date"],
)
def test_a_recorded_count_that_does_not_speak_supports_nothing(count: LabResult) -> None:
    assert self_testing(case(self_test_counts=(count,))).truth is UNKNOWN


# ---------------------------------------------------------------- notes


@pytest.mark.parametrize("kind", ["visits", "education", "dialysis", "pumps", "pump_training"])
def test_what_is_dated_after_the_order_is_noted_as_not_used(kind: str) -> None:
    later = visit("2026-11-21") if kind == "visits" else Record("Procedure/1", moment("2026-11-21"), frozenset(), "x")
    chart = case(**{kind: (later,)}).chart
    assert f"{later.reference} not used: dated Nov 21, 2026, after the order" in determine(ORDER, chart, AS_OF).notes


def test_before_the_policy_no_coverage_is_called_governed() -> None:
    plan = Coverage("Coverage/1", "active", (None, None), None, frozenset(), ("CareSource",), ("77552OH0010222-01",))
    before = determine(ORDER, case(coverages=(plan,), state="OH").chart, date(2026, 4, 30))
    assert (before.outcome, before.coverage) == (Outcome.NOT_APPLICABLE, Applicability.UNVERIFIED)
    over = replace(plan, period=(None, moment("2026-01-31")))
    ended = determine(ORDER, case(coverages=(over,), state="OH").chart, date(2026, 4, 30))
    assert (ended.outcome, ended.coverage) == (Outcome.NOT_APPLICABLE, Applicability.NOT_IN_FORCE)
