"""Bad input gets a 4xx with an OperationOutcome that names the field and the mend."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from cds_service.hooks import discovery
from cds_service.settings import Settings
from cds_service.web import create_app, hooks
from tests import support
from tests.conformance.checker import check_error, check_response
from tests.support import JSON

SIGN = "/cds-services/insulin-pump-order-sign"
SELECT = "/cds-services/insulin-pump-order-select"


@pytest.fixture
def client() -> Any:
    return create_app(Settings(max_body_bytes=200_000)).test_client()


def _with(path: str, value: Any) -> JSON:
    """A good call with one member replaced; `...` removes it."""
    request = support.call(glucose=None)
    node: Any = request
    steps = path.split(".")
    for step in steps[:-1]:
        node = node[step]
    if value is ...:
        del node[steps[-1]]
    else:
        node[steps[-1]] = value
    return request


def _encoded(encoding: str) -> dict[str, str]:
    return {"Content-Encoding": encoding, "Content-Type": "application/json"}


BROKEN = [
    ("hook", ..., "hook"),
    ("hook", "order-select", "hook"),
    ("hook", 5, "hook"),
    ("hookInstance", ..., "hookInstance"),
    ("hookInstance", "abc", "hookInstance"),
    ("hookInstance", "urn:uuid:d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "hookInstance"),
    ("hookInstance", "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea\n", "hookInstance"),
    ("context", ..., "context"),
    ("context.patientId", "p1\n", "context.patientId"),
    ("context.patientId", "..\n", "context.patientId"),
    ("context.userId", "Practitioner/d1\n", "context.userId"),
    ("context", [], "context"),
    ("context.patientId", ..., "context.patientId"),
    ("context.patientId", "Patient/p1", "context.patientId"),
    ("context.patientId", 7, "context.patientId"),
    ("context.patientId", "", "context.patientId"),
    ("context.userId", ..., "context.userId"),
    ("context.userId", "123", "context.userId"),
    ("context.userId", "Patient/1", "context.userId"),
    ("context.encounterId", {}, "context.encounterId"),
    ("context.draftOrders", ..., "context.draftOrders"),
    ("context.draftOrders", [], "context.draftOrders"),
    ("context.draftOrders", {"resourceType": "DeviceRequest"}, "context.draftOrders"),
    ("context.draftOrders", {"resourceType": "Bundle", "entry": {}}, "context.draftOrders.entry"),
    ("context.draftOrders", {"resourceType": "Bundle", "entry": [{"resource": 5}]}, "context.draftOrders.entry[0]"),
    ("prefetch", [], "prefetch"),
    ("fhirServer", "ehr", "fhirServer"),
    ("fhirServer", "ftp://ehr.example.invalid", "fhirServer"),
    ("fhirServer", 5, "fhirServer"),
    ("fhirAuthorization", {"access_token": "x"}, "fhirServer"),
    ("extension", [], "extension"),
]


@pytest.mark.parametrize(("path", "value", "field"), BROKEN, ids=[f"{p}={v!r:.40}" for p, v, _ in BROKEN])
def test_field_is_named(client: Any, path: str, value: Any, field: str) -> None:
    reply = client.post(SIGN, json=_with(path, value))
    assert reply.status_code == 400
    assert check_error(400, reply.content_type, reply.get_json()) == []
    issue = reply.get_json()["issue"][0]
    assert issue["expression"][0].startswith(field)
    assert field.rsplit(".", 1)[-1].split("[")[0] in issue["diagnostics"]


def test_a_prefetched_patient_that_is_not_the_contexts(client: Any) -> None:
    reply = client.post(SIGN, json=_with("prefetch.patient", {"resourceType": "Patient", "id": "p2"}))
    assert reply.status_code == 400
    assert reply.get_json()["issue"][0]["expression"] == ["prefetch.patient"]


def test_an_order_without_an_id_is_named_by_its_index(client: Any) -> None:
    nameless = support.order()
    del nameless["id"]
    request = _with("context.draftOrders", {"resourceType": "Bundle", "entry": [{"resource": nameless}]})
    issue = client.post(SIGN, json=request).get_json()["issue"][0]
    assert issue["expression"] == ["context.draftOrders.entry[0].resource.id"]


def test_a_mistyped_member_of_a_pump_order_is_named(client: Any) -> None:
    request = support.call(support.order(authoredOn=5), glucose=None)
    issue = client.post(SIGN, json=request).get_json()["issue"][0]
    assert issue["expression"] == ["context.draftOrders.entry[0].resource.authoredOn"]


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b"\xff\xfe", b"[]", b'"x"', b"null"])
def test_not_a_json_object(client: Any, body: bytes) -> None:
    reply = client.post(SIGN, data=body, content_type="application/json")
    assert reply.status_code == 400
    assert check_error(400, reply.content_type, reply.get_json()) == []


def test_dstu2_body_is_a_400_that_names_the_field(client: Any) -> None:
    """bug-log 15."""
    request = _with("context", [{"resourceType": "MedicationOrder"}])
    assert client.post(SIGN, json=request).get_json()["issue"][0]["expression"] == ["context"]


@pytest.mark.parametrize(
    ("status", "send"),
    [
        (404, lambda c: c.post("/cds-services/nothing", json={})),
        (404, lambda c: c.get("/elsewhere")),
        (405, lambda c: c.get(SIGN)),
        (405, lambda c: c.delete("/cds-services")),
        (415, lambda c: c.post(SIGN, data=b"{}", content_type="text/plain")),
        (415, lambda c: c.post(SIGN, data=b"a=1", content_type="application/x-www-form-urlencoded")),
        (415, lambda c: c.post(SIGN, data=b"{}", headers=_encoded("br"))),
        (413, lambda c: c.post(SIGN, data=b" " * 300_000, content_type="application/json")),
        (400, lambda c: c.post(SIGN, data=b"{}", headers=_encoded("gzip"))),
    ],
    ids=["unknown service", "unknown path", "GET a service", "DELETE discovery", "text", "form", "brotli", "too large",
         "gzip that is none"],
)  # fmt: skip
def test_http_errors_are_operation_outcomes(client: Any, status: int, send: Callable[[Any], Any]) -> None:
    """bug-log 97: a big body gets JSON, and nothing of the inside."""
    reply = send(client)
    assert reply.status_code == status
    assert check_error(status, reply.content_type, reply.get_json()) == []


def test_a_gzip_bomb_is_too_large(client: Any) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 200_000
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert client.post(SIGN, data=bomb, headers=headers).status_code == 413


def test_a_gzip_body_cut_short_is_a_400(client: Any) -> None:
    whole = gzip.compress(json.dumps(support.call(glucose=None)).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert client.post(SIGN, data=whole[:-20], headers=headers).status_code == 400


# ---------------------------------------------------------------- what is tolerated


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "application/fhir+json", "application/fhir+json;x=y"],
)
def test_json_content_types_are_read(client: Any, kind: str) -> None:
    """bug-log 94."""
    body = json.dumps(support.call(glucose=None)).encode()
    assert client.post(SIGN, data=body, content_type=kind).status_code == 200


def test_byte_order_mark_and_gzip_are_read(client: Any) -> None:
    """bug-log 95, bug-log 96."""
    body = b"\xef\xbb\xbf" + json.dumps(support.call(glucose=None)).encode()
    assert client.post(SIGN, data=body, content_type="application/json").status_code == 200
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert client.post(SIGN, data=gzip.compress(body), headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["fhirServer", "fhirAuthorization", "prefetch", "extension", "context.encounterId"])
def test_null_for_an_optional_member_is_an_absent_member(client: Any, path: str) -> None:
    assert client.post(SIGN, json=_with(path, None)).status_code == 200


def test_unknown_members_are_ignored(client: Any) -> None:
    """Requirement 51."""
    plain = support.call(glucose=None)
    odd = support.call(glucose=None) | {"foo": 1}
    odd["context"]["foo"] = {"bar": []}
    assert _essence(client.post(SIGN, json=odd)) == _essence(client.post(SIGN, json=plain))


def _essence(reply: Any) -> Any:
    return reply.get_json()["extension"]


def test_an_order_that_nobody_needs_to_hear_about(client: Any) -> None:
    """bug-log 16: empty arrays, never null."""
    xray = {"resourceType": "ServiceRequest", "id": "x", "status": "draft", "intent": "order",
            "code": {"text": "Chest X-ray"}, "subject": support.PATIENT}  # fmt: skip
    reply = client.post(SIGN, json=support.call(xray, glucose=None)).get_json()
    assert reply["cards"] == []
    assert reply["systemActions"] == []


# ---------------------------------------------------------------- order-select


def _selecting(*selections: Any) -> JSON:
    request = support.call(support.order("one"), support.order("two"), glucose=None)
    request["hook"] = "order-select"
    request["context"]["selections"] = list(selections)
    return request


def test_order_select_judges_the_selected_orders_only(client: Any) -> None:
    """Requirements 66, 67."""
    reply = client.post(SELECT, json=_selecting("DeviceRequest/two")).get_json()
    outcomes = {d["order"]: d["outcome"] for d in _determinations(reply)}
    assert outcomes["DeviceRequest/one"] == "not-applicable"
    assert outcomes["DeviceRequest/two"] != "not-applicable"
    assert len(reply["cards"]) == 1


def _determinations(body: JSON) -> list[JSON]:
    return body["extension"]["com.insulin-pump-cds.determinations"]


@pytest.mark.parametrize("selections", [["DeviceRequest/three"], [5], ["one"]])
def test_order_select_refuses_a_selection_that_is_not_there(client: Any, selections: list[Any]) -> None:
    reply = client.post(SELECT, json=_selecting(*selections))
    assert reply.status_code == 400
    assert reply.get_json()["issue"][0]["expression"][0].startswith("context.selections")


def test_order_select_needs_selections(client: Any) -> None:
    request = _selecting()
    del request["context"]["selections"]
    assert client.post(SELECT, json=request).status_code == 400


# ---------------------------------------------------------------- faults of ours


def test_a_fault_in_a_rule_is_a_500_with_a_correlation_id(
    client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """bug-log 98: never an empty list of cards; the log repeats the id and holds no patient data."""

    def faulty(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret-patient-data")

    monkeypatch.setattr(hooks, "answer_call", faulty)
    with caplog.at_level(logging.ERROR):
        reply = client.post(SIGN, json=support.call(glucose=None))
    assert reply.status_code == 500
    assert check_error(500, reply.content_type, reply.get_json()) == []
    diagnostics = reply.get_json()["issue"][0]["diagnostics"]
    correlation = diagnostics.rsplit(" ", 1)[-1]
    assert correlation in caplog.text
    assert "secret-patient-data" not in caplog.text + diagnostics
    assert "faulty" in caplog.text


# ---------------------------------------------------------------- browser clients


def test_cross_origin_headers_are_on_every_reply(client: Any) -> None:
    """bug-log 93."""
    origin = {"Origin": "https://ehr.example.invalid"}
    preflight = client.options(
        SIGN,
        headers=origin
        | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"},
    )
    assert preflight.status_code == 204
    assert "content-type" in preflight.headers["Access-Control-Allow-Headers"].lower()
    for reply in (
        client.get("/cds-services", headers=origin),
        client.post(SIGN, json={}, headers=origin),
        client.get("/nothing", headers=origin),
    ):
        assert reply.headers["Access-Control-Allow-Origin"] == "*"


def test_only_listed_origins_when_they_are_listed() -> None:
    listed = create_app(Settings(cors_origins="https://a.example.invalid")).test_client()
    allowed = listed.get("/cds-services", headers={"Origin": "https://a.example.invalid"})
    refused = listed.get("/cds-services", headers={"Origin": "https://b.example.invalid"})
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://a.example.invalid"
    assert "Access-Control-Allow-Origin" not in refused.headers


# ---------------------------------------------------------------- answers


def test_every_card_and_suggestion_has_a_fresh_uuid(client: Any) -> None:
    """bug-log 89."""
    request = support.call(education=None, attestations=None, glucose=None)
    seen: set[str] = set()
    for _ in range(2):
        body = client.post(SIGN, json=request).get_json()
        assert check_response(body, request) == []
        for card in body["cards"]:
            seen |= {card["uuid"], *(s["uuid"] for s in card.get("suggestions", ()))}
    assert len(seen) == 2 * (1 + len(body["cards"][0]["suggestions"]))


def test_actions_are_lower_case_with_resources_as_objects(client: Any) -> None:
    """bug-log 88."""
    body = client.post(SIGN, json=support.call(education=None)).get_json()
    action = body["cards"][0]["suggestions"][0]["actions"][0]
    assert action["type"] == "create"
    assert action["resource"]["resourceType"] == "ServiceRequest"


def test_the_card_says_everything_without_its_links(client: Any) -> None:
    """bug-log 91, bug-log 92: clients may strip links and ignore system actions."""
    card = client.post(SIGN, json=support.call(education=None)).get_json()["cards"][0]
    text = card["summary"] + card["detail"]
    assert "needs documentation" in text
    assert "D.I.D" in text
    assert "To do" in text


def test_discovery_lists_what_is_served(client: Any) -> None:
    body = client.get("/cds-services").get_json()
    assert {s["id"] for s in body["services"]} == set(discovery.SERVICES)
