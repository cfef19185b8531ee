"""D.I.F at its edges: days on which a window opens, what a statement closes, what blanks a charted regimen."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.finding import Finding, Gap
from cds_service.facts import (
    Answer,
    Chart,
    ChartSection,
    DeviceOrder,
    Diagnosis,
    InsulinAction,
    InsulinOrder,
    Record,
    Scope,
    When,
)
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.injection_regimen import injection_regimen
from cds_service.policies.rules.pump_use import pump_signs
from cds_service.policies.rules.regimen_length import charted_duration
from tests.policies.charts import made

# Six months before lie on 2026-05-20, thirty days on 2026-10-21.
AS_OF = date(2026, 11, 20)
ACTIONS = {"lispro": InsulinAction.RAPID, "glargine": InsulinAction.LONG}


def order(ingredient: str, certain: float, start: str | None, **members: Any) -> InsulinOrder:
    """A live order."""
    base: dict[str, Any] = {"possible": certain, "end": None, "adjusts": "carb ratio 1:10"} | members
    day = date.fromisoformat(start) if start else None
    return InsulinOrder(
        f"MedicationRequest/{ingredient}-{start}",
        ingredient,
        ingredient,
        ACTIONS[ingredient],
        start=day,
        certain=certain,
        **base,
    )


def on(iso: str) -> When:
    """A day."""
    return When(date.fromisoformat(iso), date.fromisoformat(iso))


def diabetes(onset: str | None) -> Diagnosis:
    """Type 1 diabetes, with its onset."""
    began = on(onset) if onset else None
    return Diagnosis("Condition/1", began, frozenset({Concept.TYPE_1_DIABETES}), "E10.65", onset=began)


def saying(**answers: Any) -> dict[str, tuple[Answer, ...]]:
    """A signed statement; keys use _ for the dots of linkIds."""
    return {
        f"D.I.F.{link}": (Answer(value, on("2026-11-10"), "QuestionnaireResponse/1"),)
        for link, value in answers.items()
    }


def case(**chart: Any) -> Case:
    """A pump order held against a chart."""
    pump = DeviceOrder("DeviceRequest/1", "DeviceRequest", "E0784", Scope.PUMP)
    return made(pump, Chart(**chart), AS_OF)


def judged(**chart: Any) -> Finding:
    """D.I.F for a chart."""
    return injection_regimen(case(**chart))


LISPRO, GLARGINE = order("lispro", 3, "2026-01-05"), order("glargine", 1, "2026-01-05")


@pytest.mark.parametrize(("start", "truth"), [("2026-05-20", "met"), ("2026-05-21", "unknown")])
def test_six_months_to_the_day(start: str, truth: str) -> None:
    assert judged(insulin=(order("lispro", 3, start),)).truth.value == truth


@pytest.mark.parametrize(("written", "signs"), [("2026-10-20", 1), ("2026-10-21", 0), ("2026-11-20", 0)])
def test_a_vial_for_the_pump_of_the_last_thirty_days_is_for_the_pump_that_is_ordered(written: str, signs: int) -> None:
    vial = order("lispro", 0, written, possible=None, via_pump=True)
    assert len(pump_signs(case(insulin=(LISPRO, vial)))) == signs


def test_a_vial_for_a_pump_without_a_day_is_a_sign() -> None:
    assert pump_signs(case(insulin=(LISPRO, order("lispro", 0, None, possible=None, via_pump=True))))


def test_a_vial_for_a_pump_without_a_charted_regimen_is_a_sign() -> None:
    assert pump_signs(case(insulin=(order("lispro", 0, "2026-11-01", possible=None, via_pump=True),)))


@pytest.mark.parametrize(("last", "signs"), [("2026-01-04", 0), ("2026-01-05", 1), ("2026-06-01", 1)])
def test_a_pump_procedure_older_than_the_regimen_is_no_sign(last: str, signs: int) -> None:
    done = Record("Procedure/1", on(last), frozenset({Concept.PUMP_IN_USE}), "CSII")
    assert len(pump_signs(case(insulin=(LISPRO,), pump_procedures=(done,)))) == signs


@pytest.mark.parametrize(
    ("until", "signs"), [(date(2026, 11, 19), 0), (date(2026, 11, 20), 1), (None, 1)], ids=["over", "today", "open"]
)
def test_use_of_a_pump_that_is_over_is_no_sign(until: date | None, signs: int) -> None:
    use = Record("DeviceUseStatement/1", on("2020-01-01"), frozenset({Concept.PUMP_IN_USE}), "pump", until=until)
    assert len(pump_signs(case(insulin=(LISPRO,), pumps=(use,)))) == signs


@pytest.mark.parametrize(
    ("onset", "truth"),
    [("2026-05-19", "unknown"), ("2026-05-20", "unknown"), ("2026-05-21", "not-met"), (None, "unknown")],
)
def test_diabetes_that_began_within_the_months(onset: str | None, truth: str) -> None:
    found = judged(insulin=(order("lispro", 3, "2026-07-01"),), diagnoses=(diabetes(onset),))
    assert found.truth.value == truth


def test_one_diagnosis_without_onset_leaves_the_beginning_open() -> None:
    both = (diabetes("2026-06-01"), diabetes(None))
    assert judged(insulin=(order("lispro", 3, "2026-07-01"),), diagnoses=both).truth.value == "unknown"


def test_a_statement_of_a_longer_regimen_than_the_diabetes_is_for_a_reviewer() -> None:
    chart = {"insulin": (order("lispro", 3, "2026-07-01"),), "diagnoses": (diabetes("2026-06-01"),)}
    found = judged(**chart, answers=saying(since=on("2025-01-01")))
    assert (found.truth.value, found.gap) == ("unknown", Gap.NEEDS_REVIEW)


STATED = saying(injections=4.0, since=on("2025-01-01"), adjusts=True)


def test_a_complete_record_against_a_statement_is_for_a_reviewer() -> None:
    found = judged(insulin=(GLARGINE,), answers=STATED)
    assert (found.truth.value, found.gap) == ("unknown", Gap.NEEDS_REVIEW)


def test_a_record_that_was_not_read_whole_is_not_complete() -> None:
    found = judged(insulin=(GLARGINE,), answers=STATED, partial={ChartSection.INSULIN: "a page is missing"})
    assert found.truth.value == "met"


def test_a_statement_closes_only_the_part_that_it_answers() -> None:
    found = judged(insulin=(), answers=saying(injections=4.0))
    assert (found.truth.value, found.gap) == ("unknown", Gap.NOT_DOCUMENTED)


def test_an_order_without_a_day_leaves_the_length_open() -> None:
    basal = order("glargine", 1, "2026-01-05")
    later = order("lispro", 3, "2026-08-01")
    assert judged(insulin=(basal, later)).truth.value == "not-met"
    assert judged(insulin=(basal, later, order("lispro", 3, None))).truth.value == "unknown"


def test_what_stands_against_the_count_is_not_blurred_by_the_rest() -> None:
    found = judged(insulin=(order("glargine", 1, "2026-01-05", adjusts=None),))
    assert found.truth.value == "not-met"
    assert ";" in found.explanation and found.explanation.count(";") == 1


def test_less_than_the_goal_is_needed_to_be_not_met() -> None:
    assert judged(insulin=(order("lispro", 2, "2026-01-05", possible=3.0),)).truth.value == "unknown"
    assert judged(insulin=(order("lispro", 2, "2026-01-05", possible=2.0),)).truth.value == "not-met"


@pytest.mark.parametrize(
    ("answered", "truth"), [(STATED, "met"), (saying(injections=4.0, since=on("2025-01-01")), "unknown")]
)
def test_without_insulin_orders_a_statement_has_to_answer_all_three(answered: Any, truth: str) -> None:
    assert judged(insulin=(), answers=answered).truth.value == truth


OVER = {
    "that ended": (
        order("lispro", 3, "2025-01-05", end=date(2026, 3, 1), live=False, status="completed"),
        "ended on Mar 1, 2026",
    ),
    "that was stopped": (order("lispro", 3, "2025-01-05", live=False, status="stopped"), "is stopped"),
    "on hold until a later day": (
        order("lispro", 3, "2025-01-05", end=date(2026, 12, 1), live=False, status="on-hold"),
        "is on hold",
    ),
}


@pytest.mark.parametrize(("last", "words"), OVER.values(), ids=OVER.keys())
def test_the_last_order_is_named_where_none_is_current(last: InsulinOrder, words: str) -> None:
    older = order("glargine", 1, "2024-01-05", live=False, status="stopped")
    found = judged(insulin=(older, last))
    assert found.explanation == f"The last insulin order (lispro) {words}, and none is current"
    assert [each.reference for each in found.evidence] == ["MedicationRequest/lispro-2025-01-05"]


def test_mealtime_insulin_that_is_not_given_at_meals_says_nothing_of_adjusting() -> None:
    plain = {"adjusts": None}
    assert judged(insulin=(order("lispro", 3, "2026-01-05", at_meals=True, **plain),)).truth.value == "met"
    assert judged(insulin=(order("lispro", 3, "2026-01-05", **plain),)).truth.value == "unknown"
    basal = order("glargine", 3, "2026-01-05", at_meals=True, **plain)
    assert judged(insulin=(basal,)).truth.value == "unknown"


@pytest.mark.parametrize(
    ("start", "end", "signs"),
    [
        ("2026-01-05", None, 1),
        ("2026-01-05", "2026-11-20", 1),
        ("2026-01-05", "2026-11-19", 0),
        ("2026-11-20", None, 1),
        ("2026-11-21", None, 0),
    ],
)
def test_insulin_for_a_pump_is_a_sign_while_it_runs(start: str, end: str | None, signs: int) -> None:
    last = date.fromisoformat(end) if end else None
    assert len(pump_signs(case(insulin=(order("lispro", 0, start, end=last, via_pump=True),)))) == signs


def test_a_pump_in_use_is_cited_with_its_date() -> None:
    pumps = [
        Record(f"Device/{when}", when, frozenset({Concept.PUMP_IN_USE}), "pump") for when in (on("2024-01-01"), None)
    ]
    assert [each.date for each in pump_signs(case(pumps=tuple(pumps)))] == ["2024-01-01", None]


def test_a_smaller_regimen_before_is_cited_with_its_order() -> None:
    found = judged(insulin=(GLARGINE, order("lispro", 3, "2026-08-01")))
    assert found.truth.value == "not-met"
    assert "the chart shows 1 a day from May 20 to Jul 31, 2026" in found.explanation
    duration = charted_duration(case(insulin=(GLARGINE, order("lispro", 3, "2026-08-01"))))
    cited = [(each.reference, each.date) for each in duration.evidence]
    lispro, glargine = (
        ("MedicationRequest/lispro-2026-08-01", "2026-08-01"),
        ("MedicationRequest/glargine-2026-01-05", "2026-01-05"),
    )
    assert cited == [lispro, glargine]


def test_the_supply_that_ran_out_last_is_named() -> None:
    ended = [
        order("lispro", 3, "2026-01-05", end=date(2026, 11, 1), status="completed"),
        order("glargine", 1, "2026-01-05", end=date(2026, 11, 10), status="completed"),
    ]
    assert (
        "the supply of insulin glargine ran out on Nov 10, 2026, a refill is due"
        in judged(insulin=tuple(ended)).explanation
    )
