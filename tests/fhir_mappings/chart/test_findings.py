"""What antibody tests found: interpretation, coded value, words, titers, figures against the report's own range."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.facts import TestOutcome, Unusable
from fhir_mappings.chart.findings import figure_in, outcome_in
from tests.fhir_mappings.builders import JSON, SNOMED
from tests.fhir_mappings.own_results import antibody, read_all, read_one, report_of
from tests.support import LOINC

INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
# LabCorp's endocrinology prints this range for GAD65 (FDAIP).
GAD_RANGE = [{"text": "<5.0 U/mL: Negative \u22655.0 U/mL: Positive"}]
HIGH_5 = [{"high": {"value": 5.0, "unit": "U/mL"}}]
TITER = [{"text": "< 1:4 No antibody detected."}]  # ARUP 0050138
JDF = [{"text": "<1.25 JDF units"}]  # Quest 36741
POS, NEG, BETWEEN = TestOutcome.POSITIVE, TestOutcome.NEGATIVE, TestOutcome.EQUIVOCAL
UNREAD, CONFLICT = TestOutcome.UNREAD, TestOutcome.CONFLICTING


def outcome(loinc: str = "56540-8", /, **members: Any) -> TestOutcome | None:
    return report_of(read_one("antibodies", antibody(loinc, **members))).outcome


def said(code: str, system: str = INTERPRETATION) -> list[JSON]:
    return [{"coding": [{"system": system, "code": code}]}]


def units(value: float, sign: str | None = None, unit: str = "U/mL") -> JSON:
    return {"value": value, "unit": unit, **({"comparator": sign} if sign else {})}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, POS) for code in ("POS", "H", "HH", "HU", "A", "AA", "DET", "RR")),
        *((code, NEG) for code in ("NEG", "N", "ND", "NR", "L")),
        *((code, BETWEEN) for code in ("IND", "E", "WR")),
        ("B", UNREAD),  # better than before
    ],
)
def test_an_interpretation_decides(code: str, expected: TestOutcome) -> None:
    assert outcome(interpretation=said(code)) is expected
    assert outcome(interpretation=said(code, "http://hl7.org/fhir/v2/0078")) is expected


@pytest.mark.parametrize("text", ["High", "Abnormal", "Positive"])
def test_an_interpretation_in_words_decides_too(text: str) -> None:
    """Oracle Health sends the text alone for laboratories' own flags."""
    assert outcome(interpretation=[{"text": text}]) is POS


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("10828004", POS),
        ("260385009", NEG),
        ("260415000", NEG),
        ("42425007", BETWEEN),
        ("260408008", BETWEEN),
    ],
)
def test_a_coded_value_decides(code: str, expected: TestOutcome) -> None:
    assert outcome(valueCodeableConcept={"coding": [{"system": SNOMED, "code": code}]}) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Positive", POS),
        ("POSITIVE (A)", POS),
        ("Detected", POS),
        ("Reactive", POS),
        ("Negative", NEG),
        ("Not Detected", NEG),
        ("NON-REACTIVE", NEG),
        ("No antibody detected", NEG),
        ("not positive", NEG),
        ("Weakly positive", BETWEEN),
        ("Low Positive", BETWEEN),
        ("Equivocal", BETWEEN),
        ("Borderline", BETWEEN),
        ("Indeterminate", BETWEEN),
        ("Positive for GAD65, negative for IA-2", BETWEEN),
        ("See note", UNREAD),
        ("Test not performed", UNREAD),
        ("Quantity not sufficient", UNREAD),
        ("Pending", UNREAD),
    ],
)
def test_words_decide_or_leave_it_to_a_person(text: str, expected: TestOutcome) -> None:
    assert outcome(valueString=text) is expected
    assert outcome(valueCodeableConcept={"text": text}) is expected


@pytest.mark.parametrize(
    ("value", "ranges", "expected"),
    [
        (units(4.9), GAD_RANGE, NEG),
        (units(5.0), GAD_RANGE, POS),  # "<5.0: Negative": 5.0 itself is not
        (units(250, ">"), GAD_RANGE, POS),
        (units(5.0, ">"), HIGH_5, POS),
        (units(5.0), HIGH_5, NEG),  # a high limit belongs to the range
        (units(5.1), HIGH_5, POS),
        (units(5.0, "<"), HIGH_5, NEG),
        (units(6.0, "<"), HIGH_5, UNREAD),  # below 6 may be 4 or 5.5
        (units(3.0, ">"), HIGH_5, UNREAD),
        (units(30, None, "nmol/L"), HIGH_5, UNREAD),  # another unit is not compared
        (units(30), [], UNREAD),  # no limit of our own
        (units(30), [{"text": "Negative"}], UNREAD),
        (units(0.03, None, "nmol/L"), [{"text": "\u22640.02 nmol/L"}], POS),  # Mayo GD65S and INAB
        (units(0.02, None, "nmol/L"), [{"text": "\u22640.02 nmol/L"}], NEG),
        (units(5.5), [{"text": "Negative <5.0; Indeterminate 5.0-5.9; Positive >=6.0"}], BETWEEN),
        (units(6.0), [{"text": "Negative <5.0; Indeterminate 5.0-5.9; Positive >=6.0"}], POS),
        (units(5.95), [{"text": "Negative <5.0; Indeterminate 5.0-5.9; Positive >=6.0"}], BETWEEN),
    ],
)
def test_a_figure_is_held_against_the_reports_own_range(value: JSON, ranges: list[JSON], expected: TestOutcome) -> None:
    assert outcome(valueQuantity=value, referenceRange=ranges) is expected


@pytest.mark.parametrize(
    ("value", "ranges", "expected"),
    [
        ({"valueString": "1:16"}, TITER, POS),
        ({"valueString": "1:4"}, TITER, POS),  # not below 1:4
        ({"valueString": "<1:4"}, TITER, NEG),
        ({"valueString": "1:16"}, [], UNREAD),
        ({"valueString": "POSITIVE 1:32"}, [], POS),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 16}}}, TITER, POS),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 4, "comparator": "<"}}}, TITER, NEG),
        ({"valueQuantity": units(40, None, "JDF Units")}, JDF, POS),
        ({"valueQuantity": units(1.25, None, "JDF Units")}, JDF, POS),
        ({"valueQuantity": units(1.25, "<", "JDF Units")}, JDF, NEG),
        ({"valueString": "80 JDF units"}, JDF, POS),
        # A titer is no figure of another range.
        ({"valueString": "1:16"}, JDF, UNREAD),
        ({"valueString": ">5.0"}, HIGH_5, POS),
        ({"valueString": "12.5 U/mL"}, HIGH_5, POS),
        ({"valueInteger": 12}, HIGH_5, POS),
        ({"valueBoolean": True}, [], POS),
        ({"valueBoolean": False}, [], NEG),
    ],
)
def test_titers_and_figures_in_any_element(value: JSON, ranges: list[JSON], expected: TestOutcome) -> None:
    assert outcome("13927-9", referenceRange=ranges, **value) is expected


def test_parts_that_disagree_are_for_a_person() -> None:
    assert outcome(interpretation=said("N"), valueQuantity=units(30), referenceRange=HIGH_5) is CONFLICT
    assert outcome(interpretation=said("POS"), valueString="Weakly positive") is BETWEEN
    assert outcome(interpretation=said("POS"), valueString="Negative") is CONFLICT
    agreed = antibody(interpretation=said("POS"), valueQuantity=units(30), referenceRange=HIGH_5)
    report = report_of(read_one("antibodies", agreed))
    assert report.outcome is POS
    assert report.outcome_source == "interpretation POS; 30 U/mL against the report's own range"


@pytest.mark.parametrize(
    ("loinc", "concept"),
    [
        ("56540-8", Concept.GAD_ANTIBODY),
        ("13926-1", Concept.GAD_ANTIBODY),
        ("31209-0", Concept.IA2_ANTIBODY),
        ("76651-9", Concept.ZNT8_ANTIBODY),
        ("31547-3", Concept.ISLET_CELL_ANTIBODY),
        ("60463-7", Concept.INSULIN_ANTIBODY),
    ],
)
def test_a_code_says_which_antibody(loinc: str, concept: Concept) -> None:
    result = read_one("antibodies", antibody(loinc, valueString="Positive"))
    assert (result.concepts, result.code, result.unusable) == ({concept}, loinc, None)


def test_a_name_alone_is_for_a_person() -> None:
    """As an aggregator sends it: no code at all, and the short name of LOINC as text."""
    result = read_one("antibodies", antibody(code={"text": "GAD65 Ab Ser"}, valueString="Positive"))
    assert result.unusable is Unusable.NAMED_ONLY
    assert (result.concepts, result.review) == (frozenset(), {Concept.GAD_ANTIBODY})
    assert report_of(result).outcome is POS
    assert result.surely_named.unusable is None


@pytest.mark.parametrize(("wrong", "text"), [("76651-5", "Zinc transporter 8 Ab"), ("13926-2", "GAD65 antibody")])
def test_a_code_whose_check_digit_is_wrong_is_no_code(wrong: str, text: str) -> None:
    code = {"coding": [{"system": LOINC, "code": wrong, "display": text}]}
    results, notes = read_all(antibody(code=code, valueString="Positive"))
    (result,) = results["antibodies"]
    assert result.unusable is Unusable.NAMED_ONLY
    assert f"Observation/ab has {wrong}, which is no LOINC code: its check digit is wrong" in notes


@pytest.mark.parametrize("text", ["HOMA-IR", "Nuclear Ab [Titer] in Serum", "IA-2 Antibody"])
def test_a_code_with_the_name_of_another_test_is_for_a_person(text: str) -> None:
    code = {"coding": [{"system": LOINC, "code": "56540-8", "display": text}]}
    assert read_one("antibodies", antibody(code=code, valueString="Positive")).unusable is Unusable.NAMED_ONLY


def test_a_panel_with_components_is_read_component_by_component() -> None:
    parts = [
        {"code": {"coding": [{"system": LOINC, "code": "56540-8"}]}, "valueString": "Positive"},
        {"code": {"coding": [{"system": LOINC, "code": "31209-0"}]}, "valueString": "Negative"},
    ]
    panel = antibody(code={"text": "Diabetes autoimmune profile"}, component=parts)
    found = read_all(panel)[0]["antibodies"]
    outcomes = {concept: report_of(result).outcome for result in found for concept in result.concepts}
    assert outcomes == {Concept.GAD_ANTIBODY: POS, Concept.IA2_ANTIBODY: NEG}


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "unknown", None])
def test_what_was_withdrawn_says_nothing(status: str | None) -> None:
    results, notes = read_all(antibody(status=status, valueString="Positive"))
    assert results["antibodies"] == []
    assert any("ignored: status" in note for note in notes)


def test_what_is_pending_or_without_a_value_says_so() -> None:
    assert read_one("antibodies", antibody(status="preliminary", valueString="Positive")).pending
    empty = read_one("antibodies", antibody(dataAbsentReason={"text": "Not performed"}))
    assert (empty.unusable, report_of(empty).outcome) == (Unusable.NO_VALUE, UNREAD)


def test_another_patients_result_is_set_aside() -> None:
    assert read_all(antibody(subject={"reference": "Patient/p2"}, valueString="Positive"))[0]["antibodies"] == []


def test_figures_in_text() -> None:
    assert figure_in("IA-2") is None  # a name, no figure
    assert figure_in("5 of 10") is None
    assert outcome_in("") is None
