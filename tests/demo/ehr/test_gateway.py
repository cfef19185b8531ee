"""The FHIR server behind the demo's EHR: what a token lets through, and what it never shows."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses

from tests.demo.ehr.visits import FHIR, ISS, JSON, Visit, bundle, observation, outcome


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer ", "Basic YTpi", "Bearer unknown", "bearer unknown"], ids=str
)
def test_without_a_good_token_nothing_is_told(visit: Visit, header: str | None) -> None:
    answer = visit.get("Observation?patient=p1", {"Authorization": header} if header else None)
    assert outcome(answer, 401)["code"] == "login"
    wanted = 'Bearer error="invalid_token"' if header and "unknown" in header else "Bearer"
    assert answer.headers["WWW-Authenticate"] == wanted


def test_a_token_expires_when_it_says(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Observation/o1", json=observation("o1", "p1"))
    headers = visit.bearer("patient/Observation.rs")
    visit.clock.moved = 3599
    assert visit.get("Observation/o1", headers).status_code == 200
    visit.clock.moved = 3601
    answer = visit.get("Observation/o1", headers)
    outcome(answer, 401)
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("scope", ["patient/Observation.r", "patient/*.read", "user/Observation.*", "user/*.cruds"])
def test_a_read_is_handed_on(visit: Visit, fhir: responses.RequestsMock, scope: str) -> None:
    body = observation("o1", "p1") | {"valueQuantity": {"value": 7.10}}
    text = json.dumps(body).replace("7.1", "7.10")
    told = {"ETag": 'W/"1"', "Set-Cookie": "a=b"}
    fhir.get(f"{FHIR}/Observation/o1", body=text, content_type="application/fhir+json; charset=utf-8", headers=told)
    answer = visit.get("Observation/o1", visit.bearer(scope))
    assert answer.get_data(as_text=True) == text, "decimals keep their digits"
    assert answer.mimetype == "application/fhir+json"
    assert answer.headers["ETag"] == 'W/"1"'
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Authorization" not in fhir.calls[-1].request.headers, "the token is for the gateway"


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("patient/Observation.s", "Observation/o1"),
        ("patient/Observation.r", "Observation?patient=p1"),
        ("patient/Observation.write", "Observation?patient=p1"),
        ("patient/Condition.rs", "Observation?patient=p1"),
        ("patient/*.rs", "Practitioner/d1"),
        ("patient/*.rs", "Organization?name=x"),
        ("patient/*.read user/Practitioner.read", "PractitionerRole/r1"),
    ],
)
def test_what_the_scopes_do_not_grant_is_forbidden(visit: Visit, scope: str, path: str) -> None:
    answer = visit.get(path, visit.bearer(scope))
    assert outcome(answer, 403)["code"] == "forbidden"
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'


def test_what_hangs_on_no_patient_is_read_with_a_user_scope(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Practitioner/d1", json={"resourceType": "Practitioner", "id": "d1"})
    assert visit.get("Practitioner/d1", visit.bearer("user/Practitioner.rs")).get_json()["id"] == "d1"


@pytest.mark.parametrize(
    "path",
    [
        "Patient/p2",
        "Patient?_id=p2",
        "Patient?_id=p1,p2",
        "Observation?patient=p2",
        "Observation?patient=Patient/p2",
        f"Observation?subject={ISS}/Patient/p2",
        "Observation?subject:Patient=p2",
        "Observation?patient=p1&patient=p2",
        "Observation?patient=p1,p2",
        "Observation?patient.identifier=x",
        "Observation?subject=Group/p1",
        "Coverage?beneficiary=Patient/p2",
        "Observation?patient=",
        "Observation?patient:missing=true",
    ],
)
def test_another_patients_chart_stays_shut(visit: Visit, fhir: responses.RequestsMock, path: str) -> None:
    outcome(visit.get(path, visit.bearer("patient/*.rs")), 403)
    assert len(fhir.calls) == 0, "the real server was not asked"


@pytest.mark.parametrize(
    "resource",
    [
        observation("o1", "p2"),
        {"resourceType": "Observation", "id": "o1"},
        {"resourceType": "Observation", "id": "o1", "subject": {"reference": "Group/p1"}},
        {"resourceType": "Observation", "id": "o1", "subject": {"reference": "#p1"}},
    ],
)
def test_a_read_of_what_is_not_the_patients_is_forbidden(
    visit: Visit, fhir: responses.RequestsMock, resource: JSON
) -> None:
    fhir.get(f"{FHIR}/Observation/o1", json=resource)
    answer = visit.get("Observation/o1", visit.bearer("patient/*.rs"))
    outcome(answer, 403)
    assert "p2" not in answer.get_data(as_text=True)
    assert visit.get("Observation/o1", visit.bearer("user/*.rs")).status_code == 200


def test_a_search_is_handed_on_with_its_query_and_its_links_stay_here(
    visit: Visit, fhir: responses.RequestsMock
) -> None:
    link = [{"relation": "next", "url": f"{FHIR}/Observation?patient=p1&code=a%7Cb&_offset=2"}]
    fhir.get(f"{FHIR}/Observation", json=bundle(observation("o1", "p1"), link=link))
    headers = visit.bearer("patient/Observation.rs")
    found = visit.get(f"Observation?patient={ISS}/Patient/p1&code=a|b,c|d&date=ge2026-01-01&_count=2", headers)
    asked = urlsplit(fhir.calls[-1].request.url or "")
    assert parse_qs(asked.query) == {
        "patient": [f"{FHIR}/Patient/p1"],
        "code": ["a|b,c|d"],
        "date": ["ge2026-01-01"],
        "_count": ["2"],
    }
    body = found.get_json()
    assert FHIR not in found.get_data(as_text=True)
    assert body["entry"][0]["fullUrl"] == f"{ISS}/Observation/o1"
    following = body["link"][0]["url"]
    assert following == f"{ISS}/Observation?patient=p1&code=a%7Cb&_offset=2"
    assert visit.browser.get(following, headers=headers).status_code == 200
    assert parse_qs(urlsplit(fhir.calls[-1].request.url or "").query)["_offset"] == ["2"]


@pytest.mark.parametrize(("kind", "name"), [("Observation", "patient"), ("Patient", "_id")])
def test_a_search_that_names_no_patient_is_for_the_one_of_the_launch(
    visit: Visit, fhir: responses.RequestsMock, kind: str, name: str
) -> None:
    fhir.get(f"{FHIR}/{kind}", json=bundle())
    visit.get(f"{kind}?_count=5", visit.bearer("patient/*.rs"))
    assert parse_qs(urlsplit(fhir.calls[-1].request.url or "").query) == {"_count": ["5"], name: ["p1"]}
    visit.get(f"{kind}?_count=5", visit.bearer("user/*.rs"))
    assert parse_qs(urlsplit(fhir.calls[-1].request.url or "").query) == {"_count": ["5"]}


def test_a_server_that_overlooks_a_parameter_shows_no_other_chart(visit: Visit, fhir: responses.RequestsMock) -> None:
    mine, other = observation("o1", "p1"), observation("o2", "p2")
    doctor = {"resourceType": "Practitioner", "id": "d1"}
    fhir.get(f"{FHIR}/Observation", json=bundle(mine, other, doctor))
    found = visit.get("Observation?patient=p1", visit.bearer("patient/*.rs")).get_json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["o1"]
    assert "total" not in found
    found = visit.get("Observation?patient=p1", visit.bearer("patient/*.rs user/Practitioner.rs")).get_json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["o1", "d1"]
    found = visit.get("Observation?patient=p1", visit.bearer("user/Observation.rs")).get_json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["o1", "o2"]
    found = visit.get("Observation", visit.bearer("patient/*.rs", patient="p3")).get_json()
    assert "entry" not in found, "FHIR has no empty lists"


@pytest.mark.parametrize(
    "path", ["", "Observation/o1/extra", "Observation/..", "$export", "observation/1", "../x", "Patient/p1/Observation"]
)
def test_other_addresses_are_not_served(visit: Visit, path: str) -> None:
    answer = visit.get(path, visit.bearer("user/*.cruds patient/*.cruds"))
    assert answer.status_code == 404


def test_a_version_can_be_read(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Observation/o1/_history/2", json=observation("o1", "p1"))
    assert visit.get("Observation/o1/_history/2", visit.bearer("patient/*.rs")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "Observation/o1"),
        ("PATCH", "QuestionnaireResponse/q1"),
        ("POST", "Observation"),
        ("PUT", "Observation/o1"),
        ("POST", "QuestionnaireResponse/q1"),
        ("PUT", "QuestionnaireResponse"),
        ("PUT", "QuestionnaireResponse/q1/_history/1"),
    ],
)
def test_other_methods_are_not_served(visit: Visit, method: str, path: str) -> None:
    headers = visit.bearer("user/*.cruds patient/*.cruds")
    answer = visit.browser.open(f"/demo/ehr/fhir/{path}", method=method, headers=headers, json={})
    assert outcome(answer, 405)["code"] == "not-supported"
    assert "GET" in answer.headers["Allow"]


def test_a_server_that_is_away_or_says_nonsense_is_a_bad_gateway(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Observation/o1", body=requests.ConnectionError("refused"))
    fhir.get(f"{FHIR}/Observation/o2", body="<Observation/>")
    fhir.get(f"{FHIR}/Observation", body="[]")
    fhir.get(f"{FHIR}/metadata", body="[]")
    headers = visit.bearer("user/*.rs")
    for path in ("Observation/o1", "Observation/o2", "Observation", "metadata"):
        assert outcome(visit.get(path, headers), 502)["code"] == "transient"


def test_what_the_real_server_refuses_is_told_as_it_is(visit: Visit, fhir: responses.RequestsMock) -> None:
    told = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-found"}]}
    fhir.get(f"{FHIR}/Observation/o9", json=told, status=404)
    answer = visit.get("Observation/o9", visit.bearer("patient/*.rs"))
    assert (answer.status_code, answer.get_json()) == (404, told)
