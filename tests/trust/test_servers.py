"""Which servers a call may lead to, by every route (requirements 84, 234; bug log 44): a trap is never touched."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_service.settings import Settings
from cds_service.trust.servers import ServerRule, is_public, same_server
from cds_service.web import create_app
from tests import support
from tests.ehr.hostile_server import HostileServer, chart
from tests.ehr.test_crd_live import signed as crd_call_live
from tests.services.crd import coverage
from tests.support import JSON, bundle
from tests.trust import tokens
from tests.trust.tokens import PUBLIC_URL
from tests.trust.web import Site, redirecting, serving

SIGN = "/cds-services/insulin-pump-order-sign"
SECRET = "token-4711-secret"


@pytest.fixture
def trap() -> Iterator[Site]:
    """A server inside: whoever touches it fails the test."""
    with Site(serving({"resourceType": "Patient", "id": "p1"})) as site:
        yield site
        assert site.asked == [], "the trap was reached"


@pytest.mark.parametrize(
    ("server", "rule", "allowed"),
    [
        ("https://ehr.example.invalid/r4", ServerRule(("https://ehr.example.invalid/r4",)), True),
        ("https://EHR.example.invalid:443/r4/", ServerRule(("https://ehr.example.invalid/r4",)), True),
        ("https://ehr.example.invalid/r4/x", ServerRule(("https://ehr.example.invalid/r4",)), False),
        ("https://ehr.example.invalid:8443/r4", ServerRule(("https://ehr.example.invalid/r4",)), False),
        ("http://ehr.example.invalid/r4", ServerRule(("https://ehr.example.invalid/r4",)), False),
        ("https://ehr.example.invalid@evil.invalid/r4", ServerRule(("https://ehr.example.invalid/r4",)), False),
        ("https://other.example.invalid/r4", ServerRule(others=True), True),
        ("http://other.example.invalid/r4", ServerRule(others=True), False),
        ("http://fhir.internal:8080/r4", ServerRule(("http://fhir.internal:8080/r4",), others=True), True),
        ("http://127.0.0.1:8090/fhir", ServerRule(others=True, loopback=True), True),
        ("http://127.0.0.1:8090/fhir", ServerRule(others=True), False),
        ("https://localhost/fhir", ServerRule(others=True), False),
        ("http://[::1]:8090/fhir", ServerRule(others=True), False),
        ("ftp://ehr.example.invalid/r4", ServerRule(others=True), False),
        ("https:///r4", ServerRule(others=True), False),
        ("https://ehr.example.invalid:99999/r4", ServerRule(others=True), False),
    ],
)
def test_addresses(server: str, rule: ServerRule, allowed: bool) -> None:
    assert (rule.why_not(server) is None) is allowed


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.5", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "::",
        "fe80::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.5", "2002:7f00:1::", "224.0.0.1",
        "ff02::1", "255.255.255.255", "192.0.2.1", "no address",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "1.1.1.1"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


def test_bases_are_compared_whole() -> None:
    assert same_server("https://a.example.invalid/r4", "https://A.example.invalid/r4/")
    assert not same_server("no url", "no url")


# ---------------------------------------------------------------- through the whole service


def _open(**members: Any) -> Any:
    settings = Settings(**{"database_url": "off", "public_url": PUBLIC_URL, "deadline_seconds": 2.0} | members)
    return create_app(settings).test_client()


def _posted(client: Any, request: JSON, path: str = SIGN, **headers: str) -> str:
    reply = client.post(path, json=request, headers=headers)
    assert reply.status_code in (200, 412), reply.data
    text: str = reply.get_data(as_text=True)
    assert SECRET not in text
    return text


def _bare(server: str, **prefetch: Any) -> JSON:
    """A call that has to be read from a server."""
    granted = {"access_token": SECRET, "token_type": "Bearer", "expires_in": 300, "scope": "user/*.read"}
    return support.call() | {"prefetch": prefetch, "fhirServer": server, "fhirAuthorization": granted}


def test_an_open_service_beyond_loopback_reads_no_server_inside(trap: Site) -> None:
    text = _posted(_open(), _bare(trap.url))
    assert "lies inside this network" in text
    text = _posted(_open(), _bare(trap.url.replace("127.0.0.1", "localhost")))
    assert "lies inside this network" in text


def test_what_is_listed_is_read_inside_too() -> None:
    with HostileServer(*chart()) as ehr:
        assert "likely-approved" in _posted(_open(fhir_servers=f" {ehr.url}, "), _bare(ehr.url))


def _resolving(monkeypatch: pytest.MonkeyPatch, to: Callable[[], str]) -> None:
    """Every name of example.invalid leads to an address."""
    real = socket.getaddrinfo

    def fake(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        return real(to() if str(host).endswith("example.invalid") else host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", fake)


@pytest.mark.parametrize("name", ["https://ehr.example.invalid:{port}/r4", "https://127-0-0-1.example.invalid:{port}"])
def test_a_name_that_leads_inside_is_not_followed(trap: Site, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _resolving(monkeypatch, lambda: "127.0.0.1")
    text = _posted(_open(), _bare(name.format(port=trap.port)))
    assert "leads inside this network" in text


def test_a_name_that_changes_its_mind_is_not_followed(trap: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was checked is what is connected to: the address is looked up once for each connection."""
    answers = iter(["8.8.8.8" if index % 2 == 0 else "127.0.0.1" for index in range(10_000)])
    _resolving(monkeypatch, lambda: next(answers))
    monkeypatch.setattr(socket, "create_connection", _refuse_public)
    _posted(_open(), _bare(f"https://ehr.example.invalid:{trap.port}/r4"))


def _refuse_public(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
    assert address[0] == "8.8.8.8", f"connected to {address[0]}"
    raise ConnectionRefusedError("nobody there")


def _client(folder: Path, *servers: str) -> Any:
    path = tokens.clients_file(folder, fhir_servers=list(servers))
    return _open(trusted_clients=str(path))


def _bearer(path: str = SIGN) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.signed(PUBLIC_URL + path)}"}


def test_a_client_reads_its_own_servers_only(tmp_path: Path, trap: Site) -> None:
    with HostileServer(*chart()) as ehr:
        client = _client(tmp_path, ehr.url)
        assert "likely-approved" in _posted(client, _bare(ehr.url), **_bearer())
        for server in (trap.url, f"{ehr.url}/..", "https://ehr.example.invalid/r4", ehr.root):
            text = _posted(client, _bare(server), **_bearer())
            assert "not on the caller's list" in text
            assert "not-retrieved" in text


def test_a_crd_client_is_told_that_its_coverage_could_not_be_read(tmp_path: Path, trap: Site) -> None:
    with HostileServer(*chart(coverage=bundle(coverage()))) as ehr:
        request = crd_call_live(ehr) | {"fhirServer": trap.url}
        path = "/cds-services/crd-order-sign"
        client = _client(tmp_path, ehr.url)
        assert client.post(path, json=request, headers=_bearer(path)).status_code == 412
        assert ehr.asked == []


@pytest.mark.parametrize("how", ["redirect", "next", "reference", "prefetched next", "order by reference"])
def test_nothing_that_a_server_or_caller_names_leads_to_the_trap(tmp_path: Path, trap: Site, how: str) -> None:
    """Redirects, next links, references and prefetch: the token and the call stay on the client's server."""
    path, kept = SIGN, {}
    with HostileServer(*chart()) as ehr, Site(redirecting(f"{trap.url}/Patient")) as leading:
        server = ehr.url
        more = {"resourceType": "Bundle", "type": "searchset", "entry": []}
        more["link"] = [{"relation": "next", "url": f"{trap.url}/Observation?page=2"}]
        if how == "redirect":
            server = leading.url
        elif how == "next":
            ehr.on("Observation", lambda asked, answer: type(answer(asked))(body=more))
        elif how == "prefetched next":
            kept = {"glucose": more}
        request = _bare(server, **kept)
        if how == "reference":
            order = request["context"]["draftOrders"]["entry"][0]["resource"]
            order["codeReference"] = {"reference": f"{trap.url}/Device/1"}
            del order["codeCodeableConcept"]
        if how == "order by reference":
            path = "/cds-services/crd-order-dispatch"
            context = {"patientId": "p1", "performer": "Organization/o", "order": f"{trap.url}/DeviceRequest/1"}
            request |= {"hook": "order-dispatch", "context": context}
        client = _client(tmp_path, ehr.url, leading.url)
        _posted(client, request, path, **_bearer(path))


def test_the_token_goes_to_the_clients_server_alone(tmp_path: Path) -> None:
    """Requirement 231: on every request there, and in nothing else that leaves."""
    with HostileServer(*chart()) as ehr:
        text = _posted(_client(tmp_path, ehr.url), _bare(ehr.url), **_bearer())
        assert {asked.headers["authorization"] for asked in ehr.asked} == {f"Bearer {SECRET}"}
        assert all(SECRET not in asked.target for asked in ehr.asked)
        assert "eyJ" not in json.dumps([asked.headers for asked in ehr.asked])
        assert "eyJ" not in text


def test_an_answer_that_is_too_large_is_given_up() -> None:
    with HostileServer(*chart()) as ehr:
        text = _posted(_open(fhir_servers=ehr.url, max_fetched_bytes=5_000), _bare(ehr.url))
        assert "too large" in text
