"""SMART's client assertion (private_key_jwt): accepted by the token endpoint, and by that of the demo's EHR."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError

from cds_service.trust.tokens import ALGORITHMS, LEEWAY_SECONDS, FirstUse

# Authlib writes tokens to its debug log.
logging.getLogger("authlib").setLevel(logging.INFO)

METHOD = "private_key_jwt"
LONGEST_SECONDS = 300.0  # as SMART has it
_LONGEST_ASSERTION, _LONGEST_ID = 8192, 256
# What decoders raise on a malformed token, beside their own errors.
_NO_JWT = (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class SmartAssertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """A client's signature for the token endpoint: ES384 or RS384, for five minutes at most, used once."""

    CLIENT_AUTH_METHOD = METHOD

    def __init__(
        self,
        audience: Callable[[], str],
        keys: Callable[[Any], Any],
        first_use: FirstUse,
        clock: Callable[[], float],
    ) -> None:
        """`audience`: the token endpoint's address. `keys`: a client's key set, or a function that finds its key.

        `first_use` is asked with the client's id. `clock`: epoch seconds.
        """
        super().__init__(leeway=LEEWAY_SECONDS)
        self._audience = audience
        self._keys = keys
        self._first_use = first_use
        self._clock = clock

    def get_audiences(self) -> list[str]:
        """The audience that an assertion must have."""
        return [self._audience()]

    def resolve_client_public_key(self, client: Any) -> Any:
        """The client's key set, or the function that finds its key, as joserfc takes them."""
        return self._keys(client)

    def extract_assertion(self, assertion: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Header and claims, not verified yet."""
        if len(assertion) > _LONGEST_ASSERTION:
            raise InvalidClientError(description="the client assertion is too long")
        try:
            headers, claims = super().extract_assertion(assertion)
        except _NO_JWT:
            raise InvalidClientError(description="the client assertion is no JWT") from None
        if "crit" in headers:  # RFC 7515: an extension that is not understood is refused; none is understood here
            raise InvalidClientError(description="the client assertion needs an extension that is not known here")
        return headers, claims

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> Mapping[str, Any]:
        """The claims, after signature and claims were verified."""
        try:
            claims = jwt.decode(assertion, resolve_key, algorithms=list(ALGORITHMS)).claims
        except _NO_JWT:
            raise InvalidClientError(description="the signature of the client assertion does not hold") from None
        try:
            self.verify_claims(claims)
        except _NO_JWT:
            raise InvalidClientError(description="a claim of the client assertion cannot be read") from None
        return claims

    def validate_jti(self, claims: Mapping[str, Any], jti: object) -> bool:
        """Whether this is the first use of an assertion; InvalidClientError when it is valid for too long."""
        ends = float(claims["exp"])
        if not math.isfinite(ends) or ends > self._clock() + LONGEST_SECONDS + LEEWAY_SECONDS:
            raise InvalidClientError(description="the client assertion lives longer than five minutes")
        if not isinstance(jti, str) or not 0 < len(jti.encode()) <= _LONGEST_ID:
            raise InvalidClientError(description="jti is no usable identifier")
        return self._first_use(claims["sub"], jti, ends + LEEWAY_SECONDS)
