"""Which questions the documentation page asks for which findings, and what it fills in from the chart."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.determination import Applicability, Determination, Outcome
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.open_questions import OpenQuestions, open_questions
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import (
    Answer,
    Chart,
    ChartSection,
    DeviceOrder,
    Diagnosis,
    GlucoseReading,
    InsulinAction,
    InsulinOrder,
    LabResult,
    Record,
    Scope,
    When,
)
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.injection_regimen import charted_regimen_answers
from tests.policies.charts import determine, made

AS_OF = date(2026, 11, 20)
LATELY = date(2026, 11, 1)
ORDER = DeviceOrder(
    "DeviceRequest/pump-1",
    "DeviceRequest",
    "External insulin pump",
    Scope.PUMP,
    authored=When(AS_OF, AS_OF),
)
REPLACING = replace(ORDER, replacement_sign="modifier RA")
TAUGHT = frozenset({Concept.DIABETES_EDUCATION})
PUMP = Record("Device/d1", When(LATELY, LATELY), frozenset({Concept.PUMP_IN_USE}), "insulin pump")


def on(iso: str) -> When:
    """A day, a month or a year as the chart would have it."""
    parts = [int(part) for part in iso.split("-")]
    if len(parts) == 3:
        return When(date(*parts), date(*parts))
    if len(parts) == 2:
        return When(date(parts[0], parts[1], 1), date(parts[0], parts[1], monthrange(*parts)[1]))
    return When(date(parts[0], 1, 1), date(parts[0], 12, 31))


def said(value: Any, authored: str = "2026-11-10", name: str = "qr-1") -> Answer:
    """An answer of a signed statement."""
    return Answer(value, on(authored), f"QuestionnaireResponse/{name}")


def stating(**answers: Any) -> Chart:
    """A chart of nothing but answers; keys use _ for the dots of linkIds."""
    return Chart(answers={link.replace("_", "."): (said(value),) for link, value in answers.items()})


def insulin(ingredient: str = "lispro", a_day: float | None = 3, **more: Any) -> InsulinOrder:
    """A current order of one insulin, since January, whose directions are coded."""
    base: dict[str, Any] = {"start": date(2026, 1, 5), "end": None, "certain": a_day or 0.0, "possible": a_day} | more
    return InsulinOrder(f"MedicationRequest/{ingredient}", ingredient, ingredient, InsulinAction.UNSTATED, **base)


def session(when: str | None, name: str = "e1") -> Record:
    """A session of diabetes education."""
    return Record(f"Procedure/{name}", on(when) if when else None, TAUGHT, "diabetes education")


def meter(count: int, days: int = 30) -> tuple[GlucoseReading, ...]:
    """So many self-tests, spread over so many days before the order."""
    return tuple(
        GlucoseReading(date.fromordinal(AS_OF.toordinal() - 1 - n % days), 720, 120, False, f"Observation/g{n}")
        for n in range(count)
    )


def hba1c(value: float) -> LabResult:
    """A final HbA1c of October."""
    return LabResult("Observation/a1", on("2026-10-01"), frozenset({Concept.HBA1C}), "HbA1c", value=value)


def case(chart: Chart, order: DeviceOrder = ORDER) -> Case:
    """The case of an order on its day."""
    return made(order, chart, AS_OF)


def questions(chart: Chart, order: DeviceOrder = ORDER) -> dict[str, OpenQuestions]:
    """What is asked about a chart."""
    return open_questions(determine(order, chart, AS_OF), POLICY.on(AS_OF))


def links(found: OpenQuestions) -> list[str]:
    """The linkIds of a section's questions."""
    return [question.link_id for question in found.questions]


# ---------------------------------------------------------------- what is asked

OF_NEW_PUMPS = ["D.I.C", "D.I.D", "D.I.E", "D.I.F", "D.I.G", "D.I.H", "D.I.I"]


def test_of_an_empty_chart_every_criterion_that_a_person_can_state_is_open() -> None:
    found = questions(Chart())
    assert {name: each.open for name, each in found.items()} == dict.fromkeys(OF_NEW_PUMPS, True) | {
        "D.II.A.2": False,
        "D.II.B.1": False,
        "D.III": False,
    }
    assert [link for each in found.values() for link in links(each)] == [q.link_id for q in POLICY.on(AS_OF).questions]


def test_what_the_chart_documents_nobody_is_asked() -> None:
    adjusted = insulin(adjusts="carb ratio 1:10")
    chart = Chart(self_tests=meter(120), insulin=(adjusted,), hba1c=(hba1c(8.1),))
    assert [name for name in questions(chart) if name in ("D.I.F", "D.I.G", "D.I.I")] == []


def test_what_the_chart_documents_against_the_order_nobody_is_asked() -> None:
    # Two a day on each of 30 days: 60 tests, and 4 a day on the days with data are not reached either.
    assert "D.I.G" not in questions(Chart(self_tests=meter(60)))


def test_a_meter_download_that_is_not_whole_is_asked_about() -> None:
    # 80 tests on 20 days: 4 a day on the days with data, and 120 are needed.
    assert questions(Chart(self_tests=meter(80, 20)))["D.I.G"].open


def test_what_is_only_supported_may_be_confirmed() -> None:
    found = questions(Chart(education=(session("2026-06-01"),)))["D.I.D"]
    assert not found.open
    assert links(found) == ["D.I.D.date", "D.I.D.educator"]


def test_what_is_only_supported_against_the_order_may_be_corrected() -> None:
    assert questions(Chart(education=(session("2024-06-01"),)))["D.I.D"].open


def test_what_was_attested_may_be_corrected() -> None:
    found = questions(stating(D_I_C=True, D_I_E=False))
    assert not found["D.I.C"].open
    assert found["D.I.E"].open, "stated as No: a better answer is wanted"


def _section(section: str, truth: Any, parts: tuple[Finding, ...]) -> Determination:
    whole = replace(Finding(truth, "words", gap=Gap.INCOMPLETE), id=section, parts=parts)
    return Determination(
        ORDER.reference, Outcome.NEEDS_DOCUMENTATION, AS_OF, "MP-MM-1316", None, Applicability.UNVERIFIED, (whole,)
    )


@pytest.mark.parametrize(("truth", "basis"), [(MET, Basis.DOCUMENTED), (NOT_MET, Basis.DOCUMENTED)])
def test_parts_that_the_chart_documents_are_left_out(truth: Any, basis: Basis) -> None:
    parts = (
        replace(Finding(truth, "words", basis), id="D.I.I.2"),
        replace(Finding(truth, "words", Basis.SUPPORTED), id="D.I.I.3"),
        replace(Finding(truth, "words", Basis.ATTESTED), id="D.I.I.4"),
        replace(Finding(UNKNOWN, "words", gap=Gap.NOT_DOCUMENTED), id="D.I.I.5"),
    )
    found = open_questions(_section("D.I.I", UNKNOWN, parts), POLICY.on(AS_OF))["D.I.I"]
    assert links(found) == ["D.I.I.3", "D.I.I.4", "D.I.I.5", "D.I.I.6"]
    assert found.open


def test_a_section_all_of_whose_parts_are_documented_is_not_asked() -> None:
    part = replace(Finding(NOT_MET, "words", Basis.DOCUMENTED), id="D.I.H.2")
    assert "D.I.H" not in open_questions(_section("D.I.H", UNKNOWN, (part,)), POLICY.on(AS_OF))


def test_a_replacement_is_asked_its_reason_only() -> None:
    found = questions(Chart(), REPLACING)
    assert set(found) == {"D.II.A.2", "D.II.B.1", "D.III"}
    assert found["D.III"].open
    assert links(found["D.III"]) == ["D.III.replacement", "D.III.reason", "D.III.assessment"]


def test_a_statement_that_it_is_a_replacement_takes_the_other_questions_away() -> None:
    assert set(questions(stating(D_III_replacement=True))) == {"D.II.A.2", "D.II.B.1", "D.III"}


def test_a_replacement_that_is_shown_may_only_be_corrected() -> None:
    diagnosis = _diabetes()
    chart = replace(stating(D_III_reason="worn-out"), diagnoses=diagnosis)
    assert not questions(chart, REPLACING)["D.III"].open


def _diabetes() -> tuple[Diagnosis, ...]:
    return (Diagnosis("Condition/c1", on("2020-01-01"), frozenset({Concept.TYPE_1_DIABETES}), "type 1 diabetes"),)


def test_a_pump_in_use_opens_the_question_of_replacement_beside_the_others() -> None:
    found = questions(Chart(pumps=(PUMP,)))
    assert found["D.III"].open
    assert set(found) >= {"D.I.C", "D.I.D", "D.I.E", "D.I.F"}


def test_a_pump_in_use_that_is_not_replaced_leaves_it_closed() -> None:
    chart = replace(stating(D_III_replacement=False), pumps=(PUMP,))
    assert not questions(chart)["D.III"].open


@pytest.mark.parametrize(("answer", "is_open"), [("D_II_A_2", False), ("D_II_B_1", True)])
def test_an_exclusion_that_was_attested_is_opened(answer: str, is_open: bool) -> None:
    # D.II.A.2 asks whether somebody is able: No excludes. D.II.B.1 asks whether it is convenience: Yes excludes.
    named = answer.replace("_", ".")
    found = questions(stating(**{answer: is_open}))
    assert [name for name, each in found.items() if each.open] == [named], "nothing else lifts the exclusion"
    assert links(found[named]) == [named]
    assert not questions(stating(**{answer: not is_open}))[named].open


def test_a_refused_reason_leaves_the_reason_open() -> None:
    """D.III.C: a pump that was lost is refused; another reason may be stated."""
    found = questions(stating(D_III_replacement=True, D_III_reason="lost"))
    assert [name for name, each in found.items() if each.open] == ["D.III"]


# ---------------------------------------------------------------- what is filled in


def test_an_empty_chart_fills_in_nothing() -> None:
    assert POLICY.on(AS_OF).prefilled(case(Chart())) == {}


def test_the_newest_signed_statement_is_filled_in() -> None:
    old, new = said(3.0, "2026-10-01", "qr-2"), said(5.0, "2026-11-02", "qr-1")
    chart = Chart(answers={"D.I.G.average": (new, old), "D.I.C": (said(False),), "D.I.D.educator": (said("A, RN"),)})
    assert POLICY.on(AS_OF).prefilled(case(chart)) == {"D.I.G.average": 5.0, "D.I.C": False, "D.I.D.educator": "A, RN"}


def test_of_two_statements_of_a_day_the_later_one_is_filled_in() -> None:
    early = Answer(True, replace(on("2026-11-10"), clock=time(8)), "QuestionnaireResponse/z")
    late = Answer(False, replace(on("2026-11-10"), clock=time(9)), "QuestionnaireResponse/a")
    assert POLICY.on(AS_OF).prefilled(case(Chart(answers={"D.I.C": (late, early)}))) == {"D.I.C": False}


def test_a_statement_outside_its_window_is_not_filled_in() -> None:
    days = case(Chart()).parameters["attestation_window_days"]
    first = date.fromordinal(AS_OF.toordinal() - days)
    before, after = date.fromordinal(first.toordinal() - 1), date.fromordinal(AS_OF.toordinal() + 1)
    for day, expected in ((first, {"D.I.C": True}), (AS_OF, {"D.I.C": True}), (before, {}), (after, {})):
        assert POLICY.on(AS_OF).prefilled(case(Chart(answers={"D.I.C": (said(True, day.isoformat()),)}))) == expected


def test_a_statement_is_not_filled_in_when_a_newer_one_may_have_been_missed() -> None:
    chart = replace(stating(D_I_C=True), partial={ChartSection.ATTESTATIONS: "the answer ended early"})
    assert POLICY.on(AS_OF).prefilled(case(chart)) == {}


def test_a_statement_wins_over_the_chart() -> None:
    chart = replace(stating(D_I_D_date=on("2026-03-03")), education=(session("2026-06-01"),))
    assert POLICY.on(AS_OF).prefilled(case(chart)) == {"D.I.D.date": date(2026, 3, 3)}


@pytest.mark.parametrize("when", ["2026-06", "2026"])
def test_a_stated_date_that_is_not_exact_is_not_filled_in(when: str) -> None:
    assert POLICY.on(AS_OF).prefilled(case(stating(D_I_D_date=on(when), D_I_F_since=on(when)))) == {}


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        (["2026-06-01", "2026-08-01", "2026-07-01"], date(2026, 8, 1)),
        (["2025-11-20"], date(2025, 11, 20)),  # 12 calendar months before the order, both ends included
        (["2026-11-20"], AS_OF),
        (["2025-11-19"], None),
        (["2026-11-21"], None),
        (["2026-06"], None),
        ([None], None),
        (["2024-01-01", "2026-02-02"], date(2026, 2, 2)),
    ],
)
def test_the_last_session_of_the_window_is_the_date_of_the_education(
    sessions: list[str | None], expected: date | None
) -> None:
    chart = Chart(education=tuple(session(when, f"e{n}") for n, when in enumerate(sessions)))
    assert POLICY.on(AS_OF).prefilled(case(chart)) == ({} if expected is None else {"D.I.D.date": expected})


@pytest.mark.parametrize("section", [ChartSection.EDUCATION, ChartSection.ENCOUNTERS])
@pytest.mark.parametrize("how", ["partial", "unread"])
def test_education_that_was_not_read_whole_fills_in_nothing(section: ChartSection, how: str) -> None:
    chart = replace(Chart(education=(session("2026-06-01"),)), **{how: {section: "no answer"}})
    assert POLICY.on(AS_OF).prefilled(case(chart)) == {}


REGIMENS: dict[str, tuple[list[InsulinOrder], dict[str, Any]]] = {
    "coded": (
        [insulin(), insulin("glargine", 1, start=date(2026, 3, 1))],
        {"D.I.F.injections": 4, "D.I.F.since": date(2026, 1, 5)},
    ),
    "too few, but coded": ([insulin("glargine", 1)], {"D.I.F.injections": 1}),
    "a carb ratio": (
        [insulin(adjusts="carb ratio 1:10")],
        {"D.I.F.injections": 3, "D.I.F.since": date(2026, 1, 5), "D.I.F.adjusts": True},
    ),
    "mealtime insulin alone documents no adjustment": (
        [replace(insulin(at_meals=True), action=InsulinAction.RAPID)],
        {"D.I.F.injections": 3, "D.I.F.since": date(2026, 1, 5)},
    ),
    "a range": ([insulin(possible=5)], {"D.I.F.since": date(2026, 1, 5)}),
    "a range below three": ([insulin(a_day=1, possible=2)], {}),
    "less than daily": ([insulin(a_day=0.5)], {}),
    "words": ([insulin(from_text=True)], {"D.I.F.since": date(2026, 1, 5)}),
    "one insulin cannot be read": ([insulin(), insulin("glargine", None)], {"D.I.F.since": date(2026, 1, 5)}),
    "ended, renewal due": ([insulin(end=date(2026, 11, 10))], {"D.I.F.since": date(2026, 1, 5)}),
    "ended long ago": ([insulin(end=date(2026, 2, 1))], {}),
    "through a pump": ([insulin(via_pump=True)], {}),
    "none": ([], {}),
}


@pytest.mark.parametrize(("orders", "expected"), REGIMENS.values(), ids=REGIMENS.keys())
def test_of_the_regimen_only_what_is_documented_is_known(orders: list[InsulinOrder], expected: dict[str, Any]) -> None:
    held = case(Chart(insulin=tuple(orders)))
    assert {held.link_id(name): value for name, value in charted_regimen_answers(held).items()} == expected
    assert POLICY.on(AS_OF).prefilled(case(Chart(insulin=tuple(orders)))) == expected


@pytest.mark.parametrize("how", ["partial", "unread"])
def test_a_regimen_that_was_not_read_whole_is_not_known(how: str) -> None:
    chart = replace(Chart(insulin=(insulin(adjusts="carb ratio 1:10"),)), **{how: {ChartSection.INSULIN: "no answer"}})
    assert charted_regimen_answers(case(chart)) == {}


def test_with_a_pump_in_use_the_regimen_before_is_not_known() -> None:
    assert charted_regimen_answers(case(Chart(insulin=(insulin(adjusts="carb ratio 1:10"),), pumps=(PUMP,)))) == {}


def test_that_the_order_replaces_a_pump_is_filled_in_when_the_order_says_so() -> None:
    assert POLICY.on(AS_OF).prefilled(case(Chart(), REPLACING)) == {"D.III.replacement": True}
    assert POLICY.on(AS_OF).prefilled(case(Chart(pumps=(PUMP,)))) == {}, (
        "a pump in use does not say that it is replaced"
    )


def test_no_yes_or_no_is_filled_in_by_what_the_chart_only_supports() -> None:
    chart = Chart(
        diagnoses=_diabetes(),
        hba1c=(hba1c(9.0),),
        self_tests=meter(120),
        education=(session("2026-06-01"),),
        insulin=(replace(insulin(at_meals=True), action=InsulinAction.RAPID),),
    )
    assert [name for name, value in POLICY.on(AS_OF).prefilled(case(chart)).items() if isinstance(value, bool)] == []
