"""Observation → finger-sticks and sensor readings."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.facts import GlucoseReading, SensorReading
from tests.fhir_mappings.builders import JSON, SNOMED
from tests.fhir_mappings.chart.test_laboratory import facts, notes
from tests.support import HCPCS, LOINC, PATIENT, concept, observation

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
LABORATORY = {"category": [concept(CATEGORY, "laboratory")]}
BY_PATIENT = {"performer": [PATIENT]}
METHOD = {"method": concept(SNOMED, "308113006")}
METER = {"resourceType": "Device", "id": "d1", "type": concept(HCPCS, "E0607")}
INPATIENT = {"resourceType": "Encounter", "id": "i1", "status": "finished", "class": {"system": ACT, "code": "IMP"}}
OFFICE = {"resourceType": "Encounter", "id": "o1", "status": "finished", "class": {"system": ACT, "code": "AMB"}}


def stick(code: str = "41653-7", value: Any = 120, when: str = "2026-11-01T07:00:00-05:00", **members: Any) -> JSON:
    """A finger-stick, with members replaced."""
    return observation("g1", code, value, "mg/dL", when) | members


def codes(*several: str) -> JSON:
    """A code with several LOINC codings."""
    return {"code": {"coding": [{"system": LOINC, "code": code} for code in several]}}


def accepted(*observations: JSON) -> list[GlucoseReading]:
    """The readings that count as self-tests."""
    return facts(*observations, beside=(METER, INPATIENT, OFFICE)).self_tests


ACCEPTED = {
    "glucometer": stick(),
    "test strip": stick("2340-8"),
    "capillary": stick("32016-8"),
    "general code without category": stick("2339-0"),
    "general code, vital signs": stick("2339-0", category=[concept(CATEGORY, "vital-signs")]),
    "general code of an office visit": stick("2339-0", encounter={"reference": "Encounter/o1"}),
    "general code, meter method": stick("2339-0", **METHOD),
    "meter code, by a relative, laboratory": stick(**LABORATORY, performer=[{"reference": "RelatedPerson/r1"}]),
    "general code, laboratory, patient performer": stick("2339-0", **LABORATORY, **BY_PATIENT),
    "general code, laboratory, home meter": stick("2339-0", **LABORATORY, device={"reference": "Device/d1"}),
    "general code, laboratory, meter by name": stick("2339-0", **LABORATORY, device={"display": "Glucose meter"}),
    "serum code beside a self-test code": stick() | codes("41653-7", "2345-7"),
    "serum code beside a general one, meter method": stick() | codes("2339-0", "2345-7") | METHOD,
    "serum code beside a general one, patient performer": stick() | codes("2345-7", "2339-0") | BY_PATIENT,
    "amended": stick(status="amended"),
    "corrected": stick(status="corrected"),
}


@pytest.mark.parametrize("one", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(one: JSON) -> None:
    (reading,) = accepted(one)
    assert reading == GlucoseReading(date(2026, 11, 1), 7 * 60, 120, False, "Observation/g1")


REFUSED = {
    "general code, laboratory": stick("2339-0", **LABORATORY),
    "general code, laboratory as an object": stick("2339-0", category=concept(CATEGORY, "laboratory")),
    "general code, laboratory in words": stick("2339-0", category=[{"text": "Laboratory"}]),
    "general code, laboratory, nurse": stick("2339-0", **LABORATORY, performer=[{"reference": "Practitioner/n1"}]),
    "general code of an inpatient stay": stick("2339-0", encounter={"reference": "Encounter/i1"}),
    "serum code": stick("2345-7"),
    "serum code, patient performer": stick("2345-7", **BY_PATIENT),
    "serum code beside a general one": stick() | codes("2339-0", "2345-7"),
    "venous": stick("41652-9"),
    "glucometer on venous blood": stick("104597-0"),
    "mean of a sensor": stick("97507-8"),
    "estimated average glucose": stick("27353-2"),
    "HbA1c": stick("4548-4"),
    "preliminary": stick(status="preliminary"),
    "cancelled": stick(status="cancelled"),
    "entered in error": stick(status="entered-in-error"),
    "another patient's": stick(subject={"reference": "Patient/p2"}),
    "without a day": stick(when="2026-11"),
    "without a value": {key: item for key, item in stick().items() if key != "valueQuantity"},
}


@pytest.mark.parametrize("one", REFUSED.values(), ids=REFUSED.keys())
def test_not_a_self_test(one: JSON) -> None:
    assert accepted(one) == []


def test_what_has_no_day_or_no_value_is_noted() -> None:
    assert "no day" in notes(stick(when="2026-11"))
    assert "no value" in notes(REFUSED["without a value"])


# ---------------------------------------------------------------- duplicates

AGAIN = {
    "the same under another id": (stick() | {"id": "g2"}, 1),
    "another second of the minute": (stick(when="2026-11-01T07:00:45-05:00") | {"id": "g2"}, 1),
    # 12:00Z on 1 November 2026 is 07:00 in New York: winter time began that night.
    "the same minute in Z": (stick(when="2026-11-01T12:00:00Z") | {"id": "g2"}, 1),
    "another minute": (stick(when="2026-11-01T07:01:00-05:00") | {"id": "g2"}, 2),
    "another value": (stick(value=121) | {"id": "g2"}, 2),
    "another code": (stick("2340-8") | {"id": "g2"}, 2),
    "another day": (stick(when="2026-11-02T07:00:00-05:00") | {"id": "g2"}, 2),
}


@pytest.mark.parametrize(("other", "count"), AGAIN.values(), ids=AGAIN.keys())
def test_same_minute_value_and_code_count_once(other: JSON, count: int) -> None:
    assert len(accepted(stick(), other)) == count
    assert len(accepted(other, stick())) == count


# ---------------------------------------------------------------- values and meals


def test_a_value_in_mmol_per_l() -> None:
    # 6.7 x 18.0182 = 120.72
    one = stick("14743-9") | {"valueQuantity": {"value": 6.7, "unit": "mmol/L"}}
    assert accepted(one)[0].mg_dl == 121
    assert accepted(stick("14743-9") | {"valueQuantity": {"value": 6.7}})[0].mg_dl == 121


def compared(value: int, comparator: str | None) -> GlucoseReading:
    """A finger-stick with a comparator."""
    given = {"value": value, "unit": "mg/dL", "code": "mg/dL"} | ({"comparator": comparator} if comparator else {})
    (reading,) = accepted(stick() | {"valueQuantity": given})
    return reading


# A comparator counts only where every value that it allows gives the same answer.
LEVELS = {
    "69 is below 70": (69, None, True, False),
    "70 is neither": (70, None, False, False),
    "71 is above 70": (71, None, False, True),
    "below 70 is below": (70, "<", True, False),
    "at most 70 may be 70": (70, "<=", False, False),
    "below 80 may be 75": (80, "<", False, False),
    "below 40 is below": (40, "<", True, False),
    "above 70 is above": (70, ">", False, True),
    "at least 70 may be 70": (70, ">=", False, False),
    "above 60 may be 65": (60, ">", False, False),
    "above 600 is above": (600, ">", False, True),
}


@pytest.mark.parametrize(("value", "comparator", "below", "above"), LEVELS.values(), ids=LEVELS.keys())
def test_a_reading_against_a_level(value: int, comparator: str | None, below: bool, above: bool) -> None:
    reading = compared(value, comparator)
    assert (reading.below(70), reading.above(70)) == (below, above)


def test_an_odd_comparator_leaves_a_test_without_value() -> None:
    assert compared(60, "<>").mg_dl is None


EXTENSION = "http://hl7.org/fhir/uv/cgm/StructureDefinition/meal-context"
BEFORE_MEAL = {
    "pre-meal code": (stick("88365-2"), True),
    "fasting code": (stick("41604-0"), True),
    "event AC": (stick(extension=[{"url": EXTENSION, "valueCode": "AC"}]), True),
    "event ACM": (stick(extension=[{"url": EXTENSION, "valueCode": "ACM"}]), True),
    "before lunch": (stick(extension=[{"url": EXTENSION, "valueString": "before lunch"}]), True),
    "event PC": (stick(extension=[{"url": EXTENSION, "valueCode": "PC"}]), False),
    "post-meal code": (stick("87422-2"), False),
    "another extension": (stick(extension=[{"url": "urn:x", "valueCode": "AC"}]), False),
    "nothing": (stick(), False),
}


@pytest.mark.parametrize(("one", "before"), BEFORE_MEAL.values(), ids=BEFORE_MEAL.keys())
def test_before_a_meal(one: JSON, before: bool) -> None:
    assert accepted(one)[0].before_meal is before


@pytest.mark.parametrize("unit", ["/d", "{tests}/d", "tests/day"])
def test_a_count_a_day_is_no_reading(unit: str) -> None:
    found = facts(stick("2339-0") | {"valueQuantity": {"value": 5, "unit": unit, "code": unit}})
    assert found.self_tests == []
    assert [count.value for count in found.self_test_counts] == [5.0]


# ---------------------------------------------------------------- sensors


def sensor(value: Any = 120, unit: str = "mg/dL", **members: Any) -> JSON:
    """A sensor reading."""
    return observation("s1", "99504-3", value, unit, "2026-11-01T12:00:00Z") | members


def test_a_sensor_reading_is_no_self_test() -> None:
    found = facts(sensor())
    assert found.self_tests == []
    assert found.sensor == [SensorReading(date(2026, 11, 1), 7 * 60, 120)]
    assert found.sensor_reference == "Observation/s1"


def test_a_sensor_reading_in_mmol_per_l() -> None:
    assert facts(sensor(11.1, "mmol/L")).sensor[0].mg_dl == 200


def sampled(start: str, end: str | None) -> JSON:
    """Sensor data of a period, as a device writes it: one Observation with every sample in it."""
    period = {"start": start} | ({"end": end} if end else {})
    whole = sensor() | {"effectivePeriod": period, "valueSampledData": {"data": "101 103 99", "dimensions": 1}}
    return {key: value for key, value in whole.items() if key not in ("effectiveDateTime", "valueQuantity")}


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [("2026-11-01", "2026-11-01", [1]), ("2026-11-01", "2026-11-03", [1, 2, 3]), ("2026-11-02", None, [2])],
)
def test_sampled_data_shows_the_days_that_a_sensor_was_worn(start: str, end: str | None, days: list[int]) -> None:
    found = facts(sampled(start, end))
    assert [reading.day for reading in found.sensor] == [date(2026, 11, day) for day in days]
    assert found.self_tests == []


def test_sampled_data_of_another_patient_shows_no_wear() -> None:
    assert facts(sampled("2026-11-01", "2026-11-03") | {"subject": {"reference": "Patient/p2"}}).sensor == []


def test_sampled_data_over_an_endless_period_is_cut() -> None:
    """400 days after the first day, which is itself one."""
    assert len(facts(sampled("1900-01-01", "2999-12-31")).sensor) == 401


@pytest.mark.parametrize(
    "members", [{"status": "preliminary"}, {"subject": {"reference": "Patient/p2"}}, {"effectiveDateTime": "2026-11"}]
)
def test_a_sensor_reading_that_may_not_speak(members: JSON) -> None:
    assert facts(sensor() | members).sensor == []


def test_days_of_sensor_wear() -> None:
    (wear,) = facts(observation("w1", "104636-6", 28, "d", "2026-11-01")).sensor_wear
    assert wear.value == 28.0


@given(st.decimals(min_value=1, max_value=600, places=1))
def test_the_quick_way_rounds_half_up(value: Decimal) -> None:
    whole = int(value.quantize(Decimal(1), ROUND_HALF_UP))
    assert facts(sensor(float(value))).sensor[0].mg_dl == whole
    assert accepted(stick(value=float(value)))[0].mg_dl == whole


def test_a_reading_is_taken_by_its_own_words_whatever_the_one_before_was_called() -> None:
    """Two readings under one code, of which only the second calls itself a sensor's."""
    plain, sensed = stick("2339-0"), stick("2339-0", when="2026-11-01T07:05:00-05:00") | {"id": "g2"}
    sensed["code"] = sensed["code"] | {"text": "Glucose, continuous glucose monitor"}
    for several in ((plain, sensed), (sensed, plain)):
        found = facts(*several)
        assert [each.reference for each in found.self_tests] == ["Observation/g1"]
        assert len(found.sensor) == 1


def test_a_unit_is_read_from_its_words_or_from_its_code() -> None:
    for unit in ({"unit": "mmol/L"}, {"code": "mmol/L"}, {"unit": "mmol/L", "code": "mmol/L"}):
        (reading,) = accepted(stick(valueQuantity={"value": 6.0, **unit}))
        assert reading.mg_dl == 108
