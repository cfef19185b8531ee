"""Third-party charts in a population run: each member is judged as by one hook call, from files and from a server."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.services.population.run_rules import RETRIEVED_TYPES
from fhir_mappings.chart.observation_screen import ObservationScreen, is_observation
from tests.integration.charts import GLUCOSE, patient_charts, read_chart, read_folder, unavailable
from tests.integration.sekmet import FhirServer
from tests.services.population.exports import (
    SHARED,
    Member,
    answered,
    has_place,
    hook_call,
    judged,
    owner,
    renamed,
    synthetic,
    write_export,
)

pytestmark = pytest.mark.real

DAY = date(2026, 11, 20)


def _members() -> list[Member]:
    paths = [*patient_charts(), *sorted(path for path in GLUCOSE.glob("*") if path.is_dir())]
    if not paths:
        unavailable("no third-party charts beside this checkout")
    found = []
    for number, path in enumerate(paths):
        chart = read_folder(path) if path.is_dir() else read_chart(path)
        held = [each for each in renamed(chart, f"t{number}-") if has_place(each)]
        patients = [each["id"] for each in held if each["resourceType"] == "Patient"]
        if patients:
            found.append(Member(patients[0], held))
    return found


def test_every_third_party_chart_is_judged_as_by_a_hook_call(tmp_path: Path) -> None:
    members = _members()
    found, summary = judged(write_export(tmp_path / "export", members), tmp_path / "out", DAY)
    assert summary["members"] >= len(members) > 70
    lines = [json.dumps(each).encode() for member in members for each in member.resources]
    screen = ObservationScreen(())
    assert sum(is_observation(line) and screen.passed_over(line) is not None for line in lines) > 1_000
    for member in members:
        expected = answered(hook_call(member, [synthetic(member.id, DAY)]), DAY)
        assert found[member.id] == expected, member.id


def _exported(server: FhirServer, folder: Path) -> Path:
    """What a bulk client does: kick off, wait, download, keep the manifest."""
    types = ",".join((*RETRIEVED_TYPES, "Patient", "DeviceRequest", "ServiceRequest", "CareTeam"))
    kicked = _asked(server, f"Patient/$export?_type={types}")
    assert kicked.status_code == 202
    for _ in range(600):
        status = server.get(kicked.headers["Content-Location"])
        if status.status_code == 200:
            break
        time.sleep(0.1)
    manifest = status.json()
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for number, output in enumerate(manifest["output"]):
        (folder / f"{output['type']}.{number:03}.ndjson").write_bytes(server.get(output["url"]).content)
    return folder


def _asked(server: FhirServer, where: str) -> Any:
    import requests

    headers = {"Prefer": "respond-async", "Accept": "application/fhir+json"}
    return requests.get(f"{server.base_url}/{where}", headers=headers, timeout=60)


def test_an_export_of_a_server_is_judged_as_by_hook_calls(fhir_server: FhirServer, tmp_path: Path) -> None:
    folder = _exported(fhir_server, tmp_path / "export")
    found, summary = judged(folder, tmp_path / "out", DAY)
    charts: defaultdict[str, list[Any]] = defaultdict(list)
    shared = []
    for path in sorted(folder.glob("*.ndjson")):
        for resource in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            whose = owner(resource)
            if whose is not None and whose.startswith("Patient/"):
                charts[whose.removeprefix("Patient/")].append(resource)
            elif whose is None and resource["resourceType"] in SHARED:
                shared.append(resource)
    assert summary["members"] == len(charts) > 60
    for member, resources in charts.items():
        expected = answered(hook_call(Member(member, [*resources, *shared]), [synthetic(member, DAY)]), DAY)
        assert found[member] == expected, member
    assert {name: of_type["retrieved"] for name, of_type in summary["types"].items()}["Condition"] == "yes"
