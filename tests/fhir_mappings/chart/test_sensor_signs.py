"""Device, DeviceUseStatement and orders → signs that a continuous glucose sensor is worn."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from fhir_mappings.chart.sensor_signs import read_sensor_signs
from tests.fhir_mappings.builders import JSON, chart_context, located
from tests.support import HCPCS, PATIENT, concept

DEXCOM = {"deviceName": [{"name": "Dexcom G7"}]}
ORDER = {"status": "active", "intent": "order", "subject": PATIENT, "authoredOn": "2026-06-01"}


def signs(*resources: JSON) -> list[str]:
    """What the signs are called."""
    kinds: defaultdict[str, list[Any]] = defaultdict(list)
    for found in located(*resources):
        kinds[type(found[0]).__name__].append(found)
    return [sign.label for sign in read_sensor_signs(kinds, chart_context(*resources))]


def device(**members: Any) -> JSON:
    """A Device of the patient."""
    return {"resourceType": "Device", "id": "d1", "status": "active", "patient": PATIENT, **members}


def drug(text: str, **members: Any) -> JSON:
    """A prescription by its text."""
    return {
        "resourceType": "MedicationRequest",
        "id": "m1",
        **ORDER,
        "medicationCodeableConcept": {"text": text},
        **members,
    }


SIGNS = {
    "a device by name": device(**DEXCOM),
    "a device by code": device(type=concept(HCPCS, "E2103")),
    "a device without status": device(**DEXCOM) | {"status": None},
    "a device by maker": device(manufacturer="Senseonics"),
    "a use": {"resourceType": "DeviceUseStatement", "id": "u", "status": "active", "subject": PATIENT,
              "device": {"display": "FreeStyle Libre 3"}},
    "an order by code": {"resourceType": "DeviceRequest", "id": "r", **ORDER,
                         "codeCodeableConcept": concept(HCPCS, "A4239")},
    "an order by name": {"resourceType": "DeviceRequest", "id": "r", **ORDER,
                         "codeCodeableConcept": {"text": "Continuous glucose monitor receiver"}},
    "a service": {"resourceType": "ServiceRequest", "id": "r", **ORDER, "code": concept(HCPCS, "E2102")},
    "a supply": {"resourceType": "SupplyRequest", "id": "r", "status": "active",
                 "itemCodeableConcept": concept(HCPCS, "A4238")},
    "a prescription": drug("DEXCOM G7 SENSOR misc"),
    "a statement": {"resourceType": "MedicationStatement", "id": "s", "status": "active", "subject": PATIENT,
                    "medicationCodeableConcept": {"text": "FreeStyle Libre 2 Sensor kit"}},
}  # fmt: skip


@pytest.mark.parametrize("one", SIGNS.values(), ids=SIGNS.keys())
def test_a_sign_of_a_sensor(one: JSON) -> None:
    assert len(signs(one)) == 1


NO_SIGNS = {
    "a device that is gone": device(**DEXCOM, status="inactive"),
    "a device of nobody": {k: v for k, v in device(**DEXCOM).items() if k != "patient"},
    "a device of another patient": device(**DEXCOM, patient={"reference": "Patient/p2"}),
    "a meter": device(deviceName=[{"name": "FreeStyle Lite"}]),
    "a meter by code": device(type=concept(HCPCS, "E0607")),
    "a pump": device(type=concept(HCPCS, "E0784")),
    "a stopped prescription": drug("DEXCOM G7 SENSOR misc", status="stopped"),
    "a proposed one": drug("DEXCOM G7 SENSOR misc", intent="proposal"),
    "one that is not to be filled": drug("DEXCOM G7 SENSOR misc", doNotPerform=True),
    "one of another patient": drug("DEXCOM G7 SENSOR misc", subject={"reference": "Patient/p2"}),
    "test strips": drug("FreeStyle Precision test strips"),
    "lancing cartridges of a meter": {"resourceType": "DeviceRequest", "id": "r", **ORDER,
                                      "codeCodeableConcept": concept(HCPCS, "A4271")},
    "a class": {"resourceType": "ServiceRequest", "id": "r", **ORDER, "code": {"text": "CGM education class"}},
}  # fmt: skip


@pytest.mark.parametrize("one", NO_SIGNS.values(), ids=NO_SIGNS.keys())
def test_what_is_no_sign_of_a_sensor(one: JSON) -> None:
    assert signs(one) == []


@pytest.mark.parametrize("members", [{"status": "stopped"}, {"subject": {"reference": "Patient/p2"}}])
def test_a_statement_that_is_over_or_anothers_is_no_sign(members: JSON) -> None:
    sensor = {"medicationCodeableConcept": {"text": "FreeStyle Libre 2 Sensor kit"}}
    made = {"resourceType": "MedicationStatement", "id": "s", "status": "active", "subject": PATIENT, **sensor}
    assert signs(made)
    assert signs(made | members) == []
