"""Recorded requests of public clients, with a pump in place of what they ordered, judged by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.integration.charts import unavailable
from tests.integration.judging import hold, posted
from tests.integration.sekmet import FhirServer
from tests.support import JSON

pytestmark = pytest.mark.real

SANDBOX = "recorded/cds-hooks-sandbox_order-sign_MedicationRequest.json"
GENERATOR = "recorded/crd-request-generator_{}.json"
RECORDED_AT = "http://127.0.0.1:8090/fhir"


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(Settings()).test_client()


def recorded(name: str, server: str | None) -> JSON:
    """A request of others with the address of the server that it came from changed to one that is there, or none."""
    path = support.SHARED / "data" / "requests" / name
    if not path.exists():
        unavailable(f"no {name} beside this checkout")
    text = path.read_text(encoding="utf-8")
    call: JSON = json.loads(text.replace(RECORDED_AT, server or RECORDED_AT))
    if server is None:
        call.pop("fhirServer", None)
    return call


def with_pump(call: JSON, **members: Any) -> JSON:
    """The request with its one order made a pump's of DAY, in the client's own bundle and spelling of the system."""
    order = call["context"]["draftOrders"]["entry"][0]["resource"]
    order["codeCodeableConcept"]["coding"][0]["code"] = "E0784"
    order["authoredOn"] = support.DAY.isoformat()
    return call | members


def pump_beside(call: JSON) -> JSON:
    """The request with a pump order beside its own."""
    subject = {"reference": f"Patient/{call['context']['patientId']}"}
    call["context"]["draftOrders"]["entry"].append({"resource": support.order(subject=subject)})
    return call


def test_the_sandbox_with_no_server(client: FlaskClient) -> None:
    """Keys of the client's own (a1c, meds), a first page of 20 of 24 orders, a category that is an object."""
    drug, pump = posted(client, pump_beside(recorded(SANDBOX, None)))
    assert drug["outcome"] == "not-applicable"
    expect = {
        "D.I.A": "met documented: E11.9 came under `conditions`, and active insulin under the client's `meds`",
        "D.I.F": "unknown not-retrieved: `insulin` is missing, and four orders of `meds` are on a page not sent",
        "D.I.G": "unknown not-retrieved: `glucose` is missing, and there is no server to ask",
        "D.I.I.1": "unknown not-retrieved: 9 % came under `a1c`, but a later result could have been missed",
        "D.II.A.1": "unknown not-retrieved: eGFR is missing, and more data could change it",
    }
    hold(pump, expect)


def test_the_sandbox_with_its_server(client: FlaskClient, fhir_server: FhirServer) -> None:
    """The same call, and a server that holds the chart: what was missing is read, the other page too."""
    _, pump = posted(client, pump_beside(recorded(SANDBOX, fhir_server.base_url)))
    expect = {
        "D.I.A": "met documented: as without the server",
        "D.I.F": "unknown incomplete: all orders are there, and none has directions",
        "D.I.G": "unknown not-documented: the server was asked and has no self-test",
        "D.I.I.1": "met documented: the newest HbA1c is 9 % of 2026-09-24, and none later was missed",
        "D.II.A.1": "not-met -: no end-stage code, and no eGFR below 15",
    }
    hold(pump, expect, {"D.I.I.1": "Sep 24, 2026"})


def test_an_order_for_another_patient_than_the_calls(client: FlaskClient, fhir_server: FhirServer) -> None:
    """context.patientId is one patient, the order's subject another: two charts are mixed up, so none is judged."""
    name = GENERATOR.format("clinosim_DeviceRequest_E2103_own-order")
    (found,) = posted(client, with_pump(recorded(name, fhir_server.base_url)))
    assert found["outcome"] == "not-applicable"
    assert "another patient" in found["reason"]
    assert "criteria" not in found


def test_medicare_under_the_clients_own_key(client: FlaskClient, fhir_server: FhirServer) -> None:
    """`coverageBundle` holds Medicare Part A alone, and so does the server: no pump is paid by it.

    Part A seldom stands alone, so the card says that the coverage is not verified, and never that it is approved.
    """
    call = with_pump(recorded(GENERATOR.format("pat013_DeviceRequest_E0607"), fhir_server.base_url))
    reply = client.post("/cds-services/insulin-pump-order-sign", json=call).get_json()
    assert "coverage not verified" in reply["cards"][0]["summary"]
    (found,) = posted(client, call)
    assert found["coverage"] == "unverified"
    assert found["outcome"] == "needs-documentation"
    assert "Part A" in found["reason"]


def test_an_empty_token_on_an_open_server(client: FlaskClient, fhir_server: FhirServer) -> None:
    """`access_token` is empty and the HCPCS system has https: the chart is read, a remark on _include is no data."""
    call = with_pump(recorded(GENERATOR.format("pat013_DeviceRequest_E0607"), fhir_server.base_url))
    del call["prefetch"]["coverageBundle"]
    call["prefetch"]["coverage"] = None
    (found,) = posted(client, call)
    expect = {
        "D.I.A": "unknown incomplete: E11.21 is type 2, and nothing shows insulin: T2D alone is incomplete",
        "D.I.B": "met supported: a Practitioner whose credential cannot be read; the EHR let them sign",
        "D.I.F": "unknown not-documented: the server was asked and holds no insulin",
        "D.I.I.1": "unknown not-documented: the server was asked and holds no HbA1c",
    }
    hold(found, expect)


def test_an_empty_token_on_a_server_that_wants_one(client: FlaskClient, secured_fhir_server: FhirServer) -> None:
    """Every search is refused with 401: nothing was read, so nothing is absent."""
    call = with_pump(recorded(GENERATOR.format("pat013_DeviceRequest_E0607"), secured_fhir_server.base_url))
    del call["prefetch"]["coverageBundle"]
    (found,) = posted(client, call)
    refused = "unknown not-retrieved: the server refused, and a refusal is not an empty chart"
    hold(found, dict.fromkeys(("D.I.A", "D.I.F", "D.I.G", "D.I.I.1", "D.II.A.1"), refused), {"D.I.A": "401"})
    assert found["coverage"] == "unverified"


def test_orders_that_are_invalid_and_not_for_a_pump(client: FlaskClient) -> None:
    """The test kit's call: doseAndRate as an object, subjects of another id, a NutritionOrder; nothing is fetched."""
    call = recorded("inferno/order_sign_hook_request.json", RECORDED_AT)
    assert {each["outcome"] for each in posted(client, call)} == {"not-applicable"}
