"""Two request bodies to measure with: a typical chart and a sensor month."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

_SYSTEMS = {"loinc": "http://loinc.org", "ucum": "http://unitsofmeasure.org"}
_DAY = datetime(2026, 11, 25, tzinfo=UTC)
_FORMAT = "%Y-%m-%dT%H:%M:%S"


def _observation(name: str, code: str, value: float, unit: str, when: str) -> dict[str, Any]:
    """As a sensor's vendor sends a reading: nothing that it need not."""
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "category": [{"coding": [category]}],
        "code": {"coding": [{"system": _SYSTEMS["loinc"], "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": when,
        "valueQuantity": {"value": value, "unit": unit, "system": _SYSTEMS["ucum"], "code": unit},
    }


def _result(name: str, code: str, value: float, unit: str, when: str) -> dict[str, Any]:
    """As an EHR sends a result: with its profile, and with displays."""
    result = _observation(name, code, value, unit, when)
    result["meta"] = {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"]}
    result["code"]["coding"][0]["display"] = "a measured quantity"
    result["category"][0]["coding"][0]["display"] = "Laboratory"
    return result


def _bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    entries = [
        {"fullUrl": f"https://ehr.example.invalid/r4/{r['resourceType']}/{r['id']}", "resource": r} for r in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


def _request(glucose: list[dict[str, Any]]) -> bytes:
    order = {
        "resourceType": "DeviceRequest",
        "id": "pump-1",
        "status": "draft",
        "intent": "order",
        "codeCodeableConcept": {
            "coding": [{"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "E0784"}]
        },
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-11-25",
        "requester": {"reference": "Practitioner/d1"},
    }
    diagnosis = {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E10.65"}]},
        "subject": {"reference": "Patient/p1"},
        "recordedDate": "2019-03-02",
    }
    others = [
        dict(diagnosis, id=f"other-{n}", code={"coding": [{"system": "http://snomed.info/sct", "code": f"10000{n}0"}]})
        for n in range(12)
    ]
    insulin = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "86009"}]
        },
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-01-01",
        "dosageInstruction": [{"timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}}}],
    }
    hba1c = [_result(f"a{n}", "4548-4", 8.1, "%", f"2026-{n:02d}-01") for n in range(2, 11)]
    prefetch: dict[str, Any] = dict.fromkeys(
        ("albuminCreatinine", "egfr", "education", "devices", "encounters", "attestations")
    )
    prefetch |= {
        "patient": {"resourceType": "Patient", "id": "p1", "address": [{"state": "OH"}]},
        "coverage": _bundle(
            [
                {
                    "resourceType": "Coverage",
                    "id": "v1",
                    "status": "active",
                    "beneficiary": {"reference": "Patient/p1"},
                    "payor": [{"display": "CareSource"}],
                    "class": [{"value": "77552OH0010222"}],
                }
            ]
        ),
        "conditions": _bundle([diagnosis, *others]),
        "hba1c": _bundle(hba1c),
        "glucose": _bundle(glucose),
        "insulin": _bundle([insulin]),
        "requester": {"resourceType": "Practitioner", "id": "d1"},
    }
    body = {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/d1",
            "patientId": "p1",
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]},
        },
        "prefetch": prefetch,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def typical() -> bytes:
    """About 150 resources: 122 finger-sticks of a flowsheet, HbA1c, conditions, one insulin order."""
    flowsheet = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
    stamps = [_DAY - timedelta(hours=6 * n + 3) for n in range(122)]
    return _request(
        [
            _result(f"g{n}", "41653-7", 100 + n % 90, "mg/dL", f"{stamp.strftime(_FORMAT)}-05:00")
            | {"category": [{"coding": [flowsheet]}]}
            for n, stamp in enumerate(stamps)
        ]
    )


def sensor_month(readings: int = 8640) -> bytes:
    """A reading every five minutes for thirty days, in UTC as sensors send them."""
    stamps = [_DAY - timedelta(minutes=5 * n) for n in range(readings)]
    return _request(
        [
            _observation(f"s{n}", "99504-3", 90 + n % 160, "mg/dL", f"{stamp.strftime(_FORMAT)}Z")
            for n, stamp in enumerate(stamps)
        ]
    )
