"""Bodies of nearly 10 MB that a limit refuses: what each is sent to, how it is made, and what the answer names."""

from __future__ import annotations

from functools import partial
from typing import Any

from cds_service.settings import Settings
from fhir_mappings.common.datatypes import MOST_ENTRIES, MOST_PAYERS
from fhir_mappings.json.json_shape import MOST_COVERAGES, MOST_ELEMENT_BYTES
from fhir_mappings.json.object_members import MOST_KEYS
from tests import support
from tests.web.http.hostile_bodies import (
    SIGN,
    SIZE,
    Make,
    anywhere,
    as_json,
    one_resource,
    orders,
    put,
    resources,
    searchset,
    times,
)

FEEDBACK = f"{SIGN}/feedback"
PACKAGE = "/fhir/Questionnaire/$questionnaire-package"
_ONE_ORDER = f"context.draftOrders.entry[0].resource has more than {Settings().max_order_bytes} bytes"
_ENTRIES, _ELEMENT, _KEYS = (
    f"has more than {MOST_ENTRIES} entries",
    f"has more than {MOST_ELEMENT_BYTES} bytes",
    f"has more than {MOST_KEYS} keys",
)


def _order_with(field: str, value: Any) -> bytes:
    return put(support.call(support.order(**{field: "@@"})), times(value))


def _keys_in(*path: str, value: str = "1") -> bytes:
    """A call with very many keys in one of its objects."""
    call = place = support.call()
    for name in path:
        place = place.setdefault(name, {})
    place["zork"] = "@@"
    keys = ",".join(f'"k{number:07d}":{value}' for number in range(SIZE // (12 + len(value))))
    return put(call, f"{value},{keys}".encode())


def _package(value: Any) -> bytes:
    return as_json({"resourceType": "Parameters", "parameter": "@@"}).replace(b'"@@"', times(value))


def _feedback(raw: bytes) -> bytes:
    return b'{"feedback":[{"card":"a","outcome":"accepted",' + raw + b"}]}"


# One list for each class of what a list holds.
_LISTS: dict[str, tuple[str, str, Any]] = {
    "codings": ("Condition", "code.coding", {"system": "http://s/#", "code": "E10.9"}),
    "concepts": ("Encounter", "reasonCode", {"text": "hypoglycemia #"}),
    "references": ("Encounter", "reasonReference", {"reference": "Condition/#"}),
    "diagnoses of a visit": ("Encounter", "diagnosis", {"condition": {"reference": "Condition/#"}}),
    "directions": ("MedicationRequest", "dosageInstruction", {"text": "# units before meals"}),
    "notes": ("MedicationRequest", "note", {"text": "# units"}),
    "days of a week": ("MedicationRequest", "dosageInstruction.0.timing.repeat.dayOfWeek", "mon #"),
    "ingredients": ("Medication", "ingredient", {"itemCodeableConcept": {"text": "insulin #"}}),
    "names of a device": ("Device", "deviceName", {"name": "insulin pump #"}),
    "addresses": ("Patient", "address", {"state": "OH", "postalCode": "#"}),
    "participants": ("CareTeam", "participant", {"member": {"display": "endocrinology #"}}),
    "qualifications": ("Practitioner", "qualification", {"code": {"text": "doctor #"}}),
    "identifiers": ("Organization", "identifier", {"system": "http://s", "value": "#"}),
    "aliases": ("Organization", "alias", "alias #"),
    "issues": ("OperationOutcome", "issue", {"severity": "warning", "diagnostics": "#"}),
    "links": ("Bundle", "link", {"relation": "self", "url": "u#"}),
}
_ELEMENTS: dict[str, tuple[str, str, Any, dict[str, Any]]] = {
    "answers": (
        "QuestionnaireResponse",
        "item",
        {"linkId": "#", "answer": [{"valueInteger": 1}]},
        {"status": "completed", "authored": "2026-11-18", "questionnaire": "mp-mm-1316"},
    ),
    "contained drugs": (
        "MedicationRequest",
        "contained",
        {"resourceType": "Medication", "id": "c#"},
        {"medicationReference": {"reference": "#c1"}},
    ),
    "member numbers": ("Coverage", "identifier", {"value": "number #"}, {"status": "active"}),
}

REFUSED: dict[str, tuple[str, Make, str]] = {
    **{
        f"a list of {name}": (SIGN, partial(one_resource, *given), f"{given[1].split('.')[-1]} {_ENTRIES}")
        for name, given in _LISTS.items()
    },
    **{
        f"an element of {name}": (SIGN, partial(one_resource, *given[:3], **given[3]), _ELEMENT)
        for name, given in _ELEMENTS.items()
    },
    "a list of payers": (
        SIGN,
        lambda: one_resource("Coverage", "payor", {"display": "CareSource #"}),
        f"payor has more than {MOST_PAYERS} entries",
    ),
    "a list of plans": (
        SIGN,
        lambda: one_resource("Coverage", "class", {"value": "77552OH#"}),
        f"class has more than {MOST_PAYERS} entries",
    ),
    "insurances": (
        SIGN,
        lambda: resources("Coverage", status="active", payor=[{"display": "CareSource Marketplace #"}]),
        f"more than {MOST_COVERAGES} Coverages",
    ),
    "an order with extensions": (SIGN, lambda: _order_with("extension", {"url": "http://x.invalid/"}), _ONE_ORDER),
    "an order with contained devices": (
        SIGN,
        lambda: _order_with("contained", {"resourceType": "Device", "id": "d#"}),
        _ONE_ORDER,
    ),
    "an order with many reasons": (
        SIGN,
        lambda: _order_with("reasonCode", {"text": "reason #"}),
        f"resource.reasonCode {_ENTRIES}",
    ),
    "too many orders": (SIGN, lambda: orders(501, note=[{"text": "x" * 18_000}]), "more than 500 orders"),
    "keys of the body": (SIGN, lambda: _keys_in(), _KEYS),
    "keys of the context": (SIGN, lambda: _keys_in("context"), f"context {_KEYS}"),
    "keys of the orders' Bundle": (SIGN, lambda: _keys_in("context", "draftOrders"), f"context.draftOrders {_KEYS}"),
    "keys of a prefetch": (SIGN, lambda: _keys_in("prefetch"), f"prefetch {_KEYS}"),
    "keys of a prefetch with nulls": (SIGN, lambda: _keys_in("prefetch", value="null"), f"prefetch {_KEYS}"),
    "keys of the extension": (SIGN, lambda: _keys_in("extension"), f"extension {_KEYS}"),
    "switches of a client": (SIGN, lambda: _keys_in("extension", "davinci-crd.configuration"), _ELEMENT),
    "entries of ones": (SIGN, lambda: searchset(times(1)), "values in its"),
    "entries of nulls": (SIGN, lambda: searchset(times(None)), "values in its"),
    "empty entries": (SIGN, lambda: searchset(times({"resource": {}})), "values in its"),
    "pairs of quotes": (SIGN, lambda: anywhere(b'["{",' + b",".join([b'""'] * (SIZE // 3)) + b"]"), "values in its"),
    "brackets just below the depth": (
        SIGN,
        lambda: anywhere(b"[" + b",".join([b"[" * 190 + b"]" * 190] * (SIZE // 381)) + b"]"),
        "values in its",
    ),
    "a package of many assertions": (
        PACKAGE,
        lambda: _package({"name": "context", "valueString": "#"}),
        "more than 200 contexts, or orders under coverages",
    ),
    "a package of many orders and coverages": (
        PACKAGE,
        lambda: as_json(
            {
                "resourceType": "Parameters",
                "parameter": [
                    {"name": kind, "resource": {"resourceType": kind, "id": f"{number}"}}
                    for number in range(60_000)
                    for kind in ("order", "coverage")
                ],
            }
        ),
        "more than 200 contexts, or orders under coverages",
    ),
    "feedback of many entries": (
        FEEDBACK,
        lambda: b'{"feedback":' + times({"card": "#", "outcome": "accepted"}) + b"}",
        "feedback has more than 200 entries",
    ),
    "feedback on many suggestions": (
        FEEDBACK,
        lambda: _feedback(b'"acceptedSuggestions":' + times({"id": "suggestion #"})),
        _ELEMENT,
    ),
}
