"""Whether the patient was fasting: by code, component, specimen, note, or a result of its own."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.facts import Fasting
from fhir_mappings.chart.fasting import stated_in
from tests.fhir_mappings.builders import JSON
from tests.fhir_mappings.own_results import c_peptide, lab, read_all, read_one, report_of
from tests.support import LOINC, PATIENT

STATUS = {"coding": [{"system": LOINC, "code": "49541-6"}]}
V2_0916 = "http://terminology.hl7.org/CodeSystem/v2-0916"


def fasting(*resources: JSON, key: str = "cPeptide") -> Fasting:
    return report_of(read_one(key, *resources)).fasting


def test_nothing_is_said() -> None:
    assert fasting(c_peptide()) is Fasting.UNSTATED


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ({"coding": [{"system": LOINC, "code": "13037-7"}]}, Fasting.FASTING),
        ({"coding": [{"system": LOINC, "code": "1986-9"}], "text": "C-Peptide, Fasting"}, Fasting.FASTING),
        ({"coding": [{"system": LOINC, "code": "1986-9"}], "text": "C-Peptide, Random"}, Fasting.NOT_FASTING),
        ({"coding": [{"system": LOINC, "code": "1986-9"}], "text": "C-Peptide (non-fasting)"}, Fasting.NOT_FASTING),
        ({"coding": [{"system": LOINC, "code": "1986-9"}], "text": "C-Peptide"}, Fasting.UNSTATED),
    ],
)
def test_the_name_of_the_test_says_so(code: JSON, expected: Fasting) -> None:
    assert fasting(c_peptide(code=code)) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"valueCodeableConcept": {"coding": [{"system": LOINC, "code": "LA33-6", "display": "Yes"}]}},
            Fasting.FASTING,
        ),
        ({"valueCodeableConcept": {"text": "No"}}, Fasting.NOT_FASTING),
        ({"valueBoolean": True}, Fasting.FASTING),
        ({"valueBoolean": False}, Fasting.NOT_FASTING),
        ({"valueString": "FASTING"}, Fasting.FASTING),
        ({"valueString": "12 hours"}, Fasting.FASTING),
        ({"valueQuantity": {"value": 8, "unit": "h"}}, Fasting.FASTING),  # at least 8 hours
        ({"valueQuantity": {"value": 7.5, "unit": "h"}}, Fasting.NOT_FASTING),
        ({"valueString": "Unknown"}, Fasting.UNSTATED),
    ],
)
def test_a_component_says_so(value: JSON, expected: Fasting) -> None:
    assert fasting(c_peptide(component=[{"code": STATUS, **value}])) is expected


@pytest.mark.parametrize(
    ("collection", "expected"),
    [
        ({"fastingStatusCodeableConcept": {"coding": [{"system": V2_0916, "code": "F"}]}}, Fasting.FASTING),
        ({"fastingStatusCodeableConcept": {"coding": [{"system": V2_0916, "code": "NF"}]}}, Fasting.NOT_FASTING),
        ({"fastingStatusCodeableConcept": {"coding": [{"system": V2_0916, "code": "NG"}]}}, Fasting.UNSTATED),
        ({"fastingStatusDuration": {"value": 10, "unit": "h", "code": "h"}}, Fasting.FASTING),
        ({"fastingStatusDuration": {"value": 3, "unit": "h", "code": "h"}}, Fasting.NOT_FASTING),
    ],
)
@pytest.mark.parametrize("inside", [True, False])
def test_the_specimen_says_so(collection: JSON, expected: Fasting, inside: bool) -> None:
    specimen = {"resourceType": "Specimen", "id": "s1", "subject": PATIENT, "collection": collection}
    if inside:
        assert fasting(c_peptide(specimen={"reference": "#s1"}, contained=[specimen])) is expected
    else:
        assert fasting(c_peptide(specimen={"reference": "Specimen/s1"}), specimen) is expected


def test_the_specimen_of_another_patient_says_nothing() -> None:
    yes = {"fastingStatusCodeableConcept": {"coding": [{"system": V2_0916, "code": "F"}]}}
    other = {"resourceType": "Specimen", "id": "s1", "subject": {"reference": "Patient/p2"}, "collection": yes}
    assert fasting(c_peptide(specimen={"reference": "Specimen/s1"}), other) is Fasting.UNSTATED


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("FASTING:YES", Fasting.FASTING),  # Quest's report comment
        ("FASTING: NO", Fasting.NOT_FASTING),
        ("Fasting: 12 hours", Fasting.FASTING),
        ("Patient fasted 10 hours", Fasting.FASTING),
        ("Patient fasted 4 hours", Fasting.NOT_FASTING),
        ("Fasting: 126 mg/dL", Fasting.UNSTATED),
        ("patient was fasting", Fasting.FASTING),
        ("Specimen collected fasting", Fasting.FASTING),
        ("Patient not fasting", Fasting.NOT_FASTING),
        ("Non-fasting sample", Fasting.NOT_FASTING),
        # What laboratories print under every result: no word about this patient.
        ("Fasting reference interval", Fasting.UNSTATED),
        ("Reference interval applies to fasting specimens", Fasting.UNSTATED),  # ARUP 0070103
        ("Fasting specimen preferred", Fasting.UNSTATED),
        ("Fasting status unknown", Fasting.UNSTATED),
        ("A fasting glucose of 126 mg/dL or higher on two occasions is diabetes", Fasting.UNSTATED),
        ("", Fasting.UNSTATED),
    ],
)
def test_a_note_counts_where_it_speaks_of_this_draw(sentence: str, expected: Fasting) -> None:
    assert stated_in(sentence) is expected
    assert fasting(c_peptide(note=[{"text": f"Performed at main lab.\n{sentence}"}])) is expected


def test_what_is_stated_outweighs_the_name() -> None:
    named: Any = {"coding": [{"system": LOINC, "code": "13037-7"}]}
    assert fasting(c_peptide(code=named, note=[{"text": "FASTING: NO"}])) is Fasting.CONFLICTING
    random: Any = {"coding": [{"system": LOINC, "code": "1986-9"}], "text": "C-Peptide, random"}
    assert fasting(c_peptide(code=random, note=[{"text": "FASTING: YES"}])) is Fasting.FASTING
    assert fasting(c_peptide(note=[{"text": "FASTING: YES"}, {"text": "patient not fasting"}])) is Fasting.CONFLICTING


def test_a_result_of_its_own_speaks_for_its_draw() -> None:
    """As laboratories file the answer that was asked at the order: an Observation beside the others."""
    said = lab("f", "49541-6", valueString="Yes")
    assert fasting(c_peptide(), said) is Fasting.FASTING
    later = lab("f", "49541-6", valueString="Yes", effectiveDateTime="2026-10-01T15:00:00-04:00")
    assert fasting(c_peptide(), later) is Fasting.UNSTATED
    withdrawn = lab("f", "49541-6", valueString="Yes", status="entered-in-error")
    assert fasting(c_peptide(), withdrawn) is Fasting.UNSTATED
    own = read_all(c_peptide(note=[{"text": "patient not fasting"}]), said)[0]["cPeptide"]
    assert report_of(own[0]).fasting is Fasting.NOT_FASTING
