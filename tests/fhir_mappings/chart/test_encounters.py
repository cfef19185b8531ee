"""Encounter → visits: what a visit was for is told by filtered facts only, in whatever way it is said."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.facts import Record, Visit
from fhir_mappings.chart.conditions import read_conditions
from fhir_mappings.chart.encounters import read_encounters
from tests.fhir_mappings.builders import JSON, SERVER, VERIFICATION, chart_context, located
from tests.support import ICD, PATIENT, concept, condition

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
EPIC = "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
DKA = Concept.KETOACIDOSIS


def encounter(**members: Any) -> JSON:
    """A finished inpatient stay of three days."""
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"system": ACT, "code": "IMP"},
        "subject": PATIENT,
        "period": {"start": "2026-03-01T22:00:00-05:00", "end": "2026-03-04T10:00:00-05:00"},
    } | members


def facts(*resources: JSON) -> tuple[list[Visit], list[Record]]:
    """What the encounters of a chart are read as."""
    context = chart_context(*resources)
    of = {kind: [r for r in resources if r["resourceType"] == kind] for kind in ("Condition", "Encounter")}
    diagnoses = read_conditions(located(*of["Condition"]), context)
    return read_encounters(located(*of["Encounter"]), diagnoses, context)


def visits(*resources: JSON) -> list[Visit]:
    return facts(*resources)[0]


def dka(**members: Any) -> JSON:
    return condition("dka", "E10.10") | members


TELLS = {
    "reasonCode": ({"reasonCode": [concept(ICD, "E10.10")]}, None),
    "reasonReference": ({"reasonReference": [{"reference": "Condition/dka"}]}, dka()),
    "diagnosis": ({"diagnosis": [{"condition": {"reference": "Condition/dka"}}]}, dka()),
    "diagnosis, absolute": ({"diagnosis": [{"condition": {"reference": f"{SERVER}/Condition/dka"}}]}, dka()),
    "recorded at the visit": ({}, dka(encounter={"reference": "Encounter/e1"})),
    "recorded at the visit, absolute": ({}, dka(encounter={"reference": f"{SERVER}/Encounter/e1"})),
}
WAYS = [key for key, (_, source) in TELLS.items() if source is not None]


@pytest.mark.parametrize("way", TELLS)
def test_what_a_visit_was_for(way: str) -> None:
    members, source = TELLS[way]
    (visit,) = visits(encounter(**members), *([source] if source else []))
    assert visit.concepts == {DKA}
    assert "ketoacidosis" in visit.label
    assert visit.diagnoses == ({"Condition/dka"} if source else set())


FILTERED = {
    **{
        status: {"verificationStatus": concept(VERIFICATION, status)}
        for status in ("refuted", "entered-in-error", "provisional", "differential", "unconfirmed")
    },
    "another patient's": {"subject": {"reference": "Patient/p2"}},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("members", FILTERED.values(), ids=FILTERED.keys())
def test_what_the_filter_drops_is_no_reason(way: str, members: JSON) -> None:
    tells, source = TELLS[way]
    assert source is not None
    # The display beside the reference does not bring it back either.
    with_display = [{"condition": {"reference": "Condition/dka", "display": "Diabetic ketoacidosis"}}]
    assert visits(encounter(**tells), source | members) == []
    assert visits(encounter(diagnosis=with_display), source | members) == []


WORDS = {
    "reason text": {"reasonCode": [{"text": "Diabetic ketoacidosis"}]},
    "a local code's display": {"reasonCode": [{"coding": [{"system": "urn:oid:1.2", "code": "7", "display": "DKA"}]}]},
    "the display of a Condition that was not read": {
        "diagnosis": [{"condition": {"reference": "Condition/x", "display": "Diabetic ketoacidosis without coma"}}]
    },
    "a display without a reference": {"reasonReference": [{"display": "DKA"}]},
    "the visit's type": {"type": [{"text": "DKA admission"}]},
}


@pytest.mark.parametrize("members", WORDS.values(), ids=WORDS.keys())
def test_words_are_for_a_reviewer(members: JSON) -> None:
    (visit,) = visits(encounter(**members))
    assert (visit.concepts, visit.review) == (frozenset(), {DKA})
    assert "dka" in visit.label.casefold() or "ketoacidosis" in visit.label.casefold()


@pytest.mark.parametrize("text", ["No DKA", "Rule out DKA", "Family history of DKA", "Alcoholic ketoacidosis"])
def test_words_that_say_otherwise_say_nothing(text: str) -> None:
    assert visits(encounter(reasonCode=[{"text": text}])) == []


CLASSES = {
    "inpatient": ({"system": ACT, "code": "IMP"}, True),
    "acute": ({"system": ACT, "code": "ACUTE"}, True),
    "not acute": ({"system": ACT, "code": "NONAC"}, True),
    "emergency": ({"system": ACT, "code": "EMER"}, False),
    "observation": ({"system": ACT, "code": "OBSENC"}, False),
    "Epic's own class by display": ({"system": EPIC, "code": "1", "display": "Inpatient"}, True),
    "HL7 v2": ({"system": "http://terminology.hl7.org/CodeSystem/v2-0004", "code": "I"}, True),
    "MEDITECH's emergency": ({"display": "Departed Emergency"}, False),
    "a local number": ({"system": EPIC, "code": "4", "display": "Hospital Encounter"}, None),
    "nothing": (None, None),
}


@pytest.mark.parametrize(("kind", "inpatient"), CLASSES.values(), ids=CLASSES.keys())
def test_whether_a_visit_is_a_stay(kind: JSON | None, inpatient: bool | None) -> None:
    (visit,) = visits(encounter(**{"class": kind}, reasonCode=[concept(ICD, "E10.10")]))
    assert visit.inpatient is inpatient


@pytest.mark.parametrize("status", ["planned", "cancelled", "entered-in-error"])
def test_what_never_happened_is_no_visit(status: str) -> None:
    assert visits(encounter(status=status, reasonCode=[concept(ICD, "E10.10")])) == []


@pytest.mark.parametrize("status", ["finished", "in-progress", "unknown", "completed", None])
def test_what_happened_is_a_visit(status: str | None) -> None:
    assert len(visits(encounter(status=status, reasonCode=[concept(ICD, "E10.10")]))) == 1


def test_times_and_length() -> None:
    (visit,) = visits(encounter(reasonCode=[concept(ICD, "E10.10")]))
    assert visit.when is not None
    assert visit.end is not None
    assert (visit.when.first, visit.end.first, visit.days) == (date(2026, 3, 1), date(2026, 3, 4), 3)
    assert (visit.when.clock is None, visit.end.clock is None) == (False, False)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("E16.2", Concept.HYPOGLYCEMIA_GENERIC),
        ("E16.0", Concept.HYPOGLYCEMIA_GENERIC),
        ("E16.A2", Concept.HYPOGLYCEMIA_LEVEL),
        ("E16.A3", Concept.HYPOGLYCEMIA_LEVEL_3),
        ("E10641", Concept.SEVERE_EXCURSION),
        ("E11.01", Concept.HYPEROSMOLAR_STATE),
    ],
)
def test_codes_of_glycemic_events(code: str, wanted: Concept) -> None:
    (visit,) = visits(encounter(reasonCode=[concept(ICD, code)]))
    assert wanted in visit.concepts


def test_a_visit_for_something_else_is_none() -> None:
    assert facts(encounter(reasonCode=[concept(ICD, "J18.9")])) == ([], [])
