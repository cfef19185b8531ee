"""Numbers of the kinds that policies ask for: values, units, draws, and which stand beside which."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.laboratory import at_most_share_of_low, same_draw
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import LabResult, Unusable
from tests.fhir_mappings.builders import JSON
from tests.fhir_mappings.own_results import c_peptide, lab, read_all, read_one, report_of
from tests.support import LOINC, PATIENT


def glucose(value: float = 180, name: str = "g", loinc: str = "1558-6", **members: Any) -> JSON:
    return lab(name, loinc, **({"valueQuantity": {"value": value, "unit": "mg/dL", "code": "mg/dL"}} | members))


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(0.9, "ng/mL", 0.9), (0.9, "ug/L", 0.9), (0.3, "nmol/L", 0.906), (300, "pmol/L", 0.906)],
)
def test_a_c_peptide_is_in_nanograms(value: float, unit: str, expected: float) -> None:
    result = read_one("cPeptide", c_peptide(value, {"unit": unit, "code": unit}))
    assert result.value == pytest.approx(expected)
    assert result.concepts == {Concept.C_PEPTIDE}


def test_the_share_of_the_low_limit_is_the_same_in_every_unit() -> None:
    """Low 0.8 ng/mL: 110 % is 0.88. In nmol/L: low 0.25, 110 % is 0.275."""
    low = [{"low": {"value": 0.25, "unit": "nmol/L"}}]
    nmol: JSON = {"unit": "nmol/L", "code": "nmol/L"}
    at = read_one("cPeptide", c_peptide(0.275, nmol, referenceRange=low))
    above = read_one("cPeptide", c_peptide(0.276, nmol, referenceRange=low))
    assert at_most_share_of_low(at, 1.1).truth is MET
    assert at_most_share_of_low(above, 1.1).truth is NOT_MET


def test_a_value_below_what_is_measured_counts() -> None:
    below = c_peptide(0.1, {"unit": "ng/mL", "comparator": "<"})
    assert at_most_share_of_low(read_one("cPeptide", below), 1.1).truth is MET


@pytest.mark.parametrize(
    ("members", "unusable"),
    [
        ({"valueQuantity": {"value": 0.9, "unit": "U/L"}}, Unusable.WRONG_UNIT),
        ({"valueQuantity": {"value": 0.9}}, Unusable.WRONG_UNIT),
        ({"valueQuantity": {"value": 90, "unit": "ng/mL"}}, Unusable.IMPLAUSIBLE),
        ({"valueQuantity": None, "valueString": "see note"}, Unusable.TEXT_ONLY),
        ({"valueQuantity": None}, Unusable.NO_VALUE),
        ({"code": {"text": "C-Peptide, Serum"}}, Unusable.NAMED_ONLY),
        (
            {"code": {"coding": [{"system": "urn:local:lab", "code": "CPEP", "display": "C PEPTIDE"}]}},
            Unusable.NAMED_ONLY,
        ),
    ],
)
def test_what_cannot_be_compared_says_why(members: JSON, unusable: Unusable) -> None:
    assert read_one("cPeptide", c_peptide(**members)).unusable is unusable


def test_a_local_code_beside_the_loinc_code_changes_nothing() -> None:
    """As Epic and Oracle Health send it: the system's own code first."""
    local = {"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.768282", "code": "1230000", "display": "C-PEPTIDE"}
    both = {"coding": [local, {"system": LOINC, "code": "1986-9"}], "text": "C-PEPTIDE"}
    result = read_one("cPeptide", c_peptide(code=both))
    assert (result.unusable, result.code) == (None, "1986-9")


def draw(one: JSON, other: JSON, *more: JSON) -> tuple[LabResult, LabResult]:
    results = read_all(one, other, *more)[0]
    return results["cPeptide"][0], results["glucoseOfDraw"][0]


def test_the_glucose_of_the_same_minute_is_of_one_draw() -> None:
    assert same_draw(*draw(c_peptide(), glucose()), 15).truth is MET
    in_utc = glucose(effectiveDateTime="2026-10-01T12:00:00Z")  # 08:00 in New York
    assert same_draw(*draw(c_peptide(), in_utc), 15).truth is MET
    later = glucose(effectiveDateTime="2026-10-01T08:10:00-04:00")
    assert same_draw(*draw(c_peptide(), later), 15).truth is UNKNOWN
    noon = glucose(effectiveDateTime="2026-10-01T12:00:00-04:00")
    assert same_draw(*draw(c_peptide(), noon), 15).truth is NOT_MET


def test_midnight_is_a_day_without_a_time() -> None:
    stamp = "2026-10-01T00:00:00-04:00"
    pair = draw(c_peptide(effectiveDateTime=stamp), glucose(effectiveDateTime=stamp))
    assert same_draw(*pair, 15).truth is UNKNOWN


@pytest.mark.parametrize("stamp", ["2026-10-01", "2026-10-01T00:00:00Z"])
def test_one_specimen_is_one_draw_whatever_the_clock(stamp: str) -> None:
    same = {"specimen": {"reference": "Specimen/s1"}, "effectiveDateTime": "2026-10-01"}
    assert same_draw(*draw(c_peptide(**same), glucose(**same)), 15).truth is MET


def test_one_report_or_panel_is_one_draw() -> None:
    day = {"effectiveDateTime": "2026-10-01"}
    listed = [{"reference": "Observation/cp"}, {"reference": "Observation/g"}]
    report = {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": PATIENT, "result": listed}
    panel = lab("panel", "24331-1", hasMember=listed)
    assert same_draw(*draw(c_peptide(**day), glucose(**day)), 15).truth is UNKNOWN
    assert same_draw(*draw(c_peptide(**day), glucose(**day), report), 15).truth is MET
    assert same_draw(*draw(c_peptide(**day), glucose(**day), panel), 15).truth is MET
    withdrawn = report | {"status": "entered-in-error"}
    assert same_draw(*draw(c_peptide(**day), glucose(**day), withdrawn), 15).truth is UNKNOWN
    others = report | {"subject": {"reference": "Patient/p2"}}
    assert same_draw(*draw(c_peptide(**day), glucose(**day), others), 15).truth is UNKNOWN


def test_the_specimens_time_stands_in_where_the_results_have_none() -> None:
    at_8 = {"collection": {"collectedDateTime": "2026-10-01T08:00:00-04:00"}, "subject": PATIENT}
    tubes = [{"resourceType": "Specimen", "id": name, **at_8} for name in ("red", "grey")]
    one = c_peptide(effectiveDateTime="2026-10-01", specimen={"reference": "Specimen/red"})
    other = glucose(effectiveDateTime="2026-10-01", specimen={"reference": "Specimen/grey"})
    assert same_draw(*draw(one, other, *tubes), 15).truth is MET


def test_only_the_glucose_of_days_with_a_c_peptide_is_kept() -> None:
    far = glucose(name="far", effectiveDateTime="2026-05-01T08:00:00-04:00")
    results = read_all(c_peptide(), glucose(), far)[0]
    assert [result.reference for result in results["glucoseOfDraw"]] == ["Observation/g"]
    assert read_all(glucose(), far)[0]["glucoseOfDraw"] == []


@pytest.mark.parametrize(
    ("loinc", "value", "unit", "expected"),
    [
        ("2160-0", 1.6, "mg/dL", 1.6),
        ("14682-9", 141.44, "umol/L", 1.6),  # 141.44 x 0.011312 = 1.59997
        ("38483-4", 1.6, "mg/dL", 1.6),
    ],
)
def test_creatinine(loinc: str, value: float, unit: str, expected: float) -> None:
    result = read_one("creatinine", lab("c", loinc, valueQuantity={"value": value, "unit": unit, "code": unit}))
    assert result.value == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("loinc", "unit", "unusable"),
    [
        ("35591-7", "mL/min", None),
        ("2164-2", "mL/min", None),
        ("2164-2", "mL/min/1.73m2", Unusable.WRONG_UNIT),  # per body surface is another figure
        ("35591-7", "mL/min/{1.73_m2}", Unusable.WRONG_UNIT),
    ],
)
def test_a_clearance_is_in_milliliters_a_minute(loinc: str, unit: str, unusable: Unusable | None) -> None:
    result = read_one("creatinineClearance", lab("c", loinc, valueQuantity={"value": 48, "unit": unit, "code": unit}))
    assert result.unusable is unusable


@pytest.mark.parametrize(
    ("value", "unit", "expected"), [(80, "kg", 80), (176, "lb", 79.83), (176, "[lb_av]", 79.83), (80000, "g", 80)]
)
def test_weight(value: float, unit: str, expected: float) -> None:
    result = read_one("weight", lab("w", "29463-7", valueQuantity={"value": value, "unit": unit, "code": unit}))
    assert result.value == pytest.approx(expected, abs=0.01)


def test_a_weight_in_stones_is_not_guessed() -> None:
    result = read_one("weight", lab("w", "3141-9", valueQuantity={"value": 12.5, "unit": "st"}))
    assert (result.value, result.unusable) == (None, Unusable.WRONG_UNIT)


def test_other_tests_are_none_of_these() -> None:
    urine = lab("u", "2161-8", valueQuantity={"value": 80, "unit": "mg/dL"})
    gfr = lab("e", "98979-8", valueQuantity={"value": 48, "unit": "mL/min/1.73m2"})
    after = lab(
        "a", "1987-7", code={"text": "C-peptide 2 hours post meal"}, valueQuantity={"value": 3, "unit": "ng/mL"}
    )
    assert not any(read_all(urine, gfr, after)[0].values())
    assert report_of(read_one("cPeptide", c_peptide())).ranges
