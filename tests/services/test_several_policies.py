"""An order that two policies claim, from signing to the store: two determinations, two cards, one changed order."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service.policies import registry
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.services.answer_hook import EXTENSION
from cds_service.services.replay_call import replayed
from cds_service.services.report.assemble import report
from cds_service.settings import Settings
from cds_service.store.repository import Repository
from cds_service.web import create_app
from fhir_mappings.output.coverage_information import URL
from tests.policies.test_choice import MEDICARE, PROGRAM
from tests.services.crd import crd_call, refused
from tests.support import JSON, PATIENT, bundle, call, order

SIGN = "/cds-services/insulin-pump-order-sign"
BOTH = bundle(
    call()["prefetch"]["coverage"]["entry"][0]["resource"],
    {"resourceType": "Coverage", "id": "v2", "status": "active", "beneficiary": PATIENT, **MEDICARE},
)


@pytest.fixture(autouse=True)
def _held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "POLICIES", (POLICY, PROGRAM))


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Settings:
    return Settings(
        public_url="https://cds.example.invalid",
        policies="MP-MM-1316,PROGRAM-1",
        database_url=f"sqlite:///{tmp_path}/s.sqlite3",
        spool_folder=str(tmp_path / "spool"),
    )


@pytest.fixture(name="client")
def _client(settings: Settings) -> Iterator[FlaskClient]:
    yield create_app(settings).test_client()


def test_the_marketplace_alone_would_be_approved(client: FlaskClient) -> None:
    (found,) = client.post(SIGN, json=call()).get_json()["extension"][EXTENSION]
    assert (found["outcome"], found["policy"]["id"]) == ("likely-approved", "MP-MM-1316")


def test_each_policy_has_a_determination_and_a_card_and_neither_approves(client: FlaskClient) -> None:
    body = client.post(SIGN, json=call(coverage=BOTH)).get_json()
    found = body["extension"][EXTENSION]
    assert [each["policy"]["id"] for each in found] == ["MP-MM-1316", "PROGRAM-1"]
    assert {(each["order"], each["coverage"], each["outcome"]) for each in found} == {
        ("DeviceRequest/pump-1", "unverified", "needs-documentation")
    }
    assert len({each["assertionId"] for each in found}) == 2
    assert [card["extension"]["com.insulin-pump-cds.policy"] for card in body["cards"]] == ["MP-MM-1316", "PROGRAM-1"]
    for card in body["cards"]:
        assert "coverage not verified: needs documentation. Next: ask which plan pays first" in card["summary"]
        assert "MP-MM-1316" in card["detail"] and "PROGRAM-1" in card["detail"]


def test_the_order_carries_one_repetition_for_each_coverage(client: FlaskClient) -> None:
    (action,) = client.post(SIGN, json=call(coverage=BOTH)).get_json()["systemActions"]
    assert "MP-MM-1316 and PROGRAM-1" in action["description"]
    repetitions = [each["extension"] for each in action["resource"]["extension"] if each["url"] == URL]
    said = [
        (part["valueReference"]["reference"], next(p["valueCode"] for p in parts if p["url"] == "covered"))
        for parts in repetitions
        for part in parts
        if part["url"] == "coverage"
    ]
    assert said == [("Coverage/v1", "conditional"), ("Coverage/v2", "conditional")]
    again = call(coverage=BOTH)
    again["context"]["draftOrders"]["entry"][0]["resource"] = action["resource"]
    assert client.post(SIGN, json=again).get_json()["systemActions"] == []


def test_supplies_ride_along_under_both(client: FlaskClient) -> None:
    pump, supplies = call()["context"]["draftOrders"]["entry"][0]["resource"], copy.deepcopy(call())
    second = {**copy.deepcopy(pump), "id": "set-1"}
    second["codeCodeableConcept"]["coding"][0]["code"] = "A4224"
    supplies = call(pump, second, coverage=BOTH)
    body = client.post(SIGN, json=supplies).get_json()
    riding = [each for each in body["extension"][EXTENSION] if each["order"] == "DeviceRequest/set-1"]
    assert [(each["policy"]["id"], each["ridesWith"]) for each in riding] == [
        ("MP-MM-1316", "DeviceRequest/pump-1"),
        ("PROGRAM-1", "DeviceRequest/pump-1"),
    ]
    assert len(body["cards"]) == 2


def test_a_crd_client_is_asked_which_coverage_the_call_is_about(settings: Settings) -> None:
    error = refused(crd_call(coverage=BOTH), settings=settings)
    assert error.code == "multiple-matches"


def test_what_is_stored_is_replayed_and_reported_by_policy(client: FlaskClient, settings: Settings) -> None:
    body = json.dumps(call(coverage=BOTH)).encode()
    reply = client.post(SIGN, data=body, content_type="application/json").get_json()
    store = client.application.config["STORE"]
    assert store.recorder.flush()
    repository: Repository = store.repository()
    rows = list(repository.determinations_since(None))
    assert [row.policy_id for row in rows] == ["MP-MM-1316", "PROGRAM-1"]
    again = replayed(repository, rows[0].call_id, body, settings, None)
    assert again.same
    assert [line for line in again.lines if "the same" in line] == [
        "DeviceRequest/pump-1 (MP-MM-1316): the same, needs-documentation",
        "DeviceRequest/pump-1 (PROGRAM-1): the same, needs-documentation",
    ]
    second: JSON = reply["cards"][1]
    word = {"card": second["uuid"], "outcome": "accepted", "outcomeTimestamp": "2026-11-20T17:00:00Z"}
    assert client.post(f"{SIGN}/feedback", json={"feedback": [word]}).status_code == 200
    assert store.recorder.flush()
    (joined,) = repository.feedback_since(None)
    assert joined.body["policy"]["id"] == "PROGRAM-1"
    tables = {table.name: table for table in report(rows, [joined], small_cells=True).tables}
    assert {(row[1], row[3]) for row in tables["outcomes"].rows} == {("MP-MM-1316", 1), ("PROGRAM-1", 1)}


def test_the_package_of_the_order_has_both_questionnaires(client: FlaskClient) -> None:
    draft = call()["context"]["draftOrders"]["entry"][0]["resource"]
    coverages = [entry["resource"] for entry in BOTH["entry"]]
    parameters = [{"name": "order", "resource": draft}, *({"name": "coverage", "resource": c} for c in coverages)]
    reply = client.post(
        "/fhir/Questionnaire/$questionnaire-package", json={"resourceType": "Parameters", "parameter": parameters}
    )
    packages = [each["resource"] for each in json.loads(reply.data)["parameter"]]
    assert [package["entry"][0]["resource"]["id"] for package in packages] == ["mp-mm-1316", "other-1"]


@pytest.mark.parametrize(("payor", "refused"), [("CareSource", False), ("Medicare", True)])
def test_supplies_alone_are_refused_over_the_coverage_only_where_the_policy_judges_them(
    monkeypatch: pytest.MonkeyPatch, payor: str, refused: bool
) -> None:
    """Neither payor has an identifier, which a CRD client has to send; MP-MM-1316 says nothing of supplies alone."""
    monkeypatch.undo()
    supplies = order("set-1", "A4224")
    plan = {"display": payor}
    own = {"resourceType": "Coverage", "id": "v1", "status": "active", "beneficiary": PATIENT, "payor": [plan]}
    own["class"] = [{"value": "Part B" if payor == "Medicare" else "77552OH0010222-01"}]
    request = {**call(supplies, coverage=bundle(own)), "hook": "order-sign"}
    client = create_app(Settings(database_url="off")).test_client()
    reply = client.post("/cds-services/crd-order-sign", json=request)
    assert reply.status_code == (400 if refused else 200), reply.data
    if not refused:
        (found,) = reply.get_json()["extension"][EXTENSION]
        assert (found["outcome"], found["policy"]["id"]) == ("not-applicable", "MP-MM-1316")
