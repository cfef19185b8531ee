"""What is asked of the EHR's FHIR server, as data: one entry a need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote

from cds_service.concepts import Concept
from cds_service.facts import Topic
from fhir_mappings.terminology import LOINC, codes_in

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Search:
    """One search: relative URL with {patient} and {since}; `days` back from the order's day for {since}."""

    url: str
    concepts: tuple[Concept, ...] = ()
    days: int = 0


# Readings are asked for back to where a rule can still use them: meter readings a year (D.I.I.2) and sensor readings
# a month (D.I.G), each with some days to spare. Results, conditions and orders have no such limit.
_OBSERVATION = "Observation?patient={patient}&code={codes}&_sort=-date&_count=" + str(_PAGE)
PLAN: dict[Topic, tuple[Search, ...]] = {
    Topic.PATIENT: (Search("Patient/{patient}"),),
    Topic.COVERAGE: (Search("Coverage?patient={patient}&status=active&_include=Coverage:payor"),),
    Topic.CONDITIONS: (Search(f"Condition?patient={{patient}}&_count={_PAGE}"),),
    Topic.HBA1C: (Search(_OBSERVATION, (Concept.HBA1C, Concept.HBA1C_UNIT_REQUIRED)),),
    Topic.GLUCOSE: (
        Search(f"{_OBSERVATION}&date=ge{{since}}", (Concept.GLUCOSE_SELF_TEST, Concept.GLUCOSE_GENERAL), 400),
        Search(f"{_OBSERVATION}&date=ge{{since}}", (Concept.CGM_READING, Concept.CGM_DAYS_OF_WEAR), 33),
    ),
    Topic.ALBUMIN_CREATININE: (Search(_OBSERVATION, (Concept.ALBUMIN_CREATININE_RATIO,)),),
    Topic.EGFR: (Search(_OBSERVATION, (Concept.EGFR,)),),
    Topic.INSULIN: (
        Search(f"MedicationRequest?patient={{patient}}&_include=MedicationRequest:medication&_count={_PAGE}"),
    ),
    Topic.EDUCATION: (Search(f"Procedure?patient={{patient}}&_count={_PAGE}"),),
    Topic.DEVICES: (Search("Device?patient={patient}"),),
    Topic.ENCOUNTERS: (Search(f"Encounter?patient={{patient}}&_count={_PAGE}"),),
    Topic.ATTESTATIONS: (Search("QuestionnaireResponse?patient={patient}&status=completed,amended"),),
}


def urls_for(topic: Topic, patient_id: str, as_of: date, people: Sequence[str] = ()) -> list[str]:
    """The relative URLs of one topic. `people`: references to those who order, for the requester topic."""
    if topic is Topic.REQUESTER:
        return [url for reference in dict.fromkeys(people) for url in _person(reference)]
    return [
        search.url.format(
            patient=quote(patient_id, safe=""),
            codes=",".join(codes_in(*search.concepts, system=LOINC)),
            since=(as_of - timedelta(days=search.days)).isoformat(),
        )
        for search in PLAN[topic]
    ]


def _person(reference: str) -> list[str]:
    """A practitioner's own record and roles; a role's record carries its practitioner along."""
    kind, _, identity = reference.partition("/")
    person = quote(identity, safe="")
    if kind == "PractitionerRole":
        return [f"PractitionerRole?_id={person}&_include=PractitionerRole:practitioner"]
    return [f"Practitioner/{person}", f"PractitionerRole?practitioner={person}"]
