"""Identity tokens: a good one names its user, and nothing else passes for one."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from cds_service.trust.id_token import UnknownUser, fhir_user
from tests.trust.tokens import EC, RSA, STRANGER, forged, key_set

APP, ISSUER, NONCE = "pump-app", "https://ehr.example.invalid/oauth", "nonce-of-this-sign-in"
USER = "https://ehr.example.invalid/r4/Practitioner/dr-1"
KEYS = json.dumps(key_set()).encode()
HEADS = {"RS256": (RSA, "rsa-1"), "RS384": (RSA, "rsa-1"), "PS256": (RSA, "rsa-1"), "ES384": (EC, "ec-1")}


def claims(**changes: Any) -> dict[str, Any]:
    """Claims that are in order; a change to `...` takes one away."""
    now = int(time.time())
    base = {"iss": ISSUER, "aud": APP, "sub": "u1", "iat": now, "exp": now + 300, "nonce": NONCE, "fhirUser": USER}
    return {name: value for name, value in (base | changes).items() if value is not ...}


def token(algorithm: str = "RS256", *, kid: Any = None, key: Any = None, **changes: Any) -> str:
    own, name = HEADS[algorithm]
    return jwt.encode({"alg": algorithm, "kid": kid or name}, claims(**changes), key or own, algorithms=[algorithm])


def user(text: str, keys: bytes = KEYS, issuer: str | None = ISSUER) -> str:
    return fhir_user(text, keys, client_id=APP, issuer=issuer, nonce=NONCE)


@pytest.mark.parametrize("crit", [[], ["kid"], ["alg"], ["b64"]], ids=str)
def test_no_token_with_critical_extensions_names_anybody(crit: list[str]) -> None:
    """RFC 7515, 4.1.11: whoever does not understand one refuses the token; an empty list is none."""
    head = {"alg": "ES384", "kid": "ec-1", "crit": crit} | ({"b64": True} if crit == ["b64"] else {})
    with pytest.raises(UnknownUser):
        user(jwt.encode(head, claims(), EC, algorithms=["ES384"]))


@pytest.mark.parametrize("algorithm", list(HEADS))
def test_a_good_token_names_its_user(algorithm: str) -> None:
    assert user(token(algorithm)) == USER


@pytest.mark.parametrize(
    "changes",
    [
        lambda: {"aud": ["another-app", APP]},
        lambda: {"iss": f"{ISSUER}/"},
        lambda: {"fhirUser": ..., "profile": USER},
        lambda: {"exp": int(time.time()) - 30},
        lambda: {"exp": time.time() + 300.5},
    ],
    ids=["one of several apps", "final slash", "SMART 1.0", "clocks apart", "fraction"],
)
def test_what_servers_do_otherwise_passes(changes: Callable[[], dict[str, Any]]) -> None:
    assert user(token(**changes())) == USER


def test_any_issuer_passes_only_where_the_server_names_none() -> None:
    other = token(iss="https://other.example.invalid")
    assert user(other, issuer=None) == USER
    with pytest.raises(UnknownUser, match="issuer"):
        user(other)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iss": ...}, "issuer"),
        ({"iss": f"{ISSUER}.evil.invalid"}, "issuer"),
        ({"aud": "another-app"}, "another app"),
        ({"aud": ["another-app"]}, "another app"),
        ({"aud": ...}, "another app"),
        ({"aud": f"{APP} "}, "another app"),
        ({"exp": 1_700_000_000}, "expired"),
        ({"exp": ...}, "expired"),
        ({"exp": "2099-01-01"}, "expired"),
        ({"exp": True}, "expired"),
        ({"exp": float("nan")}, "expired"),
        ({"exp": float("inf")}, "expired"),
        ({"exp": 10**400}, "expired"),
        ({"nonce": "nonce of another"}, "another sign-in"),
        ({"nonce": ...}, "another sign-in"),
        ({"fhirUser": ...}, "fhirUser"),
        ({"fhirUser": ""}, "fhirUser"),
        ({"fhirUser": 5}, "fhirUser"),
        ({"fhirUser": {"reference": USER}}, "fhirUser"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_claim_is_held(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnknownUser, match=words):
        user(token(**changes))


def test_a_token_of_an_hour_ago_is_expired() -> None:
    with pytest.raises(UnknownUser, match="expired"):
        user(token(exp=int(time.time()) - 3600))


def test_another_key_under_the_same_name_is_no_signature() -> None:
    with pytest.raises(UnknownUser, match="signature"):
        user(token("ES384", key=STRANGER))


def test_changed_claims_are_no_longer_signed() -> None:
    head, _, signature = token().split(".")
    body = forged({}, claims(fhirUser="Practitioner/another")).split(".")[1]
    with pytest.raises(UnknownUser, match="signature"):
        user(f"{head}.{body}.{signature}")


@pytest.mark.parametrize("head", [{"alg": "none"}, {"alg": "none", "kid": "rsa-1"}, {"alg": "NONE"}, {}], ids=str)
def test_an_unsigned_token_is_none(head: dict[str, str]) -> None:
    with pytest.raises(UnknownUser, match="signature"):
        user(forged(head, claims()))


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("kid", ["rsa-1", "shared"])
def test_a_public_key_is_no_shared_secret(kid: str, listed: bool) -> None:
    """Algorithm confusion: HS256 with what everybody can read, even where the key set lists it as a secret."""
    public = RSA.as_pem(private=False)
    keys = key_set()
    if listed:
        keys["keys"].append({"kty": "oct", "kid": "shared", "k": urlsafe_b64encode(public).rstrip(b"=").decode()})
    unsigned = forged({"alg": "HS256", "kid": kid}, claims()).rsplit(".", 1)[0]
    signature = hmac.new(public, unsigned.encode(), hashlib.sha256).digest()
    made = f"{unsigned}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    with pytest.raises(UnknownUser, match="signature"):
        user(made, json.dumps(keys).encode())


def test_a_kid_that_nobody_has_is_no_signature() -> None:
    with pytest.raises(UnknownUser, match="signature"):
        user(token(kid="rsa-2"))


@pytest.mark.parametrize(
    "keys",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"keys": 5}',
        b'{"keys": []}',
        b'{"keys": ["x", null]}',
        b'{"keys": [{"kty": "RSA"}]}',
        b'{"keys": [{"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA", "kid": "ec-1"}]}',
        b'{"keys": [{"kty": "RSA", "n": "!", "e": "!", "kid": "rsa-1"}]}',
        b'{"keys": "' + b"x" * 1000 + b'"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=lambda keys: repr(keys[:30]),
)
def test_rubbish_keys_prove_nothing(keys: bytes) -> None:
    for algorithm in ("RS256", "ES384"):
        with pytest.raises(UnknownUser, match="signature"):
            user(token(algorithm), keys)


def test_kinds_of_keys_that_are_not_known_cost_nothing() -> None:
    keys = key_set()
    keys["keys"].insert(0, {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    keys["keys"].insert(0, {"kty": "NEW", "z": 1})
    assert user(token(), json.dumps(keys).encode()) == USER


def test_a_short_key_proves_nothing() -> None:
    """RFC 7518, 3.3: 2048 bits at least."""
    with warnings.catch_warnings(action="ignore"):
        short = RSAKey.generate_key(1024, {"kid": "rsa-1"})
        made = token(key=short)
    with pytest.raises(UnknownUser, match="signature"):
        user(made, json.dumps(key_set(short)).encode())


def test_an_issuer_with_one_key_need_not_name_it() -> None:
    """OpenID Connect Core, 10.1: kid is required where there are several."""
    made = jwt.encode({"alg": "RS256"}, claims(), RSA, algorithms=["RS256"])
    assert user(made, json.dumps({"keys": [RSA.as_dict(private=False)]}).encode()) == USER


@pytest.mark.parametrize(
    "text", ["", "x", "a.b", "a.b.c", "..", "é.é.é", forged({"alg": "RS256"}, b"[1]", b"x"), "." * 9]
)
def test_rubbish_is_no_token(text: str) -> None:
    with pytest.raises(UnknownUser, match="signature"):
        user(text)


@pytest.mark.parametrize("payload", [b"[1]", b"5", b"null", b"no json"])
def test_signed_rubbish_is_no_token(payload: bytes) -> None:
    signed = jws.serialize_compact({"alg": "ES384", "kid": "ec-1"}, payload, EC, algorithms=["ES384"])
    with pytest.raises(UnknownUser):
        user(signed)


def test_a_refusal_repeats_nothing_of_the_token() -> None:
    made = token(nonce="told-to-nobody", fhirUser="Practitioner/dr-2")
    with pytest.raises(UnknownUser) as caught:
        user(made)
    for part in (*made.split("."), "told-to-nobody", "dr-2"):
        assert part not in str(caught.value)


def test_a_key_on_a_curve_that_does_not_fit_the_algorithm_is_none() -> None:
    small = ECKey.generate_key("P-256", {"kid": "ec-1"})
    keys = json.dumps(key_set(small)).encode()
    with pytest.raises(UnknownUser, match="signature"):
        user(token("ES384"), keys)
