"""The patient compartment: whose chart a resource belongs to, and which search results a token may see."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

Rows = list[tuple[str, str]]

# Resource types of the patient compartment that all have the search parameter `patient` in R4.
_COMPARTMENT_TYPES = """
    AllergyIntolerance CarePlan CareTeam Claim ClaimResponse Communication Condition Consent Coverage
    CoverageEligibilityRequest CoverageEligibilityResponse Device DeviceRequest DeviceUseStatement DiagnosticReport
    DocumentReference Encounter EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory Flag Goal ImagingStudy
    Immunization MedicationAdministration MedicationDispense MedicationRequest MedicationStatement NutritionOrder
    Observation Procedure QuestionnaireResponse RelatedPerson RiskAssessment ServiceRequest Specimen Task
    """
_NAMES_PATIENT = ("patient", "subject", "beneficiary")
_PLAIN_NAME = re.compile(r"[a-z_]+(?::Patient)?")


class ResourceOwner(msgspec.Struct):
    """The members of a resource that say its type, its id and its patient."""

    resourceType: Any = None
    id: Any = None
    subject: Any = None
    patient: Any = None
    beneficiary: Any = None
    task_for: Any = msgspec.field(name="for", default=None)


class _Entry(msgspec.Struct):
    resource: ResourceOwner | None = None


_owner_decoder = msgspec.json.Decoder(ResourceOwner)
_entry = msgspec.json.Decoder(_Entry)
_bundle = msgspec.json.Decoder(dict[str, msgspec.Raw])
_entries = msgspec.json.Decoder(list[msgspec.Raw])


class OtherPatient(Exception):
    """A search asks for another patient than the one of the launch."""


def owner_in(body: bytes) -> ResourceOwner:
    """Type, id and patient of a resource; ValueError when the body is no JSON object."""
    return _owner_decoder.decode(body)


def in_patient_compartment(kind: str) -> bool:
    """Whether resources of a type belong to one patient's chart."""
    return kind == "Patient" or kind in _COMPARTMENT_TYPES.split()


def is_of(resource: ResourceOwner, patient: str) -> bool:
    """Whether a resource belongs to a patient's chart."""
    if resource.resourceType == "Patient":
        return bool(resource.id == patient)
    members = (resource.subject, resource.patient, resource.beneficiary, resource.task_for)
    references = [
        member["reference"]
        for member in members
        if isinstance(member, dict) and isinstance(member.get("reference"), str)
    ]
    return bool(references) and all(_is_patient(reference, patient) for reference in references)


def limited_to_patient(kind: str, rows: Rows, patient: str) -> Rows:
    """The parameters of a search, limited to one patient; OtherPatient when they ask for another."""
    names = ("_id",) if kind == "Patient" else _NAMES_PATIENT
    patient_rows = [(name, value) for name, value in rows if re.split("[.:]", name)[0] in names]
    if not all(_is_patient(reference, patient) for _, value in patient_rows for reference in value.split(",")):
        raise OtherPatient
    is_limited = any(_PLAIN_NAME.fullmatch(name) for name, _ in patient_rows)
    return rows if is_limited else [*rows, ("_id" if kind == "Patient" else "patient", patient)]


def visible_part(body: bytes, may_see: Callable[[ResourceOwner], bool]) -> bytes:
    """A Bundle without the entries that may not be seen; ValueError when the body is no JSON object.

    Needed because servers ignore a parameter that they do not know, and then return other patients' data.
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


def _is_visible(resource: ResourceOwner | None, may_see: Callable[[ResourceOwner], bool]) -> bool:
    return resource is None or resource.resourceType == "OperationOutcome" or may_see(resource)


def _is_patient(reference: str, patient: str) -> bool:
    """Whether an id or a reference, relative or absolute, is that patient's."""
    return reference in (patient, f"Patient/{patient}") or reference.endswith(f"/Patient/{patient}")
