"""A CRD call in which everything is met, and readers of its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from cds_service.errors import BadRequest
from cds_service.hooks.discovery import SERVICES
from cds_service.hooks.messages import as_json
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.services.member_roster import Roster
from cds_service.settings import Settings
from fhir_mappings.output.coverage_information import URL
from tests.support import JSON, NOON, PATIENT, SETTINGS, bundle, call

SIGN, SELECT, DISPATCH = "crd-order-sign", "crd-order-select", "crd-order-dispatch"
PAYER = {"display": "CareSource", "identifier": {"system": "http://example.invalid/payers", "value": "31114"}}


def coverage(name: str = "v1", **members: Any) -> JSON:
    """A governed Coverage whose payer has an identifier."""
    return {
        "resourceType": "Coverage",
        "id": name,
        "status": "active",
        "beneficiary": PATIENT,
        "payor": [PAYER],
        "class": [{"type": {"text": "plan"}, "value": "77552OH0010222-01"}],
        **members,
    }


def crd_call(*orders: JSON, extension: Mapping[str, Any] | None = None, **prefetch: Any) -> JSON:
    """A call with the whole chart given; `prefetch` replaces keys, `extension` adds the call's own extensions."""
    request = call(*orders, **{"coverage": bundle(coverage()), **prefetch})
    return {**request, "extension": dict(extension)} if extension else request


def answered(
    request: JSON, service: str = SIGN, settings: Settings = SETTINGS, source: Any = None, roster: Roster | None = None
) -> JSON:
    """The answer as a client reads it, at noon of the support's DAY."""
    body = json.dumps({**request, "hook": SERVICES[service].hook}).encode()
    return json.loads(as_json(answer(body, SERVICES[service], settings, NOON, source, roster=roster)))


def refused(request: JSON, service: str = SIGN, **more: Any) -> BadRequest:
    """The error that a call is refused with."""
    with pytest.raises(BadRequest) as caught:
        answered(request, service, **more)
    return caught.value


def information(response: JSON, order: str = "DeviceRequest/pump-1") -> dict[str, list[Any]]:
    """Values of the coverage-information that an answer puts on an order, by the url of their part."""
    for action in response["systemActions"]:
        resource = action["resource"]
        if f"{resource['resourceType']}/{resource['id']}" == order:
            (extension,) = (e for e in resource["extension"] if e["url"] == URL)
            return _values(extension)
    return {}


def _values(extension: JSON) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for part in extension["extension"]:
        value = next(value for name, value in part.items() if name != "url")
        found.setdefault(part["url"], []).append(value)
    return found


def reasons(found: Mapping[str, list[Any]]) -> str:
    """All reasons in words."""
    return "\n".join(reason["text"] for reason in found.get("reason", ()))


def determination(response: JSON, order: str = "DeviceRequest/pump-1") -> JSON:
    """The determination of an order."""
    return next(d for d in response["extension"][EXTENSION] if d["order"] == order)
