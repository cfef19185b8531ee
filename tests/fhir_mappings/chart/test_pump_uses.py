"""Since when a pump was used, by whatever shows it; read only where a policy asks for results of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.facts import Chart, Record
from cds_service.facts.known_results import C_PEPTIDE
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.json.fhir_json import read
from tests.fhir_mappings.builders import JSON, SERVER
from tests.support import HCPCS, ICD, PATIENT, RXNORM, concept, condition

PUMP = {"resourceType": "Device", "id": "d1", "deviceName": [{"name": "t:slim X2"}], "patient": PATIENT}


def chart(*resources: JSON, asked: bool = True) -> Chart:
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in resources]}
    found = read(json.dumps(bundle).encode())
    kinds = (C_PEPTIDE,) if asked else ()
    return ChartReader({}, [], "p1", SERVER, "America/New_York", [found], kinds=kinds).chart()


def uses(*resources: JSON) -> tuple[Record, ...]:
    return chart(*resources).pump_uses


def statement(status: str = "active", **timing: Any) -> JSON:
    own = {"subject": PATIENT, "device": {"reference": "Device/d1"}, "status": status}
    return {"resourceType": "DeviceUseStatement", "id": "u1", **own, **timing}


@pytest.mark.parametrize(("status", "expected"), [("active", 1), ("completed", 1), ("stopped", 1), ("intended", 0)])
def test_a_statement_of_use_counts_after_its_end_too(status: str, expected: int) -> None:
    found = uses(PUMP, statement(status, timingPeriod={"start": "2021-05-01", "end": "2025-04-30"}))
    assert len(found) == expected
    for use in found:
        assert use.when is not None
        assert (str(use.when.first), str(use.until)) == ("2021-05-01", "2025-04-30")


def test_another_patients_statement_counts_for_nothing() -> None:
    assert uses(PUMP, statement(subject={"reference": "Patient/p2"})) == ()


def test_presence_of_a_pump_counts_from_its_onset() -> None:
    worn = condition("z", "Z96.41") | {"onsetDateTime": "2019-02-01", "recordedDate": "2024-01-01"}
    (use,) = uses(worn)
    assert str(use.when) == "2019-02-01"


def test_supplies_and_insulin_for_a_pump_imply_a_use() -> None:
    supplies = {
        "resourceType": "DeviceRequest",
        "id": "s1",
        "status": "completed",
        "intent": "order",
        "codeCodeableConcept": concept(HCPCS, "A4224"),
        "subject": PATIENT,
        "authoredOn": "2022-03-01",
    }
    insulin = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept(RXNORM, "285018"),
        "subject": PATIENT,
        "authoredOn": "2022-04-01",
        "dosageInstruction": [{"text": "Use up to 60 units daily via insulin pump"}],
    }
    found = {use.reference: use for use in uses(supplies, insulin)}
    assert str(found["DeviceRequest/s1"].when) == "2022-03-01"
    assert all(not use.concepts and use.supported for use in found.values())
    assert uses(supplies | {"status": "draft"}) == ()


def test_without_a_policy_that_asks_nothing_is_read() -> None:
    held = chart(PUMP, statement(), condition("z", "Z96.41", ICD), asked=False)
    assert held.pump_uses == ()
    assert held.practitioner_visits == ()
    assert held.results == {}
