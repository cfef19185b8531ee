"""Encounter → kind of visit: by code, else by the words of the class, else by those of the type."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fhir_mappings.chart.visit_kind import VisitKind, visit_kind
from fhir_mappings.json.clinical_views import Encounter

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PATIENT_CLASS = "http://terminology.hl7.org/CodeSystem/v2-0004"
EPIC = "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
SCT = "http://snomed.info/sct"


def kind(class_: Any = None, *types: Any) -> VisitKind:
    """The kind of a visit with this class and these types."""
    return visit_kind(msgspec.convert({"class": class_, "type": list(types)}, Encounter))


CODES = {
    (ACT, "IMP"): VisitKind.INPATIENT,
    (ACT, "ACUTE"): VisitKind.INPATIENT,
    (ACT, "NONAC"): VisitKind.INPATIENT,
    (ACT, "imp"): VisitKind.INPATIENT,
    (ACT, "EMER"): VisitKind.EMERGENCY,
    (ACT, "OBSENC"): VisitKind.OBSERVATION,
    (ACT, "SS"): VisitKind.OBSERVATION,
    (ACT, "AMB"): VisitKind.AMBULATORY,
    (ACT, "PRENC"): VisitKind.AMBULATORY,
    (ACT, "HH"): VisitKind.HOME_OR_VIRTUAL,
    (ACT, "VR"): VisitKind.HOME_OR_VIRTUAL,
    (ACT, "FLD"): VisitKind.UNKNOWN,
    ("http://hl7.org/fhir/v3/ActCode", "IMP"): VisitKind.INPATIENT,
    ("urn:oid:2.16.840.1.113883.5.4", "IMP"): VisitKind.INPATIENT,
    (None, "IMP"): VisitKind.INPATIENT,
    (PATIENT_CLASS, "I"): VisitKind.INPATIENT,
    (PATIENT_CLASS, "E"): VisitKind.EMERGENCY,
    (PATIENT_CLASS, "O"): VisitKind.AMBULATORY,
    (PATIENT_CLASS, "P"): VisitKind.AMBULATORY,
    (PATIENT_CLASS, "R"): VisitKind.AMBULATORY,
    (PATIENT_CLASS, "U"): VisitKind.UNKNOWN,
    ("http://hl7.org/fhir/v2/0004", "I"): VisitKind.INPATIENT,
    ("urn:oid:2.16.840.1.113883.12.4", "E"): VisitKind.EMERGENCY,
    ("http://hl7.org/fhir/encounter-class", "inpatient"): VisitKind.INPATIENT,
    (EPIC, "1"): VisitKind.UNKNOWN,
    (EPIC, "IMP"): VisitKind.UNKNOWN,  # a letter of a system that is not HL7's says nothing
    ("urn:oid:1.2.3", "I"): VisitKind.UNKNOWN,
}


@pytest.mark.parametrize(("coding", "expected"), CODES.items())
def test_a_class_by_its_code(coding: tuple[str | None, str], expected: VisitKind) -> None:
    system, code = coding
    given = {"system": system, "code": code}
    assert kind(given) is expected
    assert kind({"coding": [given]}) is expected


WORDS = {
    "Inpatient": VisitKind.INPATIENT,
    "INPATIENT": VisitKind.INPATIENT,
    "In-patient": VisitKind.INPATIENT,
    "Admitted Inpatient": VisitKind.INPATIENT,
    "Discharged Inpatient": VisitKind.INPATIENT,
    "Inpatient Rehabilitation": VisitKind.INPATIENT,
    "Emergency, admitted as inpatient": VisitKind.INPATIENT,
    "Emergency": VisitKind.EMERGENCY,
    "Departed Emergency": VisitKind.EMERGENCY,
    "Emergency Room": VisitKind.EMERGENCY,
    "ED": VisitKind.EMERGENCY,
    "ED Visit": VisitKind.EMERGENCY,
    "Observation": VisitKind.OBSERVATION,
    "Hospital Outpatient Observation": VisitKind.OBSERVATION,
    "Outpatient": VisitKind.AMBULATORY,
    "Ambulatory Office Visit": VisitKind.AMBULATORY,
    "Registered Clinical": VisitKind.AMBULATORY,
    "Appointment": VisitKind.AMBULATORY,
    "Support OP Encounter": VisitKind.AMBULATORY,
    "Scheduled Surgical Day Care": VisitKind.AMBULATORY,
    "Urgent Care": VisitKind.AMBULATORY,
    "Preadmission": VisitKind.AMBULATORY,
    "ED Follow-up": VisitKind.AMBULATORY,
    "Non-inpatient": VisitKind.UNKNOWN,
    "not an inpatient": VisitKind.UNKNOWN,
    "Inpatient or outpatient": VisitKind.UNKNOWN,
    "Inpatient follow-up": VisitKind.UNKNOWN,
    "Post-inpatient clinic": VisitKind.AMBULATORY,
    "Telehealth": VisitKind.HOME_OR_VIRTUAL,
    "Patient Message": VisitKind.HOME_OR_VIRTUAL,
    "Home Visit": VisitKind.HOME_OR_VIRTUAL,
    "Hospital Encounter": VisitKind.UNKNOWN,
    "Diabetes Ed": VisitKind.UNKNOWN,
    "DIABETES ED CLASS": VisitKind.UNKNOWN,
    "Surgery Case": VisitKind.UNKNOWN,
}


@pytest.mark.parametrize(("text", "expected"), WORDS.items())
def test_a_class_or_a_type_in_words(text: str, expected: VisitKind) -> None:
    assert kind({"system": EPIC, "code": "9", "display": text}) is expected
    assert kind({"system": EPIC, "code": "9"}, {"text": text}) is expected
    assert kind(None, {"coding": [{"system": "urn:oid:1.2.3", "code": "9", "display": text}]}) is expected


def test_the_code_goes_before_words_and_the_class_before_the_type() -> None:
    assert kind({"system": ACT, "code": "AMB", "display": "Inpatient"}, {"text": "Inpatient"}) is VisitKind.AMBULATORY
    assert kind({"system": EPIC, "code": "1", "display": "Emergency"}, {"text": "Inpatient"}) is VisitKind.EMERGENCY
    assert kind({"system": EPIC, "code": "4"}, {"text": "Admitted Inpatient"}) is VisitKind.INPATIENT


def test_of_several_codings_an_admission_speaks() -> None:
    codings = [{"system": ACT, "code": "EMER"}, {"system": PATIENT_CLASS, "code": "I"}]
    assert kind({"coding": codings}) is kind({"coding": codings[::-1]}) is VisitKind.INPATIENT


def test_a_type_that_is_a_coded_admission() -> None:
    assert kind(None, {"coding": [{"system": SCT, "code": "32485007"}]}) is VisitKind.INPATIENT


def test_nothing_says_nothing() -> None:
    assert kind() is VisitKind.UNKNOWN
    assert kind({}, {}) is VisitKind.UNKNOWN
