"""Birth date and sex of the patient, as systems send them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.facts import Sex
from fhir_mappings.chart.person import read_person
from fhir_mappings.common.dates import Calendar
from fhir_mappings.json.clinical_views import Patient
from tests.fhir_mappings.builders import JSON, view

CALENDAR = Calendar(ZoneInfo("America/New_York"))
BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
CORE_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-sex"


def person(**members: Any) -> Any:
    patient = view({"resourceType": "Patient", "id": "p1", **members})
    assert isinstance(patient, Patient)
    return read_person([patient], CALENDAR)


def at_birth(code: str, url: str = BIRTH_SEX) -> list[JSON]:
    return [{"url": "http://example.org/other", "valueCode": "M"}, {"url": url, "valueCode": code}]


@pytest.mark.parametrize(
    ("gender", "birth", "expected"),
    [
        ("female", None, Sex.FEMALE),
        ("male", None, Sex.MALE),
        ("Male", None, Sex.MALE),
        (None, "F", Sex.FEMALE),
        ("unknown", "F", Sex.FEMALE),
        ("male", "M", Sex.MALE),
        ("male", "F", Sex.DIFFERS),
        ("male", "UNK", Sex.MALE),
        ("male", "ASKU", Sex.MALE),
        ("other", None, Sex.OTHER),
        ("other", "F", Sex.DIFFERS),
        ("unknown", None, Sex.UNSTATED),
        (None, None, Sex.UNSTATED),
    ],
)
def test_sex(gender: str | None, birth: str | None, expected: Sex) -> None:
    found = person(**({"gender": gender} if gender else {}), **({"extension": at_birth(birth)} if birth else {}))
    assert found.sex is expected


def test_us_cores_newer_extension_says_it_by_snomed() -> None:
    coding = {"system": "http://snomed.info/sct", "code": "248152002"}
    assert person(extension=[{"url": CORE_SEX, "valueCoding": coding}]).sex is Sex.FEMALE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1958-03-02", "1958-03-02"),
        ("1958-03", "1958-03"),
        ("1958", "1958"),
        ("0001-01-01", None),
        ("03/02/1958", None),
    ],
)
def test_birth_date(text: str, expected: str | None) -> None:
    born = person(birthDate=text).born
    assert (str(born) if born else None) == expected


@pytest.mark.parametrize(
    "members", [{}, {"birthDate": 5, "gender": ["x"], "extension": "x"}, {"extension": [{"url": 1}]}]
)
def test_what_is_malformed_says_nothing(members: JSON) -> None:
    found = person(**members)
    assert (found.born, found.sex) == (None, Sex.UNSTATED)


def test_without_a_patient_nobody_is_known() -> None:
    assert read_person([], CALENDAR).sex is Sex.UNSTATED
