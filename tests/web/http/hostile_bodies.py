"""Bodies of nearly 10 MB that were made to cost more than their size: for each kind of list, and each class of field.

In what is repeated `#` is a number of its own, `"@N"` that number as JSON's, `@D` a day of its own, `@T` a minute.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests import support
from tests.support import JSON

SIZE = 9_500_000
SIGN = "/cds-services/insulin-pump-order-sign"
Make = Callable[[], bytes]
_MARK = b'"@@"'
_LAST = datetime(2026, 11, 19, tzinfo=UTC)


def as_json(value: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def numbered(text: str, number: int) -> str:
    """One of what is repeated."""
    if "@D" in text:
        text = text.replace("@D", (_LAST - timedelta(days=number % 40_000)).date().isoformat())
    if "@T" in text:
        text = text.replace("@T", (_LAST - timedelta(minutes=37 * number)).isoformat())
    return text.replace("#", f"{number:07d}").replace('"@N"', str(number + 1))


def times(value: Any, size: int = SIZE) -> bytes:
    """A JSON list of so many bytes, of one value again and again."""
    text = as_json(value).decode()
    count = size // (len(numbered(text, 0)) + 1)
    return f"[{','.join(numbered(text, number) for number in range(count))}]".encode()


def put(call: JSON, raw: bytes) -> bytes:
    """A call with raw JSON at the place that was marked with `@@`."""
    body = as_json(call)
    assert body.count(_MARK) == 1
    return body.replace(_MARK, raw)


def searchset(entries: bytes) -> bytes:
    """A call in which everything is met, with these entries under one more key of its prefetch."""
    return put(support.call(more={"resourceType": "Bundle", "type": "searchset", "entry": "@@"}), entries)


def resources(kind: str, size: int = SIZE, **members: Any) -> bytes:
    """Resources of one kind."""
    return searchset(times({"resource": {"resourceType": kind, "id": "#", **members}}, size))


def bound_to(other: JSON, kind: str, **members: Any) -> bytes:
    """Resources of one kind, and another one to which all of them are bound."""
    many = times({"resource": {"resourceType": kind, "id": "#", **members}})
    return searchset(many[:-1] + b"," + as_json({"resource": other}) + b"]")


def one_resource(kind: str, path: str, value: Any, size: int = SIZE, **members: Any) -> bytes:
    """One resource that holds one list of so many bytes. `path`: of the list in it."""
    found: Any = "@@"
    for name in reversed(path.split(".")):
        found = [found] if name == "0" else {name: found}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": kind, "id": "r1", **members, **found}}]}
    return put(support.call(more=bundle), times(value, size))


def orders(count: int, **members: Any) -> bytes:
    """A call of many orders."""
    return as_json(support.call(*(support.order(f"o{number}", **members) for number in range(count))))


def anywhere(raw: bytes) -> bytes:
    """A call with raw JSON under a key that nobody knows."""
    return put(support.call() | {"zork": "@@"}, raw)


def beside_the_order(value: JSON) -> bytes:
    """A call with resources in the Bundle of its order."""
    call = support.call()
    call["context"]["draftOrders"]["entry"].append("@@")
    return put(call, times(value)[1:-1])


def _code(code: str, system: str | None = None) -> JSON:
    return {"coding": [{"code": code} if system is None else {"system": system, "code": code}]}


def _results(code: str, when: str, value: float, unit: str, **members: Any) -> bytes:
    quantity = {"value": value, "unit": unit}
    coded: JSON = {
        "status": "final",
        "code": _code(code, "LOINC"),
        "effectiveDateTime": when,
        "valueQuantity": quantity,
    }
    return resources("Observation", **coded, **members)


def _statements(answers: int) -> bytes:
    item = [{"linkId": "D.I.C", "answer": [{"valueBoolean": True}] * answers}]
    signed: JSON = {"status": "completed", "authored": "2026-11-18", "questionnaire": "mp-mm-1316", "item": item}
    return resources("QuestionnaireResponse", **signed)


def _insurances(payers: list[JSON], size: int = SIZE, **members: Any) -> bytes:
    return resources("Coverage", size, status="active", beneficiary=support.PATIENT, payor=payers, **members)


_DIABETES, _DKA, _CLASS = _code("E10.9"), _code("E10.10"), _code("G0108")
_DRUG, _PUMP = {"text": "insulin #"}, {"text": "insulin pump"}
_RAPID: JSON = {
    "status": "active",
    "intent": "order",
    "authoredOn": "@D",
    "medicationCodeableConcept": _code("86009", "RxNorm"),
}
_STAY: JSON = {"status": "finished", "class": {"code": "IMP"}, "period": {"start": "@D", "end": "@D"}}
_METER: JSON = {
    "device": {"reference": "#d"},
    "contained": [{"resourceType": "Device", "id": "d", "deviceName": [{"name": "m #"}]}],
}
_ORGANIZATIONS = [{"resourceType": "Organization", "id": f"c{number}"} for number in range(5_400)]

# What is answered. Of each the cost goes by its size.
ANSWERED: dict[str, Make] = {
    # Lists of resources.
    "conditions of 90 bytes": lambda: resources("Condition", code=_DIABETES),
    "conditions without an id": lambda: searchset(
        times({"resource": {"resourceType": "Condition", "code": _DIABETES}})
    ),
    "conditions by their addresses": lambda: searchset(
        times({"fullUrl": "u#", "resource": {"resourceType": "Condition", "code": {"text": "diabetes"}}})
    ),
    "conditions of another patient each": lambda: resources("Condition", subject={"reference": "Patient/x#"}),
    "conditions with dates that are none": lambda: resources("Condition", code=_DKA, recordedDate="x#"),
    "conditions of distinct code systems": lambda: resources(
        "Condition", code={"coding": [{"system": "http://s/#", "code": "c#"}]}
    ),
    "versions of one long condition": lambda: bound_to(
        {
            "resourceType": "Condition",
            "id": "c1",
            "code": {"coding": [{"code": f"long code {n}"} for n in range(1_000)]},
        },
        "Condition",
        id="c1",
        code={"text": "#"},
    ),
    "conditions of one visit": lambda: bound_to(
        {"resourceType": "Encounter", "id": "e"}, "Condition", code=_DKA, encounter={"reference": "Encounter/e"}
    ),
    "visits for one condition": lambda: bound_to(
        {"resourceType": "Condition", "id": "d", "code": _DKA},
        "Encounter",
        diagnosis=[{"condition": {"reference": "Condition/d"}}],
    ),
    "visits for ketoacidosis": lambda: resources("Encounter", reasonCode=[_DKA]),
    "stays that follow each other": lambda: resources("Encounter", reasonCode=[_DKA], **_STAY),
    "classes without a date": lambda: resources("Procedure", status="completed", code=_CLASS),
    "charges": lambda: resources("ChargeItem", status="billed", code=_CLASS),
    "results of one day": lambda: _results("4548-4", "2026-11-01", 8.1, "%"),
    "results of every day": lambda: _results("9318-7", "@D", 45, "mg/g"),
    "finger-sticks": lambda: _results("41653-7", "@T", 50, "mg/dL"),
    "sensor readings": lambda: _results("99504-3", "@T", 50, "mg/dL"),
    "readings with a meter of their own": lambda: _results("2339-0", "2026-11-01", 80, "mg/dL", **_METER),
    "regimens of every day": lambda: resources(
        "MedicationRequest", dosageInstruction=[{"timing": {"repeat": {"frequency": "@N", "period": 1}}}], **_RAPID
    ),
    "drugs said to be taken": lambda: resources("MedicationStatement", medicationCodeableConcept=_DRUG),
    "drugs handed over": lambda: resources("MedicationDispense", medicationCodeableConcept=_DRUG),
    "drugs that nobody orders": lambda: resources("Medication", code=_DRUG),
    "devices": lambda: resources("Device", type=_PUMP, patient=support.PATIENT),
    "devices in use": lambda: resources("DeviceUseStatement", device={"reference": "Device/#"}),
    "patients of one id": lambda: searchset(
        times({"resource": {"resourceType": "Patient", "id": "p1", "address": [{"state": "s#"}]}})
    ),
    "practitioners": lambda: resources("Practitioner", qualification=[{}]),
    "roles of one practitioner": lambda: resources("PractitionerRole", practitioner={"reference": "Practitioner/d1"}),
    "organizations": lambda: resources("Organization", name="CareSource"),
    "care teams": lambda: resources(
        "CareTeam", status="active", participant=[{"member": {"display": "endocrinology #"}}]
    ),
    "statements": lambda: _statements(1),
    "orders of services": lambda: resources("ServiceRequest", status="active", code=_code("c#")),
    "orders of devices": lambda: resources("DeviceRequest", status="active"),
    "orders of supplies": lambda: resources("SupplyRequest", status="active"),
    "messages of a server": lambda: searchset(
        times({"resource": {"resourceType": "OperationOutcome", "issue": [{"code": "not-found"}]}})
    ),
    "resources that no rule reads": lambda: resources("Immunization", status="completed"),
    "resources that are malformed": lambda: resources("Condition", code=1),
    "entries that are no resource": lambda: searchset(times({"resource": "xxxxxxxxxxxx"})),
    # Lists and texts within fewer resources.
    "insurances whose payers are contained": lambda: _insurances([{"reference": "#c1"}] * 99, contained=_ORGANIZATIONS),
    "insurances of payers with long names": lambda: _insurances(
        [{"display": "CareSource of a b c # " * 80}] * 95, SIZE // 3
    ),
    "statements of 9,000 answers": lambda: _statements(9_000),
    "categories that no rule reads": lambda: one_resource("Condition", "category", {"text": "c#"}),
    "many orders with long notes": lambda: orders(480, note=[{"text": "E0784 RA modifiers : AB " * 800}]),
    "resources beside the order": lambda: beside_the_order(
        {"resource": {"resourceType": "Device", "id": "#", "note": "x" * 19_500}}
    ),
    # Texts, wherever they stand.
    "one text": lambda: anywhere(b'"' + b"x" * SIZE + b'"'),
    "a text of escaped letters": lambda: anywhere(b'"' + b"\\u00e9" * (SIZE // 6) + b'"'),
    "a text of escaped backslashes": lambda: anywhere(b'"' + b"\\\\" * (SIZE // 2) + b'"'),
    "a text of escaped quotes": lambda: anywhere(b'"' + b'\\"' * (SIZE // 2) + b'"'),
    "a text of brackets": lambda: anywhere(b'"' + b"[{" * (SIZE // 2) + b'"'),
    "a list of texts": lambda: anywhere(times("#  ")),
}
