"""SMART backend services: access tokens for trusted clients' DTR calls, by Authlib with SMART's rules added.

A client authenticates with a registered key and gets a signed token that is valid for minutes. Every worker can verify
it: it is signed with the store's key, or with the key of the run.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError, OAuth2Error, ResourceProtector
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6750.errors import InsufficientScopeError
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator, JWTBearerTokenValidator
from flask import Request
from joserfc.errors import JoseError
from joserfc.jwk import Key, OctKey

from cds_service.errors import NoAccess, Unauthorized
from cds_service.trust.assertions import METHOD, SmartAssertion
from cds_service.trust.clients import TrustedClient, TrustedClients
from cds_service.trust.tokens import Caller, FirstUse, TokenVerifier, tenant_of
from cds_service.web.backend_services.capabilities import GRANT, SCOPES, base_of, token_endpoint_of
from cds_service.web.backend_services.oauth import TokenServer

log = logging.getLogger(__name__)
TOKEN_SECONDS = 300
_NEEDED = SCOPES[0]
_SCOPE = re.compile(r"system/(\*|Questionnaire|ValueSet|Library)\.(read|\*|c?r?u?d?s?)")
_RIGHTS = {"read": "rs", "*": "rs"}


@dataclass(frozen=True, slots=True)
class BackendClient:
    """A trusted client with the methods that Authlib calls on a client."""

    trusted: TrustedClient

    def get_client_id(self) -> str:
        """Its id."""
        return self.trusted.client_id

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The part of a scope that is granted; everything for a request without a scope. None when nothing is."""
        return granted(scope) if scope else " ".join(SCOPES)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it may authenticate this way."""
        return method == METHOD

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may use this grant type."""
        return grant_type == GRANT


def granted(scope: str) -> str | None:
    """The granted scopes, in SMART 2's syntax; None when there are none.

    A wider request (`system/*.read`) is narrowed to the offered scopes.
    """
    return " ".join(dict.fromkeys(part for requested in scope.split() for part in _narrowed(requested))) or None


def _narrowed(scope: str) -> Iterator[str]:
    match = _SCOPE.fullmatch(scope)
    if match is None:
        return
    rights = "".join(right for right in _RIGHTS.get(match[2], match[2]) if right in "rs")
    for offered in SCOPES if rights else ():
        kind = offered.removeprefix("system/").removesuffix(".rs")
        if match[1] in ("*", kind):
            yield f"system/{kind}.{rights}"


class BackendTokens(TokenServer):
    """Issues access tokens to trusted clients, and identifies the client of a token."""

    def __init__(
        self, public_url: str, clients: TrustedClients, verifier: TokenVerifier, first_use: FirstUse, secret: str
    ) -> None:
        """`verifier` finds the clients' keys. `secret`: signs the tokens, the same in all workers."""
        self._clients = {client.client_id: BackendClient(client) for client in clients.by_issuer.values()}
        super().__init__(query_client=self._clients.get, save_token=_log_issue)
        self._verifier = verifier
        self._first_use = first_use
        endpoint = token_endpoint_of(public_url)
        self.register_client_auth_method(
            METHOD, _Assertion(self._clients, lambda: endpoint, self._key_finder, self._is_first_use, time.time)
        )
        self.register_grant(_Grant)
        key = OctKey.import_key(sha256(f"access token|{secret}".encode()).digest())
        self.register_token_generator("default", _Generator(endpoint, base_of(public_url), key))
        self._protector = ResourceProtector()
        self._protector.register_token_validator(_Validator(endpoint, base_of(public_url), key))

    def caller(self, request: Request) -> Caller | None:
        """The client whose access token a request has; None when it has none that is valid.

        NoAccess for a token whose scope does not cover the operation.
        """
        try:
            claims = self._protector.validate_request([_NEEDED, _NEEDED.removesuffix("s")], request)
        except InsufficientScopeError:
            raise NoAccess(f"the token's scope does not cover this: ask for {_NEEDED}") from None
        except (OAuth2Error, JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        client = self._clients.get(claims["client_id"])
        return Caller(client.trusted) if client is not None else None

    def _is_first_use(self, client_id: str, jti: str, ends_at: float) -> bool:
        return self._first_use(f"assertion of {self._clients[client_id].trusted.name}", jti, ends_at)

    def _key_finder(self, client: BackendClient) -> Any:
        """A function that finds, among the client's keys, the one that an assertion's header names."""

        def find(token: Any) -> Key:
            header = token.headers()
            try:
                return self._verifier.signing_key(client.trusted, header.get("jku"), header.get("kid"), header["alg"])
            except Unauthorized as error:
                raise InvalidClientError(description=error.reason) from None

        return find


class _Assertion(SmartAssertion):
    """An assertion that also names a tenant, for a client that is limited to tenants."""

    def __init__(self, clients: dict[str, BackendClient], *rest: Any) -> None:
        super().__init__(*rest)
        self._clients = clients

    def verify_claims(self, claims: Any) -> None:
        try:
            tenant_of(claims, self._clients[claims["sub"]].trusted)
        except Unauthorized as error:
            raise InvalidClientError(description=error.reason) from None
        super().verify_claims(claims)


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)


class _Generator(JWTBearerTokenGenerator):  # type: ignore[misc]
    def __init__(self, issuer: str, base: str, key: OctKey) -> None:
        super().__init__(issuer, "HS256", expires_generator=lambda client, grant_type: TOKEN_SECONDS)
        self._base = base
        self._key = key

    def get_jwks(self) -> OctKey:
        return self._key

    def get_audiences(self, client: BackendClient, user: object, scope: str) -> str:
        return self._base


class _Validator(JWTBearerTokenValidator):  # type: ignore[misc]
    def __init__(self, issuer: str, base: str, key: OctKey) -> None:
        super().__init__(issuer, base)
        self._key = key

    def get_jwks(self) -> OctKey:
        return self._key


def _log_issue(token: dict[str, Any], request: Any) -> None:
    """Logs a token's issue; nothing is stored, since a token is verified by its signature."""
    log.info("%s was given an access token for %s", request.client.trusted.name, token["scope"])
