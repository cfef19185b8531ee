"""Device and DeviceUseStatement → pumps in use, and how surely they are pumps."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cds_service.facts import Record
from fhir_mappings.chart.devices import read_devices
from tests.fhir_mappings.builders import JSON, SNOMED, chart_context, located
from tests.support import HCPCS, PATIENT, concept


def device(**members: Any) -> JSON:
    """A Device of the patient."""
    return {"resourceType": "Device", "id": "d1", "status": "active", "patient": PATIENT, **members}


def pumps(*devices: JSON, statements: tuple[JSON, ...] = ()) -> list[Record]:
    """The pumps that some resources are."""
    context = chart_context(*devices, *statements)
    return read_devices(located(*devices), located(*statements), context)


def strength(found: list[Record]) -> str:
    """How surely the one record is a pump."""
    (record,) = found
    sets = {"concepts": record.concepts, "supported": record.supported, "review": record.review}
    return next(name for name, concepts in sets.items() if concepts)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"type": concept(HCPCS, "E0784")}, "concepts"),
        ({"type": {"text": "Tandem t:slim X2 insulin pump"}}, "concepts"),
        ({"type": {"text": "Device"}, "deviceName": [{"name": "Omnipod 5 Pod"}]}, "concepts"),
        ({"deviceName": [{"name": "MiniMed 780G"}]}, "concepts"),
        ({"type": {"text": "Insulin pump"}}, "review"),
        ({"type": concept(SNOMED, "1") | {"text": "insulin infusion pump"}}, "review"),
    ],
)
def test_a_pump_by_code_by_product_and_by_words(members: JSON, expected: str) -> None:
    assert strength(pumps(device(**members))) == expected


@pytest.mark.parametrize(
    "members",
    [
        {"type": {"text": "Dexcom G7 sensor"}},
        {"type": {"text": "MiniMed Guardian sensor"}},
        {"type": {"text": "Breast pump"}},
        {"type": concept(HCPCS, "E0784"), "status": "inactive"},
        {"type": concept(HCPCS, "E0784"), "status": "entered-in-error"},
        {"type": concept(HCPCS, "E0784"), "patient": None},
        {"type": concept(HCPCS, "E0784"), "patient": {"reference": "Patient/p2"}},
    ],
)
def test_what_is_no_pump_in_use(members: JSON) -> None:
    assert pumps(device(**members)) == []


def test_use_that_is_over_says_until_when() -> None:
    pump = device(id="d1", patient=None, type=concept(HCPCS, "E0784"))
    use = {
        "resourceType": "DeviceUseStatement",
        "id": "u1",
        "status": "active",
        "subject": PATIENT,
        "device": {"reference": "Device/d1"},
        "timingPeriod": {"start": "2018-01-01", "end": "2021-06-07"},
    }
    (found,) = pumps(pump, statements=(use,))
    assert found.until == date(2021, 6, 7)
    (found,) = pumps(pump, statements=(use | {"timingPeriod": {"start": "2018-01-01"}},))
    assert found.until is None
    assert pumps(pump, statements=(use | {"status": "completed"},)) == []
