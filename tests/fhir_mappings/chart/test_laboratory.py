"""Observation → laboratory results."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.facts import LabResult, Unusable
from fhir_mappings.chart.observations import ObservationFacts, read_observations
from tests.fhir_mappings.builders import JSON, chart_context, located
from tests.support import LOINC, observation


def facts(*observations: JSON, beside: tuple[JSON, ...] = ()) -> ObservationFacts:
    """What some Observations say."""
    return read_observations(located(*observations), chart_context(*beside))


def notes(*observations: JSON) -> str:
    """What is noted while some Observations are read."""
    context = chart_context()
    read_observations(located(*observations), context)
    return "\n".join(context.notes)


def hba1c(code: str = "4548-4", value: Any = 8.1, unit: str = "%", **members: Any) -> JSON:
    """A final HbA1c of 2026-10-01, with members replaced; None takes one away."""
    base = observation("a1", code, value, unit, "2026-10-01") | members
    return {key: item for key, item in base.items() if item is not None}


def result(one: JSON) -> LabResult:
    """The one HbA1c that an Observation is."""
    (found,) = facts(one).hba1c
    return found


@pytest.mark.parametrize("code", ["4548-4", "17856-6", "4549-2", "17855-8"])
def test_hba1c_codes(code: str) -> None:
    assert (result(hba1c(code)).value, result(hba1c(code)).unusable) == (8.1, None)


@pytest.mark.parametrize("code", ["97506-0", "27353-2", "41995-2", "62388-4", "718-7"])
def test_what_is_no_hba1c(code: str) -> None:
    # Glucose management indicator, estimated average glucose, mass concentration, an unverified code, hemoglobin.
    assert facts(hba1c(code)).hba1c == []


@pytest.mark.parametrize("code", ["97506-0", "27353-2"])
def test_an_estimate_filed_beside_an_hba1c_code_is_none(code: str) -> None:
    both = {"coding": [{"system": LOINC, "code": "4548-4"}, {"system": LOINC, "code": code}]}
    assert facts(hba1c(code=code) | {"code": both}).hba1c == []


def test_estimated_average_glucose_under_an_hba1c_code_cannot_be_compared() -> None:
    filed = hba1c(value=186, unit="mg/dL")
    assert result(filed).unusable is Unusable.WRONG_UNIT
    assert "a1" in notes(filed)


def without_unit(code: str, value: Any) -> JSON:
    """An HbA1c that has a number alone."""
    return hba1c(code, valueQuantity={"value": value})


def test_a_missing_unit_is_taken_from_the_code_with_a_note() -> None:
    assert result(without_unit("4548-4", 8.1)).value == 8.1
    assert result(without_unit("59261-8", 54)).value == 7.1
    assert result(without_unit("71875-9", 0.072)).value == 7.2
    assert result(without_unit("55454-3", 8.1)).unusable is Unusable.WRONG_UNIT
    assert result(hba1c("55454-3")).value == 8.1
    assert "no unit" in notes(without_unit("4548-4", 8.1))


def test_an_implausible_value_is_set_aside_and_flagged() -> None:
    assert result(hba1c(value=95.8)).unusable is Unusable.IMPLAUSIBLE
    assert "95.8" in notes(hba1c(value=95.8))


def test_a_number_sent_as_text_is_read_with_a_note() -> None:
    assert result(hba1c(value="8.1")).value == 8.1
    assert "a1" in notes(hba1c(value="8.1"))


def test_a_decimal_comma_is_no_number() -> None:
    assert result(hba1c(value="8,1")).unusable is Unusable.NO_VALUE


VALUES = {
    "integer": ({"valueInteger": 8}, 8.0, None),
    "text": ({"valueString": "8.4 %"}, None, Unusable.TEXT_ONLY),
    "concept in words": ({"valueCodeableConcept": {"text": "above 9"}}, None, Unusable.TEXT_ONLY),
    "nothing": ({"dataAbsentReason": {"text": "unknown"}}, None, Unusable.NO_VALUE),
    "odd comparator": (
        {"valueQuantity": {"value": 8.1, "unit": "%", "comparator": "<>"}},
        8.1,
        Unusable.ODD_COMPARATOR,
    ),
}


@pytest.mark.parametrize(("value", "number", "why"), VALUES.values(), ids=VALUES.keys())
def test_other_shapes_of_a_value(value: JSON, number: float | None, why: Unusable | None) -> None:
    found = result(hba1c(valueQuantity=None, **value) if "valueQuantity" not in value else hba1c(**value))
    assert (found.value, found.unusable) == (number, why)


def test_text_is_shown_to_the_reader() -> None:
    assert "8.4 %" in result(hba1c(valueQuantity=None, valueString="8.4 %")).shown


@pytest.mark.parametrize(
    ("status", "pending"),
    [("final", False), ("amended", False), ("corrected", False), ("preliminary", True), ("registered", True)],
)
def test_status_of_a_result(status: str, pending: bool) -> None:
    assert result(hba1c(status=status)).pending is pending


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error", "unknown", None])
def test_other_statuses_are_ignored_and_listed(status: str | None) -> None:
    assert facts(hba1c(status=status)).hba1c == []
    assert "a1" in notes(hba1c(status=status))


DATES = {
    "day": ({"effectiveDateTime": "2026-10-01"}, "2026-10-01"),
    # 02:30Z is 22:30 of the day before in New York.
    "moment": ({"effectiveDateTime": "2026-10-01T02:30:00Z"}, "2026-09-30"),
    "instant": ({"effectiveInstant": "2026-10-01T12:00:00Z"}, "2026-10-01"),
    "period of a day": ({"effectivePeriod": {"start": "2026-10-01", "end": "2026-10-01"}}, "2026-10-01"),
    "issue date stands in": ({"issued": "2026-10-02T12:00:00Z"}, "2026-10-02"),
    "issue date beside the effective one": (
        {"effectiveDateTime": "2026-10-01", "issued": "2026-10-05T12:00:00Z"},
        "2026-10-01",
    ),
    "an unreadable date": ({"effectiveDateTime": "soon", "issued": "2026-10-02T12:00:00Z"}, "2026-10-02"),
    "none": ({}, None),
}


@pytest.mark.parametrize(("members", "day"), DATES.values(), ids=DATES.keys())
def test_when_a_result_was(members: JSON, day: str | None) -> None:
    one = hba1c(**({"effectiveDateTime": None} | members))
    found = result(one)
    assert (str(found.when) if found.when else None) == day
    if "issue date stands in" in notes(one) or day is None:
        assert "no effective date" in notes(one)


def test_an_issue_date_that_stands_in_is_noted() -> None:
    assert "a1" in notes(hba1c(effectiveDateTime=None, issued="2026-10-02T12:00:00Z"))
    assert "a1" in notes(hba1c(effectiveDateTime=None))


def test_another_patients_result_is_set_aside_and_named() -> None:
    other = hba1c(subject={"reference": "Patient/p2"})
    assert facts(other).hba1c == []
    assert "another patient" in notes(other)


@pytest.mark.parametrize("code", ["9318-7", "14959-1", "13705-9", "14958-3"])
def test_a_mass_ratio_needs_no_unit(code: str) -> None:
    (found,) = facts(
        observation("u1", code, 45, "mg/g", "2026-08-01") | {"valueQuantity": {"value": 45}}
    ).albumin_creatinine
    assert (found.value, found.unusable) == (45.0, None)


@pytest.mark.parametrize("code", ["32294-1", "14585-4"])
def test_another_ratio_without_unit_cannot_be_compared(code: str) -> None:
    (found,) = facts(
        observation("u1", code, 45, "mg/g", "2026-08-01") | {"valueQuantity": {"value": 45}}
    ).albumin_creatinine
    assert found.unusable is Unusable.WRONG_UNIT


def test_a_molar_ratio_is_converted() -> None:
    # 5 mg/mmol x 8.84 = 44.2 mg/g
    (found,) = facts(observation("u1", "14585-4", 5, "mg/mmol", "2026-08-01")).albumin_creatinine
    assert found.value == pytest.approx(44.2)


@pytest.mark.parametrize("code", ["1755-8", "14957-5", "2889-4"])
def test_other_urine_tests_are_no_ratio(code: str) -> None:
    assert facts(observation("u1", code, 45, "mg/g", "2026-08-01")).albumin_creatinine == []


def test_egfr_keeps_its_comparator() -> None:
    one = observation("e1", "98979-8", 60, "mL/min/{1.73_m2}", "2026-08-01")
    one["valueQuantity"]["comparator"] = ">"
    (found,) = facts(one).egfr
    assert (found.value, found.comparator) == (60.0, ">")


@pytest.mark.parametrize("code", [{}, None, {"coding": []}, {"coding": [{}]}, {"text": "Hemoglobin"}])
def test_a_result_without_code_is_passed_over(code: JSON | None) -> None:
    assert facts(hba1c(code="4548-4") | {"code": code}).hba1c == []


HDID = "https://docs.mydata.athenahealth.com/fhir-r4/athenaFlex/codesystem/HDID/1000-4-9390"
NAMED = [
    {"text": "HbA1c"},
    {"text": "Hemoglobin A1c"},
    {"coding": [{"display": "HbA1c"}]},
    {"coding": [{"system": HDID, "code": "28", "display": "HGBA1C"}]},
    {"coding": [{"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.768282", "code": "1558024", "display": "HgbA1c, POC"}]},
    {"coding": [{"code": "4548-4"}]},  # a code without a system is nobody's
]


@pytest.mark.parametrize("code", NAMED)
def test_a_result_that_only_words_name_is_kept_for_a_reviewer(code: JSON) -> None:
    found = result(hba1c() | {"code": code})
    assert (found.value, found.unusable, found.concepts) == (8.1, Unusable.NAMED_ONLY, frozenset())
    assert (found.surely_named.value, found.surely_named.unusable) == (8.1, None)
    assert "in words only" in notes(hba1c() | {"code": code})


def test_a_result_that_only_words_name_may_lack_its_unit_but_not_its_value() -> None:
    named = {"code": {"text": "Hemoglobin A1c"}}
    assert result(hba1c(valueQuantity={"value": 8.2}) | named).unusable is Unusable.NAMED_ONLY
    assert result(hba1c(valueQuantity=None) | named).unusable is Unusable.NO_VALUE
    assert result(hba1c(value=186, unit="mg/dL") | named).unusable is Unusable.WRONG_UNIT
    assert result(hba1c(valueQuantity=None, valueString="8.2 %") | named).unusable is Unusable.TEXT_ONLY


@pytest.mark.parametrize("text", ["Estimated average glucose (HbA1c)", "No HbA1c", "HbA1c goal"])
def test_words_that_name_something_else(text: str) -> None:
    assert facts(hba1c() | {"code": {"text": text}}).hba1c == []


def test_a_ratio_and_an_egfr_in_words() -> None:
    ratio = observation("u1", "9318-7", 45, "mg/gCr", "2026-08-01")
    assert facts(ratio).albumin_creatinine[0].unusable is None
    ratio["code"] = {"text": "Microalbumin/Creat Ratio, Urine"}
    (found,) = facts(ratio).albumin_creatinine
    assert (found.unusable, found.surely_named.value) == (Unusable.NAMED_ONLY, 45.0)
    low = observation("e1", "98979-8", 12, "mL/min", "2026-08-01") | {"code": {"text": "eGFR (CKD-EPI)"}}
    assert facts(low).egfr[0].surely_named.value == 12.0


def test_a_sure_code_decides_for_what_it_says() -> None:
    both = {"coding": [{"system": LOINC, "code": "4548-4"}], "text": "Hemoglobin A1c and glucose"}
    found = facts(hba1c() | {"code": both})
    assert found.hba1c[0].unusable is None
    assert found.other_readings == []


@pytest.mark.parametrize("code", ["27353-2", "97506-0"], ids=["estimated average glucose", "GMI"])
def test_what_is_surely_no_hba1c_is_none_by_its_words(code: str) -> None:
    one = hba1c(code)
    one["code"]["text"] = "Hemoglobin A1c"
    assert facts(one).hba1c == []
