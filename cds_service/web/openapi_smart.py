"""The SMART app's part of the OpenAPI document: pages for people and their browsers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cds_service.policies.mp_mm_1316.questionnaire import QUESTIONS
from cds_service.web.openapi_schemas import ref

JSON = dict[str, Any]
_PAGE: JSON = {"text/html": {"schema": {"type": "string"}}}
# For a browser the same words come as a page.
_REFUSAL: JSON = {"application/json": {"schema": ref("OperationOutcome")}, **_PAGE}
_AWAY = "Sessions cannot be read or written at the moment"


def smart_operations() -> Iterable[tuple[str, str, JSON]]:
    """Path, method and operation of the app's addresses."""
    launch = _operation("launch", "Start of a sign-in, by an EHR or alone", _queries("iss", "launch"))
    yield "/smart/launch", "get", launch | _answers({302: "To the EHR's authorization endpoint"}, 400, 403, 502, 503)
    callback = _operation("callback", "The EHR's answer to a sign-in", _queries("state", "code", "error", "iss"))
    yield "/smart/callback", "get", callback | _answers({303: "To the documentation page"}, 400, 403, 502, 503)
    page = _operation("documentation", "Where an order stands, and what would bring it further", _queries("order"))
    yield "/smart/documentation", "get", page | _answers({200: "The page"}, 400, 403, 413, 503)
    yield (
        "/smart/documentation",
        "post",
        _saving()
        | _answers(
            {
                303: "Written; the page shows where the order stands now",
                401: "The session has ended; the page keeps what was typed",
                409: "The form was for another patient or order",
                422: "Something is missing or wrong; the page says what",
                502: "The FHIR server did not take it; the page keeps what was typed",
            },
            400,
            413,
            503,
        ),
    )
    keys = _operation("jwks", "The app's public keys", [])
    answer = {"description": "A key set", "content": {"application/json": {"schema": {"type": "object"}}}}
    yield "/smart/jwks.json", "get", keys | {"responses": {"200": answer}}


def _saving() -> JSON:
    members = {question.link_id: {"type": "string"} for question in QUESTIONS}
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
    found: JSON = {str(status): {"description": words, "content": _PAGE} for status, words in pages.items()}
    words = {400: "Something is missing or does not fit", 403: "No access", 413: "Too large", 503: _AWAY}
    for status in refusals:
        told = words.get(status, "The EHR did not do its part")
        found.setdefault(str(status), {"description": told, "content": _REFUSAL})
    return {"responses": found}
