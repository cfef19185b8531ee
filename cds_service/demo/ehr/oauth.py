"""The authorization server of the demo's own EHR: Authlib's, with SMART's rules added; it stores nothing on disk."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from authlib.oidc.core.errors import ConsentRequiredError
from joserfc.jwk import KeySet, RSAKey

from cds_service.demo.ehr.endpoints import AUTH_METHODS, IDENTITY_SIGNATURE, Endpoints
from cds_service.demo.ehr.grants import Code, Context, Grants, Token
from cds_service.demo.ehr.options import EhrClient, EhrOptions
from cds_service.demo.ehr.scopes import supported
from cds_service.trust.assertions import METHOD, SmartAssertion
from cds_service.trust.jti_cache import JtiCache
from cds_service.web.backend_services.oauth import TokenServer

_KEY_BITS = 2048


class EhrServer(TokenServer):
    """Issues codes for requests that the user allowed, and tokens for codes."""

    def __init__(self, grants: Grants, options: EhrOptions, endpoints: Callable[[], Endpoints]) -> None:
        """`endpoints`: the EHR's URLs, by the host of the present request."""
        super().__init__(query_client=options.client, save_token=self._keep_token)
        self.grants = grants
        self.options = options
        self.endpoints = endpoints
        self.key = RSAKey.generate_key(_KEY_BITS, {"use": "sig", "alg": IDENTITY_SIGNATURE}, auto_kid=True)
        self.register_token_generator("default", BearerTokenGenerator(_token_name, None, self._token_seconds))
        jti_cache = JtiCache(grants.clock)
        assertion = SmartAssertion(lambda: endpoints().token, _keys, jti_cache.first_use, grants.clock)
        self.register_client_auth_method(METHOD, assertion)
        self.register_grant(_CodeGrant, [_Pkce(), _Smart(self), _Identity(self)])

    def granted(self, scope: str) -> str:
        """The granted part of a scope; empty when nothing is granted."""
        known = supported(scope, self.options.scopes)
        return self.options.grant(known) if self.options.grant is not None else known

    def context_of(self, request: OAuth2Request) -> Context | None:
        """The context of a request's launch; None when it has no launch, or an unknown one."""
        launch = request.payload.data.get("launch")
        return self.grants.launches.get(launch) if launch else None

    def _token_seconds(self, client: EhrClient, grant_type: str) -> int:
        return self.options.token_seconds

    def _keep_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        code: Code = request.authorization_code
        stored = Token(code.client_id, token["scope"], code.context, code.name)
        self.grants.tokens.put(stored, token["access_token"], self.options.token_seconds)


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        data = request.payload.data
        grants: Grants = self.server.grants
        if (
            data.get("launch") and grants.launches.pop(data["launch"]) is None
        ):  # of two concurrent requests only one gets it
            raise InvalidRequestError("this launch was used", redirect_uri=self.redirect_uri)
        stored = Code(
            name=code,
            client_id=request.client.client_id,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            context=request.user,
            code_challenge=data["code_challenge"],
            issued=int(grants.clock()),
            nonce=data.get("nonce"),
        )
        grants.codes.put(stored, code)

    def query_authorization_code(self, code: str, client: EhrClient) -> Code | None:
        redeemed: Code | None = self.server.grants.redeem(code, client.client_id)
        return redeemed

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Does nothing: the code was removed when it was looked up, so that two concurrent requests cannot use it."""

    def authenticate_user(self, authorization_code: Code) -> Context:
        return authorization_code.context


class _Pkce(CodeChallenge):  # type: ignore[misc]
    """PKCE with S256, required of every client."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: _CodeGrant, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is needed here: code_challenge with code_challenge_method S256")
        super().validate_code_challenge(grant, redirect_uri)


class _Smart:
    """SMART's rules for an authorization request, and its additions to the token response."""

    def __init__(self, server: EhrServer) -> None:
        self._server = server

    def __call__(self, grant: _CodeGrant) -> None:
        grant.register_hook("after_validate_authorization_request_payload", self.check)
        grant.register_hook("after_create_token_response", self.add_context)

    def check(self, grant: _CodeGrant, redirect_uri: str) -> None:
        """Sets the scope of the request to what is granted."""
        request = grant.request
        data = request.payload.data
        if data.get("aud", "").rstrip("/") != self._server.endpoints().iss:
            raise InvalidRequestError("the aud parameter is not the address of this FHIR server")
        requested = (request.payload.scope or "").split()
        if data.get("launch"):
            if "launch" not in requested:
                raise InvalidRequestError("a launch parameter needs the scope launch")
            if self._server.context_of(request) is None:
                raise InvalidRequestError("this launch is not known, was used, or is too old")
        elif "launch" in requested and "launch/patient" not in requested:
            raise InvalidRequestError("the scope launch needs the launch parameter")
        if "none" in data.get("prompt", "").split():
            raise ConsentRequiredError("nothing is granted here without asking")
        request.scope = self._server.granted(request.payload.scope or "")
        if not request.scope:
            raise InvalidScopeError("nothing that was asked for can be granted here")

    def add_context(self, grant: _CodeGrant, response: tuple[int, dict[str, Any], object]) -> None:
        """Adds the launch context, with the appContext of a CDS Hooks link."""
        _, token, _ = response
        context: Context = grant.request.user
        token["need_patient_banner"] = self._server.options.need_patient_banner
        if context.patient is not None:
            token["patient"] = context.patient
        if context.app_context is not None:
            token["appContext"] = context.app_context


class _Identity(OpenIDCode):  # type: ignore[misc]
    """Identity tokens, which name the user as a FHIR resource of this server."""

    def __init__(self, server: EhrServer) -> None:
        super().__init__(require_nonce=False)
        self._server = server

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        """False: the app checks nonces; here codes and launches can be used only once anyway."""
        return False

    def resolve_client_private_key(self, client: EhrClient) -> RSAKey:
        return self._server.key

    def get_encode_header(self, client: EhrClient) -> dict[str, Any]:
        return {"alg": IDENTITY_SIGNATURE, "kid": self._server.key.kid}

    def get_client_claims(self, client: EhrClient) -> dict[str, Any]:
        return {"iss": self._server.endpoints().iss, "aud": client.client_id}

    def generate_user_info(self, user: Context, scope: str) -> dict[str, Any]:
        url = f"{self._server.endpoints().iss}/{user.user}"
        return {"sub": user.user} | {claim: url for claim in ("fhirUser", "profile") if claim in scope.split()}


def _keys(client: EhrClient) -> KeySet:
    if client.jwks is None:
        raise InvalidClientError(description="this client has no keys here")
    return KeySet.import_key_set(client.jwks)  # type: ignore[arg-type]


def _token_name(**_: object) -> str:
    return secrets.token_urlsafe(32)
