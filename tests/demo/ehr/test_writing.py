"""Writing a response through the demo's EHR."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses
from werkzeug.test import TestResponse

from tests.demo.ehr.visits import FHIR, ISS, Visit, outcome, written_response


def _write(visit: Visit, headers: dict[str, str], body: Any, identity: str | None = None) -> TestResponse:
    path = f"/demo/ehr/fhir/QuestionnaireResponse{f'/{identity}' if identity else ''}"
    headers = headers | {"Content-Type": "application/fhir+json"}
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return visit.browser.open(path, method="PUT" if identity else "POST", headers=headers, data=data)


@pytest.mark.parametrize(
    "scope", ["patient/QuestionnaireResponse.c", "patient/QuestionnaireResponse.write", "user/*.cruds"]
)
def test_a_response_is_written_and_its_address_is_here(visit: Visit, fhir: responses.RequestsMock, scope: str) -> None:
    place = f"{FHIR}/QuestionnaireResponse/q1/_history/1"
    fhir.post(f"{FHIR}/QuestionnaireResponse", status=201, json=written_response(id="q1"), headers={"Location": place})
    body = written_response(subject={"reference": f"{ISS}/Patient/p1"})
    answer = _write(visit, visit.bearer(scope), body)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{ISS}/QuestionnaireResponse/q1/_history/1"
    sent = fhir.calls[-1].request
    assert json.loads(sent.body or "") == written_response(subject={"reference": f"{FHIR}/Patient/p1"})
    assert sent.headers["Content-Type"] == "application/fhir+json"


def test_a_response_is_replaced(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/QuestionnaireResponse/q1", json=written_response(id="q1"))
    fhir.put(f"{FHIR}/QuestionnaireResponse/q1", json=written_response(id="q1"))
    headers = visit.bearer("patient/QuestionnaireResponse.u") | {"If-Match": 'W/"1"'}
    assert _write(visit, headers, written_response(id="q1"), "q1").status_code == 200
    assert fhir.calls[-1].request.headers["If-Match"] == 'W/"1"'


@pytest.mark.parametrize(
    ("scope", "identity"),
    [
        ("patient/*.rs", None),
        ("patient/QuestionnaireResponse.u", None),
        ("patient/QuestionnaireResponse.c", "q1"),
        ("user/*.read", None),
        ("user/Observation.write", "q1"),
    ],
)
def test_a_write_needs_its_scope(visit: Visit, scope: str, identity: str | None) -> None:
    body = written_response(id="q1") if identity else written_response()
    outcome(_write(visit, visit.bearer(scope), body, identity), 403)


def test_a_write_about_another_patient_is_forbidden(visit: Visit, fhir: responses.RequestsMock) -> None:
    headers = visit.bearer("patient/*.cruds")
    outcome(_write(visit, headers, written_response("p2")), 403)
    fhir.get(f"{FHIR}/QuestionnaireResponse/q2", json=written_response("p2", id="q2"))
    outcome(_write(visit, headers, written_response("p1", id="q2"), "q2"), 403)
    assert {call.request.method for call in fhir.calls} == {"GET"}


@pytest.mark.parametrize(
    ("body", "identity"),
    [
        ("no JSON", None),
        ("[]", None),
        (written_response() | {"resourceType": "Observation"}, None),
        (written_response(id="q2"), "q1"),
        (written_response(), "q1"),
        (written_response(id="q1"), None),
        ('{"a":' * 5000 + "1" + "}" * 5000, None),
    ],
    ids=["no JSON", "no object", "type", "other id", "no id", "id", "deep"],
)
def test_a_body_that_is_not_what_the_address_says_is_refused(visit: Visit, body: Any, identity: str | None) -> None:
    outcome(_write(visit, visit.bearer("user/*.cruds"), body, identity), 400)


def test_a_body_that_is_too_large_is_refused(visit: Visit) -> None:
    outcome(_write(visit, visit.bearer("user/*.cruds"), written_response(x="x" * 1_000_001)), 413)


@pytest.mark.parametrize("status", [403, 422, 500])
def test_writes_are_refused_while_the_option_says_so(visit: Visit, fhir: responses.RequestsMock, status: int) -> None:
    fhir.post(f"{FHIR}/QuestionnaireResponse", status=201, json=written_response(id="q1"))
    headers = visit.bearer("patient/*.cruds")
    visit.options.refuse_writes = status
    outcome(_write(visit, headers, written_response()), status)
    assert len(fhir.calls) == 0
    visit.options.refuse_writes = 0
    assert _write(visit, headers, written_response()).status_code == 201
