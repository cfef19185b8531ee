"""Whose chart a resource belongs to, and what of a search a token may see."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

Rows = list[tuple[str, str]]

# Resource types that hang on one patient and that all have the search parameter `patient` in R4.
_OF_PATIENTS = """
    AllergyIntolerance CarePlan CareTeam Claim ClaimResponse Communication Condition Consent Coverage
    CoverageEligibilityRequest CoverageEligibilityResponse Device DeviceRequest DeviceUseStatement DiagnosticReport
    DocumentReference Encounter EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory Flag Goal ImagingStudy
    Immunization MedicationAdministration MedicationDispense MedicationRequest MedicationStatement NutritionOrder
    Observation Procedure QuestionnaireResponse RelatedPerson RiskAssessment ServiceRequest Specimen Task
    """
_NAMES_PATIENT = ("patient", "subject", "beneficiary")
_PLAIN_NAME = re.compile(r"[a-z_]+(?::Patient)?")


class Named(msgspec.Struct):
    """The members of a resource that say what it is and whose."""

    resourceType: Any = None
    id: Any = None
    subject: Any = None
    patient: Any = None
    beneficiary: Any = None
    task_for: Any = msgspec.field(name="for", default=None)


class _Entry(msgspec.Struct):
    resource: Named | None = None


_named = msgspec.json.Decoder(Named)
_entry = msgspec.json.Decoder(_Entry)
_bundle = msgspec.json.Decoder(dict[str, msgspec.Raw])
_entries = msgspec.json.Decoder(list[msgspec.Raw])


class OtherPatient(Exception):
    """A search asks for another patient than the one of the launch."""


def named(body: bytes) -> Named:
    """What a resource is and whose; ValueError when the body is no JSON object."""
    return _named.decode(body)


def in_patient_compartment(kind: str) -> bool:
    """Whether resources of a type belong to one patient's chart."""
    return kind == "Patient" or kind in _OF_PATIENTS.split()


def is_of(resource: Named, patient: str) -> bool:
    """Whether a resource belongs to a patient's chart."""
    if resource.resourceType == "Patient":
        return bool(resource.id == patient)
    told = (resource.subject, resource.patient, resource.beneficiary, resource.task_for)
    references = [
        each["reference"] for each in told if isinstance(each, dict) and isinstance(each.get("reference"), str)
    ]
    return bool(references) and all(_means(reference, patient) for reference in references)


def narrowed(kind: str, rows: Rows, patient: str) -> Rows:
    """The parameters of a search, for one patient only; OtherPatient when they ask for another."""
    names = ("_id",) if kind == "Patient" else _NAMES_PATIENT
    about = [(name, value) for name, value in rows if re.split("[.:]", name)[0] in names]
    if not all(_means(each, patient) for _, value in about for each in value.split(",")):
        raise OtherPatient
    says_so = any(_PLAIN_NAME.fullmatch(name) for name, _ in about)
    return rows if says_so else [*rows, ("_id" if kind == "Patient" else "patient", patient)]


def visible(body: bytes, may_see: Callable[[Named], bool]) -> bytes:
    """A Bundle without the entries that may not be seen; ValueError when the body is no JSON object.

    Servers that do not know a parameter leave it out, and answer with the charts of others.
    """
    bundle = _bundle.decode(body)
    entries = _entries.decode(bundle["entry"]) if "entry" in bundle else []
    kept = [entry for entry in entries if _is_visible(_entry.decode(entry).resource, may_see)]
    if len(kept) == len(entries):
        return body
    bundle.pop("total", None)
    del bundle["entry"]
    if kept:
        bundle["entry"] = msgspec.Raw(msgspec.json.encode(kept))
    return msgspec.json.encode(bundle)


def _is_visible(resource: Named | None, may_see: Callable[[Named], bool]) -> bool:
    return resource is None or resource.resourceType == "OperationOutcome" or may_see(resource)


def _means(reference: str, patient: str) -> bool:
    """Whether an id or a reference, relative or absolute, is that patient's."""
    return reference in (patient, f"Patient/{patient}") or reference.endswith(f"/Patient/{patient}")
