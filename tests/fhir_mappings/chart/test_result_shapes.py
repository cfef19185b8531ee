"""Results as three EHRs and a laboratory aggregator shape them; the shapes are theirs, the values invented.

Shapes: mock-health/the-map@1757b01 tests/golden (Epic, Oracle Health, MEDITECH, answers of their sandboxes).
"""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.engine.laboratory import at_most_share_of_low, same_draw
from cds_service.engine.truth import MET
from cds_service.facts import LabResult, TestOutcome, Unusable
from tests.fhir_mappings.builders import JSON, UCUM
from tests.fhir_mappings.own_results import read_all, read_one, report_of
from tests.support import LOINC, PATIENT

INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def ucum(value: float, unit: str) -> JSON:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def epic(name: str, loinc: str, local: str, text: str, value: JSON, ranges: JSON) -> JSON:
    """LOINC first, the component's own number second; UTC times; one Specimen for a whole order; no flag for normal."""
    own = {"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.768282", "code": local, "display": text}
    return {
        "resourceType": "Observation",
        "id": name,
        "basedOn": [{"reference": "ServiceRequest/e1", "display": "C-peptide"}],
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": loinc, "display": text}, own], "text": text},
        "subject": PATIENT | {"display": "Example, Member"},
        "effectiveDateTime": "2026-10-01T12:21:00Z",
        "issued": "2026-10-01T14:23:19Z",
        "valueQuantity": value,
        "specimen": {"reference": "Specimen/e2", "display": "Specimen"},
        "referenceRange": [ranges],
    }


def oracle(name: str, loinc: str, local: str, text: str, value: JSON, ranges: JSON) -> JSON:
    """The local code first and chosen; ranges with a type and without text; milliseconds in UTC; no Specimen."""
    own = {"system": "https://fhir.cerner.com/a/codeSet/72", "code": local, "display": text, "userSelected": True}
    normal = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/referencerange-meaning", "code": "normal"}]}
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [own, {"system": LOINC, "code": loinc, "userSelected": False}], "text": text},
        "subject": PATIENT,
        "effectiveDateTime": "2026-10-01T12:21:38.000Z",
        "valueQuantity": value,
        "referenceRange": [ranges | {"type": normal | {"text": "Normal Range"}}],
    }


def meditech(name: str, text: str, value: Any, ranges: JSON, flag: str = "N") -> JSON:
    """No code at all; the value as a quantity or as text; the range with a label; a flag for every result."""
    key = "valueString" if isinstance(value, str) else "valueQuantity"
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"text": text},
        "subject": PATIENT | {"type": "Patient"},
        "effectiveDateTime": "2026-10-01T12:00:00+00:00",
        "issued": "2026-10-03T11:45:00+00:00",
        "interpretation": [{"coding": [{"system": INTERPRETATION, "code": flag}]}],
        key: value,
        "specimen": {"reference": "Specimen/m1", "type": "Specimen"},
        "referenceRange": [ranges],
    }


def limits(low: float, high: float, unit: str, text: str | None = None) -> JSON:
    return {"low": ucum(low, unit), "high": ucum(high, unit), **({"text": text} if text else {})}


NG = "ng/mL"
C_PEPTIDES = {
    "Epic": epic("cp", "1986-9", "1230", "C-Peptide", ucum(0.5, NG), limits(1.1, 4.4, NG, "1.1 - 4.4 ng/mL")),
    "Oracle Health": oracle("cp", "1986-9", "2170", "C Peptide", ucum(0.5, NG), limits(1.1, 4.4, NG)),
}
GLUCOSES = {
    "Epic": epic("g", "2345-7", "1231", "Glucose", ucum(180, "mg/dL"), limits(70, 99, "mg/dL", "70 - 99 mg/dL")),
    "Oracle Health": oracle("g", "2345-7", "2171", "Glucose Level", ucum(180, "mg/dL"), limits(70, 99, "mg/dL")),
}


def pair(system: str) -> tuple[LabResult, LabResult]:
    results = read_all(C_PEPTIDES[system], GLUCOSES[system])[0]
    return results["cPeptide"][0], results["glucoseOfDraw"][0]


@pytest.mark.parametrize("system", C_PEPTIDES)
def test_a_c_peptide_and_its_glucose_are_read_from_either_ehr(system: str) -> None:
    """0.5 is below 110 % of 1.1, which is 1.21; both were drawn at 08:21 in New York."""
    c_peptide, glucose = pair(system)
    assert (c_peptide.value, glucose.value) == (0.5, 180)
    assert (c_peptide.unusable, glucose.unusable) == (None, None)
    assert at_most_share_of_low(c_peptide, 1.1).truth is MET
    assert same_draw(c_peptide, glucose, 15).truth is MET


def test_meditechs_values_as_text_are_figures_and_its_names_are_for_a_person() -> None:
    ranges = limits(1.1, 4.4, NG, "Normal Range: 1.1-4.4 ng/mL")
    as_text = read_one("cPeptide", meditech("cp", "C-Peptide", "0.50 ng/mL", ranges, "L"))
    as_quantity = read_one("cPeptide", meditech("cp", "C-Peptide", ucum(0.5, NG), ranges, "L"))
    assert as_text.value == as_quantity.value == 0.5
    assert as_text.unusable is as_quantity.unusable is Unusable.NAMED_ONLY
    assert at_most_share_of_low(as_text.surely_named, 1.1).truth is MET


@pytest.mark.parametrize(
    ("text", "value", "comparator"),
    [("0.50 ng/mL", 0.5, ""), ("<0.1 ng/mL", 0.1, "<"), ("< 0.1 ng/ml", 0.1, "<"), ("300 pmol/L", 0.906, "")],
)
def test_a_value_in_text_is_a_figure_with_its_unit(text: str, value: float, comparator: str) -> None:
    coded = {"coding": [{"system": LOINC, "code": "1986-9"}]}
    result = read_one("cPeptide", meditech("cp", "", text, limits(1.1, 4.4, NG)) | {"code": coded})
    assert result.value == pytest.approx(value)
    assert (result.comparator, result.unusable) == (comparator, None)


@pytest.mark.parametrize("text", ["0.5", "see note", "0.5 ng/mL (low)", "0.5-0.7 ng/mL", "1:16", "0,500 ng/mL", ""])
def test_other_texts_are_for_a_person(text: str) -> None:
    coded = {"coding": [{"system": LOINC, "code": "1986-9"}]}
    result = read_one("cPeptide", meditech("cp", "", text, limits(1.1, 4.4, NG)) | {"code": coded})
    assert (result.value, result.unusable) == (None, Unusable.TEXT_ONLY if text else Unusable.NO_VALUE)


@pytest.mark.parametrize(
    ("resource", "outcome"),
    [
        # Epic flags what is out of range, and nothing else.
        (epic("a", "56540-8", "1232", "GAD65 Ab", ucum(30, "U/mL"), {"text": "<5.0 U/mL"}), TestOutcome.POSITIVE),
        (epic("a", "56540-8", "1232", "GAD65 Ab", ucum(2, "U/mL"), {"text": "<5.0 U/mL"}), TestOutcome.NEGATIVE),
        (
            oracle("a", "31209-0", "2172", "IA-2 Ab", ucum(9, "U/mL"), {"high": ucum(7.4, "U/mL")}),
            TestOutcome.POSITIVE,
        ),
        (meditech("a", "ISLET CELL AB IGG", "1:32", {"text": "Normal Range: <1:4"}, "A"), TestOutcome.POSITIVE),
        (meditech("a", "ISLET CELL AB IGG", "<1:4", {"text": "Normal Range: <1:4"}), TestOutcome.NEGATIVE),
    ],
)
def test_antibodies_of_three_ehrs(resource: JSON, outcome: TestOutcome) -> None:
    assert report_of(read_one("antibodies", resource)).outcome is outcome


@pytest.mark.parametrize(
    ("value", "kilograms"),
    [
        (ucum(85728.958, "g"), 85.728958),  # MEDITECH
        ({"value": 100, "unit": "kg", "system": UCUM, "code": "kg"}, 100),  # Epic
        ({"extension": [{"url": "x"}], **ucum(55, "kg")}, 55),  # Oracle Health, with the other units as extensions
    ],
)
def test_weights_of_three_ehrs(value: JSON, kilograms: float) -> None:
    """Epic gives flowsheet rows several codes, one of them LOINC's under a system of its own."""
    codings = [
        {"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.707679", "code": "14", "display": "Weight"},
        {"system": "urn:oid:1.2.246.537.6.96", "code": "29463-7"},
        {"system": LOINC, "code": "29463-7", "display": "Body weight"},
    ]
    weight = {
        "resourceType": "Observation",
        "id": "w",
        "status": "final",
        "code": {"coding": codings, "text": "Weight"},
        "subject": PATIENT,
        "effectiveDateTime": "2026-10-01T12:00:00Z",
        "valueQuantity": value,
    }
    result = read_one("weight", weight)
    assert result.value == pytest.approx(kilograms)
    assert result.unusable is None
