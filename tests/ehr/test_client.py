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
from cds_service.ehr.search_plan import PLAN, urls_for
from cds_service.facts import Topic
from fhir_mappings.readings import Status

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
    _serve(server, "Device", _page())
    found = client.fetch([Topic.CONDITIONS, Topic.DEVICES])
    assert found[Topic.CONDITIONS].status is Status.FAILED
    assert found[Topic.CONDITIONS].why == "the FHIR server answered 403"
    assert found[Topic.DEVICES].status is Status.EMPTY


def test_the_token_goes_out_as_a_bearer_and_stays_on_the_server(
    server: responses.RequestsMock, client: FhirClient
) -> None:
    """bug-log 27; requirement 91; a page elsewhere is not followed (84)."""
    _serve(server, "Device", _page(following="https://elsewhere.example.invalid/Device?page=2"))
    reading = client.fetch([Topic.DEVICES])[Topic.DEVICES]
    assert reading.status is Status.PARTIAL
    assert len(server.calls) == 1
    assert server.calls[0].request.headers["Authorization"] == "Bearer secret"


def test_no_token_no_header(server: responses.RequestsMock) -> None:
    """bug-log 28: open servers."""
    _serve(server, "Device", _page())
    open_one = open_client(SERVER, "", "p1", DAY, 2.0)
    open_one.fetch([Topic.DEVICES])
    open_one.close()
    assert "Authorization" not in server.calls[0].request.headers


@pytest.mark.parametrize("following", [f"{SERVER}/more?page=2", "more?page=2", "/r4/more?page=2"])
def test_next_links_are_followed_relative_or_absolute(
    server: responses.RequestsMock, client: FhirClient, following: str
) -> None:
    """bug-log 36, bug-log 42."""
    _serve(server, "Device", _page({"resourceType": "Device", "id": "d1"}, following=following))
    _serve(server, "more", _page({"resourceType": "Device", "id": "d2"}))
    reading = client.fetch([Topic.DEVICES])[Topic.DEVICES]
    assert [resource.id for resource, _ in reading.resources] == ["d1", "d2"]
    assert reading.status is Status.READ


def test_a_loop_of_pages_ends_as_incomplete(server: responses.RequestsMock, client: FhirClient) -> None:
    """bug-log 38."""
    _serve(server, "Device", _page({"resourceType": "Device", "id": "d1"}, following=f"{SERVER}/loop"))
    _serve(server, "loop", _page(following=f"{SERVER}/loop"))
    reading = client.fetch([Topic.DEVICES])[Topic.DEVICES]
    assert reading.status is Status.PARTIAL
    assert len(server.calls) == 2


def test_a_refused_page_leaves_what_was_read(server: responses.RequestsMock, client: FhirClient) -> None:
    """bug-log 37."""
    _serve(server, "Device", _page({"resourceType": "Device", "id": "d1"}, following=f"{SERVER}/more"))
    _serve(server, "more", "{}", 400)
    reading = client.fetch([Topic.DEVICES])[Topic.DEVICES]
    assert (reading.status, len(reading.resources)) == (Status.PARTIAL, 1)


def test_pages_are_capped(server: responses.RequestsMock) -> None:
    capped = FhirClient(SERVER, "", "p1", DAY, seconds=2.0, max_pages=3)
    for n in range(6):
        path = "Device" if n == 0 else f"page{n}"
        _serve(server, path, _page({"resourceType": "Device", "id": f"d{n}"}, following=f"{SERVER}/page{n + 1}"))
    reading = capped.fetch([Topic.DEVICES])[Topic.DEVICES]
    capped.close()
    assert (reading.status, len(reading.resources)) == (Status.PARTIAL, 3)


@pytest.mark.parametrize(
    ("error", "why"),
    [(requests.ConnectTimeout(), "did not answer in time"), (requests.ConnectionError(), "could not be reached")],
)
def test_a_server_that_is_not_there(
    server: responses.RequestsMock, client: FhirClient, error: Exception, why: str
) -> None:
    server.get(f"{SERVER}/Device", body=error)
    assert why in client.fetch([Topic.DEVICES])[Topic.DEVICES].why


def test_rubbish_from_a_server_is_a_failed_answer(server: responses.RequestsMock, client: FhirClient) -> None:
    _serve(server, "Device", "<html>sorry</html>")
    assert client.fetch([Topic.DEVICES])[Topic.DEVICES].status is Status.FAILED


def test_a_slow_server_does_not_hold_the_answer(server: responses.RequestsMock) -> None:
    """bug-log 43: what has not come when the budget ends is not retrieved."""

    def slow(_: Any) -> tuple[int, dict[str, str], str]:
        time.sleep(1.0)
        return 200, {}, _page()

    server.add_callback(responses.GET, f"{SERVER}/Device", callback=slow)
    hurried = open_client(SERVER, "", "p1", DAY, 0.2)
    began = time.monotonic()
    reading = hurried.fetch([Topic.DEVICES])[Topic.DEVICES]
    assert time.monotonic() - began < 0.8
    assert (reading.status, reading.why) == (Status.FAILED, "time ran out")
    time.sleep(1.0)  # the late thread ends before the mock does
    hurried.close()


def test_searches_of_one_topic_are_read_together(server: responses.RequestsMock, client: FhirClient) -> None:
    _serve(server, "Practitioner/d1", json.dumps({"resourceType": "Practitioner", "id": "d1"}))
    _serve(server, "PractitionerRole", "{}", 404)
    client.people = ("Practitioner/d1",)
    reading = client.fetch([Topic.REQUESTER])[Topic.REQUESTER]
    assert (reading.status, len(reading.resources)) == (Status.PARTIAL, 1)


# ---------------------------------------------------------------- the plan


def test_the_plan_covers_every_topic() -> None:
    assert set(PLAN) | {Topic.REQUESTER} == set(Topic)


def test_urls_are_made_for_the_patient_and_the_day() -> None:
    urls = urls_for(Topic.GLUCOSE, "p/1", DAY)
    assert all("patient=p%2F1" in url for url in urls)
    assert urls[0].endswith("&date=ge2025-10-16")  # 400 days before 2026-11-20
    assert urls[1].endswith("&date=ge2026-10-18")  # 33 days before 2026-11-20


def test_a_role_brings_its_practitioner_along() -> None:
    (url,) = urls_for(Topic.REQUESTER, "p1", DAY, ["PractitionerRole/r1"])
    assert url == "PractitionerRole?_id=r1&_include=PractitionerRole:practitioner"
