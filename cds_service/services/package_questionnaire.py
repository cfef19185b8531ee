"""DTR's $questionnaire-package: the questionnaire for an order, only what its gaps need required."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from cds_service.errors import BadRequest, NotFound
from cds_service.hooks.determinations import assertion_id
from cds_service.policies.mp_mm_1316.questionnaire import closing
from fhir_mappings.chart.attestations import is_ours
from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.output.questionnaire_responses import draft_response
from fhir_mappings.output.questionnaires import package

JSON = dict[str, Any]
# The determination behind an assertion id, as its JSON; None when none is known.
Determined = Callable[[str], JSON | None]
_FIELD = "Parameters.parameter"


def questionnaire_package(body: bytes, public_url: str, determined: Determined, now: datetime | None = None) -> JSON:
    """The Parameters that answer a DTR client: by questionnaire, by order and coverage, or by context.

    `context` is a coverage-assertion-id. `now`: an aware time, None for the present. BadRequest when none of these is
    there, NotFound for another questionnaire.
    """
    parameters = list(_parameters(body))
    canonicals = [value for name, value in parameters if name == "questionnaire" and isinstance(value, str)]
    contexts = [value for name, value in parameters if name == "context" and isinstance(value, str)]
    orders = [value for name, value in parameters if name == "order" and isinstance(value, dict)]
    if not canonicals and not contexts and not orders:
        raise BadRequest(f"{_FIELD} needs a questionnaire, an order or a context", _FIELD, "required")
    foreign = [canonical for canonical in canonicals if not is_ours(canonical)]
    if foreign:
        raise NotFound("this questionnaire is not served here: /fhir/metadata names the one that is")
    ids = [*contexts, *_assertions(orders, parameters)]
    found = [each for each in map(determined, ids) if each is not None]
    if contexts and not found:
        raise NotFound("no assertion of this id is known: send the order with its coverage, or the questionnaire")
    required = closing(_open(found)) if found else None
    draft = _draft(orders, parameters, public_url, now or datetime.now(UTC))
    outcome = {"name": "PackageBundle", "resource": package(public_url, required, draft)}
    return {"resourceType": "Parameters", "parameter": [outcome]}


def _parameters(body: bytes) -> Iterator[tuple[str, Any]]:
    try:
        found = msgspec.json.decode(body)
    except DecodeError:
        raise BadRequest("the body is no JSON: send a FHIR Parameters resource", code="structure") from None
    if not isinstance(found, dict) or found.get("resourceType") != "Parameters":
        raise BadRequest("the body must be a FHIR Parameters resource", "Parameters", "structure")
    listed = found.get("parameter", [])
    if not isinstance(listed, list):
        raise BadRequest(f"{_FIELD} must be a list", _FIELD)
    for each in listed:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            value = next((v for k, v in each.items() if k == "resource" or k.startswith("value")), None)
            yield each["name"], value


def _draft(orders: list[JSON], parameters: list[tuple[str, Any]], public_url: str, now: datetime) -> JSON | None:
    """The response to begin with, as DTR asks for it; None where neither order nor coverage says whose it would be."""
    coverages = [value for name, value in parameters if name == "coverage" and isinstance(value, dict)]
    people = [*(order.get("subject") for order in orders), *(coverage.get("beneficiary") for coverage in coverages)]
    patients = [
        each["reference"] for each in people if isinstance(each, dict) and isinstance(each.get("reference"), str)
    ]
    about = [_named(each) for each in (*orders, *coverages) if isinstance(each.get("id"), str)]
    return draft_response(public_url, str(uuid4()), patients[0], now, about) if patients and about else None


def _assertions(orders: list[JSON], parameters: list[tuple[str, Any]]) -> Iterator[str]:
    """Ids of the assertions about these orders under these coverages."""
    coverages = [value for name, value in parameters if name == "coverage" and isinstance(value, dict)]
    for order in orders:
        subject = order.get("subject")
        reference = subject.get("reference") if isinstance(subject, dict) else None
        patient = reference.rsplit("/", 1)[-1] if isinstance(reference, str) else ""
        for coverage in coverages:
            yield assertion_id(_named(order), patient, _named(coverage))


def _named(resource: JSON) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def _open(determinations: list[JSON]) -> Iterator[str]:
    """Sections that are not closed, on the path that the order takes."""
    for found in determinations:
        replaces = found.get("path") == "replacement"
        group = [each for each in found.get("replacement", ()) if each["id"].startswith("D.III.A")] if replaces else []
        for finding in group or found.get("criteria", ()):
            if finding["truth"] != "met":
                yield finding["id"]
