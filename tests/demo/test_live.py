"""The demo on a FHIR server, as far as it goes without one: what the server is to hold, and what the calls say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner

from cds_service import cli
from cds_service.demo import sandbox_server
from cds_service.demo.charts import DemoChart, all_charts
from cds_service.demo.live import Sandbox, all_resources
from cds_service.demo.pages import SERVICE, create_demo
from cds_service.settings import Settings

DAY = date(2026, 11, 24)
SANDBOX = Sandbox("http://127.0.0.1:9/fhir", DAY)
CHARTS = list(all_charts().values())
KEEPS_PREFETCH = "glucose-not-retrieved"


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for value in node.values():
            yield from _references(value)


def test_no_two_charts_share_an_id_and_every_reference_leads_somewhere() -> None:
    held = all_resources(DAY)
    places = Counter(f"{each['resourceType']}/{each['id']}" for each in held)
    assert max(places.values()) == 1
    assert set(_references(held)) <= set(places)
    assert not any(each["resourceType"] == "OperationOutcome" for each in held)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.id)
def test_a_call_carries_no_chart_but_a_server(chart: DemoChart) -> None:
    call = SANDBOX.call(chart)
    assert set(_references(call["context"])) <= {f"{r['resourceType']}/{r['id']}" for r in all_resources(DAY)}
    if chart.id == KEEPS_PREFETCH:
        assert call["prefetch"]["glucose"]["resourceType"] == "OperationOutcome"
        assert "fhirServer" not in call
    else:
        assert "prefetch" not in call
        assert call["fhirServer"] == SANDBOX.base_url


def test_a_call_on_another_server_is_refused_and_opens_nothing() -> None:
    client = create_demo(Settings(), SANDBOX).test_client()
    call = SANDBOX.call(CHARTS[0]) | {"fhirServer": "https://ehr.example.invalid/fhir"}
    reply = client.post(SERVICE, json=call)
    assert reply.status_code == 400
    assert reply.get_json()["issue"][0]["diagnostics"] == "the demo reads its own FHIR server only"


@pytest.mark.parametrize("chart", [CHARTS[0], all_charts()[KEEPS_PREFETCH]], ids=lambda chart: chart.id)
def test_the_page_says_where_the_chart_lies(chart: DemoChart) -> None:
    client = create_demo(Settings(), SANDBOX).test_client()
    assert SANDBOX.base_url in client.get("/demo").get_data(as_text=True)
    page = client.get(f"/demo/{chart.id}").get_data(as_text=True)
    assert ("The hook call carries nothing of the chart" in page) is (chart.id != KEEPS_PREFETCH)
    assert ("It names no FHIR server" in page) is (chart.id == KEEPS_PREFETCH)


def test_a_server_that_is_not_installed_is_one_line_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_server, "is_installed", lambda: False)
    done = CliRunner().invoke(cli.main, ["demo", "--fhir", "--port", "0"])
    assert done.exit_code == 2
    (line,) = done.stderr.strip().splitlines()
    assert "pip install sekmet-fhir" in line


def test_loading_leaves_the_stored_charts_as_they_are() -> None:
    before = json.dumps([chart.request for chart in CHARTS])
    all_resources(DAY)
    assert json.dumps([chart.request for chart in CHARTS]) == before
