"""The CRD services over HTTP: statuses in their places (section F), both roots of discovery, versions by address."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.errors import BadSetting
from cds_service.settings import Settings
from cds_service.web import create_app
from tests.conformance.checker import check_error
from tests.services.crd import coverage, crd_call, information
from tests.support import bundle, order

NEW, OLD = "/cds-services", "/crd-2.0/cds-services"
ROOTS = pytest.mark.parametrize("root", [NEW, OLD])
HOOKS = {"crd-order-sign": "order-sign", "crd-order-select": "order-select", "crd-order-dispatch": "order-dispatch"}
SECRET = "Zebulon-4711"


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(Settings(max_body_bytes=200_000)).test_client()


def _outcome(reply: Any, status: int) -> Any:
    """The OperationOutcome of an error, checked as such."""
    assert reply.status_code == status, reply.data
    assert check_error(status, reply.content_type, reply.get_json()) == []
    return reply.get_json()["issue"][0]


@ROOTS
@pytest.mark.parametrize("service", HOOKS)
def test_every_status_has_its_place(client: FlaskClient, root: str, service: str) -> None:
    """Requirements 101, 108, 110: whatever version is spoken, these come before it is known."""
    url = f"{root}/{service}"
    _outcome(client.get(url), 405)
    _outcome(client.post(f"{root}/crd-order-sing", json={}), 404)
    _outcome(client.post(url, data="{", content_type="application/json"), 400)
    _outcome(client.post(url, data="{}", content_type="text/plain"), 415)
    _outcome(client.post(url, data=b" " * 200_001, content_type="application/json"), 413)
    packed = gzip.compress(b" " * 200_001)
    _outcome(client.post(url, data=packed, content_type="application/json", headers={"Content-Encoding": "gzip"}), 413)


@pytest.mark.parametrize("service", HOOKS)
def test_a_body_that_breaks_the_protocol_is_400_and_422_where_2_0_1_is_spoken(
    client: FlaskClient, service: str
) -> None:
    for body in ({}, {"hook": "patient-view"}, {"hook": HOOKS[service], "hookInstance": "abc"}):
        assert _outcome(client.post(f"{NEW}/{service}", json=body), 400)["expression"]
        assert _outcome(client.post(f"{OLD}/{service}", json=body), 422)["expression"]


def test_the_old_root_answers_in_2_0_1_unless_another_version_is_asked_for(client: FlaskClient) -> None:
    request = crd_call(education=None)
    assert information(client.post(f"{OLD}/crd-order-sign", json=request).get_json())["doc-purpose"] == ["withpa"]
    request["extension"] = {"davinci-crd.requestedVersion": "2.2"}
    assert "doc-purpose" not in information(client.post(f"{OLD}/crd-order-sign", json=request).get_json())


def test_the_old_root_has_no_plain_services(client: FlaskClient) -> None:
    assert client.post(f"{OLD}/insulin-pump-order-sign", json=crd_call()).status_code == 404


@ROOTS
def test_errors_name_no_patient(client: FlaskClient, root: str) -> None:
    """Requirement 111: the field and the mend, and nothing of what stood in it."""
    patient = {"resourceType": "Patient", "id": "p1", "name": [{"family": SECRET}]}
    broken = [
        crd_call(patient=patient, coverage=None),
        crd_call(patient=patient, coverage=bundle(coverage(subscriberId=SECRET, payor=[{"display": SECRET}]))),
        crd_call(order(subject={"display": SECRET, "reference": 5}), patient=patient),
        crd_call(order(note=[{"text": SECRET, "zork": SECRET}, SECRET]), patient=patient),
        {**crd_call(patient=patient), "hookInstance": SECRET},
        crd_call(patient=patient, extension={"davinci-crd.requestedVersion": SECRET}),
    ]
    for request in broken:
        reply = client.post(f"{root}/crd-order-sign", json=request)
        assert reply.status_code in (400, 422)
        assert SECRET not in reply.get_data(as_text=True)
        _outcome(reply, reply.status_code)


def test_the_answer_has_no_white_space_between_tokens(client: FlaskClient) -> None:
    """Requirement 143, with an order that came pretty-printed."""
    body = json.dumps(crd_call(), indent=2)
    reply = client.post(f"{NEW}/crd-order-sign", data=body, content_type="application/json")
    assert reply.data == json.dumps(reply.get_json(), separators=(",", ":"), ensure_ascii=False).encode()


def test_members_come_from_the_file_of_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "members.csv"
    path.write_text("member_id,start,end\nM-1,2026-01-01,\n", encoding="utf-8")
    client = create_app(Settings(members=str(path))).test_client()
    for member, covered in (("M-1", "covered"), ("M-2", "not-covered")):
        request = crd_call(coverage=bundle(coverage(subscriberId=member)))
        reply = client.post(f"{NEW}/crd-order-sign", json=request)
        assert information(reply.get_json())["covered"] == [covered]
    with pytest.raises(BadSetting, match="MEMBERS"):
        create_app(Settings(members=str(tmp_path / "nobody.csv")))
