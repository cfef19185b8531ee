"""Who the patient is, in the words of a banner: the name in use, the record number, and nothing that breaks a page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_mappings.chart.patient_demographics import Demographics, demographics_of, name_in


def banner(**members: Any) -> Demographics:
    return demographics_of(json.dumps({"resourceType": "Patient", "id": "p1"} | members).encode())


def named(*names: Any) -> str:
    return banner(name=list(names)).name


def identified(*identifiers: Any) -> str:
    return banner(identifier=list(identifiers)).identifier


def record(value: Any, **members: Any) -> dict[str, Any]:
    """An identifier of HL7's type MR, a medical record number."""
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}
    return {"type": {"coding": [coding]}, "value": value} | members


def test_all_that_a_banner_shows() -> None:
    found = banner(
        name=[{"family": "Doe", "given": ["Jane", "Q"]}],
        birthDate="1980-02-29",
        gender="female",
        identifier=[{"value": "123"}],
    )
    assert found == Demographics(True, "Jane Q Doe", "1980-02-29", "female", "123")


def test_what_the_chart_does_not_say_is_empty() -> None:
    assert banner() == Demographics(read=True)


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"null",
        b"<html>",
        b"[]",
        b"\xff",
        b"[" * 50_000,
        b'{"resourceType": "OperationOutcome", "name": [{"text": "x"}]}',
        b"{}",
    ],
    ids=lambda body: str(body)[:40],
)
def test_what_is_no_patient_was_not_read(body: bytes | None) -> None:
    assert demographics_of(body) == Demographics()
    assert not Demographics().read


USUAL = {"use": "usual", "given": ["Jo"], "family": "Usual"}
OFFICIAL = {"use": "official", "given": ["Joan"], "family": "Official"}
NICK = {"use": "nickname", "text": "Joey"}
OLD, MAIDEN = {"use": "old", "text": "Old Name"}, {"use": "maiden", "text": "Maiden Name"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([OLD, MAIDEN, NICK, OFFICIAL, USUAL], "Jo Usual"),
        ([OLD, NICK, OFFICIAL], "Joan Official"),
        ([MAIDEN, OLD, NICK], "Joey"),
        ([{"text": "Without Use"}, NICK], "Without Use"),
        ([MAIDEN], "Maiden Name"),
        ([{"use": "usual"}, OFFICIAL], "Joan Official"),
        ([{"use": "usual", "text": "  ", "family": ""}, OFFICIAL], "Joan Official"),
        ([], ""),
    ],
    ids=str,
)
def test_the_name_in_use_comes_first(names: list[Any], expected: str) -> None:
    assert named(*names) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ({"text": "Dr. Jane Doe", "family": "Other"}, "Dr. Jane Doe"),
        ({"given": ["Jane", " Q "], "family": " Doe ", "suffix": ["MD", "PhD"]}, "Jane Q Doe MD PhD"),
        ({"family": "Doe"}, "Doe"),
        ({"given": ["Jane"]}, "Jane"),
        ({"given": "Jane", "family": ["van", "Doe"]}, "Jane van Doe"),
        ({"given": ["Jane", None, 5], "family": {"x": 1}}, "Jane"),
        ({"use": ["usual"], "text": "Odd Use"}, "Odd Use"),
        ({"text": 5, "family": "Doe"}, "Doe"),
        ({"text": "<b>Jane</b>"}, "<b>Jane</b>"),
        ({}, ""),
    ],
    ids=str,
)
def test_a_name_is_its_text_or_its_parts(name: Any, expected: str) -> None:
    """DSTU2 had lists where R4 has a string; what is no text is passed over."""
    assert named(name) == expected


@pytest.mark.parametrize(
    ("identifiers", "expected"),
    [
        ([{"value": "A"}, record("B")], "B"),
        ([{"value": "A"}, {"value": "B"}], "A"),
        ([record("B", use="old"), {"value": "A"}], "A"),
        ([record("B"), record("C")], "B"),
        ([record(""), {"value": " A "}], "A"),
        ([record(5), record(" "), {"value": "A"}], "A"),
        ([{"use": "old", "value": "A"}], ""),
        ([{"type": "MR", "value": "A"}, {"type": {"coding": "MR"}, "value": "B"}], "A"),
        ([{"type": {"coding": [5, {"code": ["MR"]}]}, "value": "A"}, record("B")], "B"),
        ([{}], ""),
    ],
    ids=str,
)
def test_the_record_number_comes_first_and_old_ones_never(identifiers: list[Any], expected: str) -> None:
    assert identified(*identifiers) == expected


@pytest.mark.parametrize("odd", [None, 5, "x", [], {}, [None, 5, "x", []], True], ids=str)
def test_odd_members_are_empty(odd: Any) -> None:
    found = banner(name=odd, identifier=odd)
    assert (found.name, found.identifier) == ("", "")
    if not isinstance(odd, str):
        assert banner(birthDate=odd, gender=odd) == Demographics(read=True)


def test_a_persons_name() -> None:
    person = {
        "resourceType": "Practitioner",
        "name": [OLD, {"family": "Example", "given": ["Ann"], "suffix": ["MD"]}],
    }
    assert name_in(json.dumps(person).encode()) == "Ann Example MD"


@pytest.mark.parametrize(
    "body",
    [None, b"", b"null", b"<html>", b"[]", b"[" * 50_000, b"{}", b'{"resourceType": "Organization", "name": "Clinic"}'],
    ids=lambda body: str(body)[:40],
)
def test_no_persons_name(body: bytes | None) -> None:
    """PractitionerRole has none, and an organisation's is no person's."""
    assert name_in(body) == ""
