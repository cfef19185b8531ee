"""Reading from a FHIR server, with servers that misbehave (answers played by `responses`)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests
import responses

from cds_service.ehr.client import FhirClient, open_client
from cds_service.facts import ChartSection
from fhir_mappings.json.search_result import Status

SERVER = "https://ehr.example.invalid/r4"
DAY = date(2026, 11, 20)
OBSERVATION = {"resourceType": "Observation", "id": "o1", "status": "final"}


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def client() -> Iterator[FhirClient]:
    made = open_client(SERVER + "/", "secret", "p1", DAY, 2.0)
    yield made
    made.close()


def _page(*resources: Any, following: str | None = None) -> str:
    links = [{"relation": "next", "url": following}] if following else []
    entries = [{"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries})


def _serve(server: responses.RequestsMock, path: str, body: str, status: int = 200) -> None:
    server.get(f"{SERVER}/{path}", body=body, status=status, content_type="application/fhir+json")


def test_one_failed_search_never_costs_another(server: responses.RequestsMock, client: FhirClient) -> None:
    """bug-log 9, bug-log 32."""
    _serve(server, "Condition", "{}", 403)
    _serve(server, "Encounter", _page())
    found = client.fetch([ChartSection.CONDITIONS, ChartSection.ENCOUNTERS])
    assert found[ChartSection.CONDITIONS].status is Status.FAILED
    assert found[ChartSection.CONDITIONS].why == "the FHIR server answered 403"
    assert found[ChartSection.ENCOUNTERS].status is Status.EMPTY


def test_the_token_goes_out_as_a_bearer_and_stays_on_the_server(
    server: responses.RequestsMock, client: FhirClient
) -> None:
    """bug-log 27; requirement 91; a page elsewhere is not followed (84)."""
    _serve(server, "Encounter", _page(following="https://elsewhere.example.invalid/Encounter?page=2"))
    reading = client.fetch([ChartSection.ENCOUNTERS])[ChartSection.ENCOUNTERS]
    assert reading.status is Status.PARTIAL
    assert len(server.calls) == 1
    assert server.calls[0].request.headers["Authorization"] == "Bearer secret"


def test_no_token_no_header(server: responses.RequestsMock) -> None:
    """bug-log 28: open servers."""
    _serve(server, "Encounter", _page())
    open_one = open_client(SERVER, "", "p1", DAY, 2.0)
    open_one.fetch([ChartSection.ENCOUNTERS])
    open_one.close()
    assert "Authorization" not in server.calls[0].request.headers


@pytest.mark.parametrize("following", [f"{SERVER}/more?page=2", "more?page=2", "/r4/more?page=2"])
def test_next_links_are_followed_relative_or_absolute(
    server: responses.RequestsMock, client: FhirClient, following: str
) -> None:
    """bug-log 36, bug-log 42."""
    _serve(server, "Encounter", _page({"resourceType": "Encounter", "id": "d1"}, following=following))
    _serve(server, "more", _page({"resourceType": "Encounter", "id": "d2"}))
    reading = client.fetch([ChartSection.ENCOUNTERS])[ChartSection.ENCOUNTERS]
    assert [resource.id for resource, _ in reading.resources] == ["d1", "d2"]
    assert reading.status is Status.READ


def test_a_loop_of_pages_ends_as_incomplete(server: responses.RequestsMock, client: FhirClient) -> None:
    """bug-log 38."""
    _serve(server, "Encounter", _page({"resourceType": "Encounter", "id": "d1"}, following=f"{SERVER}/loop"))
    _serve(server, "loop", _page(following=f"{SERVER}/loop"))
    reading = client.fetch([ChartSection.ENCOUNTERS])[ChartSection.ENCOUNTERS]
    assert reading.status is Status.PARTIAL
    assert len(server.calls) == 2


def test_a_refused_page_leaves_what_was_read(server: responses.RequestsMock, client: FhirClient) -> None:
    """bug-log 37."""
    _serve(server, "Encounter", _page({"resourceType": "Encounter", "id": "d1"}, following=f"{SERVER}/more"))
    _serve(server, "more", "{}", 400)
    reading = client.fetch([ChartSection.ENCOUNTERS])[ChartSection.ENCOUNTERS]
    assert (reading.status, len(reading.resources)) == (Status.PARTIAL, 1)


def test_pages_are_capped(server: responses.RequestsMock) -> None:
    capped = FhirClient(SERVER, "", "p1", DAY, seconds=2.0, max_pages=3)
    for n in range(6):
        path = "Encounter" if n == 0 else f"page{n}"
        _serve(server, path, _page({"resourceType": "Encounter", "id": f"d{n}"}, following=f"{SERVER}/page{n + 1}"))
    reading = capped.fetch([ChartSection.ENCOUNTERS])[ChartSection.ENCOUNTERS]
    capped.close()
    assert (reading.status, len(reading.resources)) == (Status.PARTIAL, 3)


@pytest.mark.parametrize(
    ("error", "why"),
    [(requests.ConnectTimeout(), "did not answer in time"), (requests.ConnectionError(), "could not be reached")],
)
def test_a_server_that_is_not_there(
    server: responses.RequestsMock, client: FhirClient, error: Exception, why: str
) -> None:
    server.get(f"{SERVER}/Encounter", body=error)
    assert why in client.fetch([ChartSection.ENCOUNTERS])[ChartSection.ENCOUNTERS].why


def test_rubbish_from_a_server_is_a_failed_answer(server: responses.RequestsMock, client: FhirClient) -> None:
    _serve(server, "Encounter", "<html>sorry</html>")
    assert client.fetch([ChartSection.ENCOUNTERS])[ChartSection.ENCOUNTERS].status is Status.FAILED


def test_a_slow_server_does_not_hold_the_answer(server: responses.RequestsMock) -> None:
    """bug-log 43: what has not come when the budget ends is not retrieved."""

    def slow(_: Any) -> tuple[int, dict[str, str], str]:
        time.sleep(1.0)
        return 200, {}, _page()

    server.add_callback(responses.GET, f"{SERVER}/Encounter", callback=slow)
    hurried = open_client(SERVER, "", "p1", DAY, 0.2)
    began = time.monotonic()
    reading = hurried.fetch([ChartSection.ENCOUNTERS])[ChartSection.ENCOUNTERS]
    assert time.monotonic() - began < 0.8
    assert (reading.status, reading.why) == (Status.FAILED, "time ran out")
    time.sleep(1.0)  # the late thread ends before the mock does
    hurried.close()


def test_an_optional_search_that_fails_takes_nothing_away(server: responses.RequestsMock, client: FhirClient) -> None:
    _serve(server, "Practitioner/d1", json.dumps({"resourceType": "Practitioner", "id": "d1"}))
    _serve(server, "PractitionerRole", "{}", 404)
    client.people = ("Practitioner/d1",)
    reading = client.fetch([ChartSection.REQUESTER])[ChartSection.REQUESTER]
    assert (reading.status, len(reading.resources)) == (Status.READ, 1)
