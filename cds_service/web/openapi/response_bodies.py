# ruff: noqa: D101 -- the types bear the names of CDS Hooks, FHIR, OAuth and docs/, where each is described
"""What is answered, as types, from which the schemas of the OpenAPI document are made.

Bodies that one module makes whole have their types there: OperationOutcome, SmartConfiguration, TokenRefusal.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Required, TypedDict

from msgspec import Meta

from cds_service.engine.determination import Applicability, Outcome
from cds_service.engine.finding import Basis, Gap
from cds_service.engine.truth import Truth
from cds_service.services.answer_hook import EXTENSION
from cds_service.web.openapi.request_bodies import Coding, Resource, Uuid


class Service(TypedDict, total=False):
    hook: Required[str]
    id: Required[str]
    description: Required[str]
    title: str
    version: str
    usageRequirements: str
    prefetch: dict[str, str]
    extension: dict[str, Any]


class Discovery(TypedDict):
    services: list[Service]


class Source(TypedDict, total=False):
    label: Required[str]
    url: str
    topic: Coding


class Link(TypedDict, total=False):
    label: Required[str]
    url: Required[str]
    type: Required[Literal["absolute", "smart"]]
    appContext: str


class Action(TypedDict, total=False):
    type: Required[Literal["create", "update", "delete"]]
    description: Required[str]
    resource: Resource
    resourceId: str


class Suggestion(TypedDict):
    label: str
    uuid: Uuid
    actions: list[Action]


class Card(TypedDict, total=False):
    uuid: Required[Uuid]
    summary: Required[Annotated[str, Meta(max_length=140)]]
    indicator: Required[Literal["info", "warning", "critical"]]
    source: Required[Source]
    detail: str
    links: list[Link]
    suggestions: list[Suggestion]
    selectionBehavior: Literal["any", "at-most-one"]
    overrideReasons: list[Coding]
    extension: dict[str, Any]


class Evidence(TypedDict, total=False):
    reference: str
    value: str
    date: str
    source: str


class Criterion(TypedDict, total=False):
    id: Required[str]
    truth: Required[Truth]
    explanation: Required[str]
    evidence: Required[list[Evidence]]
    basis: Basis
    gap: Gap
    closes: str
    parts: list[Criterion]
    remarks: list[str]


class PolicyVersion(TypedDict, total=False):
    id: Required[str]
    version: date


class Determination(TypedDict, total=False):
    order: Required[str]
    outcome: Required[Outcome]
    asOf: Required[date]
    policy: Required[PolicyVersion]
    coverage: Required[Applicability]
    reason: str
    path: Literal["new", "replacement"]
    ridesWith: str
    criteria: list[Criterion]
    exclusions: list[Criterion]
    replacement: list[Criterion]
    notes: list[str]
    assertionId: Uuid


ResponseExtension = TypedDict("ResponseExtension", {EXTENSION: list[Determination]}, total=False)  # type: ignore[misc]


class HookResponse(TypedDict, total=False):
    cards: Required[list[Card]]
    systemActions: Required[list[Action]]
    extension: ResponseExtension


class AccessToken(TypedDict, total=False):
    access_token: Required[str]
    token_type: Required[Literal["Bearer"]]
    expires_in: int
    scope: str
