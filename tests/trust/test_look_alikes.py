"""Names that look alike, and paths beside a listed one: the secret and the token go where they were meant to."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from cds_service.errors import BadSetting
from cds_service.settings import Settings
from cds_service.trust.clients import TrustedClients, load_clients
from cds_service.trust.servers import ServerRule, below, same_server
from cds_service.web import create_app
from cds_service.web.smart_app.servers import SmartServers
from tests import support
from tests.ehr.hostile_server import HostileServer, Reply, call, chart, judge, leading_to, say
from tests.trust import tokens
from tests.trust.tokens import PUBLIC_URL

SIGN = "/cds-services/insulin-pump-order-sign"
LISTED = "https://strasse.example/r4"
LOOK_ALIKES = [
    "https://straße.example/r4",
    "https://STRAẞE.example/r4",
    "https://xn--strae-oqa.example/r4",
    "https://\u017ftrasse.example/r4",
    "https://\uff53trasse.example/r4",
    "https://strasse.example./r4",
    "https://strasse\u3002example/r4",
    "https://strasse.example\u200b/r4",
]


@pytest.mark.parametrize("server", LOOK_ALIKES)
def test_a_name_that_looks_like_a_listed_one_is_not_the_listed_one(server: str) -> None:
    assert not same_server(server, LISTED)
    assert ServerRule((LISTED,)).why_not(server) is not None
    assert below(LISTED, f"{server}/Patient/1") is None


@pytest.mark.parametrize("server", LOOK_ALIKES)
def test_a_look_alike_never_receives_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    """No name is even looked up: with stubbed DNS every name would lead to somebody."""
    asked: list[str] = []

    def resolve(host: Any, *_: Any, **__: Any) -> Any:
        asked.append(str(host))
        raise socket.gaierror("nobody")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    path = tokens.clients_file(tmp_path, fhir_servers=[LISTED])
    client = create_app(Settings(public_url=PUBLIC_URL, trusted_clients=str(path), database_url="off")).test_client()
    granted = {"access_token": "secret", "token_type": "Bearer", "expires_in": 300, "scope": "user/*.read"}
    call = support.call() | {"prefetch": {}, "fhirServer": server, "fhirAuthorization": granted}
    headers = {"Authorization": f"Bearer {tokens.signed(PUBLIC_URL + SIGN)}"}
    assert client.post(SIGN, json=call, headers=headers).status_code in (200, 400)
    assert client.get("/smart/launch", query_string={"iss": server}).status_code == 403
    assert asked == []


def test_names_are_the_same_in_every_spelling_of_one_name() -> None:
    for one, other in (
        ("https://STRASSE.example:443/r4/", LISTED),
        ("https://bücher.example/r4", "https://xn--bcher-kva.example/r4"),
        ("https://BÜCHER.example/r4", "https://xn--bcher-kva.EXAMPLE/r4"),
    ):
        assert same_server(one, other), one


@pytest.mark.parametrize("end", ["?", "?x", "#", "#x", "/?x=1", "/#", "%3Fx", "/..", "/%2e%2e", "/x", "x"])
def test_what_follows_a_listed_path_is_not_the_listed_base(end: str) -> None:
    assert ServerRule((LISTED,)).why_not(LISTED + end) is not None
    assert not same_server(LISTED + end, LISTED)


@pytest.mark.parametrize("end", ["?x", "#x", "?"])
def test_an_open_service_reads_no_base_with_a_query_either(end: str) -> None:
    assert ServerRule(others=True).why_not(LISTED + end) is not None


def test_a_file_of_clients_with_a_query_behind_a_server_is_refused(tmp_path: Path) -> None:
    path = tokens.clients_file(tmp_path, fhir_servers=[f"{LISTED}?tenant=1"])
    with pytest.raises(BadSetting, match="base URLs"):
        load_clients(path)


def test_requests_are_spelled_as_the_server_is_listed(tmp_path: Path) -> None:
    """What a caller spells in another way is recognized, and not sent on."""
    path = tokens.clients_file(tmp_path, fhir_servers=["https://Strasse.example/r4/"])
    clients = load_clients(path)
    rule = ServerRule(clients.by_issuer[tokens.ISSUER].fhir_servers)
    assert rule.base("https://STRASSE.EXAMPLE:443/r4") == "https://Strasse.example/r4"
    servers = SmartServers(Settings(trusted_clients=str(path)), clients)
    assert servers.base("https://STRASSE.EXAMPLE:443/r4") == "https://Strasse.example/r4"
    listed = SmartServers(Settings(fhir_servers=f" {LISTED}/ "), TrustedClients())
    assert listed.base("https://STRASSE.example/r4") == LISTED
    assert below("https://Strasse.example/r4/", "HTTPS://STRASSE.example:443/r4/A?b=c|d#e") == (
        "https://Strasse.example/r4/A?b=c|d"
    )


@pytest.mark.parametrize(
    "url",
    [
        "/r4x/Observation",
        "/r5/Observation",
        "/r4/../other/Observation",
        "/r4/%2e%2e/other/Observation",
        "/r4/.%2E/other/Observation",
        "/r4/..%2fother/Observation",
        "/r4/..%5cother/Observation",
        "/r4/..;a=b/other/Observation",
        "/%72%34/Observation",
        "/R4/Observation",
        "/",
        "",
        "//r4/Observation",
    ],
)
def test_what_lies_beside_a_base_is_not_below_it(url: str) -> None:
    assert below(LISTED, f"https://strasse.example{url}") is None


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("/r4?_getpages=1", "/r4?_getpages=1"),
        ("/r4/?_getpages=1", "/r4/?_getpages=1"),
        ("/r4/Observation?page=2#x", "/r4/Observation?page=2"),
        ("/r4/Patient/a..b", "/r4/Patient/a..b"),
        ("/r4/Patient?name=../x", "/r4/Patient?name=../x"),
    ],
)
def test_what_lies_below_a_base_is_read(url: str, spelled: str) -> None:
    assert below(LISTED, f"https://strasse.example{url}") == f"https://strasse.example{spelled}"


@pytest.mark.parametrize("how", ["next", "redirect"])
@pytest.mark.parametrize("path", ["/other/Observation?page=2", "/r4/%2e%2e/other/Observation", "/r4x/Observation"])
def test_no_page_of_another_tenant_of_the_same_host_is_read(how: str, path: str) -> None:
    """The token reaches what is below the base, and the list is said to be incomplete."""
    with HostileServer(*chart(), base="/r4") as server:
        target = f"{server.root}{path}"
        if how == "next":
            server.on("Observation", leading_to(lambda asked: target), when=lambda a: "4548-4" in a.values("code"))
        else:
            moved = Reply(302, headers={"Location": target})
            server.on("Observation", say(moved), when=lambda a: "4548-4" in a.values("code"))
        found = judge(call(server, ["hba1c"]))
        assert all(asked.target.startswith("/r4/") and "%2e" not in asked.target for asked in server.asked)
    assert found.truth("D.I.I.1") == "not-retrieved"
