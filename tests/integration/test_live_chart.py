"""A hook with no prefetch at all, judged from what a real FHIR server holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.cases.runner import findings
from tests.integration.charts import unavailable
from tests.integration.sekmet import FhirServer
from tests.support import JSON

pytestmark = pytest.mark.real

SIGN = "/cds-services/insulin-pump-order-sign"


def _call(server: str, patient: str, token: str | None = None, **members: Any) -> JSON:
    """A pump order of today for a patient of the server, with no prefetch."""
    order = support.order(authoredOn=support.today().isoformat(), subject={"reference": f"Patient/{patient}"})
    request = support.call(order)
    del request["prefetch"]
    request["context"]["patientId"] = patient
    request["fhirServer"] = server
    if token is not None:
        request["fhirAuthorization"] = {"access_token": token, "token_type": "Bearer", "expires_in": 300}
    return request | members


def _judge(request: JSON) -> JSON:
    client = create_app(Settings()).test_client()
    reply = client.post(SIGN, json=request)
    assert reply.status_code == 200, reply.data
    return reply.get_json()["extension"]["com.insulin-pump-cds.determinations"][0]


def test_type_2_with_insulin_read_from_the_server(fhir_server: FhirServer) -> None:
    """A Synthea patient: T2D by SNOMED, insulin 70/30 with no dosage, old HbA1c, no Coverage."""
    found = _judge(_call(fhir_server.base_url, "132f48ba-1d72-4e0c-a220-91786d7501aa"))
    by_section = findings(found)
    assert found["outcome"] == "needs-documentation"
    assert found["coverage"] == "unverified"
    assert by_section["D.I.A"]["truth"] == "met"
    assert by_section["D.I.F"] | {"explanation": ""} == by_section["D.I.F"] | {"explanation": "", "gap": "incomplete"}
    assert by_section["D.I.I.1"]["truth"] == "not-met"
    assert "3.02813 %" in by_section["D.I.I.1"]["explanation"]
    assert by_section["D.I.G"]["gap"] == "not-documented"


def test_another_payers_member_gets_no_card(fhir_server: FhirServer) -> None:
    """A clinosim patient whose active Coverage of this year is Medicaid."""
    request = _call(fhir_server.base_url, "pt-3977151956ae")
    client = create_app(Settings()).test_client()
    body = client.post(SIGN, json=request).get_json()
    assert body["cards"] == []
    assert body["extension"]["com.insulin-pump-cds.determinations"][0]["coverage"] == "not-governed"


def test_type_1_from_a_measure_test_patient(fhir_server: FhirServer) -> None:
    """T1D by a complication code, HbA1c under 17855-8 with an effectivePeriod and status corrected."""
    by_section = findings(_judge(_call(fhir_server.base_url, "8956ebb5-d3c0-4112-a34a-200961713efd")))
    assert by_section["D.I.A"]["truth"] == "met"
    assert by_section["D.I.I.1"]["truth"] == "met"
    assert "9.1" in by_section["D.I.I.1"]["explanation"]


def test_gmi_is_no_hba1c(fhir_server: FhirServer) -> None:
    """bug-log 58 on a real chart: GMI of 9.1 % decides nothing."""
    by_section = findings(_judge(_call(fhir_server.base_url, "6630d394-c81d-42f5-a218-40b73a2a4949")))
    assert by_section["D.I.I.1"]["truth"] == "unknown"


def test_hba1c_filed_as_mass_concentration_is_not_read(fhir_server: FhirServer) -> None:
    """pat016: 41995-2 with unit %, undated, no diagnosis of diabetes."""
    request = _call(fhir_server.base_url, "pat016", prefetch={"coverage": None})
    by_section = findings(_judge(request))
    assert by_section["D.I.A"]["gap"] == "not-documented"
    assert by_section["D.I.I.1"]["truth"] == "unknown"


def test_strangers_in_an_answer_never_count(fhir_server: FhirServer) -> None:
    """This server ignores `patient=` on QuestionnaireResponse and returns everybody's: bug-log 35."""
    stranger = support.attestation(authored=support.today().isoformat(), D_I_C=support.YES, D_I_E=support.YES)
    fhir_server.put(stranger | {"subject": {"reference": "Patient/pat013"}, "id": "qr-stranger"})
    found = _judge(_call(fhir_server.base_url, "132f48ba-1d72-4e0c-a220-91786d7501aa"))
    assert findings(found)["D.I.C"]["truth"] == "unknown"
    assert any("QuestionnaireResponse/qr-stranger was set aside" in note for note in found["notes"])


def test_only_what_is_missing_is_asked_for(fhir_server: FhirServer) -> None:
    """bug-log 4: conditions come with the call and are believed, the rest is read."""
    patient = "132f48ba-1d72-4e0c-a220-91786d7501aa"
    request = _call(fhir_server.base_url, patient)
    request["prefetch"] = {"conditions": None}
    by_section = findings(_judge(request))
    assert by_section["D.I.A"]["gap"] == "not-documented"
    assert by_section["D.I.I.1"]["truth"] == "not-met"


def test_pages_are_followed(fhir_server: FhirServer) -> None:
    """A first page from the client with a next link: the rest is read from the server (bug-log 10)."""
    patient = "pt-1214f18c8379"
    first = fhir_server.get(f"Observation?patient={patient}&code=4548-4&_count=5&_sort=date").json()
    assert any(link["relation"] == "next" for link in first["link"])
    request = _call(fhir_server.base_url, patient)
    request["prefetch"] = {"hba1c": first, "coverage": None}
    by_section = findings(_judge(request))
    assert "5.9" in by_section["D.I.I.1"]["explanation"]


def test_the_token_of_the_call_opens_a_secured_server(secured_fhir_server: FhirServer) -> None:
    patient = next(iter(next(iter(secured_fhir_server.reports.values())).patients))
    with_token = _judge(_call(secured_fhir_server.base_url, patient, secured_fhir_server.token))
    assert findings(with_token)["D.I.A"]["gap"] == "incomplete"
    without = _judge(_call(secured_fhir_server.base_url, patient))
    assert findings(without)["D.I.A"]["gap"] == "not-retrieved"
    assert "401" in findings(without)["D.I.A"]["explanation"]


def test_no_token_ever_reaches_the_answer(secured_fhir_server: FhirServer) -> None:
    patient = next(iter(next(iter(secured_fhir_server.reports.values())).patients))
    found = _judge(_call(secured_fhir_server.base_url, patient, secured_fhir_server.token))
    assert str(secured_fhir_server.token) not in json.dumps(found)


# ---------------------------------------------------------------- requests of public clients

RECORDED = {
    "cds-hooks-sandbox_order-sign_MedicationRequest.json": ["not for an insulin pump"],
    "crd-request-generator_clinosim_DeviceRequest_E2103_own-order.json": ["not for an insulin pump"],
    "crd-request-generator_pat013_DeviceRequest_E0607.json": ["not for an insulin pump"],
    "crd-request-generator_pat014_ServiceRequest_A0426.json": ["not for an insulin pump"],
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_requests_of_public_clients(name: str) -> None:
    """None of them orders a pump: 200, no card, a reason for each order; nothing is fetched for them."""
    path = support.SHARED / "data" / "requests" / "recorded" / name
    if not path.exists():
        unavailable("the recorded requests are not beside this checkout")

    def refuse(*_: Any) -> Any:
        raise AssertionError("nothing is to be fetched when no order is for a pump")

    client = create_app(Settings(), open_source=refuse).test_client()
    reply = client.post(SIGN, data=path.read_bytes(), content_type="application/json")
    assert reply.status_code == 200, reply.data
    body = reply.get_json()
    assert body["cards"] == []
    reasons = [d["reason"] for d in body["extension"]["com.insulin-pump-cds.determinations"]]
    assert all(any(words in reason for words in RECORDED[name]) for reason in reasons)


@pytest.mark.parametrize(
    ("name", "patient", "coverage"),
    [
        # Self-pay: the payer is a reference that leads nowhere, so nothing says whose member this is.
        ("crd-request-generator_clinosim_DeviceRequest_E2103_own-order.json", "pt-3fc213a2a561", "unverified"),
        # Part A alone pays for no pump; the Part B or Medicare plan that would stand beside it is not on file.
        ("crd-request-generator_pat013_DeviceRequest_E0607.json", "pat013", "unverified"),
    ],
)
def test_the_same_clients_ordering_a_pump(fhir_server: FhirServer, name: str, patient: str, coverage: str) -> None:
    """The recorded call with the code changed to a pump's, read through the server it names."""
    path = support.SHARED / "data" / "requests" / "recorded" / name
    request = json.loads(path.read_text(encoding="utf-8"))
    request["fhirServer"] = fhir_server.base_url
    request["context"]["patientId"] = patient
    resource = request["context"]["draftOrders"]["entry"][0]["resource"]
    resource["codeCodeableConcept"]["coding"][0]["code"] = "E0784"
    resource["authoredOn"] = support.today().isoformat()
    client = create_app(Settings()).test_client()
    body = client.post(SIGN, json=request).get_json()
    found = body["extension"]["com.insulin-pump-cds.determinations"][0]
    assert found["coverage"] == coverage
    assert found["outcome"] == "needs-documentation"
    assert "coverage not verified" in body["cards"][0]["summary"]
