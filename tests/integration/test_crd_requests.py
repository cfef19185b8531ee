"""The CRD services on requests that others wrote: as they stand, and ordering a pump for a member of the plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.conformance.checker import check_error, check_response
from tests.integration.charts import unavailable
from tests.services.crd import information
from tests.support import JSON

pytestmark = pytest.mark.real

FOLDER = support.SHARED / "data" / "requests"
REQUESTS = sorted(p for p in FOLDER.rglob("*.json") if "hookInstance" in p.read_text(encoding="utf-8"))
HOOKS = ("order-sign", "order-select", "order-dispatch")
CARESOURCE = {"display": "CareSource", "identifier": {"system": "http://example.invalid/payers", "value": "31114"}}


def _named(path: Path) -> str:
    return path.stem


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    if not REQUESTS:
        unavailable(f"no third-party requests in {FOLDER}")
    return create_app(Settings(deadline_seconds=3)).test_client()


def _post(client: FlaskClient, call: JSON, service: str) -> Any:
    reply = client.post(f"/cds-services/{service}", json=call)
    assert reply.status_code in (200, 400, 412)
    body = json.loads(reply.data)
    if reply.status_code == 200:
        assert check_response(body, call) == []
    else:
        assert check_error(reply.status_code, reply.content_type, body) == []
    return reply.status_code, body


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("path", REQUESTS, ids=_named)
def test_a_request_of_others(client: FlaskClient, path: Path, hook: str) -> None:
    """None of them orders a pump: nothing is said, and no coverage is asked for; dispatched orders must be readable."""
    call = json.loads(path.read_text(encoding="utf-8"))
    status, body = _post(client, call, f"crd-{hook}")
    if call.get("hook") != hook:
        assert status == 400
    elif status == 200:
        assert (body["cards"], body["systemActions"]) == ([], [])
    else:
        assert (status, hook) == (412, "order-dispatch")


@pytest.mark.parametrize("path", REQUESTS, ids=_named)
def test_the_same_request_ordering_a_pump_for_a_member_of_the_plan(client: FlaskClient, path: Path) -> None:
    """Their envelope, bundle, configuration and version; our order, and the coverage that the service is for."""
    call = json.loads(path.read_text(encoding="utf-8"))
    if call.get("hook") not in ("order-sign", "order-select"):
        return
    call.pop("fhirServer", None)
    call.pop("fhirAuthorization", None)
    patient = {"reference": f"Patient/{call['context']['patientId']}"}
    call["context"]["draftOrders"]["entry"].append({"resource": support.order(subject=patient)})
    if "selections" in call["context"]:
        call["context"]["selections"].append("DeviceRequest/pump-1")
    plan = [{"type": {"text": "plan"}, "value": "77552OH0010222-01"}]
    covered = {"id": "v1", "status": "active", "beneficiary": patient, "payor": [CARESOURCE], "class": plan}
    call["prefetch"] = {**call.get("prefetch", {}), "coverage": {"resourceType": "Coverage", **covered}}
    call["prefetch"].pop("coverageBundle", None)
    status, body = _post(client, call, f"crd-{call['hook']}")
    assert status == 200
    found = information(body)
    assert found["coverage"] == [{"reference": "Coverage/v1"}]
    assert found["covered"] == ["indeterminate"], "no chart came, and there is no server to read it from"
    assert [a["resource"]["id"] for a in body["systemActions"]] == ["pump-1"], "their own orders are left alone"


def test_switched_off_coverage_information_in_a_request_of_the_guide(client: FlaskClient) -> None:
    """The guide's own order-dispatch call says coverage-info=false."""
    (path,) = (p for p in REQUESTS if p.stem == "CRDServiceRequest2")
    call = json.loads(path.read_text(encoding="utf-8"))
    assert call["extension"]["davinci-crd.configuration"]["coverage-info"] is False
    status, body = _post(client, call, "crd-order-dispatch")
    assert status in (200, 412)
    assert body.get("systemActions", []) == []
