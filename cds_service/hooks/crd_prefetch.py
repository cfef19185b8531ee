"""What the CRD services ask to be prefetched: lean, the clinical chart is read with the token when an order needs it.

Where one of the guide's own elements is needed, its standard expression is used, step for step; those walk into
the draft orders, which clients of CDS Hooks 2.0 cannot follow. `legacy_templates` is the form for them.
"""

from __future__ import annotations

from collections.abc import Iterable

PATIENT = "Patient/{{context.patientId}}"
COVERAGE = "Coverage?patient={{context.patientId}}&status=active"
_ORDERS = "context.draftOrders.entry.resource"
_PEOPLE = ("sender", "recipient", "requester", "performer", "orderer", "prescriber")
_PARTICIPANT = "%encounter.participant.individual"


def signing_templates() -> dict[str, str]:
    """For order-sign and order-select; a template that refers to another one stands after it."""
    return {
        "patient": PATIENT,
        "encounter": "Encounter/{{context.encounterId}}",
        "coverage": COVERAGE,
        "devices": _by_id("Device", [f"{_ORDERS}.ofType(DeviceRequest).code.resolve().id"]),
        "medications": _by_id("Medication", [f"{_ORDERS}.ofType(MedicationRequest).medication.resolve().id"]),
        "practitionerRoles": _by_id("PractitionerRole", _people("PractitionerRole")),
        "practitioners": _by_id(
            "Practitioner",
            ["%practitionerRoles.entry.resource.practitioner.resolve().id", *_people("Practitioner")],
        ),
    }


def dispatch_templates() -> dict[str, str]:
    """For order-dispatch, whose orders come by reference."""
    kinds = ("DeviceRequest", "MedicationRequest", "ServiceRequest")
    orders = {
        f"{kind[0].lower()}{kind[1:]}s": _by_id(kind, [f"context.dispatchedOrders.resolve().ofType({kind}).id"])
        for kind in kinds
    }
    return {
        "patient": PATIENT,
        "coverage": COVERAGE,
        **orders,
        "devices": _by_id("Device", ["%deviceRequests.entry.resource.code.resolve().id"]),
        "medications": _by_id("Medication", ["%medicationRequests.entry.resource.medication.resolve().id"]),
    }


def legacy_templates(hook: str) -> dict[str, str]:
    """For clients of CDS Hooks 2.0, where a token is a plain field of the context or the user's id."""
    templates = {"patient": PATIENT, "coverage": COVERAGE}
    if hook != "order-dispatch":
        templates["requester"] = "Practitioner/{{userPractitionerId}}"
    return templates


def _people(kind: str) -> list[str]:
    of_kind = f"resolve().ofType({kind}).id"
    return [f"{_PARTICIPANT}.{of_kind}", *(f"{_ORDERS}.{person}.{of_kind}" for person in _PEOPLE)]


def _by_id(kind: str, paths: Iterable[str]) -> str:
    return f"{kind}?_id={{{{{'|'.join(paths)}}}}}"
