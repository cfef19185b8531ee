"""Sign-in, sessions and what the documentation page lets out: cookies, headers, logs, and pages without a session."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import quote_plus

import pytest
import requests
from joserfc.jwk import ECKey

from cds_service.demo.ehr.server import EhrClient
from cds_service.settings import Settings
from cds_service.web import create_app
from tests.web.smart_app.clinic import HTML, SECONDS, Clinic, Page, Visitor, query

pytestmark = pytest.mark.real

CHART, OTHER = "sensor-without-finger-sticks", "hba1c-exactly-seven"
HTTPS = "https://cds.example.invalid"
COOKIE = "pump_cds_smart"
SECRET_WORDS = "Q. Unusual, CDCES"


def _get(url: str, **headers: str) -> requests.Response:
    """Without any cookie."""
    return requests.get(url, headers=headers, allow_redirects=False, timeout=SECONDS)


def _diagnostics(answer: requests.Response, status: int) -> str:
    """The words of an OperationOutcome."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    return str(body["issue"][0]["diagnostics"])


# ---------------------------------------------------------------- where a sign-in may start


def test_without_a_server_no_sign_in_starts(clinic: Clinic) -> None:
    for url in (f"{clinic.address}/smart/launch", f"{clinic.address}/smart/launch?iss=&launch=x"):
        answer = _get(url)
        assert "iss is missing" in _diagnostics(answer, 400)
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "iss", ["https://stranger.example.invalid/r4", "http://169.254.169.254/fhir", "no-url", "file:///etc/passwd"]
)
def test_at_a_server_that_nobody_trusts_no_sign_in_starts(clinic: Clinic, iss: str) -> None:
    answer = _get(f"{clinic.address}/smart/launch?iss={iss}&launch=x")
    assert "not a FHIR server that this service trusts" in _diagnostics(answer, 403)
    assert "Set-Cookie" not in answer.headers


def test_at_a_server_that_speaks_no_smart_no_sign_in_starts(clinic: Clinic) -> None:
    assert _get(f"{clinic.address}/smart/launch?iss={clinic.address}/nothing&launch=x").status_code == 502


def test_the_ehr_is_asked_with_pkce_and_things_that_cannot_be_guessed(visitor: Visitor) -> None:
    asked = [query(visitor.get(visitor.clinic.launch_url(CHART)).headers["Location"]) for _ in range(2)]
    assert asked[0]["code_challenge_method"] == "S256"
    assert asked[0]["aud"] == visitor.clinic.iss
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[0][name]) >= 32
        assert asked[0][name] != asked[1][name]


# ---------------------------------------------------------------- the EHR's answer


def test_an_answer_with_another_state_is_refused(visitor: Visitor) -> None:
    url = visitor.callback(CHART)
    state = query(url)["state"]
    for wrong in (f"{url}x", url.replace(state, ""), url.replace(state, "%C3%A9"), url.replace("&state=", "&st=")):
        assert visitor.get(wrong).status_code == 400
    assert visitor.get(url).status_code == 303, "the right one still counts"


def test_an_answer_counts_once(visitor: Visitor) -> None:
    url = visitor.callback(CHART)
    assert visitor.get(url).status_code == 303
    signed_in = visitor.browser.cookies[COOKIE]
    again = visitor.get(url)
    assert (again.status_code, again.headers["Location"]) == (303, "/smart/documentation")
    assert visitor.browser.cookies[COOKIE] == signed_in, "nobody signs in a second time by it"
    assert visitor.page().status == 200, "who has signed in stays signed in"


def test_an_answer_in_another_browser_is_refused(visitor: Visitor) -> None:
    url = visitor.callback(CHART)
    answer = _get(url)
    assert "state does not belong" in _diagnostics(answer, 400)
    assert "Set-Cookie" not in answer.headers


def test_an_answer_of_another_server_is_refused(visitor: Visitor) -> None:
    url = visitor.callback(CHART)
    assert visitor.get(f"{url}&iss=https://stranger.example.invalid/r4").status_code == 400
    assert visitor.page().status == 403


def test_an_answer_without_a_code_is_refused(visitor: Visitor) -> None:
    url = visitor.callback(CHART)
    assert visitor.get(url.replace("code=", "c=")).status_code == 400
    assert visitor.get(url).status_code == 400, "a sign-in is answered once"


def test_access_that_was_denied_is_said_and_reads_nothing(visitor: Visitor) -> None:
    url = visitor.callback(CHART, decision="deny")
    assert query(url)["error"] == "access_denied"
    page = Page(visitor.get(url))
    assert page.status == 403
    assert "Access was not granted" in page.text
    assert visitor.page().status == 403


def test_other_refusals_are_said_without_the_words_of_the_address(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    url = visitor.callback(CHART, decision="deny").replace("access_denied", "server_error")
    told = query(url)["error_description"]
    said = f"call+0900+now%0A{'x' * 3000}"
    page = Page(visitor.get(url.replace(quote_plus(told), said)))
    assert page.status == 403
    assert "refused the sign-in" in page.text
    assert "0900" not in page.text
    (line,) = [each.getMessage() for each in caplog.records if "refused a sign-in" in each.getMessage()]
    assert line.startswith(r"an EHR refused a sign-in: server_error (call 0900 now\nxxx")
    assert len(line) < 300


def test_a_code_that_the_ehr_does_not_take_ends_the_sign_in(visitor: Visitor) -> None:
    url = visitor.callback(CHART)
    page = Page(visitor.get(url.replace(query(url)["code"], "made-up")))
    assert page.status == 502
    assert "did not accept the sign-in" in page.text
    assert visitor.page().status == 403


def test_a_link_of_another_patient_shows_no_order_of_his(visitor: Visitor) -> None:
    page = visitor.sign_in(CHART, context=visitor.clinic.app_context(OTHER))
    assert page.status == 200
    assert "made for another patient" in page.text
    assert "No order for an insulin pump was found" in page.text


# ---------------------------------------------------------------- without a session


def test_without_a_session_a_program_gets_an_outcome_and_a_person_a_page(clinic: Clinic) -> None:
    url = f"{clinic.address}/smart/documentation"
    for accept in ("*/*", "application/json", "application/fhir+json"):
        assert "Nobody is signed in" in _diagnostics(_get(url, Accept=accept), 403)
    answer = _get(url, **HTML)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (403, "text/html")
    assert "Nobody is signed in" in answer.text
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("cookie", ["", "x", "é", "a" * 3000])
def test_a_cookie_of_no_session_opens_nothing(clinic: Clinic, cookie: str) -> None:
    headers = {"Cookie": f"{COOKIE}={cookie}".encode("latin-1")}
    answer = requests.get(f"{clinic.address}/smart/documentation", headers=headers, timeout=SECONDS)
    assert answer.status_code == 403


def test_answers_outlive_the_session_and_are_sent_after_a_new_sign_in(visitor: Visitor) -> None:
    page = visitor.sign_in(CHART)
    visitor.browser.cookies.clear()
    ended = visitor.send(page, "D.I.G", D_I_G_average="4.5", D_I_D_educator='"Q" <b>')
    assert ended.status == 401
    assert (ended.fields["D.I.G.average"], ended.fields["D.I.D.educator"]) == ("4.5", '"Q" <b>')
    assert "csrf_token" not in ended.fields
    assert "D.I.G.average" in ended.text, "people see what they typed"
    visitor.sign_in(CHART)
    shown = visitor.post(ended.fields)
    assert (shown.status, visitor.clinic.written()) == (422, []), "nothing is written that was not looked over"
    assert shown.fields["D.I.G.average"] == "4.5"
    assert visitor.send(shown, "D.I.G").status == 303
    assert len(visitor.clinic.written()) == 1


def test_answers_that_outlived_a_session_do_not_reach_another_patient(visitor: Visitor) -> None:
    page = visitor.sign_in(CHART)
    visitor.browser.cookies.clear()
    ended = visitor.send(page, "D.I.C", D_I_C="yes")
    visitor.sign_in(OTHER)
    shown = visitor.post(ended.fields)
    assert (shown.status, visitor.clinic.written()) == (409, [])
    assert "D.I.C" not in {name for name, value in shown.fields.items() if value}


def test_a_session_ends_with_its_token(visitor: Visitor) -> None:
    visitor.clinic.ehr.options.token_seconds = 4
    began = time.monotonic()
    page = visitor.sign_in(CHART)
    assert page.status == 200
    time.sleep(max(0.0, 4.5 - (time.monotonic() - began)) + 0.5)
    ended = visitor.send(page, "D.I.G", D_I_G_average="4.5")
    assert (ended.status, ended.fields["D.I.G.average"]) == (401, "4.5")
    assert visitor.page().status == 403
    assert visitor.clinic.written() == []


# ---------------------------------------------------------------- cookies


def _cookie(header: str) -> Morsel[str]:
    found: SimpleCookie = SimpleCookie()
    found.load(header.replace("; Partitioned", ""))
    (made,) = found.values()
    return made


def test_the_cookie_is_for_this_host_and_no_script_and_changes_with_the_sign_in(visitor: Visitor) -> None:
    visitor.sign_in(CHART)
    before = visitor.browser.cookies[COOKIE]
    header = visitor.get(visitor.callback(CHART)).headers["Set-Cookie"]
    made = _cookie(header)
    assert (made["httponly"], made["samesite"], made["path"], made["domain"]) == (True, "Lax", "/smart", "")
    assert (made["secure"], "Partitioned" in header) == ("", False), "over http on this machine"
    assert made.value != before
    assert len(made.value) >= 43, "256 bits"
    visitor.browser.cookies.set(COOKIE, before, path="/smart")
    assert _get(f"{visitor.clinic.address}/smart/documentation", Cookie=f"{COOKIE}={before}").status_code == 403


def test_over_https_the_cookie_goes_into_the_ehrs_frame_and_nowhere_else(clinic: Clinic) -> None:
    app = create_app(Settings(public_url=HTTPS, database_url="off", fhir_servers=clinic.iss))
    clinic.ehr.options.clients = (EhrClient("insulin-pump-cds", (f"{HTTPS}/smart/callback",)),)
    browser = app.test_client()
    started = browser.get(clinic.launch_url(CHART).removeprefix(clinic.address), base_url=HTTPS)
    url = Visitor(clinic).consent(started.headers["Location"])
    done = browser.get(url.removeprefix(HTTPS), base_url=HTTPS)
    assert done.status_code == 303
    for answer in (started, done):
        header = answer.headers["Set-Cookie"]
        made = _cookie(header)
        assert (made["httponly"], made["secure"], made["samesite"], made["path"]) == (True, True, "None", "/smart")
        assert "Partitioned" in header
    assert browser.get("/smart/documentation", base_url=HTTPS).status_code == 200


# ---------------------------------------------------------------- what is let out


def _csp(answer: Any) -> dict[str, str]:
    rules = (rule.strip().partition(" ") for rule in answer.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in rules}


def test_no_answer_is_kept_by_a_browser_or_framed_by_a_stranger(visitor: Visitor) -> None:
    launched = visitor.get(visitor.clinic.launch_url(CHART))
    denied = visitor.get(visitor.consent(launched.headers["Location"], "deny"))
    page = visitor.sign_in(CHART)
    refused = visitor.send(page, "D.I.C")
    ended = _get(f"{visitor.clinic.address}/smart/documentation", **HTML)
    for answer in (page, refused, ended):
        assert answer.headers["Cache-Control"] == "no-store"
        rules = _csp(answer)
        assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
        assert (rules["script-src"], rules["form-action"]) == ("'self'", "'self'")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for answer in (launched, denied):
        assert answer.headers["Cache-Control"] == "no-store"


def test_the_ehr_of_a_trusted_client_may_frame_the_page(clinic: Clinic, tmp_path: Any) -> None:
    listed = tmp_path / "clients.toml"
    key = ECKey.generate_key("P-384", {"kid": "ec-1"}).as_dict(private=False)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key]}), encoding="utf-8")
    listed.write_text(
        '[[client]]\nname = "ehr"\nissuer = "https://ehr.example.invalid"\njwks_file = "keys.json"\n'
        f'fhir_servers = ["{clinic.iss}"]\ncors_origins = ["https://ehr.example.invalid"]\n',
        encoding="utf-8",
    )
    app = create_app(Settings(public_url=clinic.address, database_url="off", trusted_clients=str(listed)))
    browser = app.test_client()
    started = browser.get(clinic.launch_url(CHART).removeprefix(clinic.address))
    browser.get(Visitor(clinic).consent(started.headers["Location"]).removeprefix(clinic.address))
    page = browser.get("/smart/documentation")
    assert page.status_code == 200
    assert _csp(page)["frame-ancestors"] == "https://ehr.example.invalid"
    assert _csp(app.test_client().get("/smart/documentation"))["frame-ancestors"] == "'none'", "of no EHR yet"


def test_no_secret_and_nothing_of_the_patient_is_in_a_log_an_address_or_a_cookie(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = visitor.callback(CHART)
    state, code = query(url)["state"], query(url)["code"]
    visitor.get(url)
    (token,) = _tokens(visitor.clinic, code)
    page = visitor.page()
    visitor.send(page, "D.I.D", D_I_D_educator=SECRET_WORDS)
    visitor.clinic.ehr.options.refuse_writes = 500
    visitor.send(page, "D.I.G", D_I_G_average="47.25")
    visitor.clinic.ehr.options.refuse_writes = 0
    done = visitor.send(page, "D.I.G", D_I_G_average="47.25", D_I_D_educator=SECRET_WORDS)
    assert done.status == 303
    secrets = (state, code, token, visitor.browser.cookies[COOKIE], page.fields["csrf_token"])
    told = (*secrets, "sample-patient-07", SECRET_WORDS, "47.25")
    # The development server of these tests and the HTTP library write addresses down; the service's own logs do not.
    lines = [each for each in caplog.records if not each.name.startswith(("werkzeug", "urllib3"))]
    assert [word for word in told for each in lines if word in each.getMessage()] == []
    own = [each for each in visitor.visited if each.startswith(f"{visitor.clinic.address}/smart/")]
    after = own[own.index(url) + 1 :]
    assert len(after) >= 2
    assert [word for word in told for each in after if word in each] == []
    assert [word for word in told[2:3] + told[5:] if word in visitor.browser.cookies[COOKIE]] == []


def _tokens(clinic: Clinic, code: str) -> list[str]:
    """The access tokens that a code was given for."""
    kept = clinic.ehr._grants.tokens._values
    return [name for name, (_, token) in kept.items() if token.code == code]


def test_a_fault_tells_nothing_of_what_was_sent(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    page = visitor.sign_in(CHART)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(SECRET_WORDS)

    monkeypatch.setattr("cds_service.web.smart_app.write_statement.questionnaire_response", broken)
    failed = visitor.send(page, "D.I.G", D_I_G_average="47.25")
    assert failed.status == 500
    assert SECRET_WORDS not in failed.text + caplog.text
    assert "47.25" not in failed.text + caplog.text
    assert failed.headers["Content-Type"].startswith("text/html")


def test_a_session_lives_no_longer_than_the_setting(visitor: Visitor) -> None:
    config = visitor.clinic.app.config
    kept = config["SETTINGS"]
    config["SETTINGS"] = replace(kept, session_seconds=0.01)
    try:
        visitor.get(visitor.callback(CHART))
    finally:
        config["SETTINGS"] = kept
    time.sleep(0.05)
    assert visitor.page().status == 403
