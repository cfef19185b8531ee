"""The JWT of a CDS Hooks caller: verified, or refused with a reason that only the log shows (section M)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from cds_service.errors import Unauthorized
from cds_service.trust.clients import TrustedClient, TrustedClients
from cds_service.trust.keys import KeyRing, KeysUnavailable, SigningKey

ALGORITHMS = ("ES384", "RS384")
LEEWAY_SECONDS = 60.0
_LONGEST_TOKEN = 8192
_LONGEST_ID = 256

# Whether a token of a client is used for the first time: client, jti, when it expires (epoch seconds).
FirstUse = Callable[[str, str, float], bool]


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller."""

    client: TrustedClient
    tenant: str | None = None


class TokenVerifier:
    """Verifies the bearer tokens of trusted clients."""

    def __init__(
        self, clients: TrustedClients, keys: KeyRing, first_use: FirstUse, clock: Callable[[], float], longest: float
    ) -> None:
        """`clock`: epoch seconds. `longest`: the longest lifetime of a token, in seconds, that is accepted."""
        self._clients = clients
        self._keys = keys
        self._first_use = first_use
        self._clock = clock
        self._longest = longest

    def caller(self, authorization: str | None, addresses: tuple[str, ...]) -> Caller:
        """The caller that an Authorization header proves; Unauthorized when anything about it is not valid.

        `addresses`: the external URLs of the endpoint, each of them accepted as the token's audience.
        """
        token = _bearer(authorization)
        header, unverified = _parsed(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if "crit" in header:
            raise Unauthorized("it has critical extensions, and none is understood here (RFC 7515, 4.1.11)")
        if algorithm not in ALGORITHMS:
            raise Unauthorized("its algorithm is not accepted")
        if str(header.get("typ", "")).upper() != "JWT":
            raise Unauthorized("typ is not JWT")
        if not isinstance(kid, str) or not kid:
            raise Unauthorized("kid is missing")
        client = self._client(unverified.get("iss"))
        claims = _verified(token, self.signing_key(client, header.get("jku"), kid, algorithm))
        self._check_times(claims)
        _check_audience(claims, client, addresses)
        tenant = tenant_of(claims, client)
        self._check_first_use(claims, client)
        return Caller(client, tenant)

    def _client(self, issuer: Any) -> TrustedClient:
        client = self._clients.by_issuer.get(issuer) if isinstance(issuer, str) else None
        if client is None:
            raise Unauthorized("its issuer is not trusted")
        return client

    def signing_key(self, client: TrustedClient, jku: Any, kid: Any, algorithm: str) -> SigningKey:
        """The client's key that a header names; Unauthorized when the client has no such key."""
        try:
            if jku is not None:
                if jku not in client.jku:
                    raise Unauthorized(f"jku is not on the list of {client.name}")
                key = self._keys.key_at(jku, kid, algorithm)
            elif client.jwks_file is not None:
                key = self._keys.key_in(client.jwks_file, kid, algorithm)
            else:
                keys = (self._keys.key_at(url, kid, algorithm) for url in client.jku)
                key = next((candidate for candidate in keys if candidate is not None), None)
        except KeysUnavailable as error:
            raise Unauthorized(f"keys of {client.name} could not be read: {error}") from None
        if key is None:
            raise Unauthorized(f"{client.name} has no such key for its algorithm")
        return key

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        ends, issued = _number(claims, "exp"), _number(claims, "iat")
        if now > ends + LEEWAY_SECONDS:
            raise Unauthorized("it has expired")
        if issued > now + LEEWAY_SECONDS:
            raise Unauthorized("it is of the future")
        if not 0 < ends - issued <= self._longest:
            raise Unauthorized(f"it lives longer than {self._longest:.0f} s, or not at all")
        if "nbf" in claims and _number(claims, "nbf") > now + LEEWAY_SECONDS:
            raise Unauthorized("it is not valid yet")

    def _check_first_use(self, claims: Mapping[str, Any], client: TrustedClient) -> None:
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_ID or not _is_text(jti):
            raise Unauthorized("jti is missing, too long or no text")
        ends = _number(claims, "exp") + LEEWAY_SECONDS
        if not client.repeated_jti and not self._first_use(client.name, jti, ends):
            raise Unauthorized("it was used before")


def _is_text(value: str) -> bool:
    """Whether a string can be encoded: JSON may hold half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip()
    if scheme.casefold() != "bearer" or not token:
        raise Unauthorized("no bearer token")
    if len(token) > _LONGEST_TOKEN or not token.isascii():
        raise Unauthorized("it is no token")
    return token


def _parsed(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims, not verified yet: they only say whose keys to try."""
    try:
        signed = extract_compact(token.encode())
        claims = _object(signed.payload)
        return signed.headers(), claims
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        raise Unauthorized("it is no JWT") from None


def _object(payload: bytes) -> Mapping[str, Any]:
    claims = json.loads(payload)
    if not isinstance(claims, dict):
        raise ValueError("claims are no object")
    return claims


def _verified(token: str, key: SigningKey) -> Mapping[str, Any]:
    try:
        return jwt.decode(token, key, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Unauthorized("its signature is not valid") from None


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise Unauthorized(f"{name} is missing or no number")
    return number


def _check_audience(claims: Mapping[str, Any], client: TrustedClient, addresses: tuple[str, ...]) -> None:
    """Accepts the endpoint's URL, with or without a final slash, and the client's own audiences."""
    given = claims.get("aud")
    audiences = given if isinstance(given, list) else [given]
    accepted = {*addresses, *client.audiences}
    for audience in audiences:
        if isinstance(audience, str) and (audience in accepted or audience.removesuffix("/") in addresses):
            return
    raise Unauthorized(f"aud of {client.name} is another address than {addresses[0]}")


def tenant_of(claims: Mapping[str, Any], client: TrustedClient) -> str | None:
    """The tenant that a token names; Unauthorized when the client is limited to others."""
    tenant = claims.get("tenant")
    if tenant is not None and not isinstance(tenant, str):
        raise Unauthorized("tenant is no string")
    if client.tenants and tenant not in client.tenants:
        raise Unauthorized(f"its tenant is not one of {client.name}")
    return tenant
