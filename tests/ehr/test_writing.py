"""Writing one resource: what goes over the wire, what it is called then, and why it was not taken."""

from __future__ import annotations

import json
import logging
import socket
from dataclasses import replace
from typing import Any

import pytest

from cds_service.ehr.writing import NotWritten, create
from cds_service.trust.servers import ServerRule
from tests.ehr.hostile_server import TOKEN, Asked, HostileServer, Reply, outcome, say
from tests.trust.web import Site

KIND = "QuestionnaireResponse"
BODY = b'{"resourceType": "QuestionnaireResponse", "status": "completed", "item": [{"text": "words-of-a-chart"}]}'
NOTED = {"resourceType": KIND, "id": "qr-1"}
ANYWHERE = "https://elsewhere.example.invalid/r4"


def written(server: HostileServer, token: str = TOKEN) -> str | None:
    return create(server.url, token, KIND, BODY, ServerRule(listed=(server.url,)))


def taking(server: HostileServer, reply: Reply) -> HostileServer:
    return server.on(KIND, say(reply))


def test_it_is_posted_as_it_is_with_the_token_in_the_header_only() -> None:
    sent: list[tuple[str, bytes, dict[str, str]]] = []

    with Site(lambda _: (201, {"Location": f"{KIND}/qr-1"}, b"")) as site:
        handler: Any = site._http.RequestHandlerClass
        answer = handler.do_GET

        def do_POST(request: Any) -> None:
            body = request.rfile.read(int(request.headers["Content-Length"]))
            sent.append((request.path, body, {name.lower(): value for name, value in request.headers.items()}))
            answer(request)

        handler.do_POST = do_POST
        base = f"{site.url}/r4"
        for server in (base, f"{base}/"):
            assert create(server, TOKEN, KIND, BODY, ServerRule(listed=(base,))) == f"{KIND}/qr-1"
    assert len(sent) == 2
    for path, body, headers in sent:
        assert (path, body) == (f"/r4/{KIND}", BODY)
        assert headers.pop("authorization") == f"Bearer {TOKEN}"
        assert (headers["content-type"], headers["accept"]) == ("application/fhir+json", "application/fhir+json")
        assert TOKEN not in str(headers)


def test_an_open_server_gets_no_authorization() -> None:
    with taking(HostileServer(), Reply(201, NOTED)) as server:
        assert written(server, "") == f"{KIND}/qr-1"
        (asked,) = server.asked
        assert (asked.method, "authorization" in asked.headers) == ("POST", False)


@pytest.mark.parametrize(
    "location",
    [
        f"{ANYWHERE}/{KIND}/qr-1/_history/1",
        f"{ANYWHERE}/{KIND}/qr-1",
        f"{ANYWHERE}/{KIND}/qr-1/",
        f"/r4/{KIND}/qr-1/_history/7.2",
        f"{KIND}/qr-1",
        f"{KIND}/qr-1/_history/a",
    ],
)
def test_the_location_says_what_it_is_called(location: str) -> None:
    """With the version that FHIR asks for, and without it as some servers send it; the body may be missing."""
    with taking(HostileServer(), Reply(201, b"", {"Location": location})) as server:
        assert written(server) == f"{KIND}/qr-1"


@pytest.mark.parametrize("location", [None, "", f"{ANYWHERE}/Task/t-1", f"{ANYWHERE}/{KIND}/", "nonsense"])
@pytest.mark.parametrize("status", [200, 201])
def test_else_the_body_says_it(location: str | None, status: int) -> None:
    headers = {} if location is None else {"Location": location}
    with taking(HostileServer(), Reply(status, NOTED, headers)) as server:
        assert written(server) == f"{KIND}/qr-1"


def test_ids_of_servers_that_put_an_underscore_into_them() -> None:
    with taking(HostileServer(), Reply(201, {**NOTED, "id": "a_b.c-9"})) as server:
        assert written(server) == f"{KIND}/a_b.c-9"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"[" * 50_000,
        {"resourceType": KIND},
        {"resourceType": KIND, "id": 5},
        {"resourceType": KIND, "id": ""},
        {"resourceType": KIND, "id": ".."},
        {"resourceType": KIND, "id": "../Patient/p2"},
        {"resourceType": KIND, "id": "qr-1?x=1"},
        {"resourceType": "OperationOutcome", "id": "outcome-1"},
    ],
    ids=lambda body: str(body)[:50],
)
def test_a_name_that_is_none_is_not_told(body: Any) -> None:
    """It was written all the same."""
    with taking(HostileServer(), Reply(201, body)) as server:
        assert written(server) is None


@pytest.mark.parametrize("end", ["..", "."])
def test_a_location_that_leads_up_is_no_name(end: str) -> None:
    with taking(HostileServer(), Reply(201, b"", {"Location": f"{ANYWHERE}/{KIND}/{end}"})) as server:
        assert written(server) is None


# ---------------------------------------------------------------- not written


def refused(server: HostileServer, token: str = TOKEN) -> NotWritten:
    with pytest.raises(NotWritten) as caught:
        written(server, token)
    return caught.value


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "refused"),
        (401, "session with the EHR has ended"),
        (403, "does not let this app write"),
        (404, f"takes no {KIND}"),
        (405, f"takes no {KIND}"),
        (409, "refused"),
        (413, "too large"),
        (422, "refused"),
        (429, "busy"),
        (500, "refused"),
        (503, "refused"),
    ],
)
def test_each_refusal_has_its_words_and_is_not_tried_again(status: int, words: str) -> None:
    """A second try could make a second statement."""
    with taking(HostileServer(), outcome(status, "processing", "words of the server")) as server:
        fault = refused(server)
        assert len(server.asked) == 1
    assert words in str(fault)
    assert (fault.status, fault.server_text) == (status, "words of the server")
    assert "words of the server" not in str(fault)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"issue": [{"diagnostics": "x" * 5000}]}, "x" * 300),
        ({"issue": [{"details": {"text": "no such patient"}}]}, "no such patient"),
        ({"issue": [{"diagnostics": "first"}, {"diagnostics": "second"}]}, "first"),
        ({"issue": [{"details": "words"}]}, ""),
        ({"issue": [{"details": ["words"]}]}, ""),
        ({"issue": [{"diagnostics": {"a": 1}}]}, ""),
        ({"issue": [{"diagnostics": 5}]}, ""),
        ({"issue": ["words"]}, ""),
        ({"issue": []}, ""),
        ({"issue": 5}, ""),
        ({}, ""),
        (b"<html>words</html>", ""),
        (b"\xff", ""),
        (b"[" * 50_000, ""),
        (b"", ""),
    ],
    ids=lambda value: str(value)[:50],
)
def test_the_servers_own_words_are_capped_and_cost_nothing_when_odd(body: Any, words: str) -> None:
    with taking(HostileServer(), Reply(422, body)) as server:
        fault = refused(server)
    assert (fault.status, fault.server_text) == (422, words)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """Not even on the same server: whoever redirects has not taken it."""
    with HostileServer() as trap, HostileServer() as server:
        for target in (f"{trap.url}/{KIND}", f"{server.url}/other"):
            taking(server, Reply(status, b"", {"Location": target}))
            assert refused(server).status == status
        assert trap.asked == []
        assert [asked.path for asked in server.asked] == [KIND, KIND]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("dropped", "the FHIR server did not answer"),
        ("cut", "the FHIR server broke off its answer"),
        ("silent", "the FHIR server did not answer"),
    ],
)
def test_without_an_answer_nobody_knows(how: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.ehr.writing._SECONDS", 0.3)
    bad = {"dropped": {"dropped": True}, "cut": {"cut": 3}, "silent": {"wait": 5.0}}[how]
    with taking(HostileServer(), replace(Reply(201, NOTED), **bad)) as server:
        fault = refused(server)
        assert len(server.asked) == 1
    assert (str(fault), fault.status, fault.server_text) == (why, None, "")
    assert fault.uncertain


def test_a_server_that_is_away() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/r4"
    with pytest.raises(NotWritten, match="did not answer") as caught:
        create(url, TOKEN, KIND, BODY, ServerRule(listed=(url,)))
    assert not caught.value.uncertain


def test_a_server_that_is_not_listed_is_not_called() -> None:
    with taking(HostileServer(), Reply(201, NOTED)) as server:
        with pytest.raises(NotWritten, match="not on the caller's list"):
            create(server.url, TOKEN, KIND, BODY, ServerRule(listed=(ANYWHERE,)))
        assert server.asked == []


def test_a_public_name_that_leads_inside_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is asked again when the name has been resolved."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0)
        port = trap.getsockname()[1]
        inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: inside)
        with pytest.raises(NotWritten, match="leads inside this network") as caught:
            create(f"https://ehr.example.invalid:{port}/r4", TOKEN, KIND, BODY, ServerRule(others=True))
        assert not caught.value.uncertain, "nothing was sent"
        with pytest.raises(BlockingIOError):
            trap.accept()


@pytest.mark.parametrize("token", ["two\nlines", "no-latin-€"])
def test_a_token_that_is_no_header_goes_nowhere(token: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with taking(HostileServer(), Reply(201, NOTED)) as server:
        fault = refused(server, token)
        assert server.asked == []
    assert token not in caplog.text + str(fault)
    assert ("did not answer" in str(fault), fault.uncertain) == (False, False), "nobody was asked"


def test_neither_token_nor_chart_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def by_turns(asked: Asked, _: Any) -> Reply:
        kinds = [outcome(422, "invalid", "words-of-a-chart"), Reply(201, NOTED), Reply(dropped=True)]
        return kinds[(len(server.asked) - 1) % 3]

    with HostileServer() as server:
        server.on(KIND, by_turns)
        faults = [refused(server), written(server), refused(server)]
    assert faults[1] == f"{KIND}/qr-1"
    text = caplog.text + "".join(map(str, faults))
    for told in (TOKEN, "words-of-a-chart", json.dumps(NOTED)):
        assert told not in text
    own = [record.getMessage() for record in caplog.records if record.name == "cds_service.ehr.writing"]
    assert own[0] == f"a FHIR server refused a {KIND}: 422"
