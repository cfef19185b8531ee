"""A code for a token: what goes over the wire for each kind of client, and how an answer that is none is told."""

from __future__ import annotations

import base64
import json
import logging
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from cds_service.ehr import smart
from cds_service.ehr.smart import SmartFault, SmartServer, exchange
from cds_service.trust.registrations import Registration
from tests.ehr.test_smart import AUTHORIZE, CALLBACK, ISS, JSON_TYPE, VERIFIER, closed_port
from tests.trust.web import Site

CODE = "code-0815-secret"
GIVEN = {"access_token": "token-4711-secret", "token_type": "Bearer", "expires_in": 300, "patient": "p1", "scope": "x"}


class TokenSite(Site):
    """A token endpoint that keeps the forms it is sent."""

    def __init__(self, status: int = 200, body: Any = GIVEN, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        super().__init__(lambda _: (status, JSON_TYPE | (headers or {}), content))
        self.forms: list[dict[str, list[str]]] = []
        keep, handler = self.forms, self._http.RequestHandlerClass
        answer = handler.do_GET  # type: ignore[attr-defined]

        def do_POST(request: Any) -> None:
            keep.append(parse_qs(request.rfile.read(int(request.headers["Content-Length"])).decode()))
            answer(request)

        handler.do_POST = do_POST  # type: ignore[attr-defined]

    @property
    def server(self) -> SmartServer:
        """A server with this endpoint."""
        return SmartServer(f"{self.url}/r4", f"{self.url}/authorize", f"{self.url}/token")


def exchanged(site: TokenSite, registered: Registration | None = None) -> dict[str, Any]:
    return exchange(site.server, registered or Registration("app-1"), CALLBACK, code=CODE, verifier=VERIFIER)


PLAIN = {
    "grant_type": ["authorization_code"],
    "code": [CODE],
    "redirect_uri": [CALLBACK],
    "code_verifier": [VERIFIER],
}


def test_a_public_client_names_itself() -> None:
    with TokenSite() as site:
        token = exchanged(site)
        ((path, headers),) = site.asked
    assert (path, site.forms) == ("/token", [PLAIN | {"client_id": ["app-1"]}])
    assert "Authorization" not in headers
    assert headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert headers["Accept"] == "application/json"
    assert {name: token[name] for name in GIVEN} == GIVEN


def test_a_secret_goes_as_basic_and_nowhere_else() -> None:
    with TokenSite() as site:
        exchanged(site, Registration("app-1", "s3cret"))
        ((path, headers),) = site.asked
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"app-1:s3cret").decode()
    assert site.forms == [PLAIN]
    assert path == "/token"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(ECKey.generate_key("P-384", {"kid": "k-1"}), "ES384"), (RSAKey.generate_key(2048, {"kid": "k-1"}), "RS384")],
    ids=["EC", "RSA"],
)
def test_a_key_signs_an_assertion_of_its_own_for_each_call(key: Any, algorithm: str) -> None:
    """SMART's private_key_jwt: iss and sub the client, aud the token endpoint, five minutes, a jti used once."""
    began = int(time.time())
    with TokenSite() as site:
        for _ in range(2):
            exchanged(site, Registration("app-1", key=key))
        url = f"{site.url}/token"
        assert all("Authorization" not in headers for _, headers in site.asked)
    ids = set()
    for form in site.forms:
        assert form.pop("client_assertion_type") == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
        (assertion,) = form.pop("client_assertion")
        assert form in (PLAIN, PLAIN | {"client_id": ["app-1"]})
        proof = jwt.decode(assertion, type(key).import_key(key.as_dict(private=False)), algorithms=[algorithm])
        assert (proof.header["alg"], proof.header["kid"], proof.header["typ"]) == (algorithm, "k-1", "JWT")
        assert (proof.claims["iss"], proof.claims["sub"], proof.claims["aud"]) == ("app-1", "app-1", url)
        assert began < proof.claims["exp"] <= time.time() + 300
        ids.add(proof.claims["jti"])
    assert len(ids) == 2


SAID = "the patient Mustermann has no account"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, {"error": "invalid_client"}, "did not accept"),
        (200, {"error": "invalid_grant"}, "did not accept"),
        (400, {"error": {"code": SAID}}, "did not accept"),
        (400, {"error": SAID}, "did not accept"),
        (400, {"error": None}, "did not accept"),
        (500, {"error": "server_error"}, "answered, but with no token .HTTP 500."),
        (503, b"<html>busy</html>", "answered, but with no token .HTTP 503."),
        (200, b"<html>sign in</html>", "answered, but with no token .HTTP 200."),
        (404, b"", "answered, but with no token .HTTP 404."),
        (200, b"null", "answered, but with no token"),
        (200, b"5", "answered, but with no token"),
        (200, [1], "answered, but with no token"),
        (200, "access_token", "answered, but with no token"),
        (200, b"[" * 100_000, "answered, but with no token"),
        (200, [], "answered, but with no token"),
        (200, {}, "gave no token"),
        (401, {"message": SAID}, "gave no token"),
        (200, GIVEN | {"access_token": ""}, "gave no token"),
        (200, GIVEN | {"access_token": None}, "gave no token"),
        (200, GIVEN | {"access_token": ["x"]}, "gave no token"),
        (200, GIVEN | {"token_type": "mac"}, "of a kind"),
        (200, GIVEN | {"token_type": None}, "of a kind"),
        (200, GIVEN | {"token_type": "DPoP"}, "of a kind"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_token_response_is_told_without_its_words(
    status: int, body: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with TokenSite(status, body) as site, pytest.raises(SmartFault, match=words) as caught:
        exchanged(site, Registration("app-1", "s3cret"))
    assert len(site.asked) == 1
    _nothing_secret_in(str(caught.value) + caplog.text)


def _nothing_secret_in(text: str) -> None:
    basic = base64.b64encode(b"app-1:s3cret").decode()
    for told in ("s3cret", basic, CODE, VERIFIER, GIVEN["access_token"], SAID, "Mustermann"):
        assert str(told) not in text


@pytest.mark.parametrize("kind", ["bearer", "Bearer", "BEARER", ...])
def test_a_bearer_token_is_one_in_any_case(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = {name: value for name, value in (GIVEN | {"token_type": kind}).items() if value is not ...}
    with TokenSite(body=body) as site:
        assert exchanged(site, Registration("app-1", "s3cret"))["access_token"] == "token-4711-secret"
    _nothing_secret_in(caplog.text)


@pytest.mark.parametrize("seconds", ["300", 300.5, -5, None], ids=str)
def test_a_life_in_another_writing_costs_no_sign_in(seconds: Any) -> None:
    with TokenSite(body=GIVEN | {"expires_in": seconds}) as site:
        assert exchanged(site)["access_token"] == "token-4711-secret"


@pytest.mark.parametrize("seconds", ["soon", [1], {"s": 1}, float("inf"), float("nan")], ids=str)
def test_a_life_that_is_no_number_is_no_token_response(seconds: Any) -> None:
    with TokenSite(body=GIVEN | {"expires_in": seconds}) as site, pytest.raises(SmartFault):
        exchanged(site)


@pytest.mark.parametrize("seconds", [10**400, -(10**400), "9" * 400], ids=["long", "long, below zero", "as a string"])
def test_no_life_is_too_long_for_a_sign_in(seconds: Any) -> None:
    with TokenSite(body=GIVEN | {"expires_in": seconds}) as site:
        assert exchanged(site)["access_token"] == "token-4711-secret"


@pytest.mark.parametrize("name", ["access_token", "patient", "scope", "appContext", "x"])
def test_half_of_a_surrogate_pair_is_no_token_response(name: str) -> None:
    with TokenSite(body=GIVEN | {name: "a\ud800"}) as site, pytest.raises(SmartFault, match="no text has"):
        exchanged(site)


@pytest.mark.parametrize("body", [b"zz\r\n{}\r\n0\r\n\r\n", b"-5\r\n{}\r\n", b"5\r\n{}", b"", b"5\r\n{}xyz!!0"])
def test_malformed_chunks_are_no_token_response(body: bytes) -> None:
    with TokenSite(body=body, headers={"Transfer-Encoding": "chunked"}) as site, pytest.raises(SmartFault):
        exchanged(site)


@pytest.mark.parametrize(
    ("status", "begins"), [(400, "an EHR refused a code"), (401, "an EHR refused a code"), (500, "a token endpoint")]
)
def test_a_refusal_is_not_without_the_servers_words_in_the_log(
    status: int, begins: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its error and its description, cut and on one line; nothing of it, and no secret of ours, for the page."""
    said = f"code {CODE} of s3cret is unknown\n{{'level': 'fake'}}\x1b[31m \u00e9" + "x" * 5000
    body = {"error": "invalid_grant", "error_description": said}
    with TokenSite(status, body) as site, pytest.raises(SmartFault) as caught:
        exchanged(site, Registration("app-1", "s3cret"))
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(begins)
    assert r"invalid_grant (code ... of ... is unknown\n{'level': 'fake'}\x1b[31m \xe9xxx" in line
    assert len(line) < 300
    assert line.isprintable()
    assert "unknown" not in str(caught.value)
    _nothing_secret_in(line + str(caught.value))


@pytest.mark.parametrize("description", [None, 5, {"a": 1}, ["x"], ""])
def test_a_description_that_is_no_text_is_left_out(description: Any, caplog: pytest.LogCaptureFixture) -> None:
    body = {"error": "invalid_grant", "error_description": description}
    with TokenSite(400, body) as site, pytest.raises(SmartFault):
        exchanged(site)
    assert [record.getMessage() for record in caplog.records] == ["an EHR refused a code: invalid_grant"]


def test_a_server_that_answers_is_not_said_not_to_answer() -> None:
    chunked = {"Transfer-Encoding": "chunked"}
    for status, body, headers in (
        (503, b"busy", {}),
        (200, b"zz\r\n{}", chunked),
        (200, b"no gzip", {"Content-Encoding": "gzip"}),
    ):
        with TokenSite(status, body, headers) as site, pytest.raises(SmartFault) as caught:
            exchanged(site)
        assert "answer" in str(caught.value)
        assert "did not answer" not in str(caught.value)
        assert "reached" not in str(caught.value)


def test_a_server_that_keeps_silent_is_said_not_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smart, "_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        server = SmartServer(f"{url}/r4", f"{url}/authorize", f"{url}/token")
        with pytest.raises(SmartFault, match="did not answer in time"):
            exchange(server, Registration("app-1"), CALLBACK, code=CODE, verifier=VERIFIER)


def test_a_redirect_of_the_token_endpoint_is_not_followed() -> None:
    with TokenSite() as trap:
        with TokenSite(307, b"", {"Location": f"{trap.url}/token"}) as site, pytest.raises(SmartFault):
            exchanged(site)
        assert trap.asked == []


def test_a_token_endpoint_that_is_away_is_told_as_that() -> None:
    server = SmartServer(ISS, AUTHORIZE, f"http://127.0.0.1:{closed_port()}/token")
    with pytest.raises(SmartFault, match="could not be reached: try again") as caught:
        exchange(server, Registration("app-1", "s3cret"), CALLBACK, code=CODE, verifier=VERIFIER)
    _nothing_secret_in(str(caught.value))


def test_no_proxy_and_no_password_file_of_the_machine_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password s3cret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with TokenSite() as site:
        assert exchanged(site)["patient"] == "p1"
        assert "Authorization" not in site.asked[0][1]
