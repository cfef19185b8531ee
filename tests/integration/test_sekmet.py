"""The harness itself: the server starts, holds the charts, answers searches and goes away."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from cds_service.demo import sandbox_server
from tests.integration.charts import family
from tests.integration.sekmet import FhirServer, ServerError

pytestmark = pytest.mark.real

CLINOSIM_PATIENT = "pt-1214f18c8379"
SYNTHEA_PATIENT = "132f48ba-1d72-4e0c-a220-91786d7501aa"
HBA1C = "4548-4"
GLUCOSE = "2339-0"


def search(server: FhirServer, query: str) -> dict[str, Any]:
    response = server.get(query)
    assert response.status_code == 200, response.text[:500]
    answer: dict[str, Any] = response.json()
    return answer


def pages(server: FhirServer, query: str) -> Iterator[dict[str, Any]]:
    following: str | None = query
    while following:
        page = search(server, following)
        yield page
        following = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)


def found(bundle: dict[str, Any], mode: str = "match") -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]


def test_it_answers_as_an_r4_server(fhir_server: FhirServer) -> None:
    assert search(fhir_server, "metadata")["fhirVersion"] == "4.0.1"


def test_every_resource_of_every_chart_was_taken(fhir_server: FhirServer) -> None:
    assert len(fhir_server.reports) > 30
    assert [refusal for report in fhir_server.reports.values() for refusal in report.refused] == []
    assert [name for name, report in fhir_server.reports.items() if not report.patients] == []


def test_patients_are_found(fhir_server: FhirServer) -> None:
    expected = {patient for report in fhir_server.reports.values() for patient in report.patients}
    assert expected <= {patient["id"] for patient in found(search(fhir_server, "Patient?_count=1000"))}


def test_references_by_uuid_can_be_searched(fhir_server: FhirServer) -> None:
    conditions = found(search(fhir_server, f"Condition?patient={SYNTHEA_PATIENT}"))
    assert {item["subject"]["reference"] for item in conditions} == {f"Patient/{SYNTHEA_PATIENT}"}
    codes = {coding["code"] for item in conditions for coding in item["code"]["coding"]}
    assert "44054006" in codes


def test_a_resource_without_id_is_stored_under_the_uuid_of_its_full_url(fhir_server: FhirServer) -> None:
    chart = json.loads(family("carebundle")[0].read_text(encoding="utf-8"))
    patient = next(entry for entry in chart["entry"] if entry["resource"]["resourceType"] == "Patient")
    place = f"Patient/{patient['fullUrl'].removeprefix('urn:uuid:')}"
    assert search(fhir_server, place)["birthDate"] == patient["resource"]["birthDate"]


def test_next_links_lead_through_every_observation_once(fhir_server: FhirServer) -> None:
    query = f"Observation?patient={SYNTHEA_PATIENT}&code={HBA1C},{GLUCOSE}"
    whole = [item["id"] for item in found(search(fhir_server, f"{query}&_count=1000"))]
    paged = list(pages(fhir_server, f"{query}&_count=5"))
    assert len(whole) > 10
    assert [len(found(page)) for page in paged[:-1]] == [5] * (len(paged) - 1)
    assert [item["id"] for page in paged for item in found(page)] == whole


def test_dates_bound_and_sort_a_search(fhir_server: FhirServer) -> None:
    query = f"Observation?patient={CLINOSIM_PATIENT}&code=http://loinc.org|{HBA1C}&date=ge2026-06-01&_sort=-date"
    dates = [item["effectiveDateTime"] for item in found(search(fhir_server, query))]
    assert len(dates) > 3
    assert dates == sorted(dates, reverse=True)
    assert dates[-1] >= "2026-06-01"


def test_a_sorted_search_of_a_large_chart_is_fast(fhir_server: FhirServer) -> None:
    response = fhir_server.get(f"Observation?patient={CLINOSIM_PATIENT}&_sort=-date&_count=100")
    assert response.json()["total"] > 500
    assert response.elapsed.total_seconds() < 1


def test_an_ordered_medication_is_included(fhir_server: FhirServer) -> None:
    subject = {"reference": "Patient/include-patient"}
    medication = {"reference": "Medication/include-medication"}
    order = {
        "resourceType": "MedicationRequest",
        "id": "include-order",
        "status": "active",
        "intent": "order",
    }
    fhir_server.put({"resourceType": "Patient", "id": "include-patient"})
    fhir_server.put({"resourceType": "Medication", "id": "include-medication", "code": {"text": "insulin"}})
    fhir_server.put({**order, "subject": subject, "medicationReference": medication})
    query = "MedicationRequest?patient=include-patient&_include=MedicationRequest:medication"
    answer = search(fhir_server, query)
    assert [item["id"] for item in found(answer)] == ["include-order"]
    assert [item["id"] for item in found(answer, "include")] == ["include-medication"]


def test_an_unknown_parameter_is_reported_and_then_ignored(fhir_server: FhirServer) -> None:
    answer = search(fhir_server, "Patient?favourite-colour=blue")
    assert answer["total"] == search(fhir_server, "Patient")["total"]
    (outcome,) = found(answer, "outcome")
    assert "favourite-colour" in outcome["issue"][0]["diagnostics"]


def test_an_unknown_parameter_is_an_error_when_strictness_is_asked_for(fhir_server: FhirServer) -> None:
    url = f"{fhir_server.base_url}/Patient?favourite-colour=blue"
    response = requests.get(url, headers={"Prefer": "handling=strict"}, timeout=10)
    assert response.status_code == 400


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer of-somebody-else"}])
def test_a_secured_server_turns_strangers_away(headers: dict[str, str], secured_fhir_server: FhirServer) -> None:
    response = requests.get(f"{secured_fhir_server.base_url}/Patient", headers=headers, timeout=10)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_secured_server_lets_its_token_in(secured_fhir_server: FhirServer) -> None:
    headers = {"Authorization": f"Bearer {secured_fhir_server.token}"}
    response = requests.get(f"{secured_fhir_server.base_url}/Patient", headers=headers, timeout=10)
    assert response.status_code == 200
    assert response.json()["total"] == 1


@pytest.mark.parametrize("bad_id", ["under_score", 7], ids=["refused by entry", "breaks the whole batch"])
def test_refused_resources_are_counted_and_the_others_kept(
    bad_id: object, fhir_server: FhirServer, tmp_path: Path
) -> None:
    good = {"resourceType": "Organization", "id": f"kept-beside-{bad_id}".replace("_", "-")}
    entries = [{"resource": item} for item in ({"resourceType": "Organization", "id": bad_id}, good)]
    path = tmp_path / "chart.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}), encoding="utf-8")
    report = fhir_server.load_chart(path)
    del fhir_server.reports[path.name]
    assert report.loaded == 1
    (refusal,) = report.refused
    assert refusal.startswith(f"Organization/{bad_id}: 4")
    assert search(fhir_server, f"Organization/{good['id']}")["id"] == good["id"]


def test_put_says_what_was_refused(fhir_server: FhirServer) -> None:
    with pytest.raises(ServerError, match="Organization/under_score refused: 400"):
        fhir_server.put({"resourceType": "Organization", "id": "under_score"})


def test_it_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with FhirServer() as server:
        assert len(list(tmp_path.iterdir())) == 1
        url = f"{server.base_url}/metadata"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)


def test_a_process_that_was_forked_inside_leaves_the_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with FhirServer() as server:
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: -1)
            server.__exit__(None, None, None)
        assert search(server, "metadata")["fhirVersion"] == "4.0.1"


def test_a_server_that_does_not_start_shows_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_server, "_COMMAND", (sys.executable, "no-such-program.py"))
    with pytest.raises(ServerError, match=r"ended with 2:[^$]*can't open file"), FhirServer():
        pytest.fail("the server started")
