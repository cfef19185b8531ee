"""The schemas of the OpenAPI document, which msgspec makes from the types of bodies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.json import schema_components

from cds_service.hooks.discovery import HookService
from cds_service.web.backend_services.token_endpoint import SmartConfiguration, TokenRefusal
from cds_service.web.http.errors import OperationOutcome
from cds_service.web.openapi.pointers import TEMPLATE
from cds_service.web.openapi.request_bodies import (
    Bundle,
    DeviceRequest,
    Feedback,
    OrderDispatchCall,
    OrderSelectCall,
    OrderSignCall,
    Parameters,
    TokenRequest,
)
from cds_service.web.openapi.response_bodies import AccessToken, Discovery, HookResponse

JSON = dict[str, Any]
_CALLS = {"order-sign": OrderSignCall, "order-select": OrderSelectCall, "order-dispatch": OrderDispatchCall}
_BODIES = (
    *(*_CALLS.values(), DeviceRequest, Bundle, Discovery, HookResponse, Feedback, OperationOutcome),
    *(Parameters, TokenRequest, AccessToken, TokenRefusal, SmartConfiguration),
)
SCHEMAS = schema_components(_BODIES, ref_template=TEMPLATE)[1]


def call_body(service: HookService, templates: Iterable[str]) -> JSON:
    """The body of a call: what the hook's context needs, and the prefetch keys that discovery names."""
    schema: JSON = SCHEMAS[_CALLS[service.hook].__name__]
    prefetch = schema["properties"]["prefetch"]
    keys = dict.fromkeys(templates, prefetch["additionalProperties"])
    return schema | {
        "properties": schema["properties"] | {"prefetch": prefetch | {"properties": keys}},
        "dependentRequired": {"fhirAuthorization": ["fhirServer"]},
    }
