"""The identity token of a SMART launch: verified with the EHR's keys, it names the user who signed in."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import Key, KeySet, RSAKey

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "ES256", "ES384", "ES512"]
_LEEWAY_SECONDS = 60.0
_LEAST_RSA_BITS = 2048  # RFC 7518, 3.3


class UnknownUser(Exception):
    """The identity token does not say, or does not prove, who has signed in; the message is for the log."""


def fhir_user(token: str, keys: bytes, *, client_id: str, issuer: str | None, nonce: str) -> str:
    """The `fhirUser` of an identity token: a reference to a FHIR resource.

    `keys`: the issuer's key set; `issuer`: the one that the server declares, None when it declares none. UnknownUser
    when the token is not valid.
    """
    claims = _verified(token, keys)
    if issuer is not None and str(claims.get("iss", "")).rstrip("/") != issuer.rstrip("/"):
        raise UnknownUser("it is from another issuer")
    audience = claims.get("aud")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise UnknownUser("it is meant for another app")
    if not time.time() <= _seconds(claims.get("exp")) + _LEEWAY_SECONDS:
        raise UnknownUser("it has expired")
    if claims.get("nonce") != nonce:
        raise UnknownUser("it belongs to another sign-in")
    user = claims.get("fhirUser") or claims.get("profile")  # SMART 1.0 put it into profile
    if not isinstance(user, str) or not user:
        raise UnknownUser("it names no fhirUser")
    return user


def _verified(token: str, keys: bytes) -> Mapping[str, Any]:
    try:
        with warnings.catch_warnings(action="ignore", category=SecurityWarning):
            supported = [key for key in json.loads(keys)["keys"] if key.get("kty") in ("EC", "RSA")]
            usable = [key for key in KeySet.import_key_set({"keys": supported}).keys if _is_long_enough(key)]
            verified = jwt.decode(token, KeySet(usable), algorithms=_ALGORITHMS)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UnknownUser("its signature is not valid") from None
    if "crit" in verified.header:  # RFC 7515, 4.1.11
        raise UnknownUser("it has critical extensions, and none is understood here")
    return verified.claims


def _is_long_enough(key: Key) -> bool:
    return not isinstance(key, RSAKey) or bool(key.raw_value.key_size >= _LEAST_RSA_BITS)


def _seconds(value: Any) -> float:
    """A NumericDate claim in seconds; NaN if it is malformed, so that every comparison with it fails."""
    try:
        seconds = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.nan
    return seconds if math.isfinite(seconds) else math.nan
