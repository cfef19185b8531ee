"""Schemas of what is sent and answered, for the OpenAPI document.

Those of requests say what is read and stay open for everything else, as the services do: a client that sends more
than this, or leaves out what is optional, is answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cds_service.hooks.discovery import HookService

JSON = dict[str, Any]

_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_ID = r"^[A-Za-z0-9._\-]{1,128}$"
_USER = r"^(Practitioner|PractitionerRole)/[A-Za-z0-9._\-]{1,128}$"
_REFERENCE = r"^(https?://[^\s?#]+/)?[A-Z][A-Za-z]+/[A-Za-z0-9._\-]{1,128}$"
_HTTP_URL = r"^https?://[A-Za-z0-9.\-]+(:[0-9]{1,4})?(/[A-Za-z0-9._~\-]*)*$"


def ref(name: str) -> JSON:
    """A pointer to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: Iterable[str] = (), **properties: JSON) -> JSON:
    """An object that may hold more than is named."""
    named: JSON = {"type": "object", "properties": properties}
    return named | ({"required": list(required)} if required else {})


def _list(items: JSON, **more: int) -> JSON:
    return {"type": "array", "items": items, **more}


def _or_null(*schemas: JSON) -> JSON:
    return {"anyOf": [*schemas, {"type": "null"}]}


_TEXT: JSON = {"type": "string"}
_UUID_TEXT: JSON = {"type": "string", "pattern": _UUID}
_REFERENCE_TEXT: JSON = {"type": "string", "pattern": _REFERENCE}


def call_body(service: HookService, templates: Iterable[str]) -> JSON:
    """The body of a call: what the hook's context needs, and the prefetch keys that discovery names."""
    value = _or_null(ref("Bundle"), ref("Resource"))
    return _object(
        ("hook", "hookInstance", "context"),
        hook={"type": "string", "const": service.hook},
        hookInstance=_UUID_TEXT,
        fhirServer={"type": "string", "pattern": _HTTP_URL, "maxLength": 2000},
        fhirAuthorization=ref("FhirAuthorization"),
        context=_context(service.hook),
        prefetch=_object(**dict.fromkeys(templates, value)) | {"additionalProperties": value},
        extension=ref("CallExtension"),
    ) | {"dependentRequired": {"fhirAuthorization": ["fhirServer"]}}


def _context(hook: str) -> JSON:
    patient: JSON = {"type": "string", "pattern": _ID}
    if hook == "order-dispatch":
        return _object(
            ("patientId", "dispatchedOrders", "performer"),
            patientId=patient,
            dispatchedOrders=_list(_REFERENCE_TEXT, minItems=1),
            performer=_REFERENCE_TEXT,
            fulfillmentTasks=_list(ref("Resource")),
        )
    signing = {"userId": {"type": "string", "pattern": _USER}, "patientId": patient, "draftOrders": ref("DraftOrders")}
    if hook == "order-select":
        signing["selections"] = _list(_REFERENCE_TEXT)
    return _object(tuple(signing), **signing, encounterId=_TEXT)


_RESOURCE: JSON = _object(
    ("resourceType",), resourceType={"type": "string", "examples": ["Observation"]}, id={"type": "string"}
)
_ORDER = _object(
    ("resourceType", "status", "intent", "codeCodeableConcept", "subject"),
    resourceType={"type": "string", "const": "DeviceRequest"},
    id={"type": "string", "pattern": _ID},
    status=_TEXT,
    intent=_TEXT,
    codeCodeableConcept=ref("CodeableConcept"),
    subject=ref("Reference"),
    authoredOn={"type": "string", "examples": ["2026-11-25"]},
    requester=ref("Reference"),
)
SCHEMAS: JSON = {
    "Resource": _RESOURCE,
    "DeviceRequest": _ORDER,
    "Reference": _object(reference=_TEXT, display=_TEXT),
    "CodeableConcept": _object(
        text=_TEXT,
        coding=_list(_object(system=_TEXT, code={"type": "string", "examples": ["E0784"]}, display=_TEXT)),
    ),
    "Bundle": _object(
        ("resourceType", "type"),
        resourceType={"type": "string", "const": "Bundle"},
        type={"type": "string", "examples": ["searchset"]},
        total={"type": "integer", "minimum": 0},
        entry=_list(_object(fullUrl=_TEXT, resource=ref("Resource"))),
    ),
    "DraftOrders": _object(
        ("resourceType",),
        resourceType={"type": "string", "const": "Bundle"},
        type=_TEXT,
        entry=_list(_object(fullUrl=_TEXT, resource={"anyOf": [ref("DeviceRequest"), ref("Resource")]})),
    ),
    "FhirAuthorization": _object(
        ("access_token",),
        access_token={"type": "string", "pattern": "^[!-~]{1,4000}$"},
        token_type={"type": "string", "const": "Bearer"},
        expires_in={"type": "integer", "minimum": 0},
        scope=_TEXT,
        subject=_TEXT,
    ),
    "CallExtension": {
        "type": "object",
        "properties": {
            "davinci-crd.requestedVersion": {"type": "string", "examples": ["2.2"]},
            "davinci-crd.configuration": {"type": "object"},
        },
    },
    "Discovery": _object(
        ("services",),
        services=_list(
            _object(("hook", "id", "description"), hook=_TEXT, id=_TEXT, description=_TEXT, prefetch={"type": "object"})
        ),
    ),
    "HookResponse": _object(
        ("cards", "systemActions"),
        cards=_list(_object(("uuid", "summary", "indicator", "source"), uuid=_TEXT, summary=_TEXT, indicator=_TEXT)),
        systemActions=_list(_object(("type",), type=_TEXT, resource=ref("Resource"))),
        extension={"type": "object"},
    ),
    "FeedbackEntry": _object(
        ("card", "outcome"),
        card={"type": "string", "pattern": _UUID},
        outcome={"type": "string", "enum": ["accepted", "overridden"]},
        acceptedSuggestions=_list(_object(("id",), id=_TEXT)),
        overrideReason=_object(reason=_object(code=_TEXT, system=_TEXT, display=_TEXT), userComment=_TEXT),
        outcomeTimestamp={"type": "string", "format": "date-time"},
    ),
    "Feedback": _object(("feedback",), feedback=_list(ref("FeedbackEntry"), minItems=1, maxItems=200)),
    "OperationOutcome": _object(
        ("resourceType", "issue"),
        resourceType={"type": "string", "const": "OperationOutcome"},
        issue=_list(
            _object(
                ("severity", "code", "diagnostics"),
                severity=_TEXT,
                code=_TEXT,
                diagnostics=_TEXT,
                expression=_list(_TEXT),
            ),
            minItems=1,
        ),
    ),
}
