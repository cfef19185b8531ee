"""Visits at which a practitioner saw the patient, as three systems send them, and what is filed as one and is none."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.facts import PractitionerVisit, SeenHow
from fhir_mappings.chart.practitioner_visits import MOST_OF_A_KIND, read_practitioner_visits
from fhir_mappings.chart.providers import Providers
from fhir_mappings.json.administrative_views import PractitionerRole
from fhir_mappings.json.clinical_views import Encounter
from tests.fhir_mappings.builders import CPT, JSON, SNOMED, chart_context, located
from tests.support import ICD, PATIENT

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
EPIC = "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
ORACLE = "https://fhir.cerner.com/a/codeSet/71"


def encounter(class_code: str = "AMB", *types: JSON, **members: Any) -> JSON:
    """A finished visit of 2026-10-01."""
    base = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"system": ACT, "code": class_code},
        "type": list(types),
        "subject": PATIENT,
        "period": {"start": "2026-10-01T09:00:00-04:00", "end": "2026-10-01T09:30:00-04:00"},
    }
    return {key: value for key, value in (base | members).items() if value is not None}


def visits(*resources: JSON) -> list[PractitionerVisit]:
    context, views = chart_context(*resources), located(*resources)
    roles = [resource for resource, _ in views if isinstance(resource, PractitionerRole)]
    found = [each for each in views if isinstance(each[0], Encounter)]
    return read_practitioner_visits(found, Providers(roles, context), context)


def how(class_code: str = "AMB", *types: JSON, **members: Any) -> SeenHow:
    (visit,) = visits(encounter(class_code, *types, **members))
    return visit.how


def named(text: str) -> JSON:
    return {"text": text}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AMB", SeenHow.OFFICE),
        ("VR", SeenHow.VIRTUAL),
        ("HH", SeenHow.HOME),
        ("EMER", SeenHow.EMERGENCY),
        ("IMP", SeenHow.INPATIENT),
        ("OBSENC", SeenHow.OBSERVATION),
        ("XYZ", SeenHow.UNREAD),
    ],
)
def test_the_class_says_how(code: str, expected: SeenHow) -> None:
    assert how(code) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Office Visit", SeenHow.OFFICE),
        ("Telemedicine", SeenHow.VIRTUAL),
        ("Video Visit", SeenHow.VIRTUAL),
        ("Telephone", SeenHow.TELEPHONE),
        ("Refill", SeenHow.NOT_SEEN),
        ("Orders Only", SeenHow.NOT_SEEN),
        ("Patient Message", SeenHow.NOT_SEEN),
        ("Lab", SeenHow.NOT_SEEN),
        ("Documentation Only", SeenHow.NOT_SEEN),
        ("E-Visit", SeenHow.UNREAD),
        ("Home Visit", SeenHow.HOME),
    ],
)
def test_words_outweigh_an_ambulatory_class(text: str, expected: SeenHow) -> None:
    """Epic files all of these under one class and tells them apart by the type's name."""
    epic = {
        "system": EPIC,
        "code": "13",
        "display": "Support OP Encounter" if expected is SeenHow.NOT_SEEN else "Appointment",
    }
    kind = "HH" if expected is SeenHow.HOME else "AMB"
    assert how(kind, named(text)) is expected
    if expected not in (SeenHow.HOME, SeenHow.UNREAD):
        assert how("AMB", named(text), **{"class": epic}) is expected


def test_oracle_healths_office_visit_is_one() -> None:
    typed = {"coding": [{"system": ORACLE, "code": "309308", "display": "Outpatient"}], "text": "Outpatient"}
    assert how("AMB", typed) is SeenHow.OFFICE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ambulatory Office Visit", SeenHow.OFFICE),
        ("Registered BAR Non Visit", SeenHow.NOT_SEEN),
        ("Registered Clinical", SeenHow.UNREAD),
    ],
)
def test_meditechs_registrations_all_have_an_ambulatory_class(text: str, expected: SeenHow) -> None:
    """mock-health/the-map@1757b01 tests/golden/meditech."""
    assert how("AMB", named(text)) is expected


@pytest.mark.parametrize(
    ("code", "display", "expected"),
    [
        ("390906007", "Follow-up encounter", SeenHow.OFFICE),
        ("185317003", "Telephone encounter", SeenHow.TELEPHONE),
        ("448337001", "Telemedicine consultation with patient", SeenHow.VIRTUAL),
    ],
)
def test_syntheas_snomed_types_are_read_by_their_names(code: str, display: str, expected: SeenHow) -> None:
    assert how("AMB", {"coding": [{"system": SNOMED, "code": code, "display": display}]}) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("99214", SeenHow.OFFICE),
        ("99443", SeenHow.TELEPHONE),
        ("99350", SeenHow.HOME),
        ("99284", SeenHow.EMERGENCY),
        ("99421", SeenHow.NOT_SEEN),
        ("36415", SeenHow.NOT_SEEN),
    ],
)
def test_a_billing_code_decides(code: str, expected: SeenHow) -> None:
    assert how("AMB", {"coding": [{"system": CPT, "code": code}]}) is expected


@pytest.mark.parametrize("status", ["planned", "cancelled", "entered-in-error"])
def test_what_never_took_place_is_no_visit(status: str) -> None:
    assert visits(encounter(status=status)) == []


def test_another_patients_visit_is_none() -> None:
    assert visits(encounter(subject={"reference": "Patient/p2"})) == []


def test_a_visit_has_its_days_and_its_people() -> None:
    role = {"resourceType": "PractitionerRole", "id": "r1", "practitioner": {"reference": "Practitioner/d1"}}
    people = [
        {"individual": {"reference": "PractitionerRole/r1", "display": "Example, Ann, MD"}},
        {"type": [{"coding": [{"code": "REF"}]}], "individual": {"reference": "Practitioner/referrer"}},
        {"individual": {"reference": "RelatedPerson/x"}},
    ]
    (visit,) = visits(encounter("AMB", named("Office Visit"), participant=people), role)
    assert visit.practitioners == {"PractitionerRole/r1", "Practitioner/d1"}
    assert visit.practitioner_names == ("Example, Ann, MD",)
    assert (str(visit.when), str(visit.until), visit.label) == ("2026-10-01", "2026-10-01", "Office Visit")
    assert not visit.endocrinology


def test_r5s_actor_is_read_too() -> None:
    (visit,) = visits(encounter(participant=[{"actor": {"reference": "Practitioner/d1"}}]))
    assert visit.practitioners == {"Practitioner/d1"}


def test_the_specialty_is_known_from_the_role_or_the_service() -> None:
    role = {
        "resourceType": "PractitionerRole",
        "id": "r1",
        "practitioner": {"reference": "Practitioner/d1"},
        "specialty": [{"coding": [{"system": "http://nucc.org/provider-taxonomy", "code": "207RE0101X"}]}],
    }
    (by_role,) = visits(encounter(participant=[{"individual": {"reference": "Practitioner/d1"}}]), role)
    (by_service,) = visits(encounter(serviceType={"text": "Endocrinology"}))
    assert by_role.endocrinology
    assert by_service.endocrinology
    # A class with an educator is no visit to an endocrinologist.
    assert not visits(encounter("AMB", named("Diabetes education visit")))[0].endocrinology


def test_the_reasons_of_a_visit_are_kept() -> None:
    (visit,) = visits(encounter(reasonCode=[{"coding": [{"system": ICD, "code": "E10.65"}]}]))
    assert Concept.TYPE_1_DIABETES in visit.concepts


@pytest.mark.parametrize("people", ["x", [{"individual": 5}], [None]])
def test_malformed_people_cost_no_visit(people: Any) -> None:
    (visit,) = visits(encounter(participant=people))
    assert visit.practitioners == frozenset()


def test_of_each_kind_the_newest_visits_are_kept() -> None:
    months = [f"{year}-{month:02}" for year in range(2020, 2026) for month in range(1, 13)]
    days = [f"{month}-{day:02}" for month in months for day in range(1, 29)]
    messages = [
        encounter("AMB", named("Refill"), id=f"m{at}", period={"start": day, "end": day}) for at, day in enumerate(days)
    ]
    office = encounter(id="office", period={"start": "2019-05-01", "end": "2019-05-01"})
    undated = encounter("AMB", named("Refill"), id="undated", period=None)
    found = visits(office, undated, *messages)
    assert [visit.reference for visit in found if visit.how is SeenHow.OFFICE] == ["Encounter/office"]
    kept = [str(visit.when) for visit in found if visit.how is SeenHow.NOT_SEEN]
    assert sorted(kept) == days[-MOST_OF_A_KIND:]
