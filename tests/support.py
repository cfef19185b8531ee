"""Small builders of FHIR JSON for tests: a base call in which everything is met, and pieces to change it with."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from cds_service.hooks.discovery import ORDER_SIGN
from cds_service.hooks.messages import as_json
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.settings import Settings

JSON = dict[str, Any]
T = TypeVar("T")
SHARED = Path(__file__).parents[2] / "shared"
PATIENT = {"reference": "Patient/p1"}
DAY = date(2026, 11, 20)
SETTINGS = Settings(public_url="https://cds.example.invalid")
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"


def concept(system: str, code: str) -> JSON:
    """A CodeableConcept with one coding."""
    return {"coding": [{"system": system, "code": code}]}


def observation(name: str, code: str, value: float, unit: str, when: str) -> JSON:
    """A final Observation."""
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": concept(LOINC, code),
        "subject": PATIENT,
        "effectiveDateTime": when,
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }


def condition(name: str, code: str, system: str = ICD) -> JSON:
    """An active, confirmed Condition."""
    return {
        "resourceType": "Condition",
        "id": name,
        "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
        "code": concept(system, code),
        "subject": PATIENT,
        "recordedDate": "2020-01-01",
    }


def insulin(name: str, code: str, a_day: int, since: str) -> JSON:
    """An active insulin order."""
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept(RXNORM, code),
        "subject": PATIENT,
        "authoredOn": since,
        "dosageInstruction": [
            {
                "text": "carb ratio 1:10" if a_day > 1 else "at bedtime",
                "timing": {"repeat": {"frequency": a_day, "period": 1, "periodUnit": "d"}},
            }
        ],
    }


def education(name: str, when: str) -> JSON:
    """A completed education session."""
    return {
        "resourceType": "Procedure",
        "id": name,
        "status": "completed",
        "code": concept(HCPCS, "G0108"),
        "subject": PATIENT,
        "performedDateTime": when,
    }


def bundle(*resources: JSON) -> JSON:
    """A searchset."""
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]}


def order(name: str = "pump-1", code: str = "E0784", **members: Any) -> JSON:
    """A DeviceRequest for a pump."""
    return {
        "resourceType": "DeviceRequest",
        "id": name,
        "status": "draft",
        "intent": "order",
        "codeCodeableConcept": concept(HCPCS, code),
        "subject": PATIENT,
        "authoredOn": DAY.isoformat(),
        "requester": {"reference": "Practitioner/d1"},
        **members,
    }


def attestation(name: str = "qr-1", authored: str = "2026-11-18", **answers: JSON) -> JSON:
    """A completed response to the service's questionnaire; keys use _ for the dots of linkIds."""
    items = [{"linkId": link.replace("_", "."), "answer": [value]} for link, value in answers.items()]
    return {
        "resourceType": "QuestionnaireResponse",
        "id": name,
        "questionnaire": "https://cds.example.invalid/fhir/Questionnaire/mp-mm-1316|1.0.0",
        "status": "completed",
        "subject": PATIENT,
        "authored": authored,
        "item": items,
    }


YES = {"valueBoolean": True}
NO = {"valueBoolean": False}


def readings(count: int = 120) -> list[JSON]:
    """Finger-sticks, four a day, on the days before DAY."""
    hours = ("07:00", "12:00", "18:00", "22:00")
    found = []
    for n in range(count):
        day = date.fromordinal(DAY.toordinal() - 1 - n // 4)
        stamp = f"{day.isoformat()}T{hours[n % 4]}:00-05:00"
        found.append(observation(f"g{n}", "41653-7", 120 + n % 60, "mg/dL", stamp))
    return found


def call(*orders: JSON, **prefetch: Any) -> JSON:
    """A hook call in which everything is met and charted; keyword arguments replace prefetch keys."""
    base: JSON = {
        "patient": {"resourceType": "Patient", "id": "p1", "address": [{"use": "home", "state": "OH"}]},
        "coverage": bundle(
            {
                "resourceType": "Coverage",
                "id": "v1",
                "status": "active",
                "beneficiary": PATIENT,
                "payor": [{"display": "CareSource"}],
                "class": [{"type": {"text": "plan"}, "value": "77552OH0010222-01"}],
            }
        ),
        "conditions": bundle(condition("c1", "E10.65")),
        "hba1c": bundle(observation("a1", "4548-4", 8.1, "%", "2026-10-01")),
        "glucose": bundle(*readings()),
        "albuminCreatinine": bundle(
            observation("u1", "9318-7", 45, "mg/g", "2026-03-01"), observation("u2", "9318-7", 60, "mg/g", "2026-08-01")
        ),
        "egfr": None,
        "insulin": bundle(insulin("m1", "86009", 3, "2026-01-05"), insulin("m2", "274783", 1, "2026-01-05")),
        "education": bundle(education("e1", "2026-06-01")),
        "devices": None,
        "encounters": None,
        "attestations": bundle(attestation(D_I_C=YES, D_I_E=YES)),
        "requester": {
            "resourceType": "Practitioner",
            "id": "d1",
            "qualification": [{"code": concept("http://terminology.hl7.org/CodeSystem/v2-0360", "MD")}],
        },
    }
    entries = [{"fullUrl": f"urn:uuid:{o['id']}", "resource": o} for o in (orders or (order(),))]
    return copy.deepcopy(
        {
            "hook": "order-sign",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {
                "userId": "Practitioner/d1",
                "patientId": "p1",
                "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": entries},
            },
            "prefetch": base | prefetch,
        }
    )


NOON = datetime.combine(DAY, time(12), ZoneInfo("America/New_York")).astimezone(UTC)


def judged(request: JSON | bytes, settings: Settings = SETTINGS) -> list[JSON]:
    """The determinations of a call, at noon of DAY."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    response = answer(body, ORDER_SIGN, settings, NOON, None)
    return json.loads(as_json(response["extension"][EXTENSION]))


def today() -> date:
    """The present day in UTC, which no member's zone in the policy's states is ahead of.

    Asked when tests are collected, only for days that lie weeks from every limit: a run may go on past midnight.
    """
    return datetime.now(UTC).date()


def awaited(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns, run in another thread: an open browser keeps a loop in the thread of the tests."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()
