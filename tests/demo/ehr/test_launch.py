"""The EHR launch: what an app is asked, what it gets, and what a request is refused for."""

from __future__ import annotations

import threading
import time
from html import unescape

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from cds_service.demo.ehr.server import EhrOptions
from tests.demo.ehr.visits import CLIENTS, ISS, JSON, SCOPE, USER, Visit, _Form, returned


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
