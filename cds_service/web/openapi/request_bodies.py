# ruff: noqa: D101 -- the types bear the names of CDS Hooks, FHIR, OAuth and docs/, where each is described
"""What clients send, as types, from which the schemas of the OpenAPI document are made.

They name what is read and stay open for everything else, as the services do: a client that sends more than this, or
leaves out what is optional, is answered.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Required, TypedDict

from msgspec import Meta

from cds_service.hooks.configuration import CONFIGURATION, REQUESTED_VERSION
from cds_service.web.backend_services.capabilities import SCOPES
from cds_service.web.openapi.pointers import ref

Uuid = Annotated[str, Meta(pattern="^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$")]
FhirId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._\-]{1,128}$")]
UserReference = Annotated[str, Meta(pattern=r"^(Practitioner|PractitionerRole)/[A-Za-z0-9._\-]{1,128}$")]
AnyReference = Annotated[str, Meta(pattern=r"^(https?://[^\s?#]+/)?[A-Z][A-Za-z]+/[A-Za-z0-9._\-]{1,128}$")]
HttpUrl = Annotated[
    str, Meta(pattern=r"^https?://[A-Za-z0-9.\-]+(:[0-9]{1,4})?(/[A-Za-z0-9._~\-]*)*$", max_length=2000)
]


class Resource(TypedDict, total=False):
    resourceType: Required[Annotated[str, Meta(examples=["Observation"])]]
    id: str


class Coding(TypedDict, total=False):
    system: str
    code: str
    display: str


class CodeableConcept(TypedDict, total=False):
    text: str
    coding: list[Coding]


class Reference(TypedDict, total=False):
    reference: str
    display: str


class DeviceRequest(TypedDict, total=False):
    resourceType: Required[Literal["DeviceRequest"]]
    id: FhirId
    status: Required[str]
    intent: Required[str]
    codeCodeableConcept: Required[Annotated[CodeableConcept, Meta(examples=[{"coding": [{"code": "E0784"}]}])]]
    subject: Required[Reference]
    authoredOn: Annotated[str, Meta(examples=["2026-11-25"])]
    requester: Reference


class BundleEntry(TypedDict, total=False):
    fullUrl: str
    resource: Annotated[Any, Meta(extra_json_schema={"anyOf": [ref("DeviceRequest"), ref("Resource")]})]


class Bundle(TypedDict, total=False):
    resourceType: Required[Literal["Bundle"]]
    type: Required[Annotated[str, Meta(examples=["searchset"])]]
    total: Annotated[int, Meta(ge=0)]
    entry: list[BundleEntry]


class SigningContext(TypedDict, total=False):
    userId: Required[UserReference]
    patientId: Required[FhirId]
    draftOrders: Required[Bundle]
    encounterId: str


class SelectionContext(SigningContext, total=False):
    selections: Required[list[AnyReference]]


class DispatchContext(TypedDict, total=False):
    patientId: Required[FhirId]
    dispatchedOrders: Required[Annotated[list[AnyReference], Meta(min_length=1)]]
    performer: Required[AnyReference]
    fulfillmentTasks: list[Resource]


class FhirAuthorization(TypedDict, total=False):
    access_token: Required[Annotated[str, Meta(pattern="^[!-~]{1,4000}$")]]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Meta(ge=0)]
    scope: str
    subject: str


CallExtension = TypedDict(
    "CallExtension",
    {REQUESTED_VERSION: Annotated[str, Meta(examples=["2.2"])], CONFIGURATION: dict[str, Any]},  # type: ignore[misc]
    total=False,
)
PrefetchValue = Annotated[Any, Meta(extra_json_schema={"anyOf": [ref("Bundle"), ref("Resource"), {"type": "null"}]})]


class Call(TypedDict, total=False):
    hookInstance: Required[Uuid]
    fhirServer: HttpUrl
    fhirAuthorization: FhirAuthorization
    prefetch: dict[str, PrefetchValue]
    extension: CallExtension


class OrderSignCall(Call):
    hook: Literal["order-sign"]
    context: SigningContext


class OrderSelectCall(Call):
    hook: Literal["order-select"]
    context: SelectionContext


class OrderDispatchCall(Call):
    hook: Literal["order-dispatch"]
    context: DispatchContext


class AcceptedSuggestion(TypedDict, total=False):
    id: str


class OverrideReason(TypedDict, total=False):
    reason: Coding
    userComment: str


class FeedbackEntry(TypedDict, total=False):
    card: Required[Uuid]
    outcome: Required[Literal["accepted", "overridden"]]
    acceptedSuggestions: list[AcceptedSuggestion]
    overrideReason: OverrideReason
    outcomeTimestamp: Annotated[datetime, Meta(tz=True)]


class Feedback(TypedDict):
    feedback: Annotated[list[FeedbackEntry], Meta(min_length=1, max_length=200)]


class Parameters(TypedDict, total=False):
    resourceType: Required[Literal["Parameters"]]
    parameter: list[Any]


class TokenRequest(TypedDict, total=False):
    grant_type: Required[Literal["client_credentials"]]
    scope: Annotated[str, Meta(examples=[" ".join(SCOPES)])]
    client_assertion_type: Required[Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]]
    client_assertion: Required[str]
