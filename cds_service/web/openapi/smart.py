"""SMART's part of the OpenAPI document: the app's pages, and tokens for DTR clients without a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cds_service.web.backend_services.capabilities import GRANT, SCOPES, token_endpoint_of
from cds_service.web.openapi.schemas import ref

JSON = dict[str, Any]
_PAGE: JSON = {"text/html": {"schema": {"type": "string"}}}
# For a browser the same words come as a page.
_REFUSAL: JSON = {"application/json": {"schema": ref("OperationOutcome")}, **_PAGE}
_AWAY = "Sessions cannot be read or written at the moment"


_OPEN = "Callers are not authenticated here, and no token is needed"


def access_token(public_url: str) -> JSON:
    """The security scheme of access tokens."""
    scopes = {scope: f"DTR: {scope.removeprefix('system/').removesuffix('.rs')}" for scope in SCOPES}
    flow = {"tokenUrl": token_endpoint_of(public_url), "scopes": scopes}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def backend_operations() -> Iterable[tuple[str, str, JSON]]:
    """Path, method and operation of SMART backend services."""
    any_object: JSON = {"application/json": {"schema": {"type": "object"}}}
    outcome: JSON = {"application/json": {"schema": ref("OperationOutcome")}}
    not_offered = {"404": {"description": _OPEN, "content": outcome}}
    ok = {"200": {"description": "SMART's discovery document", "content": any_object}}
    discovery = _operation("backend-configuration", "How a DTR client gets an access token", [])
    yield "/fhir/.well-known/smart-configuration", "get", discovery | {"responses": ok | not_offered}
    responses: JSON = {
        "200": {"description": "An access token", "content": _members("access_token", "token_type")},
        "400": {"description": "OAuth's error", "content": _members("error", "error_description")},
        "413": {"description": "The form is too large", "content": outcome},
        "503": {"description": "Clients cannot be verified at the moment", "content": outcome},
    }
    form: JSON = {
        "type": "object",
        "required": ["grant_type", "client_assertion_type", "client_assertion"],
        "properties": {
            "grant_type": {"const": GRANT},
            "scope": {"type": "string", "examples": [" ".join(SCOPES)]},
            "client_assertion_type": {"const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
            "client_assertion": {"type": "string"},
        },
    }
    body = {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}}
    summary = "An access token for a trusted client (SMART backend services, private_key_jwt)"
    yield (
        "/token",
        "post",
        _operation("token", summary, []) | {"requestBody": body, "responses": responses | not_offered},
    )


def _members(*names: str) -> JSON:
    schema = {"type": "object", "required": list(names), "properties": {name: {"type": "string"} for name in names}}
    return {"application/json": {"schema": schema}}


def smart_operations(link_ids: Sequence[str]) -> Iterable[tuple[str, str, JSON]]:
    """Path, method and operation of the app's addresses. `link_ids`: of the questions that the form may hold."""
    launch = _operation("launch", "Start of a sign-in, by an EHR or alone", _queries("iss", "launch"))
    yield "/smart/launch", "get", launch | _answers({302: "To the EHR's authorization endpoint"}, 400, 403, 502, 503)
    callback = _operation("callback", "The EHR's answer to a sign-in", _queries("state", "code", "error", "iss"))
    yield "/smart/callback", "get", callback | _answers({303: "To the documentation page"}, 400, 403, 502, 503)
    page = _operation("documentation", "Where an order stands, and what would bring it further", _queries("order"))
    yield "/smart/documentation", "get", page | _answers({200: "The page"}, 400, 403, 413, 503)
    yield (
        "/smart/documentation",
        "post",
        _saving(link_ids)
        | _answers(
            {
                303: "Written; the page shows where the order stands now",
                401: "The session has ended; the page keeps what was typed",
                409: "The form was for another patient or order",
                422: "Something is missing or wrong; the page says what",
                502: "The FHIR server did not take it; the page keeps what was typed",
            },
            400,
            408,
            413,
            415,
            503,
        ),
    )
    keys = _operation("jwks", "The app's public keys", [])
    answer = {"description": "A key set", "content": {"application/json": {"schema": {"type": "object"}}}}
    yield "/smart/jwks.json", "get", keys | {"responses": {"200": answer}}


def _saving(link_ids: Sequence[str]) -> JSON:
    members = {link_id: {"type": "string"} for link_id in link_ids}
    schema = {"type": "object", "properties": {**members, "save": {"type": "string"}, "csrf_token": {"type": "string"}}}
    return _operation("document", "Signs and sends answers", []) | {
        "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}
    }


def _operation(name: str, summary: str, parameters: list[JSON]) -> JSON:
    made: JSON = {"operationId": f"smart-{name}", "summary": summary, "tags": ["SMART app"]}
    return made | ({"parameters": parameters} if parameters else {})


def _queries(*names: str) -> list[JSON]:
    return [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]


def _answers(pages: dict[int, str], *refusals: int) -> JSON:
    """Responses: pages and redirects, and refusals that are an OperationOutcome or a page."""
    responses: JSON = {str(status): {"description": text, "content": _PAGE} for status, text in pages.items()}
    descriptions = {
        400: "Something is missing or does not fit",
        403: "No access",
        408: "Too slow",
        413: "Too large",
        415: "No form",
        503: _AWAY,
    }
    for status in refusals:
        description = descriptions.get(status, "The EHR did not do its part")
        responses.setdefault(str(status), {"description": description, "content": _REFUSAL})
    return {"responses": responses}
