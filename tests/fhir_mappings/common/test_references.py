"""Whose a resource is."""

from __future__ import annotations

import pytest

from fhir_mappings.common.datatypes import Identifier, Reference
from fhir_mappings.common.references import PatientIdentity, SubjectMatch, local
from tests.fhir_mappings.builders import SERVER

UUID = "urn:uuid:3d0e3d3c-0c4b-4f55-9a4e-1f0c9f6a2b11"

WHOSE = {
    "relative": ("Patient/p1", SubjectMatch.PATIENT),
    "a version": ("Patient/p1/_history/3", SubjectMatch.PATIENT),
    "absolute on the call's server": (f"{SERVER}/Patient/p1", SubjectMatch.PATIENT),
    "absolute, a version": (f"{SERVER}/Patient/p1/_history/3", SubjectMatch.PATIENT),
    "the uuid under which the call sends the patient": (UUID, SubjectMatch.PATIENT),
    "another id": ("Patient/p2", SubjectMatch.OTHER),
    "an id that begins alike": ("Patient/p11", SubjectMatch.OTHER),
    "an id in another case": ("Patient/P1", SubjectMatch.OTHER),
    "absolute on another server": ("https://elsewhere.example.invalid/fhir/Patient/p1", SubjectMatch.OTHER),
    "absolute on another path of the server": ("https://ehr.example.invalid/other/Patient/p1", SubjectMatch.OTHER),
    "a server whose name begins alike": (f"{SERVER}x/Patient/p1", SubjectMatch.OTHER),
    "another uuid": ("urn:uuid:00000000-0000-0000-0000-000000000000", SubjectMatch.OTHER),
    "a group": ("Group/p1", SubjectMatch.OTHER),
    "a related person": ("RelatedPerson/p1", SubjectMatch.OTHER),
    "the id in another place": ("Practitioner/Patient/p1", SubjectMatch.OTHER),
    "empty": ("", SubjectMatch.UNSTATED),
    "contained": ("#p1", SubjectMatch.UNSTATED),
    "none": (None, SubjectMatch.UNSTATED),
}


@pytest.mark.parametrize(("literal", "whose"), WHOSE.values(), ids=WHOSE.keys())
@pytest.mark.parametrize("server", [SERVER, f"{SERVER}/"], ids=["server", "server with slash"])
def test_whose(literal: str | None, whose: SubjectMatch, server: str) -> None:
    identity = PatientIdentity("p1", server, [UUID])
    for _ in range(2):  # the second time from what is known
        assert identity.subject_match(Reference(reference=literal)) is whose


def test_no_reference_is_nobodys() -> None:
    identity = PatientIdentity("p1", SERVER)
    assert identity.subject_match(None) is SubjectMatch.UNSTATED
    assert (
        identity.subject_match(Reference(identifier=Identifier("urn:mrn", "17"), display="A. Member"))
        is SubjectMatch.UNSTATED
    )


def test_without_a_server_no_absolute_url_is_the_patients() -> None:
    assert PatientIdentity("p1", None).subject_match(Reference(reference=f"{SERVER}/Patient/p1")) is SubjectMatch.OTHER
    assert PatientIdentity("p1", None).subject_match(Reference(reference="Patient/p1")) is SubjectMatch.PATIENT


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("Device/d1", "Device/d1"),
        ("Device/d1/_history/2", "Device/d1"),
        (f"{SERVER}/Device/d1", "Device/d1"),
        (f"{SERVER}/Device/d1/_history/2", "Device/d1"),
        ("https://elsewhere.example.invalid/fhir/Device/d1", None),
        ("urn:uuid:3d0e3d3c", None),
        ("#d1", None),
        ("Device?identifier=x", None),
        ("d1", None),
        ("", None),
        (None, None),
    ],
)
def test_local(literal: str | None, expected: str | None) -> None:
    assert local(literal, SERVER) == expected
    assert local(literal, f"{SERVER}/") == expected


def test_a_look_alike_server_is_another_server() -> None:
    # Case folding would make these one name; host names differ where their letters do.
    identity = PatientIdentity("p1", "https://strasse.example/fhir")
    assert identity.subject_match(Reference("https://stra\u00dfe.example/fhir/Patient/p1")) is SubjectMatch.OTHER


def test_a_line_break_behind_an_id_is_no_part_of_a_reference() -> None:
    assert PatientIdentity("p1", None).subject_match(Reference("Patient/p1\n")) is SubjectMatch.OTHER
