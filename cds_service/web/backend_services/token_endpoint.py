"""The token endpoint of SMART backend services, and the configuration that names it to DTR clients."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypedDict

from flask import Blueprint, Response, current_app, request

from cds_service.errors import NotFound, TooLarge
from cds_service.hooks.messages import as_json
from cds_service.trust.tokens import ALGORITHMS
from cds_service.web.backend_services.capabilities import GRANT, SCOPES, token_endpoint_of
from cds_service.web.http import metrics

if TYPE_CHECKING:
    from cds_service.web.backend_services.token_server import BackendTokens

log = logging.getLogger(__name__)
blueprint = Blueprint("smart_backend", __name__)

_LARGEST_FORM = 20_000
# The description for the client; the log has the reason.
_DESCRIPTIONS = {
    "invalid_client": "the client could not be authenticated: send a private_key_jwt assertion for this address, once",
    "invalid_scope": f"nothing of this scope is offered: ask for {' '.join(SCOPES)}",
    "unsupported_grant_type": f"grant_type must be {GRANT}",
}


class SmartConfiguration(TypedDict):
    """How a DTR client gets a token, as SMART names it."""

    token_endpoint: str
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    scopes_supported: list[str]
    capabilities: list[str]
    code_challenge_methods_supported: list[str]


class TokenRefusal(TypedDict):
    """OAuth's body of a refusal."""

    error: str
    error_description: str


def _tokens() -> BackendTokens:
    tokens: BackendTokens | None = current_app.config["BACKEND_TOKENS"]
    if tokens is None:
        raise NotFound("callers are not authenticated here: $questionnaire-package needs no token")
    return tokens


@blueprint.get("/fhir/.well-known/smart-configuration")
def configuration() -> Response:
    """How a client gets a token."""
    _tokens()
    offered: SmartConfiguration = {
        "token_endpoint": token_endpoint_of(current_app.config["SETTINGS"].public_url),
        "grant_types_supported": [GRANT],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": list(SCOPES),
        "capabilities": ["client-confidential-asymmetric", "permission-v2"],
        "code_challenge_methods_supported": ["S256"],  # required by SMART, though no user signs in here
    }
    return Response(as_json(offered), mimetype="application/json")


@blueprint.post("/token")
def token() -> Response:
    """The token endpoint. Its refusals are OAuth's: `error` and `error_description`."""
    tokens = _tokens()
    if (request.content_length or 0) > _LARGEST_FORM:
        raise TooLarge(f"the form is over {_LARGEST_FORM} bytes")
    request.max_content_length = _LARGEST_FORM  # for a form without Content-Length
    answer = tokens.token_response()
    if answer.status_code == 200:
        return answer
    metrics.REFUSED.inc()
    body = answer.get_json()
    error, why = body["error"], body.get("error_description") or "no reason is given"
    log.warning("a token request was refused: %s: %s", error, ascii(why)[1:-1][:300])
    refusal: TokenRefusal = {"error": error, "error_description": _DESCRIPTIONS.get(error, why)}
    answer.set_data(as_json(refusal))
    return answer
