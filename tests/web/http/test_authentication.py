"""Who gets in (section M of the checklist, bug log 45 to 50), and the one answer for everybody else."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, RSAKey

from cds_service.settings import Settings
from cds_service.web import create_app
from tests.conformance.checker import check_error
from tests.services.crd import crd_call
from tests.trust import tokens
from tests.trust.tokens import (
    DISCOVERY,
    EC,
    NAME,
    PUBLIC_URL,
    RSA,
    STRANGER,
    claims,
    forged,
    header,
    hmac_signed,
    signed,
    signed_bytes,
)

SIGN = "/cds-services/insulin-pump-order-sign"
MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def made(tmp_path: Path) -> MakeClient:
    """Makes a service that knows one client; keyword arguments change the client's row."""

    def make(**members: Any) -> FlaskClient:
        path = tokens.clients_file(tmp_path, **members)
        settings = Settings(
            public_url=PUBLIC_URL,
            trusted_clients=str(path),
            database_url=f"sqlite:///{tmp_path}/store.sqlite3",
            spool_folder=str(tmp_path / "spool"),
        )
        return create_app(settings).test_client()

    return make


def discover(client: FlaskClient, token: str | None, scheme: str = "Bearer") -> int:
    """The status of discovery with a token."""
    headers = {} if token is None else {"Authorization": f"{scheme} {token}"}
    return client.get("/cds-services", headers=headers).status_code


# ---------------------------------------------------------------- in order


@pytest.mark.parametrize("key", [EC, RSA], ids=["ES384", "RS384"])
def test_both_algorithms_are_accepted(made: MakeClient, key: Any) -> None:
    """Requirements 211 to 217."""
    assert discover(made(), signed(key=key)) == 200


def test_every_address_has_its_own_audience(made: MakeClient) -> None:
    """Requirement 216; feedback may be signed for its own address or its service's (167).

    With or without its last slash (bug-log 45).
    """
    client = made()
    for path, body in ((SIGN, crd_call()), (f"{SIGN}/feedback", {"card": "x", "outcome": "overridden"})):
        for audience in (f"{PUBLIC_URL}{path}", [f"{PUBLIC_URL}{path}"], f"{PUBLIC_URL}{path}/"):
            headers = {"Authorization": f"Bearer {signed(audience)}"}
            assert client.post(path, json=body, headers=headers).status_code == 200
    headers = {"Authorization": f"Bearer {signed(f'{PUBLIC_URL}{SIGN}')}"}
    body = {"card": "x", "outcome": "overridden"}
    assert client.post(f"{SIGN}/feedback", json=body, headers=headers).status_code == 200
    for other in ("/crd-2.0/cds-services", "/plain/cds-services"):
        assert client.get(other, headers={"Authorization": f"Bearer {signed()}"}).status_code == 401
        assert client.get(other, headers={"Authorization": f"Bearer {signed(PUBLIC_URL + other)}"}).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        lambda: {"iat": now() + 2},
        lambda: {"nbf": now() - 5},
        lambda: {"tenant": "north"},
        lambda: {"extra": {"a": 1}},
        lambda: {"aud": ["https://elsewhere.example.invalid", DISCOVERY]},
    ],
    ids=["clocks apart", "nbf", "tenant", "more claims", "several audiences"],
)
def test_small_differences_are_tolerated(made: MakeClient, changes: Callable[[], dict[str, Any]]) -> None:
    """bug-log 46: a clock that is a little ahead; bug-log 49: several audiences."""
    assert discover(made(), signed(**changes())) == 200


def test_leeway_ends_after_a_minute(made: MakeClient) -> None:
    """Requirement 217."""
    now, client = int(time.time()), made()
    assert discover(client, signed(iat=now - 330, exp=now - 30)) == 200
    assert discover(client, signed(iat=now - 400, exp=now - 100)) == 401
    assert discover(client, signed(iat=now + 30, exp=now + 330)) == 200
    assert discover(client, signed(iat=now + 120, exp=now + 420)) == 401


def test_pages_for_people_and_machines_need_no_token(made: MakeClient) -> None:
    client = made()
    for path in ("/healthz", "/readyz", "/metrics", "/policy/MP-MM-1316"):
        assert client.get(path).status_code == 200, path
    assert client.options(SIGN, headers={"Access-Control-Request-Method": "POST"}).status_code == 204


def test_a_scheme_in_lower_case_is_a_bearer(made: MakeClient) -> None:
    assert discover(made(), signed(), "bearer") == 200


def test_tenants_and_audiences_of_a_client(made: MakeClient) -> None:
    """Requirement 223; bug-log 49: an odd audience only where it is configured."""
    assert discover(made(), signed("sand_man")) == 401
    client = made(tenants=["north"], audiences=["sand_man"])
    assert discover(client, signed("sand_man", tenant="north")) == 200
    for tenant in ("south", ..., 5, ["north"]):
        assert discover(client, signed(tenant=tenant)) == 401


# ---------------------------------------------------------------- forged, wrong, replayed


def now() -> int:
    """Asked when a test runs: minutes may lie between that and the moment when tests are collected."""
    return int(time.time())


PUBLIC_JSON = json.dumps(EC.as_dict(private=False)).encode()
with warnings.catch_warnings(action="ignore"):
    SMALL = RSAKey.generate_key(1024, {"kid": "rsa-1"})
P256 = ECKey.generate_key("P-256", {"kid": "ec-1"})
REFUSED: dict[str, Callable[[], str | None]] = {
    "no token": lambda: None,
    "an empty token": lambda: "",
    "no JWT": lambda: "abc",
    "two parts": lambda: ".".join(signed().split(".")[:2]),
    "four parts": lambda: signed() + ".x",
    "five parts, encrypted": lambda: "a.b.c.d.e",
    "a changed signature": lambda: signed()[:-8] + "AAAAAAAA",
    "a changed claim": lambda: ".".join(
        [signed().split(".")[0], forged({}, claims()).split(".")[1], signed().split(".")[2]]
    ),
    "signed by a stranger": lambda: signed(key=STRANGER),
    "no algorithm": lambda: forged(header(alg="none"), claims()),
    "no algorithm, spelt otherwise": lambda: forged(header(alg="nOnE"), claims()),
    "algorithm missing": lambda: forged(header(alg=...), claims(), b"x"),
    "HMAC with the public key": lambda: hmac_signed(EC.as_pem(private=False), "HS384"),
    "HMAC with the public key as JSON": lambda: hmac_signed(PUBLIC_JSON, "HS256"),
    "RS384 in the header, EC key": lambda: forged(header(alg="RS384"), claims(), b"x" * 96),
    "ES384 in the header, RSA key": lambda: forged(header(kid="rsa-1"), claims(), b"x" * 256),
    "RS256": lambda: signed(key=RSA, head=header(alg="RS256", kid="rsa-1")),
    "typ missing": lambda: signed(head=header(typ=...)),
    "another typ": lambda: signed(head=header(typ="at+jwt")),
    "kid missing": lambda: signed(head=header(kid=...)),
    "kid of nobody": lambda: signed(head=header(kid="ec-9")),
    "kid as a path": lambda: signed(head=header(kid="../../keys.json")),
    "kid that is no string": lambda: forged(header(kid=5), claims(), b"x"),
    "jku that is not listed": lambda: signed(head=header(jku="https://evil.example.invalid/jwks.json")),
    "jku inside": lambda: signed(head=header(jku="http://169.254.169.254/latest/meta-data")),
    "jku that is no string": lambda: forged(header(jku=["https://a"]), claims(), b"x"),
    "a key in the header": lambda: signed(key=STRANGER, head=header(jwk=STRANGER.as_dict(private=False))),
    "a critical extension": lambda: forged(header(crit=["x"], x=1), claims(), b"x"),
    "critical, though understood": lambda: signed(head=header(crit=["kid"])),
    "critical, of a header parameter that RFC 7515 has": lambda: signed(head=header(crit=["alg"])),
    "an empty list of critical extensions": lambda: signed(head=header(crit=[])),
    "an unencoded payload (RFC 7797)": lambda: signed(head=header(crit=["b64"], b64=True)),
    "issuer missing": lambda: signed(iss=...),
    "issuer of nobody": lambda: signed(iss="https://evil.example.invalid"),
    "issuer that is no string": lambda: signed(iss=[tokens.ISSUER]),
    "audience missing": lambda: signed(aud=...),
    "audience of another service": lambda: signed(f"{PUBLIC_URL}{SIGN}"),
    "audience of another host": lambda: signed("https://evil.example.invalid/cds-services"),
    "audience by plain http": lambda: signed(DISCOVERY.replace("https", "http")),
    "audience in an object": lambda: signed({"aud": DISCOVERY}),
    "empty list of audiences": lambda: signed([]),
    "exp missing": lambda: signed(exp=...),
    "expired": lambda: signed(iat=now() - 600, exp=now() - 300),
    "exp as a string": lambda: signed(exp=str(now() + 300)),
    "exp of a boolean": lambda: signed(exp=True),
    "exp beyond all numbers": lambda: signed(exp=10**400),
    "exp before iat": lambda: signed(exp=now() - 1),
    "iat missing": lambda: signed(iat=...),
    "iat in the future": lambda: signed(iat=now() + 600, exp=now() + 900),
    "a life of a day": lambda: signed(exp=now() + 86_400),
    "not yet valid": lambda: signed(nbf=now() + 600),
    "jti missing": lambda: signed(jti=...),
    "jti empty": lambda: signed(jti=""),
    "jti that is no string": lambda: signed(jti=5),
    "jti without end": lambda: signed(jti="x" * 5000),
    "jti with half of a pair": lambda: signed_bytes(json.dumps(claims(jti="a\ud800")).encode()),
    "jti with the other half": lambda: signed_bytes(json.dumps(claims(jti="\udfffa")).encode()),
    "half of a pair, signed by a stranger": lambda: signed_bytes(
        json.dumps(claims(tenant="\ud800")).encode(), STRANGER
    ),
    "claims that are a list": lambda: forged(header(), [1], b"x"),
    "claims that are no JSON": lambda: forged(header(), b"{", b"x"),
    "claims nested deep": lambda: forged(header(), b"[" * 3000, b"x"),
    "a token without end": lambda: signed(pad="x" * 9000),
    "letters beyond ASCII": lambda: signed() + "ß",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(made: MakeClient, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Requirements 106, 212 to 219, 224, 225: one answer for every reason; the log has the reason and no token."""
    client, token = made(), REFUSED[name]()
    headers = {} if token is None else {"Authorization": b"Bearer " + token.encode("latin-1", "replace")}
    with caplog.at_level(logging.INFO):
        reply = client.get("/cds-services", headers=headers)
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert check_error(401, reply.content_type, reply.get_json()) == []
    assert reply.data == client.get("/cds-services").data, "every refusal is the same to the byte"
    assert "a caller was refused" in caplog.text
    if token and len(token) > 20:
        assert token not in caplog.text
        assert "eyJ" not in caplog.text


@pytest.mark.parametrize("value", ["Basic dXNlcjpwdw==", "Bearer", "Token abc", "", "Bearer  ", "Bearer a b"])
def test_other_headers_are_refused(made: MakeClient, value: str) -> None:
    """bug-log 50."""
    assert made().get("/cds-services", headers={"Authorization": value}).status_code == 401


def test_every_cds_hooks_address_is_guarded(made: MakeClient) -> None:
    """Requirement 211: discovery, hooks and feedback, at both roots; nothing of the body is looked at before."""
    client = made()
    for path in (SIGN, f"{SIGN}/feedback", "/cds-services/nobody", "/crd-2.0/cds-services/crd-order-sign"):
        assert client.post(path, json=crd_call()).status_code == 401, path
        assert client.post(path, data="{").status_code == 401, path
    for path in (f"{root}/cds-services{end}" for root in ("", "/crd-2.0", "/plain") for end in ("", "/")):
        assert client.get(path).status_code == 401, path


def test_a_token_is_used_once(made: MakeClient) -> None:
    """Requirement 218, also when another process was the first: the store remembers."""
    first, token = made(), signed()
    assert discover(first, token) == 200
    assert discover(first, token) == 401
    assert discover(made(), token) == 401


def test_a_named_client_may_repeat_a_token_while_it_lives(made: MakeClient) -> None:
    """The public test kit sends one token for several bodies."""
    client, token = made(repeated_jti=True), signed()
    assert [discover(client, token) for _ in range(3)] == [200, 200, 200]
    assert discover(client, signed(iat=now() - 600, exp=now() - 300)) == 401


def test_one_jti_of_two_tokens_is_one(made: MakeClient) -> None:
    client = made()
    assert discover(client, signed(jti="j")) == 200
    assert discover(client, signed(jti="j", key=RSA)) == 401


def test_where_nobody_can_say_whether_a_token_was_used_it_is_503(tmp_path: Path) -> None:
    """Not let in, and not told that the token is wrong."""
    settings = Settings(
        public_url=PUBLIC_URL,
        trusted_clients=str(tokens.clients_file(tmp_path)),
        database_url=f"sqlite:///{tmp_path}/nowhere/store.sqlite3",
        spool_folder=str(tmp_path / "spool"),
    )
    client = create_app(settings).test_client()
    assert discover(client, signed()) == 503
    assert discover(client, signed(key=STRANGER)) == 401
    assert client.get("/readyz").status_code == 503


def test_without_a_store_tokens_are_used_once_in_the_process(tmp_path: Path) -> None:
    settings = Settings(public_url=PUBLIC_URL, trusted_clients=str(tokens.clients_file(tmp_path)), database_url="off")
    client, token = create_app(settings).test_client(), signed()
    assert [discover(client, token) for _ in range(2)] == [200, 401]


def test_a_file_of_keys_is_read_again_when_it_changes(made: MakeClient, tmp_path: Path) -> None:
    """Requirement 221; bug-log 48: rotation without a restart, and the old key no longer opens."""
    client = made()
    fresh = ECKey.generate_key("P-384", {"kid": "ec-2"})
    token = signed(key=fresh, head=header(kid="ec-2"))
    assert discover(client, token) == 401
    (tmp_path / "keys.json").write_text(json.dumps(tokens.key_set(fresh)), encoding="utf-8")
    assert discover(client, token) == 200
    assert discover(client, signed()) == 401


@pytest.mark.parametrize(
    "key",
    [
        EC.as_dict(private=False) | {"use": "enc"},
        EC.as_dict(private=False) | {"alg": "ES256"},
        {k: v for k, v in EC.as_dict(private=False).items() if k != "use"} | {"key_ops": ["encrypt"]},
    ],
)
def test_a_key_that_is_not_for_signatures_opens_nothing(made: MakeClient, key: dict[str, Any]) -> None:
    """Requirement 222."""
    assert discover(made(keys={"keys": [key]}), signed()) == 401


def test_keys_that_are_too_weak_open_nothing(made: MakeClient) -> None:
    client = made(keys=tokens.key_set(SMALL, P256))
    assert discover(client, signed(key=SMALL, head=header(alg="RS384", kid="rsa-1"))) == 401
    assert discover(client, signed(key=P256, head=header(alg="ES256"))) == 401


def test_keys_as_the_public_test_kit_has_them(made: MakeClient) -> None:
    """Requirement 222: use sig, key_ops verify, ext."""
    key = EC.as_dict(private=False) | {"key_ops": ["verify"], "ext": True, "use": "sig", "alg": "ES384"}
    assert discover(made(keys={"keys": [key]}), signed()) == 200


def test_the_client_is_told_in_the_log_and_the_metrics_and_nowhere_the_token(
    made: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client, token = made(), signed(f"{PUBLIC_URL}{SIGN}")
    with caplog.at_level(logging.INFO):
        reply = client.post(SIGN, json=crd_call(), headers={"Authorization": f"Bearer {token}"})
    assert reply.status_code == 200
    assert f"from {NAME}: 200" in caplog.text
    assert "eyJ" not in caplog.text
    assert "eyJ" not in client.get("/metrics").get_data(as_text=True)


def test_a_client_has_its_own_version_of_the_guide(made: MakeClient) -> None:
    path = "/cds-services/crd-order-sign"
    for version, purpose in (("2.0.1", True), ("2.1", False), (None, False)):
        client = made(crd_version=version)
        headers = {"Authorization": f"Bearer {signed(PUBLIC_URL + path)}"}
        body = client.post(path, json=crd_call(education=None), headers=headers).get_data(as_text=True)
        assert ("doc-purpose" in body) is purpose


def test_origins_are_those_of_the_clients(made: MakeClient) -> None:
    """Requirement 237: `*` is for open services alone."""
    client = made(cors_origins=["https://sandbox.example.invalid"])
    for origin, allowed in (("https://sandbox.example.invalid", True), ("https://evil.example.invalid", False)):
        reply = client.get("/cds-services", headers={"Origin": origin})
        assert (reply.headers.get("Access-Control-Allow-Origin") == origin) is allowed
