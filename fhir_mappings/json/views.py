"""The few fields that are read of each FHIR resource, as msgspec Structs; everything else is skipped unread.

Data types stand in datatypes.py, what a chart holds in clinical_views.py; orders and Bundles are here. Every field
may be missing or null.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

from fhir_mappings.common.datatypes import NOTHING, Annotation, CodeableConcept, Reference, Several
from fhir_mappings.json.administrative_views import CareTeam, Coverage, Organization, Practitioner, PractitionerRole
from fhir_mappings.json.clinical_views import (
    ChargeItem,
    Condition,
    Device,
    DeviceUseStatement,
    Encounter,
    Medication,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
    Observation,
    Patient,
    Procedure,
    QuestionnaireResponse,
    Resource,
)
from fhir_mappings.json.laboratory_views import DiagnosticReport, Specimen


class DeviceRequest(Resource, tag="DeviceRequest"):
    """An order for a device."""

    contained: Raw = NOTHING
    extension: Raw = NOTHING
    modifierExtension: Raw = NOTHING
    doNotPerform: bool | None = None
    status: str | None = None
    intent: str | None = None
    codeCodeableConcept: CodeableConcept | None = None
    codeReference: Reference | None = None
    code: Raw = NOTHING
    parameter: Raw = NOTHING
    subject: Reference | None = None
    authoredOn: str | None = None
    requester: Reference | None = None
    performer: Reference | None = None
    reasonCode: Several[CodeableConcept] | None = None
    insurance: Several[Reference] | None = None
    note: Several[Annotation] | None = None
    priorRequest: Several[Reference] | None = None


class ServiceRequest(Resource, tag="ServiceRequest"):
    """An order for a service, or for a pump that an EHR files as one."""

    contained: Raw = NOTHING
    extension: Raw = NOTHING
    status: str | None = None
    intent: str | None = None
    doNotPerform: bool | None = None
    code: CodeableConcept | None = None
    orderDetail: Several[CodeableConcept] | None = None
    subject: Reference | None = None
    authoredOn: str | None = None
    requester: Reference | None = None
    performer: Several[Reference] | None = None
    reasonCode: Several[CodeableConcept] | None = None
    insurance: Several[Reference] | None = None
    note: Several[Annotation] | None = None
    replaces: Several[Reference] | None = None


class SupplyRequest(Resource, tag="SupplyRequest"):
    """An order for supplies, or for a pump that an EHR files as one."""

    contained: Raw = NOTHING
    extension: Raw = NOTHING
    modifierExtension: Raw = NOTHING
    status: str | None = None
    itemCodeableConcept: CodeableConcept | None = None
    itemReference: Reference | None = None
    parameter: Raw = NOTHING
    authoredOn: str | None = None
    requester: Reference | None = None
    supplier: Several[Reference] | None = None
    reasonCode: Several[CodeableConcept] | None = None


class OperationOutcome(Resource, tag="OperationOutcome"):
    """What a server says went wrong."""

    class Issue(Struct, gc=False):
        """One issue."""

        severity: str | None = None
        code: str | None = None
        details: CodeableConcept | None = None
        diagnostics: str | None = None

    issue: Several[Issue] | None = None


class Link(Struct, gc=False):
    """A link of a Bundle."""

    relation: str | None = None
    url: str | None = None


class EntryResponse(Struct, gc=False):
    """What became of one request of a batch."""

    status: str | None = None


class Entry(Struct, gc=False):
    """An entry of a Bundle, its resource typed."""

    fullUrl: str | None = None
    resource: AnyResource | None = None
    response: EntryResponse | None = None


class Bundle(Resource, tag="Bundle"):
    """A Bundle, its resources typed."""

    type: str | None = None
    total: int | None = None
    link: Several[Link] | None = None
    entry: list[Entry] | None = None


AnyResource = (
    Patient
    | Observation
    | Specimen
    | DiagnosticReport
    | Condition
    | Medication
    | MedicationRequest
    | MedicationStatement
    | MedicationDispense
    | Procedure
    | ChargeItem
    | Encounter
    | Device
    | DeviceUseStatement
    | Coverage
    | Practitioner
    | PractitionerRole
    | Organization
    | CareTeam
    | QuestionnaireResponse
    | DeviceRequest
    | ServiceRequest
    | SupplyRequest
    | OperationOutcome
    | Bundle
)
KNOWN_TYPES = frozenset(t.__struct_config__.tag for t in AnyResource.__args__)


class RawEntry(Struct, gc=False):
    """An entry of a Bundle, its resource not looked at yet."""

    fullUrl: Any = None
    resource: Raw = NOTHING
    response: Raw = NOTHING


class RawObject(Struct, gc=False):
    """A JSON object that may be a resource, a Bundle or an entry; its members are not type-checked."""

    resourceType: Any = None
    id: Any = None
    total: Any = None
    link: Raw = NOTHING
    entry: Raw = NOTHING
    resource: Raw = NOTHING
    response: Raw = NOTHING
