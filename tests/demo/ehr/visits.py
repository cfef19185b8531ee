"""A visit to the demo's EHR by an app: what the app sends, and what it gets."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fhir.resources.R4B import get_fhir_model_class
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from cds_service.demo.ehr.server import DemoEhr, EhrClient, EhrOptions
from cds_service.settings import Settings
from cds_service.web import create_app

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


def observation(name: str, patient: str) -> JSON:
    return {"resourceType": "Observation", "id": name, "subject": {"reference": f"Patient/{patient}"}}


def bundle(*found: JSON, **more: Any) -> JSON:
    entries = [{"fullUrl": f"{FHIR}/{each['resourceType']}/{each['id']}", "resource": each} for each in found]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries, **more}


def written_response(patient: str = "p1", **more: Any) -> JSON:
    return {"resourceType": "QuestionnaireResponse", "subject": {"reference": f"Patient/{patient}"}, **more}
