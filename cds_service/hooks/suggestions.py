"""Suggestions: orders that close a gap, or the removal of an excluded one. Each a complete, valid FHIR resource."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

from cds_service.engine.assessment import Assessment
from cds_service.engine.determination import Outcome
from cds_service.engine.offers import Offer
from cds_service.facts import DeviceOrder


def suggestions_for(
    assessment: Assessment, patient: str, user: str | None, taken: frozenset[str], today: date
) -> list[dict[str, Any]]:
    """Suggestions for one order, written today; nothing that the draft orders or the chart already hold."""
    order, determination = assessment.order, assessment.determination
    if determination.outcome is Outcome.EXCLUDED:
        return [_removal(order)] if "/" in order.reference and not order.reference.startswith("urn:") else []
    if determination.on_replacement_path:
        return []
    requester = order.requester_reference or user
    offers = assessment.policy.policy.offers(determination)
    return [_order(offer, patient, requester, today) for offer in offers if not taken & offer.ordered_as]


def _order(offer: Offer, patient: str, requester: str | None, today: date) -> dict[str, Any]:
    system, code, display = offer.category
    resource: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "category": [{"coding": [{"system": system, "code": code, "display": display}]}],
        "code": {
            "coding": [{"system": offer.system, "code": offer.code, "display": offer.display}],
            "text": offer.display,
        },
        "subject": {"reference": patient},
        "authoredOn": today.isoformat(),
    }
    if requester and requester.split("/", 1)[0] in ("Practitioner", "PractitionerRole"):
        resource["requester"] = {"reference": requester}
    action = {"type": "create", "description": offer.label, "resource": resource}
    return {"label": offer.label, "uuid": str(uuid4()), "actions": [action]}


def _removal(order: DeviceOrder) -> dict[str, Any]:
    label = "Remove the excluded order"
    action = {"type": "delete", "description": label, "resourceId": order.reference}
    return {"label": label, "uuid": str(uuid4()), "actions": [action]}
