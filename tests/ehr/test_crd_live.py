"""The CRD services against a FHIR server of ours: lean prefetch, the rest read with the token, orders by reference."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.ehr.hostile_server import TOKEN, HostileServer, Reply, badly, chart, edited, refuse, say
from tests.services.crd import DISPATCH, SIGN, coverage, determination, information, reasons
from tests.support import JSON, bundle, order

LAB_ORDER = {
    "resourceType": "ServiceRequest",
    "id": "lab",
    "status": "draft",
    "intent": "order",
    "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
    "subject": {"reference": "Patient/p1"},
}
ACTIVE = order(status="active", meta={"versionId": "3"})


@pytest.fixture
def ehr() -> Iterator[HostileServer]:
    with HostileServer(*chart(coverage=bundle(coverage())), ACTIVE) as server:
        yield server


def signed(server: HostileServer, *orders: JSON, prefetch: JSON | None = None, **members: Any) -> JSON:
    """A CRD call with nothing prefetched but what is given."""
    request = support.call(*orders) | {"prefetch": prefetch or {}}
    return request | _access(server) | members


def dispatched(server: HostileServer | None, *references: str, prefetch: JSON | None = None, **context: Any) -> JSON:
    """A call of order-dispatch."""
    named = {"dispatchedOrders": list(references)} if references else {}
    return {
        "hook": "order-dispatch",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"patientId": "p1", "performer": "Organization/dme", **named, **context},
        "prefetch": prefetch or {},
        **(_access(server) if server else {}),
    }


def _access(server: HostileServer) -> JSON:
    granted = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "subject": "pump-cds"}
    return {"fhirServer": server.url, "fhirAuthorization": granted | {"scope": "user/*.read"}}


def post(request: JSON, service: str = SIGN, **settings: Any) -> Any:
    """The HTTP reply."""
    client = create_app(Settings(**settings)).test_client()
    return client.post(f"/cds-services/{service}", json=request)


def answer(request: JSON, service: str = SIGN, **settings: Any) -> JSON:
    """The answer, which has to be a 200."""
    reply = post(request, service, **settings)
    assert reply.status_code == 200, reply.data
    body: JSON = json.loads(reply.data)
    return body


# ---------------------------------------------------------------- signing


def test_with_nothing_prefetched_the_chart_is_read_with_the_token(ehr: HostileServer) -> None:
    """Requirements 27, 90, 91."""
    found = information(answer(signed(ehr)))
    assert (found["covered"], found["pa-needed"]) == (["covered"], ["auth-needed"])
    assert {asked.headers["authorization"] for asked in ehr.asked} == {f"Bearer {TOKEN}"}


def test_an_order_for_something_else_makes_no_query(ehr: HostileServer) -> None:
    """Requirement 27: no laboratory query for an order that needs none; nor a coverage query."""
    body = answer(signed(ehr, LAB_ORDER))
    assert (body["cards"], body["systemActions"], ehr.asked) == ([], [], [])


def test_what_the_guides_prefetch_gives_is_not_asked_for_again(ehr: HostileServer) -> None:
    """Requirement 77: patient, coverage and practitioners came."""
    held = support.call()["prefetch"]
    given = {
        "patient": held["patient"],
        "encounter": None,
        "coverage": bundle(coverage()),
        "devices": None,
        "practitionerRoles": None,
        "practitioners": bundle(held["requester"]),
    }
    assert information(answer(signed(ehr, prefetch=given)))["covered"] == ["covered"]
    assert not {asked.kind for asked in ehr.asked} & {"Patient", "Coverage", "Practitioner", "PractitionerRole"}


@pytest.mark.parametrize("given", [None, bundle(), bundle(coverage("v1"), coverage("v2"))])
def test_a_coverage_that_cannot_be_used_costs_no_chart(ehr: HostileServer, given: JSON | None) -> None:
    """Nothing clinical is read of a patient whom the plan may not know."""
    reply = post(signed(ehr, prefetch={"coverage": given}))
    assert reply.status_code == 400
    assert reply.get_json()["resourceType"] == "OperationOutcome"
    assert ehr.asked == []


def test_a_payer_that_is_only_referred_to_is_read(ehr: HostileServer) -> None:
    payor = {"reference": "Organization/o1", "display": "CareSource"}
    ehr.held.append({"resourceType": "Organization", "id": "o1", "identifier": [{"value": "31114"}]})
    given = {"coverage": bundle(coverage(payor=[payor]))}
    assert information(answer(signed(ehr, prefetch=given)))["covered"] == ["covered"]
    ehr.held.pop()
    assert post(signed(ehr, prefetch=given)).status_code == 412


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_coverage_that_the_server_does_not_give_is_412(ehr: HostileServer, status: int) -> None:
    """Requirement 85."""
    ehr.on("Coverage", refuse(status))
    reply = post(signed(ehr))
    assert reply.status_code == 412
    (issue,) = reply.get_json()["issue"]
    assert issue["expression"] == ["prefetch.coverage"]


def test_no_coverage_on_the_server_is_400(ehr: HostileServer) -> None:
    ehr.on("Coverage", edited(lambda body, _: body.update(entry=[], total=0)))
    assert post(signed(ehr)).status_code == 400


@pytest.mark.parametrize("kind", ["Observation", "Condition", "MedicationRequest"])
def test_a_chart_that_the_server_does_not_give_is_a_technical_failure(ehr: HostileServer, kind: str) -> None:
    """Requirement 88."""
    ehr.on(kind, refuse(503))
    found = information(answer(signed(ehr)))
    assert (found["covered"], found["pa-needed"]) == (["indeterminate"], ["indeterminate"])
    assert found["reason"][0]["coding"][0]["code"] == "technical"
    assert "503" in reasons(found)


def test_a_scope_that_does_not_grant_it_is_a_technical_failure_too(ehr: HostileServer) -> None:
    request = signed(ehr)
    request["fhirAuthorization"]["scope"] = "user/Patient.rs user/Coverage.rs user/Condition.rs"
    found = information(answer(request))
    assert found["covered"] == ["indeterminate"]
    assert not ehr.asked_for("Observation")


def test_a_slow_server_is_answered_for_inside_the_deadline(ehr: HostileServer) -> None:
    """Requirement 144: with what is known by then."""
    ehr.on("Observation", badly(wait=5.0))
    answer(signed(ehr, LAB_ORDER))
    began = time.monotonic()
    found = information(answer(signed(ehr), deadline_seconds=1.0))
    assert time.monotonic() - began < 2.0
    assert found["covered"] == ["indeterminate"]


def test_without_a_server_a_lean_call_says_that_nothing_could_be_read() -> None:
    """Requirements 41, 52, 89: never an error over clinical data."""
    request = support.call() | {"prefetch": {"coverage": bundle(coverage())}}
    assert information(answer(request))["covered"] == ["indeterminate"]


# ---------------------------------------------------------------- dispatch: orders by reference


def test_a_dispatched_order_is_read_from_the_server(ehr: HostileServer) -> None:
    """Requirements 68, 70, 71: no userId, and the order as the server has it comes back with the assertion on it."""
    body = answer(dispatched(ehr, "DeviceRequest/pump-1"), DISPATCH)
    (action,) = body["systemActions"]
    resource = action["resource"]
    assert information(body)["covered"] == ["covered"]
    resource.pop("extension")
    assert resource == ACTIVE


def test_the_first_shape_of_the_hook_is_understood(ehr: HostileServer) -> None:
    """Requirement 69: `order` and `task`."""
    task = {"resourceType": "Task", "status": "requested", "intent": "order"}
    body = answer(dispatched(ehr, order="DeviceRequest/pump-1", task=task), DISPATCH)
    assert information(body)["covered"] == ["covered"]


@pytest.mark.parametrize("form", ["{base}/DeviceRequest/pump-1", "DeviceRequest/pump-1/_history/3"])
def test_other_forms_of_the_reference(ehr: HostileServer, form: str) -> None:
    body = answer(dispatched(ehr, form.format(base=ehr.url)), DISPATCH)
    assert information(body)["covered"] == ["covered"]


def test_a_prefetched_order_is_not_asked_for(ehr: HostileServer) -> None:
    request = dispatched(ehr, "DeviceRequest/pump-1", prefetch={"deviceRequests": bundle(order(), order("pump-9"))})
    body = answer(request, DISPATCH)
    assert [action["resource"]["id"] for action in body["systemActions"]] == ["pump-1"]
    assert not ehr.asked_for("DeviceRequest")


def test_signing_and_dispatch_speak_of_the_same_assertion(ehr: HostileServer) -> None:
    """Requirement 184."""
    at_signing = information(answer(signed(ehr)))["coverage-assertion-id"]
    at_dispatch = information(answer(dispatched(ehr, "DeviceRequest/pump-1"), DISPATCH))["coverage-assertion-id"]
    assert at_signing == at_dispatch


def test_dispatch_may_ask_for_documentation(ehr: HostileServer) -> None:
    ehr.on("Procedure", edited(lambda body, _: body.update(entry=[], total=0)))
    found = information(answer(dispatched(ehr, "DeviceRequest/pump-1"), DISPATCH))
    assert found["doc-needed"] == ["clinical"]


def test_several_orders_and_those_of_other_kinds(ehr: HostileServer) -> None:
    ehr.held.append(order("pump-2", status="active"))
    request = dispatched(ehr, "DeviceRequest/pump-1", "DeviceRequest/pump-2", "NutritionOrder/n1", "DeviceRequest/gone")
    body = answer(request, DISPATCH)
    assert [action["resource"]["id"] for action in body["systemActions"]] == ["pump-1", "pump-2"]
    assert "could not be read" in determination(body, "DeviceRequest/gone")["reason"]
    assert "not for an insulin pump" in determination(body, "NutritionOrder/n1")["reason"]
    only_food = answer(dispatched(ehr, "NutritionOrder/n1"), DISPATCH)
    assert (only_food["cards"], only_food["systemActions"]) == ([], [])
    assert not ehr.asked_for("NutritionOrder")


def test_an_order_on_another_server_is_not_taken_for_one_of_the_same_name(ehr: HostileServer) -> None:
    request = dispatched(ehr, "https://other.example.invalid/r4/DeviceRequest/pump-1")
    assert post(request, DISPATCH).status_code == 412
    assert not ehr.asked_for("DeviceRequest")
    both = dispatched(ehr, "https://other.example.invalid/r4/DeviceRequest/pump-1", "DeviceRequest/pump-1")
    body = answer(both, DISPATCH)
    assert [action["resource"]["id"] for action in body["systemActions"]] == ["pump-1"]
    left_out = determination(body, "https://other.example.invalid/r4/DeviceRequest/pump-1")
    assert "could not be read" in left_out["reason"]


@pytest.mark.parametrize(
    "behaviour",
    [
        refuse(404),
        refuse(500),
        say(Reply(body=order("pump-2"))),
        say(Reply(body=b"null")),
        say(Reply(body=b"<html>")),
        say(Reply(body={"resourceType": "OperationOutcome", "issue": []})),
    ],
)
def test_an_order_that_cannot_be_read_is_412(ehr: HostileServer, behaviour: Any) -> None:
    ehr.on("DeviceRequest", behaviour)
    reply = post(dispatched(ehr, "DeviceRequest/pump-1"), DISPATCH)
    assert reply.status_code == 412
    assert reply.get_json()["issue"][0]["expression"] == ["context.dispatchedOrders"]


def test_without_prefetch_and_server_it_is_412() -> None:
    assert post(dispatched(None, "DeviceRequest/pump-1"), DISPATCH).status_code == 412


def test_an_order_of_another_patient_is_not_judged(ehr: HostileServer) -> None:
    ehr.held.append(order("pump-7", status="active", subject={"reference": "Patient/p2"}))
    body = answer(dispatched(ehr, "DeviceRequest/pump-7"), DISPATCH)
    assert body["systemActions"] == []
    assert "another patient" in determination(body, "DeviceRequest/pump-7")["reason"]


@pytest.mark.parametrize(
    ("context", "field"),
    [
        ({}, "context.dispatchedOrders"),
        ({"dispatchedOrders": []}, "context.dispatchedOrders"),
        ({"dispatchedOrders": "DeviceRequest/1"}, "context.dispatchedOrders"),
        ({"dispatchedOrders": ["DeviceRequest"]}, "context.dispatchedOrders[0]"),
        ({"dispatchedOrders": ["DeviceRequest/1", "../Patient/1"]}, "context.dispatchedOrders[1]"),
        ({"order": "pump"}, "context.order"),
        ({"order": {"reference": "DeviceRequest/1"}}, "context.order"),
        ({"order": "DeviceRequest/1", "performer": None}, "context.performer"),
        ({"order": "DeviceRequest/1", "performer": "dme"}, "context.performer"),
        ({"order": "DeviceRequest/1", "patientId": "Patient/p1"}, "context.patientId"),
        ({"order": "DeviceRequest/1", "fulfillmentTasks": {}}, "context.fulfillmentTasks"),
        ({"order": "DeviceRequest/1", "task": "Task/1"}, "context.task"),
    ],
)
def test_a_context_at_fault_is_named(context: JSON, field: str) -> None:
    reply = post(dispatched(None, **context), DISPATCH)
    assert reply.status_code == 400
    assert reply.get_json()["issue"][0]["expression"] == [field]
