"""SMART App Launch from the app's side: what is believed of a server, and where the browser is sent."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from joserfc.jwk import ECKey

from cds_service.ehr.smart import SmartFault, SmartServer, authorization_url, discover
from cds_service.trust.registrations import Registration
from cds_service.trust.servers import ServerRule
from tests.trust.web import Reply, Site

ISS = "https://ehr.example.invalid/r4"
AUTHORIZE, TOKEN = "https://login.example.invalid/authorize", "https://login.example.invalid/token"
JWKS, ISSUER = "https://login.example.invalid/jwks", "https://login.example.invalid"
CALLBACK = "https://cds.example.invalid/smart/callback"
GOOD = {
    "authorization_endpoint": AUTHORIZE,
    "token_endpoint": TOKEN,
    "jwks_uri": JWKS,
    "issuer": ISSUER,
    "code_challenge_methods_supported": ["S256"],
    "capabilities": ["launch-ehr", "permission-v2"],
}
JSON_TYPE = {"Content-Type": "application/json"}


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def told(web: responses.RequestsMock, document: Any, path: str = ".well-known/smart-configuration") -> None:
    web.get(f"{ISS}/{path}", json=document)


def found(iss: str = ISS) -> SmartServer:
    return discover(iss, ServerRule(listed=(iss,)))


def missing(web: responses.RequestsMock, *paths: str) -> None:
    for path in paths or (".well-known/smart-configuration", "metadata", ".well-known/openid-configuration"):
        web.get(f"{ISS}/{path}", status=404, body="not here")


# ---------------------------------------------------------------- discovery


def test_smart_configuration_says_all(web: responses.RequestsMock) -> None:
    told(web, GOOD)
    server = found()
    assert server == SmartServer(ISS, AUTHORIZE, TOKEN, ISSUER, JWKS, frozenset({"launch-ehr", "permission-v2"}))
    assert server.supports_v2_scopes
    assert [call.request.url for call in web.calls] == [f"{ISS}/.well-known/smart-configuration"]
    assert "Authorization" not in web.calls[0].request.headers


@pytest.mark.parametrize("capabilities", [..., [], ["permission-v1"], "permission-v2", [5, None], {"permission-v2": 1}])
def test_a_server_that_does_not_say_so_knows_no_scopes_of_version_2(
    web: responses.RequestsMock, capabilities: Any
) -> None:
    told(web, {name: value for name, value in (GOOD | {"capabilities": capabilities}).items() if value is not ...})
    assert not found().supports_v2_scopes


def statement(*extensions: Any) -> dict[str, Any]:
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "security": {"extension": extensions}}]}


def uris(**members: str) -> dict[str, Any]:
    url = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    return {"url": url, "extension": [{"url": name, "valueUri": value} for name, value in members.items()]}


def test_smart_1_wrote_its_addresses_into_the_capability_statement(web: responses.RequestsMock) -> None:
    other = {"url": "http://example.invalid/other", "extension": [{"url": "token", "valueUri": "https://wrong"}]}
    told(web, statement(other, uris(token=TOKEN, authorize=AUTHORIZE, manage="https://x.invalid"), other), "metadata")
    missing(web, ".well-known/smart-configuration", ".well-known/openid-configuration")
    server = found()
    assert server == SmartServer(ISS, AUTHORIZE, TOKEN)
    assert not server.supports_v2_scopes


def test_keys_are_looked_for_in_the_openid_configuration(web: responses.RequestsMock) -> None:
    told(web, {name: GOOD[name] for name in ("authorization_endpoint", "token_endpoint")})
    told(
        web,
        {"issuer": ISSUER, "jwks_uri": JWKS, "token_endpoint": "https://w.invalid"},
        ".well-known/openid-configuration",
    )
    server = found()
    assert (server.issuer, server.jwks_uri, server.token_endpoint) == (ISSUER, JWKS, TOKEN)


@pytest.mark.parametrize(
    "document", [statement(), statement(uris(token=TOKEN)), {"rest": 5}, {"rest": [5, {"security": []}]}, {}], ids=str
)
def test_a_server_without_smart_is_told_as_that(web: responses.RequestsMock, document: Any) -> None:
    told(web, document, "metadata")
    missing(web)
    with pytest.raises(SmartFault, match="does not offer SMART"):
        found()


@pytest.mark.parametrize(
    "body", [b"<html>hello</html>", b"[]", b"null", b"\xff", b'{"token_endpoint": ', b"[" * 50_000]
)
def test_what_is_no_json_object_says_nothing(web: responses.RequestsMock, body: bytes) -> None:
    web.get(f"{ISS}/.well-known/smart-configuration", body=body, content_type="text/html")
    missing(web, "metadata", ".well-known/openid-configuration")
    with pytest.raises(SmartFault, match="does not offer SMART") as caught:
        found()
    assert "hello" not in str(caught.value)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_server_that_refuses_says_nothing(web: responses.RequestsMock, status: int) -> None:
    web.get(f"{ISS}/.well-known/smart-configuration", status=status, json=GOOD)
    missing(web, "metadata", ".well-known/openid-configuration")
    with pytest.raises(SmartFault, match="does not offer SMART"):
        found()


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize("failing", [".well-known/smart-configuration", "metadata"])
def test_of_a_server_that_fails_it_is_not_said_that_it_has_no_smart(
    web: responses.RequestsMock, failing: str, status: int
) -> None:
    web.get(f"{ISS}/{failing}", status=status, json=GOOD)
    missing(web, *{".well-known/smart-configuration", "metadata"} - {failing})
    with pytest.raises(SmartFault, match=f"did not answer properly .*HTTP {status}") as caught:
        found()
    assert "does not offer" not in str(caught.value)


def test_a_server_that_fails_at_one_address_may_say_it_at_the_other(web: responses.RequestsMock) -> None:
    web.get(f"{ISS}/.well-known/smart-configuration", status=500)
    told(web, statement(uris(token=TOKEN, authorize=AUTHORIZE)), "metadata")
    missing(web)
    assert found() == SmartServer(ISS, AUTHORIZE, TOKEN)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.invalid/x",
        "http://10.0.0.5/x",
        "https://127.0.0.1/x",
        "http://127.0.0.1:9000/x",
        "http://localhost/x",
        "https://[::1]/x",
        "https://user:pw@login.example.invalid/x",
        "ftp://login.example.invalid/x",
        "javascript:alert(1)",
        "/oauth/x",
        "https://",
        ["https://login.example.invalid/x"],
        5,
    ],
    ids=str,
)
def test_an_address_that_may_not_be_called_is_named(web: responses.RequestsMock, name: str, url: Any) -> None:
    """By http anywhere, and this machine where the FHIR server is elsewhere."""
    told(web, GOOD | {name: url})
    with pytest.raises(SmartFault, match=f"{name} that is not reached by https"):
        found()


def test_a_server_on_this_machine_may_name_this_machine() -> None:
    with Site(lambda path: (200, JSON_TYPE, json.dumps(document).encode())) as site:
        document = {"authorization_endpoint": f"{site.url}/authorize", "token_endpoint": f"{site.url}/token"}
        server = found(f"{site.url}/r4")
        assert server.token_endpoint == f"{site.url}/token"


@pytest.mark.parametrize(("methods", "fits"), [(["plain"], False), (["plain", "S256"], True), ([], True), (None, True)])
def test_pkce_is_with_s256_or_not_at_all(web: responses.RequestsMock, methods: Any, fits: bool) -> None:
    told(web, GOOD | {"code_challenge_methods_supported": methods})
    if fits:
        assert found().token_endpoint == TOKEN
    else:
        with pytest.raises(SmartFault, match="S256"):
            found()


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_server_that_is_away_is_told_as_that() -> None:
    with pytest.raises(SmartFault, match="could not be asked how to sign in: the FHIR server could not be reached"):
        found(f"http://127.0.0.1:{closed_port()}/r4")


def test_a_server_that_is_not_listed_is_not_asked(web: responses.RequestsMock) -> None:
    told(web, GOOD)
    with pytest.raises(SmartFault, match="could not be asked"):
        discover(ISS, ServerRule(listed=("https://other.example.invalid/r4",)))
    assert not web.calls


def test_a_redirect_to_another_host_is_not_followed() -> None:
    with Site(lambda _: (200, JSON_TYPE, json.dumps(GOOD).encode())) as trap:

        def leads_away(_: str) -> Reply:
            return 302, {"Location": f"{trap.url}/.well-known/smart-configuration"}, b""

        with Site(leads_away) as site:
            with pytest.raises(SmartFault, match="redirects to another server"):
                found(f"{site.url}/r4")
            assert len(site.asked) == 1
        assert trap.asked == []


# ---------------------------------------------------------------- the authorization URL

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SERVER = SmartServer(ISS, AUTHORIZE, TOKEN, ISSUER, JWKS)


def asked(server: SmartServer = SERVER, registered: Registration | None = None, **changes: Any) -> dict[str, list[str]]:
    """The parameters of the URL."""
    usual: dict[str, Any] = {"scope": "openid patient/Patient.rs", "state": "st-1", "verifier": VERIFIER}
    usual |= {"nonce": "no-1", "launch": "la-1"} | changes
    url = authorization_url(server, registered or Registration("app 1&x"), CALLBACK, **usual)
    assert url.startswith(AUTHORIZE + "?")
    return parse_qs(urlsplit(url).query, strict_parsing=True)


def test_the_browser_is_sent_with_all_that_smart_asks_for() -> None:
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == CHALLENGE
    assert asked() == {
        "response_type": ["code"],
        "client_id": ["app 1&x"],
        "redirect_uri": [CALLBACK],
        "scope": ["openid patient/Patient.rs"],
        "state": ["st-1"],
        "aud": [ISS],
        "nonce": ["no-1"],
        "launch": ["la-1"],
        "code_challenge": [CHALLENGE],
        "code_challenge_method": ["S256"],
    }


def test_an_app_that_starts_alone_hands_no_launch_back() -> None:
    assert "launch" not in asked(launch=None)


def test_parameters_that_the_address_has_stay() -> None:
    found = asked(SmartServer(ISS, f"{AUTHORIZE}?tenant=7", TOKEN))
    assert (found["tenant"], found["client_id"]) == (["7"], ["app 1&x"])


def test_neither_secret_nor_verifier_is_in_the_browsers_url() -> None:
    for registered in (Registration("a", "s3cret"), Registration("a", key=ECKey.generate_key("P-384", {"kid": "k"}))):
        values = [value for each in asked(registered=registered).values() for value in each]
        assert not any("s3cret" in value or VERIFIER in value for value in values)
        assert not {"client_secret", "client_assertion", "code_verifier"} & set(asked(registered=registered))
