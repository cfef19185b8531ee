"""What a validator would report that takes the invariants to the letter: the checklist's table, and the rest."""

from __future__ import annotations

import pytest

from tests.conformance.crd.information import VERSIONS, literal_invariants, value
from tests.conformance.crd.samples import DETAIL_SYSTEM, DOCUMENTS, JSON, NUMBER, information, part, reason

E, CLINICAL = "(empty)", {"url": "doc-needed", "valueCode": "clinical"}
WITHPA, RETAIN = ({"url": "doc-purpose", "valueCode": code} for code in ("withpa", "retain-doc"))
FORM_PART = DOCUMENTS[2]
TOLD = reason("Coverage: so it is")
PERFORMER = {"url": "info-needed", "valueCode": "performer"}
LITERAL: list[tuple[str, str, str | None, tuple[JSON, ...], list[list[str]]]] = [
    ("covered, no-auth", "covered", "no-auth", (), [[], [], []]),
    ("satisfied with its number", "covered", "satisfied", (NUMBER,), [[], [], []]),
    ("covered without pa-needed", "covered", None, (), [["q2"], [], []]),
    (
        "documents withpa, with reason",
        "covered",
        "auth-needed",
        (CLINICAL, WITHPA, TOLD, FORM_PART),
        [[], [f"q4{E}"], [f"q4{E}"]],
    ),
    (
        "documents withpa, without reason",
        "covered",
        "auth-needed",
        (CLINICAL, WITHPA, FORM_PART),
        [[], [f"q4{E}"], [f"q4{E}", "q8"]],
    ),
    ("documents without purpose", "covered", "auth-needed", (CLINICAL,), [[], [], []]),
    ("documents to retain", "covered", "auth-needed", (CLINICAL, RETAIN, TOLD), [[], [], []]),
    ("not covered", "not-covered", None, (TOLD,), [[f"q2{E}"], [], []]),
    ("not covered, no-auth", "not-covered", "no-auth", (TOLD,), [[], ["q2"], ["q2"]]),
    ("conditional, asking", "conditional", "conditional", (PERFORMER, TOLD), [[], [], []]),
    ("conditional, not asking", "conditional", "conditional", (TOLD,), [[], ["q3"], ["q3"]]),
    ("no-auth, asking", "covered", "no-auth", (PERFORMER,), [["q3"], [], []]),
    ("satisfied withpa", "covered", "satisfied", (NUMBER, WITHPA, TOLD), [[], ["q4"], ["q4"]]),
]


@pytest.mark.parametrize(("row", "index"), [(row, index) for row in LITERAL for index in range(3)])
def test_literal_invariants(row: tuple[str, str, str | None, tuple[JSON, ...], list[list[str]]], index: int) -> None:
    """The checklist's table of hand-evaluated shapes, cell by cell."""
    name, covered, authorization, more, expected = row
    assertion = information(VERSIONS[index], covered, authorization, *more)
    assert literal_invariants(assertion, VERSIONS[index]) == expected[index], name


def test_literal_invariants_of_numbers_forms_and_reasons() -> None:
    assert literal_invariants(information("2.2", "covered", "auth-needed", NUMBER), "2.2") == ["q5"]
    assert literal_invariants(information("2.2", "covered", "auth-needed", FORM_PART), "2.2") == ["q1"]
    assert literal_invariants(information("2.2", "indeterminate", "indeterminate"), "2.2") == ["q9"]
    assert value(information("2.2", "covered", None), "pa-needed") is None


@pytest.mark.parametrize(("version", "expected"), [("2.0.1", []), ("2.1", []), ("2.2", ["q6"])])
def test_other_information_without_reason(version: str, expected: list[str]) -> None:
    other = part("info-needed", "valueCode", "OTH")
    assert literal_invariants(information(version, "conditional", "conditional", other), version) == expected


@pytest.mark.parametrize(("version", "expected"), [("2.0.1", []), ("2.1", ["q7"]), ("2.2", ["q7"])])
def test_a_code_from_outside_without_words(version: str, expected: list[str]) -> None:
    coding = {"system": "https://payer.example/reasons", "code": "x"}
    for concept, found in (({"coding": [coding]}, expected), ({"coding": [coding], "text": "So it is"}, [])):
        why = part("reason", "valueCodeableConcept", concept)
        assert literal_invariants(information(version, "covered", "no-auth", why), version) == found
    known = part("reason", "valueCodeableConcept", {"coding": [{"system": DETAIL_SYSTEM["2.1"], "code": "gold-card"}]})
    assert literal_invariants(information(version, "covered", "no-auth", known), version) == []


@pytest.mark.parametrize(
    ("concepts", "expected"),
    [
        ([{"text": "So it is"}, {"coding": [{"code": "x"}]}], []),
        ([{"coding": [{"code": "x"}]}, {"coding": [{"code": "y"}]}], [f"q7{E}"]),
        ([{"coding": [{"code": "x"}, {"system": DETAIL_SYSTEM["2.1"], "code": "gold-card"}]}], []),
        ([{"coding": []}], ["q7"]),
    ],
)
def test_reasons_are_taken_together(concepts: list[JSON], expected: list[str]) -> None:
    """Words on one of several reasons do for all; without any, a set of one code is looked for among several."""
    reasons = [part("reason", "valueCodeableConcept", concept) for concept in concepts]
    assert literal_invariants(information("2.2", "covered", "no-auth", *reasons), "2.2") == expected


def test_an_answered_form_without_documentation() -> None:
    answered = part("response", "valueReference", {"reference": "QuestionnaireResponse/1"})
    assert literal_invariants(information("2.0.1", "covered", "auth-needed", answered), "2.0.1") == ["q1"]
    assert literal_invariants(information("2.0.1", "covered", "auth-needed", CLINICAL, answered), "2.0.1") == []


@pytest.mark.parametrize(("version", "expected"), [("2.0.1", ["q1"]), ("2.1", []), ("2.2", [])])
def test_a_form_beside_a_code_that_only_the_first_version_bars(version: str, expected: list[str]) -> None:
    form = (part("doc-needed", "valueCode", "no-doc"), part("questionnaire", "valueCanonical", "https://a.example/Q"))
    assert literal_invariants(information(version, "covered", "no-auth", *form), version) == expected
