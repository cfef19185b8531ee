"""SMART backend services: a DTR client's token, from discovery to the questionnaire's package, and who gets none."""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from cds_service.settings import Settings
from cds_service.trust.tokens import ALGORITHMS
from cds_service.web import create_app
from cds_service.web.backend_services.token_server import granted
from tests.conformance.checker import check_error
from tests.services.crd import crd_call, information
from tests.support import JSON, bundle
from tests.trust import tokens
from tests.trust.tokens import EC, ISSUER, PUBLIC_URL, RSA, STRANGER
from tests.trust.web import Site, serving
from tests.web.test_fhir import PACKAGE, _answered, _required

OTHER = "https://clinic.example.invalid"
TOKEN, SIGN = f"{PUBLIC_URL}/token", "/cds-services/crd-order-sign"
WELL_KNOWN = "/fhir/.well-known/smart-configuration"
SCOPES = ["system/Questionnaire.rs", "system/ValueSet.rs", "system/Library.rs"]
KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def made(tmp_path: Path) -> MakeClient:
    """Makes a service with two trusted clients of the same keys; keyword arguments change the first one's row."""

    def make(database: str = f"sqlite:///{tmp_path}/s.sqlite3", **members: Any) -> FlaskClient:
        path = tokens.clients_file(tmp_path, **members)
        second = f'[[client]]\nname = "clinic"\nissuer = "{OTHER}"\njwks_file = "keys.json"\n'
        path.write_text(path.read_text(encoding="utf-8") + second, encoding="utf-8")
        service = Settings(
            public_url=PUBLIC_URL,
            trusted_clients=str(path),
            database_url=database,
            spool_folder=str(tmp_path / "spool"),
        )
        return create_app(service).test_client()

    return make


def assertion(key: Any = EC, head: JSON | None = None, client: str = ISSUER, **changes: Any) -> str:
    """A client assertion that is in order; a change to `...` takes a claim away."""
    now = int(time.time())
    base = {"iss": client, "sub": client, "aud": TOKEN, "exp": now + 300, "jti": str(uuid4())}
    body = {name: value for name, value in (base | changes).items() if value is not ...}
    usual = {"alg": "RS384" if key is RSA else "ES384", "kid": key.kid, "typ": "JWT"}
    header = {name: value for name, value in (usual | (head or {})).items() if value is not ...}
    return jws.serialize_compact(header, json.dumps(body), key, algorithms=[header["alg"]])


def asked(client: FlaskClient, signed: str | None = None, **form: Any) -> Any:
    """The reply of the token endpoint."""
    usual = {
        "grant_type": "client_credentials",
        "scope": " ".join(SCOPES),
        "client_assertion_type": KIND,
        "client_assertion": assertion() if signed is None else signed,
    }
    sent = {name: value for name, value in (usual | form).items() if value is not ...}
    return client.post("/token", data=sent)


def access(client: FlaskClient, signed: str | None = None, **form: Any) -> dict[str, str]:
    """The header with an access token."""
    reply = asked(client, signed, **form)
    assert reply.status_code == 200, reply.data
    return {"Authorization": f"Bearer {reply.get_json()['access_token']}"}


def packaged(client: FlaskClient, headers: dict[str, str], **parameter: Any) -> Any:
    """The reply to a request for the package, by canonical where nothing else is named."""
    named = parameter or {"name": "questionnaire", "valueCanonical": f"{PUBLIC_URL}/fhir/Questionnaire/mp-mm-1316"}
    return client.post(PACKAGE, json={"resourceType": "Parameters", "parameter": [named]}, headers=headers)


def signed_order(client: FlaskClient, request: JSON) -> JSON:
    """What the EHR is told when an order is signed; it comes with its own CDS Hooks token."""
    headers = {"Authorization": f"Bearer {tokens.signed(PUBLIC_URL + SIGN)}"}
    body = client.post(SIGN, json=request, headers=headers).get_json()
    assert client.application.config["STORE"].recorder.flush()
    return information(body)


# ---------------------------------------------------------------- in order


def test_a_dtr_client_goes_the_whole_way(made: MakeClient) -> None:
    """Order signed, discovery, token, package of the assertion, its answers, order signed again: likely approved."""
    client = made()
    request = crd_call(education=None)
    found = signed_order(client, request)
    assert found["doc-needed"] == ["clinical"]
    base = found["questionnaire"][0].rsplit("/Questionnaire/", 1)[0].removeprefix(PUBLIC_URL)
    offered = client.get(f"{base}/.well-known/smart-configuration").get_json()
    assert offered["token_endpoint"] == TOKEN
    reply = asked(client, scope=" ".join(offered["scopes_supported"]))
    assert reply.headers["Cache-Control"] == "no-store"
    given_token = reply.get_json()
    assert (given_token["token_type"], given_token["scope"]) == ("Bearer", " ".join(SCOPES))
    assert 0 < given_token["expires_in"] <= 300
    assert "refresh_token" not in given_token
    headers = {"Authorization": f"Bearer {given_token['access_token']}"}
    answer = packaged(client, headers, name="context", valueString=found["coverage-assertion-id"][0])
    assert answer.status_code == 200
    assert _required(answer.get_json()) == {"D.I.D.date", "D.I.D.educator"}
    statement = _answered(answer.get_json()["parameter"][0]["resource"]["entry"][0]["resource"])
    kept = request["prefetch"]["attestations"]["entry"]
    request["prefetch"]["attestations"] = bundle(statement, *(entry["resource"] for entry in kept))
    assert "doc-needed" not in signed_order(client, request)


def test_discovery_says_what_smart_wants(made: MakeClient) -> None:
    reply = made().get(WELL_KNOWN)
    assert (reply.status_code, reply.mimetype) == (200, "application/json")
    offered = reply.get_json()
    assert offered["grant_types_supported"] == ["client_credentials"]
    assert offered["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert offered["token_endpoint_auth_signing_alg_values_supported"] == ["ES384", "RS384"]
    assert offered["scopes_supported"] == SCOPES
    assert {"client-confidential-asymmetric", "permission-v2"} == set(offered["capabilities"])
    assert "authorization_endpoint" not in offered


def test_the_capability_statement_says_how_to_get_in(made: MakeClient) -> None:
    (rest,) = json.loads(made().get("/fhir/metadata").data)["rest"]
    (extension,) = rest["security"]["extension"]
    assert extension["extension"] == [{"url": "token", "valueUri": TOKEN}]
    assert rest["security"]["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"


@pytest.mark.parametrize("key", [EC, RSA], ids=ALGORITHMS)
def test_both_algorithms_get_a_token(made: MakeClient, key: Any) -> None:
    client = made()
    assert packaged(client, access(client, assertion(key))).status_code == 200


def test_keys_are_had_from_a_registered_address(made: MakeClient) -> None:
    """With the address in the assertion's header or without."""
    with Site(serving(tokens.key_set())) as site:
        client = made(jwks_file=None, jku=[f"{site.url}/jwks.json"])
        for head in ({"jku": f"{site.url}/jwks.json"}, {}):
            assert asked(client, assertion(head=head)).status_code == 200
        refused(asked(client, assertion(head={"jku": f"{site.url}/other.json"})), "invalid_client")
        assert {path for path, _ in site.asked} == {"/jwks.json"}


def test_a_client_id_of_its_own_takes_the_issuers_place(made: MakeClient) -> None:
    client = made(backend_client_id="dtr-app-7")
    assert packaged(client, access(client, assertion(client="dtr-app-7"))).status_code == 200
    refused(asked(client, assertion(client=ISSUER)), "invalid_client")


def test_tokens_are_good_in_every_worker(made: MakeClient) -> None:
    """Another process of the same run reads them: nothing is looked up."""
    headers = access(made())
    assert packaged(made(), headers).status_code == 200


def test_a_client_that_is_limited_to_tenants_names_one(made: MakeClient) -> None:
    client = made(tenants=["north"])
    assert asked(client, assertion(tenant="north")).status_code == 200
    for changes in ({}, {"tenant": "south"}, {"tenant": 5}):
        refused(asked(client, assertion(**changes)), "invalid_client")


# ---------------------------------------------------------------- scopes


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (" ".join(SCOPES), SCOPES),
        ("system/Library.rs system/Questionnaire.rs", ["system/Library.rs", "system/Questionnaire.rs"]),
        ("system/Questionnaire.rs system/Patient.rs openid patient/Questionnaire.rs", SCOPES[:1]),
        ("system/*.rs", SCOPES),
        ("system/*.read", SCOPES),
        ("system/Questionnaire.*", SCOPES[:1]),
        ("system/Questionnaire.cruds", SCOPES[:1]),
        ("system/Questionnaire.r", ["system/Questionnaire.r"]),
        ("system/Questionnaire.rs system/Questionnaire.read", SCOPES[:1]),
    ],
)
def test_only_what_is_offered_is_granted(scope: str, words: list[str]) -> None:
    assert (granted(scope) or "").split() == words


@pytest.mark.parametrize(
    "scope",
    [
        "system/Patient.rs",
        "system/Questionnaire.cud",
        "system/Questionnaire.write",
        "system/Questionnaire.",
        "system/Questionnaire.sr",
        "system/QuestionnaireResponse.rs",
        "SYSTEM/Questionnaire.rs",
        "system/Questionnaire.rs?x=1",
        "user/Questionnaire.rs",
    ],
)
def test_a_scope_of_which_nothing_is_offered_is_refused(made: MakeClient, scope: str) -> None:
    refused(asked(made(), scope=scope), "invalid_scope")


def test_a_request_without_a_scope_gets_what_is_offered(made: MakeClient) -> None:
    assert asked(made(), scope=...).get_json()["scope"].split() == SCOPES


@pytest.mark.parametrize(("scope", "status"), [("system/Questionnaire.r", 200), ("system/ValueSet.rs", 403)])
def test_a_package_needs_the_scope_for_questionnaires(made: MakeClient, scope: str, status: int) -> None:
    client = made()
    reply = packaged(client, access(client, scope=scope))
    assert reply.status_code == status
    if status == 403:
        assert check_error(403, reply.content_type, reply.get_json()) == []


# ---------------------------------------------------------------- refused


def refused(reply: Any, error: str) -> None:
    """OAuth's refusal, which nobody keeps a copy of."""
    assert (reply.status_code, reply.mimetype) == (400, "application/json"), reply.data
    assert reply.get_json()["error"] == error
    assert reply.get_json()["error_description"]
    assert "no-store" in reply.headers["Cache-Control"]


def now() -> int:
    """Asked when a test runs."""
    return int(time.time())


with warnings.catch_warnings(action="ignore"):
    SMALL = RSAKey.generate_key(1024, {"kid": "rsa-1"})
P256 = ECKey.generate_key("P-256", {"kid": "ec-1"})
SECRET = OctKey.import_key(json.dumps(EC.as_dict(private=False)), {"kid": "ec-1"})
REFUSED: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "no JWT": lambda: "abc",
    "two parts": lambda: ".".join(assertion().split(".")[:2]),
    "letters beyond ASCII": lambda: assertion() + "ß",
    "without end": lambda: assertion(pad="x" * 9000),
    "claims that are a list": lambda: tokens.forged({"alg": "ES384", "kid": "ec-1"}, [1], b"x"),
    "claims nested deep": lambda: tokens.forged({"alg": "ES384", "kid": "ec-1"}, b"[" * 3000, b"x"),
    "no algorithm": lambda: tokens.forged({"alg": "none", "kid": "ec-1"}, {"iss": ISSUER, "sub": ISSUER, "aud": TOKEN}),
    "signed by a stranger": lambda: assertion(STRANGER),
    "a changed signature": lambda: assertion()[:-8] + "AAAAAAAA",
    "RS256": lambda: assertion(RSA, {"alg": "RS256"}),
    "HMAC with the public key": lambda: assertion(SECRET, {"alg": "HS256"}),
    "a weak RSA key": lambda: assertion(SMALL, {"alg": "RS384"}),
    "another curve": lambda: assertion(P256, {"alg": "ES256"}),
    "kid of nobody": lambda: assertion(head={"kid": "ec-9"}),
    "kid missing": lambda: assertion(head={"kid": ...}),
    "jku that is not registered": lambda: assertion(head={"jku": "https://evil.example.invalid/jwks.json"}),
    "jku inside": lambda: assertion(head={"jku": "http://169.254.169.254/latest/meta-data"}),
    "a known extension as critical": lambda: assertion(head={"crit": ["kid"]}),
    "client of nobody": lambda: assertion(client="https://evil.example.invalid"),
    "iss of another client": lambda: assertion(iss=OTHER),
    "iss missing": lambda: assertion(iss=...),
    "sub missing": lambda: assertion(sub=...),
    "sub that is a list": lambda: assertion(sub=[ISSUER]),
    "aud missing": lambda: assertion(aud=...),
    "aud of the service": lambda: assertion(aud=PUBLIC_URL + PACKAGE),
    "aud of another host": lambda: assertion(aud="https://evil.example.invalid/token"),
    "aud that is an object": lambda: assertion(aud={"a": TOKEN}),
    "exp missing": lambda: assertion(exp=...),
    "expired": lambda: assertion(exp=now() - 120),
    "a life of an hour": lambda: assertion(exp=now() + 3600),
    "exp as text": lambda: assertion(exp="soon"),
    "exp beyond all numbers": lambda: assertion(exp=10**400),
    "not yet valid": lambda: assertion(nbf=now() + 600),
    "jti missing": lambda: assertion(jti=...),
    "jti empty": lambda: assertion(jti=""),
    "jti that is no string": lambda: assertion(jti=5),
    "jti without end": lambda: assertion(jti="x" * 300),
    "jti of half a character": lambda: assertion(jti="\ud800"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_assertion_that_is_not_in_order_gets_no_token(
    made: MakeClient, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One answer for every reason; the log has the reason and no token."""
    client, signed = made(), REFUSED[name]()
    with caplog.at_level(logging.DEBUG):
        reply = asked(client, signed)
    refused(reply, "invalid_client")
    assert reply.data == asked(client, client_assertion=...).data, "every refusal is the same to the byte"
    assert "a token request was refused" in caplog.text
    assert "eyJ" not in caplog.text


def test_an_assertion_is_used_once(made: MakeClient) -> None:
    """Also when another worker was the first, and where the client's CDS Hooks tokens may be repeated."""
    client, signed = made(repeated_jti=True), assertion(jti="j")
    assert asked(client, signed).status_code == 200
    refused(asked(client, signed), "invalid_client")
    refused(asked(made(), signed), "invalid_client")
    refused(asked(client, assertion(RSA, jti="j")), "invalid_client")
    assert asked(client, assertion(jti="j", client=OTHER)).status_code == 200, "of each client"


def test_without_a_store_an_assertion_is_used_once_too(made: MakeClient) -> None:
    client, signed = made(database="off"), assertion()
    assert asked(client, signed).status_code == 200
    refused(asked(client, signed), "invalid_client")


def test_where_nobody_can_say_whether_an_assertion_was_used_it_is_503(made: MakeClient, tmp_path: Path) -> None:
    client = made(database=f"sqlite:///{tmp_path}/nowhere/s.sqlite3")
    assert asked(client).status_code == 503
    refused(asked(client, assertion(STRANGER)), "invalid_client")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": ...}, "unsupported_grant_type"),
        ({"grant_type": "é\n"}, "unsupported_grant_type"),
        ({"client_assertion_type": ...}, "invalid_client"),
        ({"client_assertion_type": "urn:other"}, "invalid_client"),
        ({"client_assertion": ..., "client_id": ISSUER, "client_secret": "x"}, "invalid_client"),
    ],
)
def test_other_ways_to_a_token_are_closed(made: MakeClient, form: JSON, error: str) -> None:
    reply = asked(made(), **form)
    assert reply.status_code == 400
    assert reply.get_json()["error"] in (error, "invalid_request")


@pytest.mark.parametrize("told", [True, False], ids=["length told", "in pieces"])
def test_a_large_form_is_refused(made: MakeClient, told: bool) -> None:
    body = urlencode({"pad": "x" * 30_000}).encode()
    kind = "application/x-www-form-urlencoded"
    untold = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    reply = made().post("/token", data=body, content_type=kind, environ_overrides={} if told else untold)
    # What comes in pieces is read as far as the limit.
    assert reply.status_code == (413 if told else 400)
    if told:
        assert check_error(413, reply.content_type, reply.get_json()) == []


def test_a_cds_hooks_token_is_no_assertion(made: MakeClient) -> None:
    refused(asked(made(), tokens.signed(TOKEN)), "invalid_client")


# ---------------------------------------------------------------- what a token opens


def test_an_access_token_opens_dtr_and_nothing_else(made: MakeClient) -> None:
    client = made()
    headers = access(client)
    assert client.get("/cds-services", headers=headers).status_code == 401
    for path in (SIGN, f"{SIGN}/feedback", "/cds-services/insulin-pump-order-sign"):
        assert client.post(path, json=crd_call(), headers=headers).status_code == 401


def test_a_token_of_one_client_shows_nothing_of_anothers(made: MakeClient) -> None:
    client = made()
    context = signed_order(client, crd_call(education=None))["coverage-assertion-id"][0]
    for issuer, status in ((ISSUER, 200), (OTHER, 404)):
        headers = access(client, assertion(client=issuer))
        assert packaged(client, headers, name="context", valueString=context).status_code == status


def test_a_cds_hooks_token_still_opens_the_package(made: MakeClient) -> None:
    client = made()
    assert packaged(client, {"Authorization": f"Bearer {tokens.signed(PUBLIC_URL + PACKAGE)}"}).status_code == 200


def test_forged_and_old_access_tokens_open_nothing(made: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    client = made()
    good = access(client)["Authorization"].removeprefix("Bearer ")
    head, body, signature = good.split(".")
    stranger = jwt.encode(
        {"alg": "HS256", "typ": "at+jwt"}, jwt_claims(body), OctKey.generate_key(256), algorithms=["HS256"]
    )
    unsigned = tokens.forged({"alg": "none", "typ": "at+jwt"}, jwt_claims(body))
    for bad in (f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{body}", stranger, unsigned, "", "a.b.c", "é"):
        header = f"Bearer {bad}".encode("latin-1", "replace").decode("latin-1")
        assert packaged(client, {"Authorization": header}).status_code == 401, bad
    assert packaged(client, {"Authorization": f"bearer {good}"}).status_code == 200
    later = time.time() + 400
    monkeypatch.setattr(time, "time", lambda: later)
    assert packaged(client, {"Authorization": f"Bearer {good}"}).status_code == 401


def jwt_claims(body: str) -> JSON:
    """The claims of a token's middle part."""
    import base64

    found: JSON = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_a_client_that_is_no_longer_trusted_keeps_no_access(made: MakeClient) -> None:
    headers = access(made(backend_client_id="dtr-app-7"), assertion(client="dtr-app-7"))
    assert packaged(made(backend_client_id="dtr-app-8"), headers).status_code == 401


def test_where_callers_are_not_authenticated_nobody_needs_a_token() -> None:
    client = create_app(Settings(public_url=PUBLIC_URL, database_url="off")).test_client()
    for reply in (client.get(WELL_KNOWN), client.post("/token")):
        assert reply.status_code == 404
        assert "needs no token" in reply.get_json()["issue"][0]["diagnostics"]
    assert "security" not in json.loads(client.get("/fhir/metadata").data)["rest"][0]
    assert packaged(client, {}).status_code == 200


FORMS = st.dictionaries(
    st.sampled_from(["grant_type", "scope", "client_assertion_type", "client_assertion", "client_id", "x"]),
    st.sampled_from(["client_credentials", KIND, "a.b.c", "e30.e30.e30", SCOPES[0]]) | st.text(max_size=20),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(form=FORMS, query=FORMS)
def test_whatever_is_sent_to_the_token_endpoint_is_refused_in_words(made: MakeClient, form: JSON, query: JSON) -> None:
    client = made(database="off")
    body = urlencode(form, errors="replace")
    kind = "application/x-www-form-urlencoded"
    reply = client.post("/token", data=body, query_string=urlencode(query, errors="replace"), content_type=kind)
    assert reply.status_code == 400
    assert set(reply.get_json()) == {"error", "error_description"}
