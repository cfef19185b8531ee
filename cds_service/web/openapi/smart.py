"""SMART's part of the OpenAPI document: the app's pages, and tokens for DTR clients without a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cds_service.web.backend_services.capabilities import SCOPES, token_endpoint_of
from cds_service.web.openapi.pointers import ref

JSON = dict[str, Any]
_PAGE: JSON = {"text/html": {"schema": {"type": "string"}}}
# For a browser the same words come as a page.
_REFUSAL: JSON = {"application/json": {"schema": ref("OperationOutcome")}, **_PAGE}
_REFUSALS = {
    400: "Something is missing or does not fit",
    403: "No access",
    408: "Too slow",
    413: "Too large",
    415: "No form",
    502: "The EHR did not do its part",
    503: "Sessions cannot be read or written at the moment",
}
_OPEN = "Callers are not authenticated here, and no token is needed"


def access_token(public_url: str) -> JSON:
    """The security scheme of access tokens."""
    scopes = {scope: f"DTR: {scope.removeprefix('system/').removesuffix('.rs')}" for scope in SCOPES}
    flow = {"tokenUrl": token_endpoint_of(public_url), "scopes": scopes}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def backend_operations() -> Iterable[tuple[str, str, JSON]]:
    """Path, method and operation of SMART backend services."""
    not_offered = {"404": _json("OperationOutcome", _OPEN)}
    discovery = _operation("backend-configuration", "How a DTR client gets an access token", [])
    document = {"200": _json("SmartConfiguration", "SMART's discovery document")}
    yield "/fhir/.well-known/smart-configuration", "get", discovery | {"responses": document | not_offered}
    responses: JSON = {
        "200": _json("AccessToken", "An access token"),
        "400": _json("TokenRefusal", "OAuth's error"),
        "413": _json("OperationOutcome", "The form is too large"),
        "503": _json("OperationOutcome", "Clients cannot be verified at the moment"),
    }
    body = {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": ref("TokenRequest")}}}
    summary = "An access token for a trusted client (SMART backend services, private_key_jwt)"
    token = _operation("token", summary, [])
    yield "/token", "post", token | {"requestBody": body, "responses": responses | not_offered}


def _json(name: str, description: str) -> JSON:
    return {"description": description, "content": {"application/json": {"schema": ref(name)}}}


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
    shown: JSON = {str(status): {"description": text, "content": _PAGE} for status, text in pages.items()}
    refused = {str(status): {"description": _REFUSALS[status], "content": _REFUSAL} for status in refusals}
    return {"responses": refused | shown}
