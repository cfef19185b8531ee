"""Files of exports: their names, what manifests and logs say, what is absent, what went wrong."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.errors import BadSetting
from cds_service.services.population.export_folder import Kind, read_export_folder, type_in_name
from tests.services.population.exports import JSON, judged, rows_of

DAY = date(2026, 11, 20)
PATIENT = {"resourceType": "Patient", "id": "p1", "address": [{"use": "home", "state": "OH"}]}
DIABETES = {
    "resourceType": "Condition",
    "id": "c1",
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E10.65"}]},
    "subject": {"reference": "Patient/p1"},
    "recordedDate": "2019-03-02",
}
TYPES = ("Observation", "MedicationRequest", "Procedure", "Encounter", "Device", "Coverage", "QuestionnaireResponse")
SERVER = "https://ehr.example.invalid/r4"


def put(folder: Path, name: str, *resources: Any) -> None:
    """A file of the export: resources, or lines as they are."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [each if isinstance(each, str) else json.dumps(each) for each in resources]
    body = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)


def whole(folder: Path, *but: str) -> Path:
    """An export of one member with diabetes, with an empty file for every other type that counts."""
    put(folder, "Patient.ndjson", PATIENT)
    put(folder, "Condition.ndjson", DIABETES)
    for name in TYPES:
        if name not in but:
            put(folder, f"{name}.ndjson")
    return folder


def truths(folder: Path, out: Path) -> tuple[dict[str, tuple[str, str, str]], JSON]:
    """Findings of p1, and run.json."""
    found, summary = judged(folder, out, DAY)
    return found["p1"][0]["findings"], summary


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Condition.ndjson", "Condition"),
        ("Condition.000.ndjson.gz", "Condition"),
        ("Condition.diagnoses.ndjson", "Condition"),
        ("1.Condition.ndjson", "Condition"),
        ("condition-2.jsonl", "Condition"),
        ("MedicationRequest_part3.ndjson", "MedicationRequest"),
        ("Immunization.ndjson", "Immunization"),
        ("0001.ndjson", None),
        ("part-7c.ndjson", None),
    ],
)
def test_the_type_that_a_files_name_says(name: str, kind: str | None) -> None:
    assert type_in_name(name) == kind


def test_files_of_every_name_are_read(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    (folder / "Condition.ndjson").unlink()
    put(folder, "run-1/0001.jsonl.gz", DIABETES)
    found, _ = truths(folder, tmp_path / "out")
    assert found["D.I.A"] == ("met", "documented", "")


def test_links_beside_the_files_that_they_point_to_are_read_once(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    (folder / "run").mkdir()
    (folder / "Condition.ndjson").rename(folder / "run" / "Condition.000.ndjson")
    (folder / "Condition.ndjson").symlink_to("run/Condition.000.ndjson")
    _, summary = truths(folder, tmp_path / "out")
    assert summary["types"]["Condition"]["lines"] == 1


def test_a_type_without_a_file_was_not_retrieved_and_an_empty_file_is_none(tmp_path: Path) -> None:
    found, summary = truths(whole(tmp_path / "e", "Procedure"), tmp_path / "out")
    assert found["D.I.D"] == ("unknown", "", "not-retrieved")
    assert found["D.I.G"] == ("unknown", "", "not-documented")
    assert summary["types"]["Procedure"] == {"lines": None, "retrieved": "the export has no file of this type"}
    assert summary["types"]["Observation"] == {"lines": 0, "retrieved": "yes"}


def test_a_type_that_a_whole_export_was_asked_for_is_none(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e", "Procedure")
    request = f"{SERVER}/Group/g1/$export?_type=Condition%2CProcedure"
    put(folder, "manifest.json", {"transactionTime": "2026-11-19T00:00:00Z", "request": request, "output": []})
    found, summary = truths(folder, tmp_path / "out")
    assert found["D.I.D"] == ("unknown", "", "not-documented")
    assert summary["server"] == SERVER


def test_a_log_of_an_export_client_says_what_was_asked_for_and_how_much_came(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e", "Procedure")
    url = f"{SERVER}/files/Condition"
    log = [
        {"eventId": "kickoff", "eventDetail": {"exportUrl": f"{SERVER}/$export?_type=Condition,Procedure"}},
        {"eventId": "status_complete", "eventDetail": {"transactionTime": "2026-11-19T00:00:00Z"}},
        {"eventId": "download_request", "eventDetail": {"fileUrl": url, "resourceType": "Condition"}},
        {"eventId": "download_complete", "eventDetail": {"fileUrl": url, "resourceCount": 3}},
        {"eventId": "export_complete", "eventDetail": {}},
    ]
    put(folder, "log.ndjson", *({"exportId": "x", **each} for each in log))
    found, summary = truths(folder, tmp_path / "out")
    assert found["D.I.D"] == ("unknown", "", "not-documented")
    assert summary["types"]["Condition"]["retrieved"].startswith("in part")
    assert "Condition: 3 lines were downloaded, the files have 1" in summary["quality"]


def test_fewer_lines_than_the_manifest_says_leave_the_type_incomplete(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    output = [{"type": "Procedure", "url": f"{SERVER}/files/Procedure.ndjson", "count": 2}]
    put(folder, "manifest.json", {"transactionTime": "2026-11-19T00:00:00Z", "output": output})
    found, summary = truths(folder, tmp_path / "out")
    assert found["D.I.D"] == ("unknown", "", "not-retrieved")
    assert "the server said 2 lines, the file has 0" in summary["quality"]


def test_a_compressed_file_that_ends_early_leaves_the_type_incomplete(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e", "Procedure")
    body = gzip.compress(
        b"\n".join(json.dumps({"resourceType": "Procedure", "id": f"x{n}"}).encode() for n in range(999))
    )
    (folder / "Procedure.ndjson.gz").write_bytes(body[: len(body) // 2])
    found, summary = truths(folder, tmp_path / "out")
    assert found["D.I.D"] == ("unknown", "", "not-retrieved")
    assert any("ends before its end" in each for each in summary["quality"])


ERROR = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception", "diagnostics": "could not export Procedure of some members"}],
}


@pytest.mark.parametrize("name", ["error/OperationOutcome.000.ndjson", "Procedure.ndjson"], ids=["file", "between"])
def test_an_error_about_a_type_leaves_it_incomplete(tmp_path: Path, name: str) -> None:
    folder = whole(tmp_path / "e")
    put(folder, name, ERROR)
    found, summary = truths(folder, tmp_path / "out")
    assert found["D.I.D"] == ("unknown", "", "not-retrieved")
    assert found["D.I.A"][0] == "met"
    assert summary["errorsOfTheExport"] == 1


def test_an_error_about_a_member_leaves_the_others_whole(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    put(folder, "Patient.ndjson", PATIENT, PATIENT | {"id": "p2"})
    text = json.dumps(ERROR).replace("some members", "Patient/p2")
    put(folder, "errors/1.ndjson", text)
    found, _ = judged(folder, tmp_path / "out", DAY)
    assert found["p1"][0]["findings"]["D.I.D"] == ("unknown", "", "not-documented")
    assert found["p2"][0]["findings"]["D.I.D"] == ("unknown", "", "not-retrieved")


def test_a_warning_is_no_failure(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    put(folder, "error/a.ndjson", json.dumps(ERROR).replace('"error"', '"warning"'))
    found, summary = truths(folder, tmp_path / "out")
    assert found["D.I.D"] == ("unknown", "", "not-documented")
    assert summary["errorsOfTheExport"] == 0


def test_a_deleted_resource_is_gone_and_one_that_was_made_again_is_not(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    gone = {"resourceType": "Bundle", "type": "transaction"}
    gone["entry"] = [{"request": {"method": "DELETE", "url": "Condition/c1"}}]  # type: ignore[assignment]
    put(folder, "deleted/Bundle.000.ndjson", gone)
    put(folder, "manifest.json", {"transactionTime": "2026-11-01T00:00:00Z", "output": []})
    assert truths(folder, tmp_path / "gone")[0]["D.I.A"][0] == "unknown"
    put(folder, "Condition.ndjson", DIABETES | {"meta": {"lastUpdated": "2026-11-05T08:00:00Z"}})
    assert truths(folder, tmp_path / "again")[0]["D.I.A"][0] == "met"


def test_a_deleted_patient_is_no_member(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    put(folder, "Patient.ndjson", PATIENT | {"id": "p2"})
    gone = {"resourceType": "Bundle", "entry": [{"request": {"method": "DELETE", "url": "Patient/p1"}}]}
    put(folder, "deleted/Bundle.000.ndjson", gone)
    found, summary = judged(folder, tmp_path / "out", DAY)
    assert list(found) == ["p2"]
    assert ["deleted", 1] in summary["tallies"]


def test_merged_patients_are_one_member_whatever_the_chain(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    old = {
        "resourceType": "Patient",
        "id": "p0",
        "link": [{"other": {"reference": "Patient/p00"}, "type": "replaced-by"}],
    }
    middle = {
        "resourceType": "Patient",
        "id": "p00",
        "link": [{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}],
    }
    put(folder, "Patient.ndjson", old, PATIENT, middle)
    put(folder, "Condition.ndjson", DIABETES | {"subject": {"reference": "Patient/p0"}})
    found, _ = judged(folder, tmp_path / "out", DAY)
    assert list(found) == ["p1"]
    assert found["p1"][0]["findings"]["D.I.A"] == ("met", "documented", "")


def test_members_without_a_patient_line_and_members_of_a_group_are_judged(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    (folder / "Patient.ndjson").unlink()
    entities = [{"entity": {"reference": "Patient/p9"}}, {"entity": {"reference": "Patient/p8"}, "inactive": True}]
    put(folder, "Group.ndjson", {"resourceType": "Group", "id": "g", "type": "person", "member": entities})
    put(
        folder,
        "Immunization.ndjson",
        {"resourceType": "Immunization", "id": "i", "patient": {"reference": "Patient/p7"}},
    )
    found, _ = judged(folder, tmp_path / "out", DAY)
    assert set(found) == {"p1", "p7", "p9"}
    assert {row["patient_line"] for row in rows_of(tmp_path / "out" / "members.csv")} == {"no"}


def test_problems_say_file_and_line_and_nothing_of_the_line(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    nobodys = {"resourceType": "Observation", "id": "secret-7"}
    put(folder, "Observation.ndjson", "", nobodys, '{"resourceType": "Observation", "id": "secret-8', DIABETES)
    judged(folder, tmp_path / "out", DAY)
    rows = {(row["file"], row["line"], row["problem"]) for row in rows_of(tmp_path / "out" / "quality.csv")}
    assert rows == {
        ("Observation.ndjson", "2", "the resource names no patient"),
        ("Observation.ndjson", "3", "the line is no FHIR resource as JSON"),
        ("Observation.ndjson", "4", "the resource is of another type than the file's name says"),
    }
    for path in (tmp_path / "out").iterdir():
        assert b"secret" not in path.read_bytes()


def test_shared_resources_are_found_by_whoever_refers_to_them(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    insulin = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "medicationReference": {"reference": "Medication/lispro"},
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-01-05",
    }
    put(folder, "MedicationRequest.ndjson", insulin)
    assert truths(folder, tmp_path / "without")[0]["D.I.F"] == ("unknown", "", "not-retrieved")
    code = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "86009"}]}
    put(folder, "Medication.ndjson", {"resourceType": "Medication", "id": "lispro", "code": code})
    assert truths(folder, tmp_path / "with")[0]["D.I.F"] == ("unknown", "", "incomplete")


@pytest.mark.parametrize("content", [None, "file", "other"], ids=["no folder", "a file", "no NDJSON"])
def test_what_is_no_export_is_refused(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "e"
    if content == "file":
        folder.write_text("x")
    elif content == "other":
        put(folder, "readme.txt", "x")
    with pytest.raises(BadSetting):
        read_export_folder(folder)


def test_what_a_folder_holds(tmp_path: Path) -> None:
    folder = whole(tmp_path / "e")
    put(folder, "deleted/Bundle.ndjson", "{}")
    put(folder, "error/OperationOutcome.ndjson", "{}")
    put(folder, "notes.txt", "x")
    put(folder, "settings.json", "{}")
    found = read_export_folder(folder)
    assert len(found.of_kind(Kind.RESOURCES)) == 9
    assert [file.name for file in found.of_kind(Kind.DELETED)] == ["deleted/Bundle.ndjson"]
    assert [file.name for file in found.of_kind(Kind.ERRORS)] == ["error/OperationOutcome.ndjson"]
    assert found.ignored == ["notes.txt", "settings.json"]
