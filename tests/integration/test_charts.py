"""Reading third-party charts, with no server."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration import charts


def write(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "chart.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_references_by_uuid_become_plain_ones(tmp_path: Path) -> None:
    entries = [
        {"fullUrl": "urn:uuid:aaaa", "resource": {"resourceType": "Patient", "id": "p1"}},
        {
            "fullUrl": "http://elsewhere/Encounter/e1",
            "resource": {"resourceType": "Encounter", "id": "e1", "subject": {"reference": "urn:uuid:aaaa"}},
        },
        {
            "fullUrl": "urn:uuid:bbbb",
            "resource": {
                "resourceType": "Observation",
                "subject": {"reference": "urn:uuid:aaaa"},
                "encounter": {"reference": "http://elsewhere/Encounter/e1"},
                "performer": [{"reference": "urn:uuid:nobody"}, {"reference": "Practitioner/known"}],
            },
        },
    ]
    chart = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    _, encounter, observation = charts.read_chart(write(tmp_path, chart))
    assert encounter["subject"] == {"reference": "Patient/p1"}
    assert observation["id"] == "bbbb"
    assert observation["subject"] == {"reference": "Patient/p1"}
    assert observation["encounter"] == {"reference": "Encounter/e1"}
    assert [item["reference"] for item in observation["performer"]] == [
        "urn:uuid:nobody",
        "Practitioner/known",
    ]


def test_remarks_and_empty_entries_are_left_out(tmp_path: Path) -> None:
    entries = [
        {"resource": {"resourceType": "Patient", "id": "p1"}, "search": {"mode": "match"}},
        {"resource": {"resourceType": "OperationOutcome", "issue": []}, "search": {"mode": "outcome"}},
        {"request": {"method": "DELETE", "url": "Patient/p2"}},
    ]
    chart = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    assert [item["id"] for item in charts.read_chart(write(tmp_path, chart))] == ["p1"]


def test_resources_without_id_and_full_url_get_stable_ids(tmp_path: Path) -> None:
    entries = [{"resource": {"resourceType": "Observation"}}, {"resource": {"resourceType": "Observation"}}]
    path = write(tmp_path, {"resourceType": "Bundle", "entry": entries})
    first, second = charts.read_chart(path)
    assert first["id"] != second["id"]
    assert charts.read_chart(path) == [first, second]


def test_a_bare_resource_is_a_chart_of_one(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "p1"}
    assert charts.read_chart(write(tmp_path, patient)) == [patient]


def test_a_bundle_with_no_entries_is_an_empty_chart(tmp_path: Path) -> None:
    assert charts.read_chart(write(tmp_path, {"resourceType": "Bundle", "type": "collection"})) == []


@pytest.mark.parametrize(("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_missing_charts_skip_unless_all_parts_are_required(
    required: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(charts, "PATIENTS", tmp_path)
    monkeypatch.setenv("PUMP_TESTS_REQUIRE_ALL", required)
    with pytest.raises(outcome, match="no third-party charts"):
        charts.family("clinosim")
