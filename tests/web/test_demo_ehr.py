"""The demo's own EHR: SMART App Launch 2.2 on the server's side, and the FHIR front door behind it."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import uuid4

import pytest
import requests
import responses
from authlib.integrations.requests_client import OAuth2Session
from fhir.resources.R4B import get_fhir_model_class
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.test import TestResponse

from cds_service.demo.ehr.grants import ExpiringStore
from cds_service.demo.ehr.server import DemoEhr, EhrClient, EhrOptions
from cds_service.demo.live import running_sandbox
from cds_service.demo.sandbox_server import is_installed
from cds_service.ehr import scopes as app_scopes
from cds_service.ehr.forwarding import Forwarder, NotForwarded
from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.browser.serving import served
from tests.integration.charts import unavailable
from tests.trust.web import Site

FHIR = "http://127.0.0.1:9999/fhir"
ROOT = "http://localhost/demo/ehr"
ISS = f"{ROOT}/fhir"
CALLBACK = "http://127.0.0.1:5000/smart/callback"
USER = "Practitioner/dr-1"
EC = ECKey.generate_key("P-384", {"kid": "ec-1", "use": "sig"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
SECRET = "a secret: of+ours"
CLIENTS = (
    EhrClient("public-app", (CALLBACK,), name="Public app"),
    EhrClient("secret-app", (CALLBACK,), secret=SECRET),
    EhrClient("key-app", (CALLBACK,), jwks={"keys": [EC.as_dict(private=False), RSA.as_dict(private=False)]}),
    EhrClient("demo-app", ("*",)),
)
SCOPE = "launch openid fhirUser patient/Observation.rs"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
JSON = dict[str, Any]


class Clock:
    """Epoch seconds that a test can move."""

    def __init__(self) -> None:
        self.moved = 0.0

    def __call__(self) -> float:
        return time.time() + self.moved


class _Form(HTMLParser):
    """The form of a page: its action, its hidden fields, its buttons and its options."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []
        self.decisions: list[str] = []
        self.options: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = told["action"]
        elif tag == "input":
            self.fields.append((told["name"], told["value"]))
        elif tag == "button":
            self.decisions.append(told["value"])
        elif tag == "option":
            self.options.append(told["value"])


@dataclass
class Visit:
    """An EHR, a browser before it, and the app that sends the browser there."""

    options: EhrOptions = field(default_factory=lambda: EhrOptions(clients=CLIENTS))
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.ehr = DemoEhr(FHIR, options=self.options, clock=self.clock)
        self.app: Flask = create_app(Settings(database_url="off"))
        self.app.register_blueprint(self.ehr.blueprint)
        self.browser: FlaskClient = self.app.test_client()

    def launch(self, patient: str = "p1", context: str | None = None) -> str:
        return self.ehr.begin_launch(patient, USER, context)

    def asked(self, **changes: Any) -> dict[str, str]:
        """The parameters of an authorization request; a change to `...` takes one away."""
        base = {
            "response_type": "code",
            "client_id": "public-app",
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "state-1",
            "aud": ISS,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        if "launch" not in changes and "launch" in changes.get("scope", SCOPE).split():
            base["launch"] = self.launch()
        return {name: value for name, value in (base | changes).items() if value is not ...}

    def page(self, **changes: Any) -> TestResponse:
        return self.browser.get("/demo/ehr/authorize", query_string=self.asked(**changes))

    def decide(self, page: TestResponse, decision: str = "allow", **more: str) -> TestResponse:
        """Presses a button of the consent page."""
        assert page.status_code == 200, page.get_data(as_text=True)
        form = _Form(page.get_data(as_text=True))
        assert decision in form.decisions
        return self.browser.post(form.action, data=dict(form.fields) | {"decision": decision} | more)

    def code(self, **changes: Any) -> str:
        return returned(self.decide(self.page(**changes)))["code"]

    def redeem(self, code: str, headers: dict[str, str] | None = None, /, **changes: Any) -> TestResponse:
        base = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": "public-app",
            "code_verifier": VERIFIER,
        }
        body = {name: value for name, value in (base | changes).items() if value is not ...}
        return self.browser.post("/demo/ehr/token", data=body, headers=headers)

    def token(self, **changes: Any) -> JSON:
        answer = self.redeem(self.code(**changes))
        assert answer.status_code == 200, answer.get_data(as_text=True)
        found: JSON = answer.get_json()
        return found

    def bearer(self, scope: str, patient: str = "p1", **more: Any) -> dict[str, str]:
        """Headers with a token of that scope for a patient's chart."""
        token = self.token(scope=f"launch {scope}", launch=self.launch(patient), **more)
        return {"Authorization": f"Bearer {token['access_token']}"}

    def get(self, path: str, headers: dict[str, str] | None = None) -> TestResponse:
        return self.browser.get(f"/demo/ehr/fhir/{path}", headers=headers)


def returned(answer: TestResponse) -> dict[str, str]:
    """What the app's redirect address is given."""
    assert answer.status_code == 302, answer.get_data(as_text=True)
    assert answer.location.split("?")[0] == CALLBACK
    return dict(parse_qsl(urlsplit(answer.location).query))


def outcome(answer: TestResponse, status: int) -> JSON:
    """The issue of an OperationOutcome."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "application/fhir+json"
    body = answer.get_json()
    get_fhir_model_class("OperationOutcome").model_validate(body)
    (issue,) = body["issue"]
    found: JSON = issue
    return found


def oauth_error(answer: TestResponse, status: int) -> str:
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert "access_token" not in answer.get_json()
    error: str = answer.get_json()["error"]
    return error


@pytest.fixture
def visit() -> Visit:
    return Visit()


@pytest.fixture
def fhir() -> Iterator[responses.RequestsMock]:
    """The real server's part, answered by each test."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def _observation(name: str, patient: str) -> JSON:
    return {"resourceType": "Observation", "id": name, "subject": {"reference": f"Patient/{patient}"}}


def _bundle(*found: JSON, **more: Any) -> JSON:
    entries = [{"fullUrl": f"{FHIR}/{each['resourceType']}/{each['id']}", "resource": each} for each in found]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries, **more}


# ---------------------------------------------------------------- discovery


def test_smart_configuration_names_the_endpoints_and_what_is_served(visit: Visit) -> None:
    told = visit.get(".well-known/smart-configuration")
    assert told.mimetype == "application/json"
    found = told.get_json()
    assert found["issuer"] == ISS
    assert found["authorization_endpoint"] == f"{ROOT}/authorize"
    assert found["token_endpoint"] == f"{ROOT}/token"
    assert found["jwks_uri"] == f"{ROOT}/keys"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["grant_types_supported"] == ["authorization_code"]
    assert {"none", "client_secret_basic", "private_key_jwt"} == set(found["token_endpoint_auth_methods_supported"])
    assert set(found["capabilities"]) >= {
        "launch-ehr",
        "launch-standalone",
        "client-public",
        "client-confidential-symmetric",
        "client-confidential-asymmetric",
        "sso-openid-connect",
        "context-ehr-patient",
        "permission-patient",
        "permission-user",
        "permission-v1",
        "permission-v2",
    }
    assert {"openid", "fhirUser", "launch", "launch/patient"} <= set(found["scopes_supported"])


@pytest.mark.parametrize(("syntax", "there", "missing"), [("v1", "v1", "v2"), ("v2", "v2", "v1")])
def test_the_capabilities_name_the_syntax_of_scopes_that_is_known(syntax: Any, there: str, missing: str) -> None:
    found = Visit(EhrOptions(scopes=syntax)).get(".well-known/smart-configuration").get_json()
    assert f"permission-{there}" in found["capabilities"]
    assert f"permission-{missing}" not in found["capabilities"]
    forms = {"v1": "patient/*.read", "v2": "patient/*.cruds"}
    assert forms[there] in found["scopes_supported"]
    assert forms[missing] not in found["scopes_supported"]


def test_openid_configuration_is_of_the_same_issuer(visit: Visit) -> None:
    found = visit.get(".well-known/openid-configuration").get_json()
    assert (found["issuer"], found["jwks_uri"]) == (ISS, f"{ROOT}/keys")
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]


def test_the_key_set_holds_public_parts_only(visit: Visit) -> None:
    (key,) = visit.browser.get("/demo/ehr/keys").get_json()["keys"]
    assert key["kid"]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


@pytest.mark.parametrize("well_known", [True, False])
def test_metadata_names_the_endpoints_for_everyone(fhir: responses.RequestsMock, well_known: bool) -> None:
    statement = {"resourceType": "CapabilityStatement", "url": f"{FHIR}/metadata", "rest": [{"mode": "server"}]}
    fhir.get(f"{FHIR}/metadata", json=statement)
    visit = Visit(EhrOptions(well_known=well_known))
    found = visit.get("metadata").get_json()
    security = found["rest"][0]["security"]
    (told,) = security["extension"]
    assert told["url"] == "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    uris = {each["url"]: each["valueUri"] for each in told["extension"]}
    assert uris == {"authorize": f"{ROOT}/authorize", "token": f"{ROOT}/token"}
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    assert found["url"] == f"{ISS}/metadata"
    assert visit.get(".well-known/smart-configuration").status_code == (200 if well_known else 404)


def test_its_address_is_the_base_url_that_it_is_given() -> None:
    ehr = DemoEhr(FHIR, "/elsewhere/", base_url="https://demo.example.invalid/")
    assert ehr.iss() == "https://demo.example.invalid/elsewhere/fhir"


# ---------------------------------------------------------------- the EHR launch


def test_an_app_gets_the_patient_the_user_and_the_context_of_the_launch(visit: Visit) -> None:
    launch = visit.ehr.begin_launch("p1", USER, '{"order":"o1"}')
    page = visit.page(launch=launch, nonce="n-1")
    back = returned(visit.decide(page))
    assert back["state"] == "state-1"
    answer = visit.redeem(back["code"])
    assert answer.headers["Cache-Control"] == "no-store"
    token = answer.get_json()
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 3600
    assert token["scope"] == SCOPE
    assert token["patient"] == "p1"
    assert token["need_patient_banner"] is True
    assert token["appContext"] == '{"order":"o1"}'
    assert len(token["access_token"]) >= 32
    assert "refresh_token" not in token
    keys = KeySet.import_key_set(visit.browser.get("/demo/ehr/keys").get_json())
    identity = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
    assert identity.header["kid"] == keys.keys[0].kid
    claims = identity.claims
    assert claims["iss"] == ISS
    assert claims["aud"] == "public-app"
    assert claims["nonce"] == "n-1"
    assert claims["fhirUser"] == f"{ISS}/{USER}"
    assert claims["sub"]
    assert claims["iat"] <= time.time() < claims["exp"] <= claims["iat"] + 3600


def test_a_launch_without_context_sends_none_and_the_banner_is_an_option() -> None:
    visit = Visit(EhrOptions(clients=CLIENTS, need_patient_banner=False, token_seconds=120))
    token = visit.token()
    assert "appContext" not in token
    assert token["need_patient_banner"] is False
    assert token["expires_in"] == 120


def test_without_openid_there_is_no_identity_token_and_without_fhir_user_no_user_in_it(visit: Visit) -> None:
    assert "id_token" not in visit.token(scope="launch patient/Observation.rs")
    token = visit.token(scope="launch openid")
    keys = KeySet.import_key_set(visit.browser.get("/demo/ehr/keys").get_json())
    assert "fhirUser" not in jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims


def test_the_page_says_who_asks_for_what_and_that_it_is_pretended(visit: Visit) -> None:
    page = visit.page(scope="launch openid fhirUser patient/Observation.rs patient/QuestionnaireResponse.c user/*.read")
    text = unescape(page.get_data(as_text=True))
    assert "Public app" in text
    assert "http://127.0.0.1:5000" in text
    assert "pretend" in text
    assert "no account and no password" in text
    assert "Read in this patient's chart: Observation." in text
    assert "Add in this patient's chart: QuestionnaireResponse." in text
    assert "Read among all that you may see: everything." in text
    assert USER in text
    assert _Form(text).decisions == ["allow", "deny"]


def test_the_form_may_end_at_the_app_and_nowhere_else(visit: Visit) -> None:
    """Browsers hold the redirect after a form to the form-action of its page."""
    policy = visit.page().headers["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1:5000;" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "5000" not in visit.page(aud="x").headers["Content-Security-Policy"]


def test_what_the_app_sends_is_text_on_the_page(visit: Visit) -> None:
    text = visit.page(state='"><script>alert(1)</script>').get_data(as_text=True)
    assert "<script" not in text


def test_a_request_by_post_is_asked_about_too(visit: Visit) -> None:
    page = visit.browser.post("/demo/ehr/authorize", data=visit.asked())
    assert "code" in returned(visit.decide(page))


def test_a_decision_in_the_address_decides_nothing(visit: Visit) -> None:
    assert visit.page(decision="allow").status_code == 200


def test_the_person_can_say_no(visit: Visit) -> None:
    launch = visit.launch()
    back = returned(visit.decide(visit.page(launch=launch), "deny"))
    assert (back["error"], back["state"]) == ("access_denied", "state-1")
    assert "code" not in back
    assert returned(visit.page(launch=launch))["error"] == "invalid_request"


# ---------------------------------------------------------------- requests that are refused


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://127.0.0.1:5000/other"},
        {"redirect_uri": "https://evil.example.invalid/smart/callback"},
        {"redirect_uri": 'http://x/"<>'},
        {"client_id": "nobody"},
        {"client_id": ...},
    ],
    ids=["path", "host", "characters", "client", "no client"],
)
def test_where_the_app_is_not_sure_the_person_stays_here(visit: Visit, changes: JSON) -> None:
    page = visit.page(**changes)
    assert page.status_code == 400
    assert page.location is None
    assert "could not begin" in page.get_data(as_text=True)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "https://other.example.invalid/fhir"}, "invalid_request"),
        ({"aud": ...}, "invalid_request"),
        ({"launch": "unknown"}, "invalid_request"),
        ({"launch": ...}, "invalid_request"),
        ({"scope": "openid fhirUser", "launch": "unknown"}, "invalid_request"),
        ({"code_challenge": ..., "code_challenge_method": ...}, "invalid_request"),
        ({"code_challenge_method": ...}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "launch system/*.read nonsense", "launch": "x"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none"}, "consent_required"),
    ],
    ids=lambda value: str(value),
)
def test_a_bad_request_goes_back_to_the_app_with_its_state(visit: Visit, changes: JSON, error: str) -> None:
    back = returned(visit.page(**changes))
    assert (back["error"], back["state"]) == (error, "state-1")


def test_nothing_to_grant_is_no_grant(visit: Visit) -> None:
    assert returned(visit.page(scope="system/*.read patient/observation.read nonsense"))["error"] == "invalid_scope"


def test_the_base_may_have_a_slash_at_its_end(visit: Visit) -> None:
    assert visit.page(aud=f"{ISS}/").status_code == 200


def test_a_launch_works_once(visit: Visit) -> None:
    launch = visit.launch()
    first, second = visit.page(launch=launch), visit.page(launch=launch)
    assert "code" in returned(visit.decide(first))
    assert returned(visit.decide(second))["error"] == "invalid_request"
    assert returned(visit.page(launch=launch))["error"] == "invalid_request"


def test_two_who_press_allow_at_once_get_one_code(visit: Visit) -> None:
    form = _Form(visit.page().get_data(as_text=True))
    data = dict(form.fields) | {"decision": "allow"}
    answers: list[dict[str, str]] = []

    def press() -> None:
        answers.append(returned(visit.app.test_client().post(form.action, data=data)))

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert sum("code" in answer for answer in answers) == 1


def test_a_launch_is_too_old_after_an_hour(visit: Visit) -> None:
    launch = visit.launch()
    visit.clock.moved = 3601
    assert returned(visit.page(launch=launch))["error"] == "invalid_request"


def test_any_address_on_this_machine_is_good_for_the_demo_but_no_other(visit: Visit) -> None:
    for good in ("http://localhost:8080/smart/callback", "http://127.0.0.1:1/x", "http://[::1]:8080/x"):
        assert visit.page(client_id="demo-app", redirect_uri=good).status_code == 200
    for bad in (
        "http://example.invalid/smart/callback",
        "http://127.0.0.1@example.invalid/",
        "http://user@127.0.0.1/",
        "http://127.0.0.1/x#y",
        "javascript://127.0.0.1/%0aalert(1)",
        "http://[::1/x",
        ...,
    ):
        assert visit.page(client_id="demo-app", redirect_uri=bad).status_code == 400, bad


# ---------------------------------------------------------------- codes and clients


def test_a_code_needs_its_verifier_and_is_spent_by_a_wrong_one(visit: Visit) -> None:
    code = visit.code()
    assert oauth_error(visit.redeem(code, code_verifier="w" * 43), 400) == "invalid_grant"
    assert oauth_error(visit.redeem(code), 400) == "invalid_grant"


@pytest.mark.parametrize("client", ["public-app", "secret-app"])
def test_a_code_without_a_verifier_is_refused(visit: Visit, client: str) -> None:
    code = visit.code(client_id=client)
    headers = _basic("secret-app", SECRET) if client == "secret-app" else {}
    assert oauth_error(visit.redeem(code, headers, code_verifier=..., client_id=client), 400) == "invalid_request"


def test_a_code_that_comes_again_takes_back_what_it_gave(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Observation/o1", json=_observation("o1", "p1"))
    code = visit.code()
    headers = {"Authorization": f"Bearer {visit.redeem(code).get_json()['access_token']}"}
    assert visit.get("Observation/o1", headers).status_code == 200
    assert oauth_error(visit.redeem(code), 400) == "invalid_grant"
    outcome(visit.get("Observation/o1", headers), 401)


def test_a_code_lives_a_minute(visit: Visit) -> None:
    early, late = visit.code(), visit.code()
    visit.clock.moved = 58
    assert visit.redeem(early).status_code == 200
    visit.clock.moved = 61
    assert oauth_error(visit.redeem(late), 400) == "invalid_grant"


def test_a_code_is_for_its_client_and_its_address_only(visit: Visit) -> None:
    code = visit.code()
    assert oauth_error(visit.redeem(code, client_id="demo-app"), 400) == "invalid_grant"
    assert visit.redeem(code).status_code == 200, "another client's attempt leaves the code alone"
    wrong = {"redirect_uri": "http://127.0.0.1:5000/other"}
    assert oauth_error(visit.redeem(visit.code(), **wrong), 400) == "invalid_grant"
    assert oauth_error(visit.redeem("unknown"), 400) == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": '"\u00e9'}, "unsupported_grant_type"),
        ({"grant_type": ...}, "unsupported_grant_type"),
        ({"code": ...}, "invalid_request"),
    ],
    ids=str,
)
def test_the_token_endpoint_trades_codes_only(visit: Visit, changes: JSON, error: str) -> None:
    assert oauth_error(visit.redeem(visit.code(), **changes), 400) == error
    assert visit.browser.get("/demo/ehr/token").status_code == 405


def _basic(client: str, secret: str) -> dict[str, str]:
    quoted = ":".join(requests.utils.quote(each, safe="") for each in (client, secret))
    return {"Authorization": f"Basic {base64.b64encode(quoted.encode()).decode()}"}


def test_a_client_with_a_secret_has_to_show_it(visit: Visit) -> None:
    code = visit.code(client_id="secret-app")
    for headers in ({}, _basic("secret-app", "wrong"), {"Authorization": "Basic /w=="}, _basic("nobody", SECRET)):
        refused = visit.redeem(code, headers, client_id=... if headers else "secret-app")
        assert refused.status_code in (400, 401)
        assert refused.get_json()["error"] in ("invalid_client", "invalid_request")
    wrong = visit.redeem(code, _basic("secret-app", "wrong"), client_id=...)
    assert (wrong.status_code, wrong.get_json()["error"]) == (401, "invalid_client")
    assert visit.redeem(code, _basic("secret-app", SECRET), client_id=...).status_code == 200


def _assertion(key: Any = EC, algorithm: str = "ES384", kid: str | None = None, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    base = {"iss": "key-app", "sub": "key-app", "aud": f"{ROOT}/token", "exp": now + 240, "jti": str(uuid4())}
    claims = {name: value for name, value in (base | changes).items() if value is not ...}
    signed = jwt.encode({"alg": algorithm, "kid": kid or key.kid, "typ": "JWT"}, claims, key, algorithms=[algorithm])
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return {"client_assertion_type": kind, "client_assertion": signed, "client_id": ...}


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES384"), (RSA, "RS384")], ids=["ES384", "RS384"])
def test_a_client_with_a_key_signs_for_its_token_once(visit: Visit, key: Any, algorithm: str) -> None:
    signed = _assertion(key, algorithm)
    assert visit.redeem(visit.code(client_id="key-app"), **signed).status_code == 200
    assert oauth_error(visit.redeem(visit.code(client_id="key-app"), **signed), 400) == "invalid_client"


@pytest.mark.parametrize(
    "made",
    [
        lambda: _assertion(aud=ISS),
        lambda: _assertion(aud=...),
        lambda: _assertion(exp=int(time.time()) - 120),
        lambda: _assertion(exp=int(time.time()) + 900),
        lambda: _assertion(exp=...),
        lambda: _assertion(exp="soon"),
        lambda: _assertion(jti=...),
        lambda: _assertion(jti=["a"]),
        lambda: _assertion(iss="public-app"),
        lambda: _assertion(sub="nobody", iss="nobody"),
        lambda: _assertion(sub="public-app", iss="public-app"),
        lambda: _assertion(kid="other"),
        lambda: _assertion(RSA, "RS256"),
        lambda: _assertion(ECKey.generate_key("P-384", {"kid": "ec-1"})),
        lambda: _assertion() | {"client_assertion": "no.jwt.at-all"},
        lambda: _assertion() | {"client_assertion": "\u00e9"},
        lambda: {"client_id": "key-app"},
    ],
    ids=[
        "aud",
        "no aud",
        "expired",
        "too long",
        "no exp",
        "exp is a word",
        "no jti",
        "jti is a list",
        "iss",
        "unknown client",
        "client without keys",
        "kid",
        "RS256",
        "another's key",
        "no token",
        "no ASCII",
        "no assertion",
    ],
)
def test_a_signature_that_does_not_hold_gets_no_token(visit: Visit, made: Callable[[], JSON]) -> None:
    """Each is made when its test runs: one that lives too long at collection is short enough some minutes later."""
    code = visit.code(client_id="key-app")
    refused = visit.redeem(code, **made())
    assert refused.status_code in (400, 401)
    assert refused.get_json()["error"] == "invalid_client"
    assert visit.redeem(code, **_assertion()).status_code == 200, "the code was not spent by it"


# ---------------------------------------------------------------- scopes

BOTH = "launch patient/Observation.read patient/Condition.rs user/Practitioner.read user/Practitioner.r"


@pytest.mark.parametrize(
    ("syntax", "granted"),
    [
        ("v1", "launch patient/Observation.read user/Practitioner.read"),
        ("v2", "launch patient/Condition.rs user/Practitioner.r"),
        ("both", BOTH),
    ],
)
def test_scopes_of_a_syntax_that_is_not_known_are_left_out(syntax: Any, granted: str) -> None:
    assert Visit(EhrOptions(clients=CLIENTS, scopes=syntax)).token(scope=BOTH)["scope"] == granted


def test_what_cannot_be_given_is_not_granted(visit: Visit) -> None:
    asked = (
        "launch offline_access online_access system/*.read patient/Observation.rs?category=laboratory patient/*.sr "
        "patient/*. patient/*.rs launch"
    )
    assert visit.token(scope=asked)["scope"] == "launch patient/*.rs"


def test_the_grant_can_be_narrowed_while_it_runs(visit: Visit) -> None:
    visit.options.grant = lambda scope: scope.replace("patient/Observation.rs", "patient/Observation.r")
    assert visit.token()["scope"] == "launch openid fhirUser patient/Observation.r"
    visit.options.grant = lambda scope: ""
    assert returned(visit.page())["error"] == "invalid_scope"


def test_what_is_granted_is_what_the_service_reads_from_it(visit: Visit) -> None:
    """The scope of the answer is in words that the service's own reading of scopes understands."""
    told = app_scopes.parse(visit.token(scope="launch patient/Observation.rs user/Practitioner.read")["scope"])
    assert told.understood
    assert told.granted("Observation") is app_scopes.Granted.ALL
    assert told.granted("Condition") is app_scopes.Granted.NOTHING


# ---------------------------------------------------------------- the standalone launch

STANDALONE = "launch/patient openid fhirUser patient/*.rs"
PATIENTS = _bundle(
    {"resourceType": "Patient", "id": "p1", "name": [{"family": "Bauer", "given": ["Ina", "M"]}]},
    {"resourceType": "Patient", "id": "p2"},
    {"resourceType": "Patient", "id": "p3", "name": [{"text": "Abel & Co"}]},
)


def test_without_a_launch_the_person_chooses_a_patient(fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Patient", json=PATIENTS)
    visit = Visit(EhrOptions(clients=CLIENTS, patient_names={"p2": "Type 1 with a pump"}, standalone_user=USER))
    page = visit.page(scope=STANDALONE)
    text = unescape(page.get_data(as_text=True))
    assert _Form(text).options == ["", "p3", "p1", "p2"], "in the order of their names"
    for words in ("Abel & Co", "Ina M Bauer", "Type 1 with a pump"):
        assert words in text
    token = visit.redeem(returned(visit.decide(page, patient="p2"))["code"]).get_json()
    assert token["patient"] == "p2"
    assert token["scope"] == STANDALONE
    keys = KeySet.import_key_set(visit.browser.get("/demo/ehr/keys").get_json())
    assert jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims["fhirUser"] == f"{ISS}/{USER}"


@pytest.mark.parametrize("chosen", ["", "p9"])
def test_without_a_choice_there_is_no_code(visit: Visit, fhir: responses.RequestsMock, chosen: str) -> None:
    fhir.get(f"{FHIR}/Patient", json=PATIENTS)
    again = visit.decide(visit.page(scope=STANDALONE), patient=chosen)
    assert again.status_code == 200
    assert "Choose a patient first" in again.get_data(as_text=True)
    assert "code" in returned(visit.decide(again, patient="p1"))
    assert returned(visit.decide(again, "deny"))["error"] == "access_denied"


@pytest.mark.parametrize("scope", ["patient/*.rs", "launch launch/patient patient/*.rs"])
def test_patient_scopes_without_a_launch_need_a_patient(visit: Visit, fhir: responses.RequestsMock, scope: str) -> None:
    fhir.get(f"{FHIR}/Patient", json=PATIENTS)
    assert len(_Form(visit.page(scope=scope, launch=...).get_data(as_text=True)).options) == 4


def test_user_scopes_alone_need_no_patient(visit: Visit) -> None:
    assert "patient" not in visit.token(scope="openid fhirUser user/*.rs")


def test_patients_that_cannot_be_read_are_said(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Patient", body=requests.ConnectionError())
    outcome(visit.page(scope=STANDALONE), 502)


# ---------------------------------------------------------------- the front door


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer ", "Basic YTpi", "Bearer unknown", "bearer unknown"], ids=str
)
def test_without_a_good_token_nothing_is_told(visit: Visit, header: str | None) -> None:
    answer = visit.get("Observation?patient=p1", {"Authorization": header} if header else None)
    assert outcome(answer, 401)["code"] == "login"
    wanted = 'Bearer error="invalid_token"' if header and "unknown" in header else "Bearer"
    assert answer.headers["WWW-Authenticate"] == wanted


def test_a_token_expires_when_it_says(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Observation/o1", json=_observation("o1", "p1"))
    headers = visit.bearer("patient/Observation.rs")
    visit.clock.moved = 3599
    assert visit.get("Observation/o1", headers).status_code == 200
    visit.clock.moved = 3601
    answer = visit.get("Observation/o1", headers)
    outcome(answer, 401)
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("scope", ["patient/Observation.r", "patient/*.read", "user/Observation.*", "user/*.cruds"])
def test_a_read_is_handed_on(visit: Visit, fhir: responses.RequestsMock, scope: str) -> None:
    body = _observation("o1", "p1") | {"valueQuantity": {"value": 7.10}}
    text = json.dumps(body).replace("7.1", "7.10")
    told = {"ETag": 'W/"1"', "Set-Cookie": "a=b"}
    fhir.get(f"{FHIR}/Observation/o1", body=text, content_type="application/fhir+json; charset=utf-8", headers=told)
    answer = visit.get("Observation/o1", visit.bearer(scope))
    assert answer.get_data(as_text=True) == text, "decimals keep their digits"
    assert answer.mimetype == "application/fhir+json"
    assert answer.headers["ETag"] == 'W/"1"'
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Authorization" not in fhir.calls[-1].request.headers, "the token is for the front door"


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("patient/Observation.s", "Observation/o1"),
        ("patient/Observation.r", "Observation?patient=p1"),
        ("patient/Observation.write", "Observation?patient=p1"),
        ("patient/Condition.rs", "Observation?patient=p1"),
        ("patient/*.rs", "Practitioner/d1"),
        ("patient/*.rs", "Organization?name=x"),
        ("patient/*.read user/Practitioner.read", "PractitionerRole/r1"),
    ],
)
def test_what_the_scopes_do_not_grant_is_forbidden(visit: Visit, scope: str, path: str) -> None:
    answer = visit.get(path, visit.bearer(scope))
    assert outcome(answer, 403)["code"] == "forbidden"
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'


def test_what_hangs_on_no_patient_is_read_with_a_user_scope(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Practitioner/d1", json={"resourceType": "Practitioner", "id": "d1"})
    assert visit.get("Practitioner/d1", visit.bearer("user/Practitioner.rs")).get_json()["id"] == "d1"


@pytest.mark.parametrize(
    "path",
    [
        "Patient/p2",
        "Patient?_id=p2",
        "Patient?_id=p1,p2",
        "Observation?patient=p2",
        "Observation?patient=Patient/p2",
        f"Observation?subject={ISS}/Patient/p2",
        "Observation?subject:Patient=p2",
        "Observation?patient=p1&patient=p2",
        "Observation?patient=p1,p2",
        "Observation?patient.identifier=x",
        "Observation?subject=Group/p1",
        "Coverage?beneficiary=Patient/p2",
        "Observation?patient=",
        "Observation?patient:missing=true",
    ],
)
def test_another_patients_chart_stays_shut(visit: Visit, fhir: responses.RequestsMock, path: str) -> None:
    outcome(visit.get(path, visit.bearer("patient/*.rs")), 403)
    assert len(fhir.calls) == 0, "the real server was not asked"


@pytest.mark.parametrize(
    "resource",
    [
        _observation("o1", "p2"),
        {"resourceType": "Observation", "id": "o1"},
        {"resourceType": "Observation", "id": "o1", "subject": {"reference": "Group/p1"}},
        {"resourceType": "Observation", "id": "o1", "subject": {"reference": "#p1"}},
    ],
)
def test_a_read_of_what_is_not_the_patients_is_forbidden(
    visit: Visit, fhir: responses.RequestsMock, resource: JSON
) -> None:
    fhir.get(f"{FHIR}/Observation/o1", json=resource)
    answer = visit.get("Observation/o1", visit.bearer("patient/*.rs"))
    outcome(answer, 403)
    assert "p2" not in answer.get_data(as_text=True)
    assert visit.get("Observation/o1", visit.bearer("user/*.rs")).status_code == 200


def test_a_search_is_handed_on_with_its_query_and_its_links_stay_here(
    visit: Visit, fhir: responses.RequestsMock
) -> None:
    link = [{"relation": "next", "url": f"{FHIR}/Observation?patient=p1&code=a%7Cb&_offset=2"}]
    fhir.get(f"{FHIR}/Observation", json=_bundle(_observation("o1", "p1"), link=link))
    headers = visit.bearer("patient/Observation.rs")
    found = visit.get(f"Observation?patient={ISS}/Patient/p1&code=a|b,c|d&date=ge2026-01-01&_count=2", headers)
    asked = urlsplit(fhir.calls[-1].request.url or "")
    assert parse_qs(asked.query) == {
        "patient": [f"{FHIR}/Patient/p1"],
        "code": ["a|b,c|d"],
        "date": ["ge2026-01-01"],
        "_count": ["2"],
    }
    body = found.get_json()
    assert FHIR not in found.get_data(as_text=True)
    assert body["entry"][0]["fullUrl"] == f"{ISS}/Observation/o1"
    following = body["link"][0]["url"]
    assert following == f"{ISS}/Observation?patient=p1&code=a%7Cb&_offset=2"
    assert visit.browser.get(following, headers=headers).status_code == 200
    assert parse_qs(urlsplit(fhir.calls[-1].request.url or "").query)["_offset"] == ["2"]


@pytest.mark.parametrize(("kind", "name"), [("Observation", "patient"), ("Patient", "_id")])
def test_a_search_that_names_no_patient_is_for_the_one_of_the_launch(
    visit: Visit, fhir: responses.RequestsMock, kind: str, name: str
) -> None:
    fhir.get(f"{FHIR}/{kind}", json=_bundle())
    visit.get(f"{kind}?_count=5", visit.bearer("patient/*.rs"))
    assert parse_qs(urlsplit(fhir.calls[-1].request.url or "").query) == {"_count": ["5"], name: ["p1"]}
    visit.get(f"{kind}?_count=5", visit.bearer("user/*.rs"))
    assert parse_qs(urlsplit(fhir.calls[-1].request.url or "").query) == {"_count": ["5"]}


def test_a_server_that_overlooks_a_parameter_shows_no_other_chart(visit: Visit, fhir: responses.RequestsMock) -> None:
    mine, other = _observation("o1", "p1"), _observation("o2", "p2")
    doctor = {"resourceType": "Practitioner", "id": "d1"}
    fhir.get(f"{FHIR}/Observation", json=_bundle(mine, other, doctor))
    found = visit.get("Observation?patient=p1", visit.bearer("patient/*.rs")).get_json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["o1"]
    assert "total" not in found
    found = visit.get("Observation?patient=p1", visit.bearer("patient/*.rs user/Practitioner.rs")).get_json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["o1", "d1"]
    found = visit.get("Observation?patient=p1", visit.bearer("user/Observation.rs")).get_json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["o1", "o2"]
    found = visit.get("Observation", visit.bearer("patient/*.rs", patient="p3")).get_json()
    assert "entry" not in found, "FHIR has no empty lists"


@pytest.mark.parametrize(
    "path", ["", "Observation/o1/extra", "Observation/..", "$export", "observation/1", "../x", "Patient/p1/Observation"]
)
def test_other_addresses_are_not_served(visit: Visit, path: str) -> None:
    answer = visit.get(path, visit.bearer("user/*.cruds patient/*.cruds"))
    assert answer.status_code == 404


def test_a_version_can_be_read(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Observation/o1/_history/2", json=_observation("o1", "p1"))
    assert visit.get("Observation/o1/_history/2", visit.bearer("patient/*.rs")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "Observation/o1"),
        ("PATCH", "QuestionnaireResponse/q1"),
        ("POST", "Observation"),
        ("PUT", "Observation/o1"),
        ("POST", "QuestionnaireResponse/q1"),
        ("PUT", "QuestionnaireResponse"),
        ("PUT", "QuestionnaireResponse/q1/_history/1"),
    ],
)
def test_other_methods_are_not_served(visit: Visit, method: str, path: str) -> None:
    headers = visit.bearer("user/*.cruds patient/*.cruds")
    answer = visit.browser.open(f"/demo/ehr/fhir/{path}", method=method, headers=headers, json={})
    assert outcome(answer, 405)["code"] == "not-supported"
    assert "GET" in answer.headers["Allow"]


def test_a_server_that_is_away_or_says_nonsense_is_a_bad_gateway(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Observation/o1", body=requests.ConnectionError("refused"))
    fhir.get(f"{FHIR}/Observation/o2", body="<Observation/>")
    fhir.get(f"{FHIR}/Observation", body="[]")
    fhir.get(f"{FHIR}/metadata", body="[]")
    headers = visit.bearer("user/*.rs")
    for path in ("Observation/o1", "Observation/o2", "Observation", "metadata"):
        assert outcome(visit.get(path, headers), 502)["code"] == "transient"


def test_what_the_real_server_refuses_is_told_as_it_is(visit: Visit, fhir: responses.RequestsMock) -> None:
    told = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-found"}]}
    fhir.get(f"{FHIR}/Observation/o9", json=told, status=404)
    answer = visit.get("Observation/o9", visit.bearer("patient/*.rs"))
    assert (answer.status_code, answer.get_json()) == (404, told)


# ---------------------------------------------------------------- writing


def _response(patient: str = "p1", **more: Any) -> JSON:
    return {"resourceType": "QuestionnaireResponse", "subject": {"reference": f"Patient/{patient}"}, **more}


def _write(visit: Visit, headers: dict[str, str], body: Any, identity: str | None = None) -> TestResponse:
    path = f"/demo/ehr/fhir/QuestionnaireResponse{f'/{identity}' if identity else ''}"
    headers = headers | {"Content-Type": "application/fhir+json"}
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return visit.browser.open(path, method="PUT" if identity else "POST", headers=headers, data=data)


@pytest.mark.parametrize(
    "scope", ["patient/QuestionnaireResponse.c", "patient/QuestionnaireResponse.write", "user/*.cruds"]
)
def test_a_response_is_written_and_its_address_is_here(visit: Visit, fhir: responses.RequestsMock, scope: str) -> None:
    place = f"{FHIR}/QuestionnaireResponse/q1/_history/1"
    fhir.post(f"{FHIR}/QuestionnaireResponse", status=201, json=_response(id="q1"), headers={"Location": place})
    body = _response(subject={"reference": f"{ISS}/Patient/p1"})
    answer = _write(visit, visit.bearer(scope), body)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{ISS}/QuestionnaireResponse/q1/_history/1"
    sent = fhir.calls[-1].request
    assert json.loads(sent.body or "") == _response(subject={"reference": f"{FHIR}/Patient/p1"})
    assert sent.headers["Content-Type"] == "application/fhir+json"


def test_a_response_is_replaced(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/QuestionnaireResponse/q1", json=_response(id="q1"))
    fhir.put(f"{FHIR}/QuestionnaireResponse/q1", json=_response(id="q1"))
    headers = visit.bearer("patient/QuestionnaireResponse.u") | {"If-Match": 'W/"1"'}
    assert _write(visit, headers, _response(id="q1"), "q1").status_code == 200
    assert fhir.calls[-1].request.headers["If-Match"] == 'W/"1"'


@pytest.mark.parametrize(
    ("scope", "identity"),
    [
        ("patient/*.rs", None),
        ("patient/QuestionnaireResponse.u", None),
        ("patient/QuestionnaireResponse.c", "q1"),
        ("user/*.read", None),
        ("user/Observation.write", "q1"),
    ],
)
def test_a_write_needs_its_scope(visit: Visit, scope: str, identity: str | None) -> None:
    body = _response(id="q1") if identity else _response()
    outcome(_write(visit, visit.bearer(scope), body, identity), 403)


def test_a_write_about_another_patient_is_forbidden(visit: Visit, fhir: responses.RequestsMock) -> None:
    headers = visit.bearer("patient/*.cruds")
    outcome(_write(visit, headers, _response("p2")), 403)
    fhir.get(f"{FHIR}/QuestionnaireResponse/q2", json=_response("p2", id="q2"))
    outcome(_write(visit, headers, _response("p1", id="q2"), "q2"), 403)
    assert {call.request.method for call in fhir.calls} == {"GET"}


@pytest.mark.parametrize(
    ("body", "identity"),
    [
        ("no JSON", None),
        ("[]", None),
        (_response() | {"resourceType": "Observation"}, None),
        (_response(id="q2"), "q1"),
        (_response(), "q1"),
        (_response(id="q1"), None),
        ('{"a":' * 5000 + "1" + "}" * 5000, None),
    ],
    ids=["no JSON", "no object", "type", "other id", "no id", "id", "deep"],
)
def test_a_body_that_is_not_what_the_address_says_is_refused(visit: Visit, body: Any, identity: str | None) -> None:
    outcome(_write(visit, visit.bearer("user/*.cruds"), body, identity), 400)


def test_a_body_that_is_too_large_is_refused(visit: Visit) -> None:
    outcome(_write(visit, visit.bearer("user/*.cruds"), _response(x="x" * 1_000_001)), 413)


@pytest.mark.parametrize("status", [403, 422, 500])
def test_writes_are_refused_while_the_option_says_so(visit: Visit, fhir: responses.RequestsMock, status: int) -> None:
    fhir.post(f"{FHIR}/QuestionnaireResponse", status=201, json=_response(id="q1"))
    headers = visit.bearer("patient/*.cruds")
    visit.options.refuse_writes = status
    outcome(_write(visit, headers, _response()), status)
    assert len(fhir.calls) == 0
    visit.options.refuse_writes = 0
    assert _write(visit, headers, _response()).status_code == 201


# ---------------------------------------------------------------- what is remembered


def test_old_things_and_too_many_things_are_dropped() -> None:
    clock = Clock()
    kept: ExpiringStore[int] = ExpiringStore(clock, 60, most=3)
    names = [kept.keep(number) for number in range(5)]
    assert [kept.look(name) for name in names] == [None, None, 2, 3, 4]
    assert len(kept) == 3
    assert kept.take(names[4]) == 4
    assert kept.take(names[4]) is None
    clock.moved = 61
    assert kept.look(names[3]) is None
    kept.keep(5)
    assert len(kept) == 1
    assert len({len(name) for name in names}) == 1
    assert len(names[0]) >= 43, "256 bits"


def test_no_token_and_no_secret_is_shown_by_the_things_that_hold_them(visit: Visit) -> None:
    assert SECRET not in repr(visit.options)
    code = visit.code()
    assert code not in repr(visit.ehr._memory.codes.look(code))


def test_no_token_and_no_code_reaches_the_log(
    visit: Visit, fhir: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    fhir.get(f"{FHIR}/Observation/o1", json=_observation("o1", "p1"))
    caplog.set_level(logging.DEBUG)
    launch = visit.launch()
    code = visit.code(launch=launch)
    token = visit.redeem(code).get_json()["access_token"]
    assert visit.get("Observation/o1", {"Authorization": f"Bearer {token}"}).status_code == 200
    assert not [word for word in (launch, code, token, VERIFIER) if word in caplog.text]


# ---------------------------------------------------------------- forwarding


@pytest.mark.parametrize(
    "base", ["http://example.invalid/fhir", "https://127.0.0.1/fhir", "file:///x", "", "http:///x"]
)
def test_requests_are_handed_on_to_this_machine_only(base: str) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        Forwarder(base)


def test_a_slow_and_a_large_answer_are_given_up() -> None:
    def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        if path == "/slow":
            time.sleep(0.5)
        return 200, {}, b"x" * 1000

    with Site(answer) as site:
        with pytest.raises(NotForwarded, match="in time"):
            Forwarder(site.url, seconds=0.1).send("GET", "slow")
        with pytest.raises(NotForwarded, match="too large"):
            Forwarder(site.url, most_bytes=999).send("GET", "large")
        assert Forwarder(site.url, most_bytes=1000).send("GET", "large").body == b"x" * 1000
        port = site.port
    with pytest.raises(NotForwarded, match="could not be reached"):
        Forwarder(f"http://127.0.0.1:{port}").send("GET", "x")


def test_redirects_are_handed_back() -> None:
    with Site(lambda _: (302, {"Location": "http://example.invalid/"}, b"")) as site:
        assert Forwarder(site.url).send("GET", "x").status == 302


# ---------------------------------------------------------------- with the real server


@pytest.fixture(scope="module")
def live() -> Iterator[tuple[str, DemoEhr]]:
    """The EHR before the sandbox's FHIR server, served on a port of its own."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    with running_sandbox(support.today()) as sandbox:
        ehr = DemoEhr(sandbox.base_url)
        app = create_app(Settings(database_url="off"))
        app.register_blueprint(ehr.blueprint)
        with served(app) as address:
            yield address, ehr


def _session(address: str, scope: str, **more: Any) -> tuple[OAuth2Session, JSON]:
    """An app of Authlib's, signed in by pressing Allow; its session and its token."""
    found = requests.get(f"{address}/demo/ehr/fhir/.well-known/smart-configuration", timeout=10).json()
    session = OAuth2Session(
        "insulin-pump-cds",
        redirect_uri=CALLBACK,
        scope=scope,
        code_challenge_method="S256",
        token_endpoint_auth_method="none",
    )
    patient = more.pop("patient", None)
    url, _ = session.create_authorization_url(
        found["authorization_endpoint"], code_verifier=VERIFIER, aud=found["issuer"], **more
    )
    form = _Form(requests.get(url, timeout=10).text)
    data = dict(form.fields) | {"decision": "allow"} | ({"patient": patient} if patient else {})
    back = requests.post(f"{address}{form.action}", data=data, allow_redirects=False, timeout=10)
    token = session.fetch_token(
        found["token_endpoint"], authorization_response=back.headers["Location"], code_verifier=VERIFIER
    )
    return session, dict(token)


@pytest.mark.real
def test_an_app_reads_a_chart_page_by_page_and_no_other(live: tuple[str, DemoEhr]) -> None:
    address, ehr = live
    iss = f"{address}/demo/ehr/fhir"
    launch = ehr.begin_launch("sample-patient-01", "Practitioner/sample-practitioner-01", "app-context")
    session, token = _session(address, "launch openid fhirUser patient/*.rs user/Practitioner.rs", launch=launch)
    with session:
        assert (token["patient"], token["appContext"]) == ("sample-patient-01", "app-context")
        fetched = KeySet.import_key_set(requests.get(f"{address}/demo/ehr/keys", timeout=10).json())
        user = jwt.decode(token["id_token"], fetched, algorithms=["RS256"]).claims["fhirUser"]
        assert user == f"{iss}/Practitioner/sample-practitioner-01"
        assert session.get(user).json()["resourceType"] == "Practitioner"
        assert session.get(f"{iss}/Patient/sample-patient-01").json()["id"] == "sample-patient-01"
        seen: list[str] = []
        url: str | None = f"{iss}/Observation?patient=sample-patient-01&_count=50"
        total = session.get(url).json()["total"]
        while url is not None:
            assert url.startswith(iss)
            page = session.get(url).json()
            seen += [entry["resource"]["id"] for entry in page["entry"]]
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        assert len(seen) == len(set(seen)) == total > 50
        for other in ("Patient/sample-patient-02", "Observation?patient=sample-patient-02", "Observation/2-lab-1"):
            assert session.get(f"{iss}/{other}").status_code == 403


@pytest.mark.real
@pytest.mark.parametrize("number", ["01", "02"])
def test_a_search_that_the_real_server_does_not_narrow_is_narrowed_here(live: tuple[str, DemoEhr], number: str) -> None:
    """The sandbox's server knows no patient parameter of QuestionnaireResponse, and answers with those of all."""
    address, ehr = live
    launch = ehr.begin_launch(f"sample-patient-{number}", "Practitioner/sample-practitioner-01")
    session, _ = _session(address, "launch patient/*.rs", launch=launch)
    with session:
        url = f"{address}/demo/ehr/fhir/QuestionnaireResponse?patient=sample-patient-{number}&_count=100"
        found = [entry["resource"] for entry in session.get(url).json().get("entry", ())]
        subjects = [each["subject"]["reference"] for each in found if each["resourceType"] != "OperationOutcome"]
        assert set(subjects) == ({"Patient/sample-patient-02"} if number == "02" else set())


@pytest.mark.real
def test_an_app_on_its_own_chooses_a_chart_and_writes_to_it(live: tuple[str, DemoEhr]) -> None:
    address, _ = live
    iss = f"{address}/demo/ehr/fhir"
    scope = "launch/patient patient/QuestionnaireResponse.cruds"
    session, token = _session(address, scope, patient="sample-patient-03")
    with session:
        assert token["patient"] == "sample-patient-03"
        written = session.post(f"{iss}/QuestionnaireResponse", json=_response("sample-patient-03", status="completed"))
        assert written.status_code == 201
        assert re.match(rf"{re.escape(iss)}/QuestionnaireResponse/[^/]+", written.headers["Location"])
        identity = written.json()["id"]
        assert session.get(written.headers["Location"]).json()["id"] == identity
        changed = _response("sample-patient-03", status="amended", id=identity)
        assert session.put(f"{iss}/QuestionnaireResponse/{identity}", json=changed).status_code == 200
        assert session.get(f"{iss}/QuestionnaireResponse/{identity}").json()["status"] == "amended"
        found = session.get(f"{iss}/QuestionnaireResponse?patient=sample-patient-03&_count=100").json()
        assert identity in {entry["resource"]["id"] for entry in found["entry"]}
        assert session.get(f"{iss}/Observation?patient=sample-patient-03").status_code == 403


@pytest.mark.real
def test_the_real_servers_statement_names_the_endpoints(live: tuple[str, DemoEhr]) -> None:
    address, _ = live
    statement = requests.get(f"{address}/demo/ehr/fhir/metadata", timeout=10).json()
    assert statement["fhirVersion"] == "4.0.1"
    assert all(rest["security"]["extension"] for rest in statement["rest"])
