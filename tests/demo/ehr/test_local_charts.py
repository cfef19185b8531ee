"""The charts that the demo's EHR holds in memory: read as FHIR they say what the call said."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from cds_service.demo.charts import DemoChart, all_charts
from cds_service.demo.ehr.local_charts import BASE, LocalCharts
from cds_service.demo.pages import create_demo
from cds_service.demo.send import call_of, send, state, text_of
from cds_service.ehr.client import FhirClient
from cds_service.ehr.transport import HttpAnswer
from cds_service.hooks.discovery import ORDER_SIGN
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.settings import Settings

CHARTS = list(all_charts().values())
CONDITION = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}
RESULT = {
    "resourceType": "Observation",
    "id": "o1",
    "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
}


@dataclass
class _Transport:
    """Requests of a client, answered by charts in memory in place of a server."""

    charts: LocalCharts
    patient: str
    left: float = 30.0
    answers: dict[str, HttpAnswer] = field(default_factory=dict)

    def is_own(self, url: str) -> bool:
        return url.startswith(BASE)

    def get(self, url: str) -> HttpAnswer:
        parts = urlsplit(url.removeprefix(f"{BASE}/"))
        got = self.charts.server(self.patient).send("GET", parts.path, parts.query)
        self.answers[url] = HttpAnswer(got.status, got.body)
        return self.answers[url]

    def cached_answer(self, url: str) -> HttpAnswer | None:
        return self.answers.get(url)

    def close(self) -> None: ...


def search(charts: LocalCharts, query: str, patient: str | None = "p1") -> list[str]:
    kind, _, asked = query.partition("?")
    body = json.loads(charts.server(patient).send("GET", kind, asked).body)
    return [entry["resource"]["id"] for entry in body.get("entry", ())]


@pytest.fixture(name="charts")
def _charts() -> LocalCharts:
    charts = LocalCharts()
    charts.receive("p1", [CONDITION, RESULT])
    charts.receive("p2", [CONDITION | {"subject": {"reference": "Patient/p2"}}])
    return charts


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.id)
def test_a_chart_that_is_read_from_the_ehr_ends_as_the_one_that_was_sent(chart: DemoChart) -> None:
    app = create_demo(Settings(database_url="off"))
    with app.test_request_context():
        signing = send(text_of(call_of(chart)), chart.id)
        charts = state().charts
    assert charts is not None
    call = {name: value for name, value in chart.call_on(datetime.now(UTC).date()).items() if name != "prefetch"}

    def open_source(server: str, token: str, patient: str, day: date, seconds: float, _scope: Any = None) -> Any:
        transport: Any = _Transport(charts, patient)
        return FhirClient(server, token, patient, day, seconds=seconds, max_pages=3, transport=transport)

    body = json.dumps(call | {"fhirServer": BASE}).encode()
    read = answer(body, ORDER_SIGN, Settings(), datetime.now(UTC), open_source)
    for sent, found in zip(signing.determinations, read["extension"][EXTENSION], strict=True):
        assert found["outcome"] == sent["outcome"]
        for group in ("criteria", "exclusions", "replacement"):
            told = [(each["id"], each["truth"], each.get("gap")) for each in sent.get(group, ())]
            again = [(each["id"], each["truth"], each.get("gap")) for each in found.get(group, ())]
            if chart.id == "glucose-not-retrieved":
                told, again = ([each for each in rows if each[0] == "D.I.G"] for rows in (told, again))
            assert again == told


def test_a_search_knows_patients_ids_and_codes_and_leaves_the_rest_out(charts: LocalCharts) -> None:
    assert search(charts, "Condition?patient=p1&category=x&_count=5") == ["c1"]
    assert search(charts, "Condition?subject=Patient/p1") == ["c1"]
    assert search(charts, "Condition?patient=p2") == []
    assert search(charts, "Condition?_id=other") == []
    assert search(charts, "Observation?patient=p1&code=http://loinc.org|4548-4,17856-6") == ["o1"]
    assert search(charts, "Observation?patient=p1&code=17856-6") == []


def test_each_patient_has_a_chart_of_their_own(charts: LocalCharts) -> None:
    for patient in ("p1", "p2"):
        body = json.loads(charts.server(patient).send("GET", "Condition/c1").body)
        assert body["subject"]["reference"] == f"Patient/{patient}"
    assert charts.server("p2").send("GET", "Observation/o1").status == 404
    assert search(charts, "Condition", None) == ["c1", "c1"]


def test_what_could_not_be_read_in_the_call_cannot_be_read_here(charts: LocalCharts) -> None:
    charts.receive("p1", [RESULT], ["hba1c"])
    assert charts.server("p1").send("GET", "Observation", "patient=p1&code=4548-4").status == 503
    assert charts.server("p1").send("GET", "Observation", "patient=p1").status == 503
    assert charts.server("p1").send("GET", "Observation", "patient=p1&code=2345-7").status == 200
    assert charts.server("p1").send("GET", "Condition", "patient=p1").status == 200


def test_a_statement_stays_when_the_chart_is_sent_again(charts: LocalCharts) -> None:
    statement = {"resourceType": "QuestionnaireResponse", "subject": {"reference": "Patient/p1"}}
    got = charts.server("p1").send("POST", "QuestionnaireResponse", body=json.dumps(statement).encode())
    assert (got.status, got.headers["Location"]) == (201, f"{BASE}/QuestionnaireResponse/signed-answer-1/_history/1")
    charts.receive("p1", [CONDITION])
    assert search(charts, "QuestionnaireResponse?patient=p1") == ["signed-answer-1"]
    assert charts.statements("p2") == ()
    charts.forget_statements("p1")
    assert search(charts, "QuestionnaireResponse?patient=p1") == []


def test_nothing_else_can_be_written(charts: LocalCharts) -> None:
    assert charts.server("p1").send("POST", "Condition", body=b"{}").status == 405
    assert charts.server("p1").send("PUT", "QuestionnaireResponse/x", body=b"{}").status == 405
    assert charts.server(None).send("POST", "QuestionnaireResponse", body=b"{}").status == 405


def test_what_is_held_is_bounded() -> None:
    charts = LocalCharts()
    for number in range(50):
        charts.receive(f"p{number}", [CONDITION])
    assert len(search(charts, "Condition", None)) == 40
    assert search(charts, "Condition", "p0") == []
    for _ in range(100):
        assert charts.write("p49", {"resourceType": "QuestionnaireResponse"}) is not None
    assert charts.write("p49", {"resourceType": "QuestionnaireResponse"}) is None


@pytest.mark.parametrize(
    "resource",
    [{}, {"id": []}, {"resourceType": 3}, {"resourceType": "Observation", "code": [1], "subject": "x"}],
)
def test_resources_of_any_shape_harm_nobody(resource: dict[str, Any]) -> None:
    charts = LocalCharts()
    charts.receive("p1", [resource, RESULT])
    assert search(charts, "Observation?patient=p1&code=4548-4&_id=o1") == ["o1"]
