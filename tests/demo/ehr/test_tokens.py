"""The token endpoint: codes, clients with a secret or a key, and what is granted."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests
import responses
from joserfc import jwt
from joserfc.jwk import ECKey

from cds_service.demo.ehr.server import EhrOptions
from cds_service.ehr import scopes as app_scopes
from tests.demo.ehr.visits import (
    CLIENTS,
    EC,
    FHIR,
    ISS,
    JSON,
    ROOT,
    RSA,
    SECRET,
    Visit,
    oauth_error,
    observation,
    outcome,
    returned,
)


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
    fhir.get(f"{FHIR}/Observation/o1", json=observation("o1", "p1"))
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
