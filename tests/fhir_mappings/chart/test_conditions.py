"""Condition → Diagnosis."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.facts import Diagnosis
from fhir_mappings.chart.conditions import read_conditions
from tests.fhir_mappings.builders import CLINICAL, JSON, SNOMED, VERIFICATION, chart_context, located
from tests.support import concept, condition

LOCAL = "http://local.example.invalid/status"
PROBLEM = [concept("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item")]
VISIT = [concept("http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis")]


def diagnoses(*conditions: JSON) -> list[Diagnosis]:
    """What some Conditions are."""
    return read_conditions(located(*conditions), chart_context())


def notes(*conditions: JSON) -> str:
    """What is noted while some Conditions are read."""
    context = chart_context()
    read_conditions(located(*conditions), context)
    return "\n".join(context.notes)


def type_1(code: str = "E10.9", **members: Any) -> JSON:
    """An active, confirmed type 1 diabetes, with members replaced; None takes one away."""
    return {key: value for key, value in (condition("c1", code) | members).items() if value is not None}


def one(made: JSON) -> Diagnosis:
    """The one diagnosis that a Condition is."""
    (found,) = diagnoses(made)
    return found


# ---------------------------------------------------------------- verificationStatus

CONFIRMED = {
    "confirmed": concept(VERIFICATION, "confirmed"),
    "missing": None,
    "empty": {},
    "in words": {"text": "Confirmed"},
}


@pytest.mark.parametrize("status", CONFIRMED.values(), ids=CONFIRMED.keys())
def test_confirmed(status: JSON | None) -> None:
    assert one(type_1(verificationStatus=status)).confirmed


@pytest.mark.parametrize("status", ["unconfirmed", "provisional", "differential"])
def test_not_confirmed_is_kept_but_is_no_documentation(status: str) -> None:
    found = one(type_1(verificationStatus=concept(VERIFICATION, status)))
    assert (found.confirmed, found.status) == (False, status)


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
class TestDropped:
    """Drop refuted and entered-in-error first."""

    def test_by_its_code(self, status: str) -> None:
        dropped = type_1(verificationStatus=concept(VERIFICATION, status), clinicalStatus=None)
        assert diagnoses(dropped) == []
        assert "c1" in notes(dropped)
        assert status in notes(dropped)

    def test_in_words(self, status: str) -> None:
        assert diagnoses(type_1(verificationStatus={"text": status.capitalize()})) == []

    def test_whichever_coding_says_so(self, status: str) -> None:
        # FHIR lets a local coding stand beside the required one, in any order.
        codings = [{"system": LOCAL, "code": "7"}, {"system": VERIFICATION, "code": status}]
        assert diagnoses(type_1(verificationStatus={"coding": codings})) == []
        assert diagnoses(type_1(verificationStatus={"coding": codings[::-1]})) == []


# ---------------------------------------------------------------- clinicalStatus

ACTIVITY = {
    "active": ({"clinicalStatus": concept(CLINICAL, "active")}, True),
    "recurrence": ({"clinicalStatus": concept(CLINICAL, "recurrence")}, True),
    "relapse": ({"clinicalStatus": concept(CLINICAL, "relapse")}, True),
    "inactive": ({"clinicalStatus": concept(CLINICAL, "inactive")}, False),
    "remission": ({"clinicalStatus": concept(CLINICAL, "remission")}, False),
    "resolved": ({"clinicalStatus": concept(CLINICAL, "resolved")}, False),
    "resolved in words": ({"clinicalStatus": {"text": "Resolved"}}, False),
    "resolved on the problem list": ({"clinicalStatus": concept(CLINICAL, "resolved"), "category": PROBLEM}, False),
    "local coding first, then active": (
        {"clinicalStatus": {"coding": [{"system": LOCAL, "code": "7"}, {"system": CLINICAL, "code": "active"}]}},
        True,
    ),
    "local coding first, then resolved": (
        {"clinicalStatus": {"coding": [{"system": LOCAL, "code": "7"}, {"system": CLINICAL, "code": "resolved"}]}},
        False,
    ),
    "abated without status": ({"clinicalStatus": None, "abatementDateTime": "2020-05-01"}, False),
}


@pytest.mark.parametrize(("members", "active"), ACTIVITY.values(), ids=ACTIVITY.keys())
def test_activity(members: JSON, active: bool) -> None:
    assert one(type_1(**members)).active is active


@pytest.mark.parametrize("category", [VISIT, VISIT[0], [{"text": "Encounter Diagnosis"}]])
def test_a_missing_status_is_fine_on_an_encounter_diagnosis(category: Any) -> None:
    found = one(type_1(clinicalStatus=None, category=category))
    assert (found.active, found.status) == (None, "not stated")


@pytest.mark.parametrize("category", [PROBLEM, None, [*PROBLEM, *VISIT], [{"text": "Health Concern"}]])
def test_a_missing_status_elsewhere_leaves_open_whether_it_is_current(category: Any) -> None:
    # policy.md: other categories and none read like the problem list.
    found = one(type_1(clinicalStatus=None, category=category))
    assert (found.active, found.status) == (False, "without clinical status")


# ---------------------------------------------------------------- code


def coded(*codings: tuple[str | None, str], text: str | None = None) -> JSON:
    """A Condition with these codings."""
    several = [{"code": code} | ({"system": system} if system else {}) for system, code in codings]
    return type_1() | {"code": {"coding": several, "text": text}}


def test_any_coding_may_match() -> None:
    found = one(coded((LOCAL, "D1"), ("http://hl7.org/fhir/sid/icd-9-cm", "250.01"), (SNOMED, "46635009")))
    assert Concept.TYPE_1_DIABETES in found.concepts


@pytest.mark.parametrize("code", ["E10.9", "e109", " E10.9 ", "E1065", "O24.011"])
def test_spellings_of_type_1(code: str) -> None:
    assert Concept.TYPE_1_DIABETES in one(type_1(code)).concepts


FOR_A_REVIEWER = {
    "ICD-9 alone": coded(("http://hl7.org/fhir/sid/icd-9-cm", "250.01")),
    "presymptomatic": type_1("E10.A1"),
    "latent autoimmune diabetes": coded((SNOMED, "426875007")),
    "diabetes of no type": coded((SNOMED, "73211009")),
    "other specified": type_1("E13.9"),
}


@pytest.mark.parametrize("made", FOR_A_REVIEWER.values(), ids=FOR_A_REVIEWER.keys())
def test_a_diabetes_for_a_reviewer(made: JSON) -> None:
    concepts = one(made).concepts
    assert concepts & {Concept.DIABETES_TYPE_UNCLEAR, Concept.OTHER_DIABETES_TYPE}
    assert not concepts & {Concept.TYPE_1_DIABETES, Concept.TYPE_2_DIABETES}


@pytest.mark.parametrize("system", ["http://hl7.org/fhir/sid/icd-10", "ICD-10", None, "urn:oid:2.16.840.1.113883.6.3"])
def test_a_code_that_editions_share_is_supported(system: str | None) -> None:
    found = one(coded((system, "e109")))
    assert Concept.TYPE_1_DIABETES in found.supported
    assert not found.concepts


UNSURE = {
    "words": {"text": "Type 1 diabetes mellitus"},
    "a local code's display": {"coding": [{"system": LOCAL, "code": "1", "display": "Diabetes type 1"}]},
    "a code of an unknown system": {"coding": [{"system": LOCAL, "code": "46635009"}]},
}


@pytest.mark.parametrize("code", UNSURE.values(), ids=UNSURE.keys())
def test_what_is_not_sure_is_for_a_reviewer_and_noted(code: JSON) -> None:
    made = type_1() | {"code": code}
    found = one(made)
    assert Concept.TYPE_1_DIABETES in found.review
    assert not found.concepts | found.supported
    assert "reviewer" in notes(made)


NOTHING = {
    "asthma": type_1("J45.909"),
    "diabetes insipidus in words": type_1() | {"code": {"text": "Diabetes insipidus"}},
    "prediabetes in words": type_1() | {"code": {"text": "Prediabetes"}},
    "family history in words": type_1() | {"code": {"text": "Family history of diabetes"}},
    "screening in words": type_1() | {"code": {"text": "Screening for diabetes"}},
    "no code": type_1() | {"code": None},
    "an empty code": type_1() | {"code": {}},
}


@pytest.mark.parametrize("made", NOTHING.values(), ids=NOTHING.keys())
def test_what_is_no_diabetes(made: JSON) -> None:
    diabetes = {Concept.TYPE_1_DIABETES, Concept.TYPE_2_DIABETES, Concept.DIABETES_TYPE_UNCLEAR}
    assert not any((d.concepts | d.supported | d.review) & diabetes for d in diagnoses(made))


# ---------------------------------------------------------------- whose and when


def test_another_patients_condition_is_set_aside_and_named() -> None:
    other = type_1(subject={"reference": "Patient/p2"})
    assert diagnoses(other) == []
    assert "another patient" in notes(other)


@pytest.mark.parametrize(
    ("members", "day"),
    [
        ({"onsetDateTime": "2011-03"}, "2011-03"),
        ({"onsetPeriod": {"start": "2011-03-04"}}, "2011-03-04"),
        ({"onsetDateTime": "as a child"}, "2020-01-01"),
        ({"recordedDate": None}, "None"),
    ],
    ids=["onset", "onset period", "onset in words, recorded 2020-01-01", "nothing"],
)
def test_when_it_was(members: JSON, day: str) -> None:
    assert str(one(type_1(**members)).when) == day
