"""SMART backend services for DTR clients: what is offered, and the token endpoint."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, request

from cds_service.errors import NotFound, TooLarge
from cds_service.hooks.messages import as_json
from cds_service.trust.tokens import ALGORITHMS
from cds_service.web import measures

if TYPE_CHECKING:
    from cds_service.web.token_server import BackendTokens

log = logging.getLogger(__name__)
blueprint = Blueprint("smart_backend", __name__)

GRANT = "client_credentials"
SCOPES = ("system/Questionnaire.rs", "system/ValueSet.rs", "system/Library.rs")
_LARGEST_FORM = 20_000
# What a client is told; the log has why.
_WORDS = {
    "invalid_client": "the client could not be authenticated: send a private_key_jwt assertion for this address, once",
    "invalid_scope": f"nothing of this scope is offered: ask for {' '.join(SCOPES)}",
    "unsupported_grant_type": f"grant_type must be {GRANT}",
}
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def base_of(public_url: str) -> str:
    """The FHIR base that tokens are for."""
    return f"{public_url}/fhir"


def token_endpoint_of(public_url: str) -> str:
    """Where clients ask for tokens; their assertions are meant for this address."""
    return f"{public_url}/token"


def security(public_url: str) -> dict[str, Any]:
    """What the CapabilityStatement says of it."""
    service = {"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR", "display": "SMART-on-FHIR"}
    token = {"url": "token", "valueUri": token_endpoint_of(public_url)}
    return {
        "extension": [{"url": _OAUTH_URIS, "extension": [token]}],
        "service": [{"coding": [service], "text": "SMART backend services (client_credentials, private_key_jwt)"}],
        "description": "Definitions are read by anybody. $questionnaire-package needs an access token of the token "
        "endpoint, or a CDS Hooks token, of a trusted client.",
    }


def _tokens() -> BackendTokens:
    found: BackendTokens | None = current_app.config["BACKEND_TOKENS"]
    if found is None:
        raise NotFound("callers are not authenticated here: $questionnaire-package needs no token")
    return found


@blueprint.get("/fhir/.well-known/smart-configuration")
def configuration() -> Response:
    """How a client gets a token."""
    _tokens()
    offered = {
        "token_endpoint": token_endpoint_of(current_app.config["SETTINGS"].public_url),
        "grant_types_supported": [GRANT],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": list(SCOPES),
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
        "code_challenge_methods_supported": ["S256"],  # SMART wants it said, though nobody signs in here
    }
    return Response(as_json(offered), mimetype="application/json")


@blueprint.post("/token")
def token() -> Response:
    """The token endpoint. Its refusals are OAuth's: `error` and `error_description`."""
    tokens = _tokens()
    if (request.content_length or 0) > _LARGEST_FORM:
        raise TooLarge(f"the form is over {_LARGEST_FORM} bytes")
    request.max_content_length = _LARGEST_FORM  # of one whose length is not told
    answer = tokens.token_response()
    if answer.status_code == 200:
        return answer
    measures.REFUSED.inc()
    told = answer.get_json()
    error, why = told["error"], told.get("error_description") or "no reason is given"
    log.warning("a token request was refused: %s: %s", error, ascii(why)[1:-1][:300])
    answer.set_data(as_json({"error": error, "error_description": _WORDS.get(error, why)}))
    return answer
