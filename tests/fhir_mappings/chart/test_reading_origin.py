"""Observation → where a glucose reading comes from, by every combination of code, category, performer and visit."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.facts import ReadingOrigin
from fhir_mappings.chart.glucose_devices import names_meter, names_point_of_care, names_sensor
from tests.fhir_mappings.builders import JSON
from tests.fhir_mappings.chart.test_laboratory import facts
from tests.support import HCPCS, LOINC, PATIENT, concept, observation

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
LABORATORY = {"category": [{"text": "Laboratory"}]}
NURSE = {"performer": [{"reference": "Practitioner/n1"}]}
MEMBER = {"performer": [PATIENT]}
TWO = {"performer": [PATIENT, {"reference": "Practitioner/n1"}]}
RELATIVE = {"performer": [{"reference": "RelatedPerson/r1"}]}
CONTOUR = {"device": {"display": "Contour Next"}}


def visit(name: str, code: str, **members: Any) -> JSON:
    """An encounter of a class."""
    return {
        "resourceType": "Encounter",
        "id": name,
        "status": "finished",
        "class": {"system": ACT, "code": code},
    } | members


EPIC = {"system": "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260", "code": "4"}
BESIDE = (
    visit("inpatient", "IMP"),
    visit("emergency", "EMER"),
    visit("observation", "OBSENC"),
    visit("office", "AMB"),
    visit("home", "HH"),
    visit("unreadable", "4") | {"class": EPIC, "type": [{"text": "Hospital Encounter"}]},
    visit("vendor", "4") | {"class": EPIC, "type": [{"text": "Admitted Inpatient"}]},
    {"resourceType": "Device", "id": "libre", "deviceName": [{"name": "FreeStyle Libre 3", "type": "model-name"}]},
    {"resourceType": "Device", "id": "coded", "type": concept(HCPCS, "E2103")},
    {"resourceType": "Device", "id": "meter", "type": concept(HCPCS, "E0607")},
    {"resourceType": "Device", "id": "model", "modelNumber": "G7", "manufacturer": "Dexcom"},
    {"resourceType": "Device", "id": "ward", "deviceName": [{"name": "Hospital glucose meter", "type": "other"}]},
)


def at(name: str) -> JSON:
    """The member of a reading taken at a visit."""
    return {"encounter": {"reference": f"Encounter/{name}"}}


def on(name: str) -> JSON:
    """The member of a reading taken with a device."""
    return {"device": {"reference": f"Device/{name}"}}


def origin(code: str | JSON, **members: Any) -> ReadingOrigin:
    """Where a reading comes from."""
    one = observation("g1", code if isinstance(code, str) else "x", 120, "mg/dL", "2026-11-01T07:00:00-05:00") | members
    if not isinstance(code, str):
        one["code"] = code
    found = facts(one, beside=BESIDE)
    if found.sensor:
        assert not (found.self_tests or found.other_readings)
        return ReadingOrigin.SENSOR
    if found.self_tests:
        return ReadingOrigin.SELF_TEST
    (other,) = found.other_readings
    return other.origin


METER, GENERAL, SERUM = "41653-7", "2339-0", "2345-7"
POC = {"coding": [{"system": LOINC, "code": GENERAL}], "text": "Whole Blood Glucose POC"}
BOTH = {"coding": [{"system": LOINC, "code": GENERAL}, {"system": LOINC, "code": SERUM}]}
WORDS = {"text": "Blood glucose"}

SELF_TEST, OPEN = ReadingOrigin.SELF_TEST, ReadingOrigin.VISIT_UNREAD
ORIGINS: dict[str, tuple[str | JSON, JSON, ReadingOrigin]] = {
    "meter": (METER, {}, SELF_TEST),
    "meter, vital signs": (METER, {"category": [{"text": "Vital Signs"}]}, SELF_TEST),
    "meter, laboratory": (METER, LABORATORY, ReadingOrigin.LABORATORY),
    "meter, laboratory, patient": (METER, LABORATORY | MEMBER, SELF_TEST),
    "meter, laboratory, home meter": (METER, LABORATORY | on("meter"), SELF_TEST),
    "meter, laboratory, meter of a ward": (METER, LABORATORY | on("ward"), ReadingOrigin.LABORATORY),
    "meter, laboratory, a meter by its product": (METER, LABORATORY | CONTOUR, SELF_TEST),
    "meter, inpatient": (METER, at("inpatient"), ReadingOrigin.HOSPITAL),
    "meter, inpatient, patient": (METER, at("inpatient") | MEMBER, ReadingOrigin.HOSPITAL),
    "meter, emergency": (METER, at("emergency"), ReadingOrigin.HOSPITAL),
    "meter, observation": (METER, at("observation"), ReadingOrigin.HOSPITAL),
    "meter, inpatient by type": (METER, at("vendor"), ReadingOrigin.HOSPITAL),
    "meter, office": (METER, at("office"), SELF_TEST),
    "meter, office, nurse": (METER, at("office") | NURSE, ReadingOrigin.POINT_OF_CARE),
    "meter, office, nurse and patient": (METER, at("office") | TWO, SELF_TEST),
    "meter, home visit, nurse": (METER, at("home") | NURSE, SELF_TEST),
    "meter, nurse, no visit": (METER, NURSE, SELF_TEST),
    "meter, visit not read": (METER, at("gone"), SELF_TEST),
    "meter, visit not readable": (METER, at("unreadable"), SELF_TEST),
    "meter, visit not read, nurse": (METER, at("gone") | NURSE, SELF_TEST),
    "general": (GENERAL, {}, SELF_TEST),
    "general, laboratory": (GENERAL, LABORATORY, ReadingOrigin.LABORATORY),
    "general, laboratory, relative": (GENERAL, LABORATORY | RELATIVE, SELF_TEST),
    "general, office": (GENERAL, at("office"), SELF_TEST),
    "general, office, nurse": (GENERAL, at("office") | NURSE, ReadingOrigin.POINT_OF_CARE),
    "general, visit not read": (GENERAL, at("gone"), OPEN),
    "general, visit not readable": (GENERAL, at("unreadable"), OPEN),
    "general, visit by identifier": (GENERAL, {"encounter": {"identifier": {"value": "9"}}}, OPEN),
    "general, visit without content": (GENERAL, {"encounter": {}}, SELF_TEST),
    "general, visit not read, patient": (GENERAL, at("gone") | MEMBER, SELF_TEST),
    "general, visit not read, home meter": (GENERAL, at("gone") | on("meter"), SELF_TEST),
    "general, visit not read, meter method": (GENERAL, at("gone") | {"method": {"text": "Glucometer"}}, SELF_TEST),
    "point of care, no visit": (POC, {}, SELF_TEST),
    "point of care, office": (POC, at("office"), ReadingOrigin.POINT_OF_CARE),
    "point of care by method, office": (
        GENERAL, at("office") | {"method": {"text": "Point of care"}}, ReadingOrigin.POINT_OF_CARE
    ),
    "serum": (SERUM, {}, ReadingOrigin.LABORATORY),
    "serum, patient": (SERUM, MEMBER, ReadingOrigin.LABORATORY),
    "serum and general": (BOTH, {}, ReadingOrigin.LABORATORY),
    "serum and general, patient": (BOTH, MEMBER, SELF_TEST),
    "words": (WORDS, {}, ReadingOrigin.NAMED_ONLY),
    "words, patient": (WORDS, MEMBER, ReadingOrigin.NAMED_ONLY),
    "words, laboratory": (WORDS, LABORATORY, ReadingOrigin.LABORATORY),
    "words that say serum": ({"text": "Glucose, serum"}, {}, ReadingOrigin.LABORATORY),
    "words, inpatient": (WORDS, at("inpatient"), ReadingOrigin.HOSPITAL),
    "sensor by display": (METER, {"device": {"display": "Dexcom G7 Continuous Glucose Monitor"}}, ReadingOrigin.SENSOR),
    "sensor by name": (METER, on("libre"), ReadingOrigin.SENSOR),
    "sensor by code": (GENERAL, on("coded"), ReadingOrigin.SENSOR),
    "sensor by maker": (METER, on("model"), ReadingOrigin.SENSOR),
    "sensor, laboratory, inpatient": (METER, on("libre") | LABORATORY | at("inpatient"), ReadingOrigin.SENSOR),
    "sensor by method": (GENERAL, {"method": {"text": "CGM"}}, ReadingOrigin.SENSOR),
    "sensor by source": (
        METER, {"extension": [{"url": "urn:x:source", "valueString": "Dexcom G6"}]}, ReadingOrigin.SENSOR
    ),
    "an address that names a sensor's maker is no source": (
        METER, {"extension": [{"url": "https://dexcom.example.invalid/meal", "valueString": "none"}]}, SELF_TEST
    ),
    "sensor inside the reading": (
        METER,
        {
            "contained": [{"resourceType": "Device", "id": "d", "deviceName": [{"name": "Eversense"}]}],
            "device": {"reference": "#d"},
        },
        ReadingOrigin.SENSOR,
    ),
    "sensor by text of the code": (
        {"coding": [{"system": LOINC, "code": METER}], "text": "CGM glucose"}, {}, ReadingOrigin.SENSOR
    ),
    "preliminary": (METER, {"status": "preliminary"}, ReadingOrigin.PENDING),
    "another patient's": (METER, {"subject": {"reference": "Patient/p2"}}, ReadingOrigin.ANOTHER_PATIENT),
    "no value": (METER, {"valueQuantity": None}, ReadingOrigin.WITHOUT_VALUE),
    "no number": (METER, {"valueQuantity": {"value": "NaN", "unit": "mg/dL"}}, ReadingOrigin.WITHOUT_VALUE),
    "an HbA1c under a meter code": (METER, {"valueQuantity": {"value": 7.5, "unit": "%"}}, ReadingOrigin.OTHER_UNIT),
    "an odd spelling of the unit": (METER, {"valueQuantity": {"value": 120, "unit": "mg/dL bld"}}, SELF_TEST),
    "sensor under a code of body fluid": ("14745-4", {"device": {"display": "Dexcom G6"}}, ReadingOrigin.SENSOR),
    "a word of the meter": (METER, {"valueQuantity": {"value": "HI", "unit": "mg/dL"}}, SELF_TEST),
}  # fmt: skip


@pytest.mark.parametrize(("code", "members", "expected"), ORIGINS.values(), ids=ORIGINS.keys())
def test_where_a_reading_comes_from(code: str | JSON, members: JSON, expected: ReadingOrigin) -> None:
    assert origin(code, **members) is expected


# ---------------------------------------------------------------- names

SENSORS = [
    "Dexcom G4 Platinum", "Dexcom G5 Mobile", "DEXCOM G6", "Dexcom G7 15 Day", "Dexcom ONE+", "Stelo", "xDrip-DexcomG5",
    "G5 Mobile", "FreeStyle Libre", "FreeStyle Libre Pro", "FreeStyle Libre 14 day", "Freestyle Libre 2 Plus",
    "Abbott Libre 3", "Libre 2", "LibreLink", "FreeStyle LibreLink", "Lingo", "Guardian Connect", "Guardian Sensor 3",
    "Medtronic Guardian 4", "Enlite", "Simplera Sync", "Eversense E3", "Senseonics", "Accu-Chek SmartGuide",
    "CareSens Air", "Sibionics GS1", "CGM", "rtCGM", "Continuous glucose monitor",
    "continuous blood glucose monitoring", "Flash glucose monitor", "Sensor glucose", "Home glucose sensor reading",
    "Interstitial fluid glucose",
]  # fmt: skip
NO_SENSORS = [
    "Accu-Chek Guide", "Accu-Chek Guide Me", "FreeStyle Lite", "FreeStyle Freedom Lite", "FreeStyle Precision Neo",
    "CareSens N", "Contour Next One", "OneTouch Verio", "Guardian Angel", "Blood glucose meter", "non-CGM meter",
    "not a CGM", "CGM unavailable", "Glucometer", "Equilibre", "Lingonberry", "G7", "Sensor",
]  # fmt: skip


@pytest.mark.parametrize("text", SENSORS)
def test_names_of_sensors(text: str) -> None:
    assert names_sensor(text)
    assert names_sensor(text.upper())
    assert not names_meter(text)


@pytest.mark.parametrize("text", NO_SENSORS)
def test_names_that_are_no_sensors(text: str) -> None:
    assert not names_sensor(text)


def test_names_of_meters() -> None:
    for text in ("Glucometer", "Blood Glucose Meter", "SMBG", "Contour Next", "One Touch Ultra", "Accu-Chek Aviva"):
        assert names_meter(text)
    for text in ("POC glucose meter", "Accu-Chek Inform II", "StatStrip hospital meter", "thermometer"):
        assert not names_meter(text)
    assert names_point_of_care("Glucose, POCT") and not names_point_of_care("Pocket meter")
