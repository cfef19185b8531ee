"""Medication resources for tests, and what they read as."""

from __future__ import annotations

from typing import Any

from cds_service.facts import InsulinOrder
from fhir_mappings.chart.medications import read_insulin
from tests.fhir_mappings.builders import JSON, chart_context, located
from tests.support import PATIENT, RXNORM, concept, insulin

TID = {"timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}}}


def orders(*drugs: JSON, beside: tuple[JSON, ...] = ()) -> list[InsulinOrder]:
    """The insulin orders that some resources are."""
    return read_insulin(located(*drugs), chart_context(*beside))


def only(*drugs: JSON, beside: tuple[JSON, ...] = ()) -> InsulinOrder:
    """The one insulin order that some resources are."""
    (found,) = orders(*drugs, beside=beside)
    return found


def notes(*drugs: JSON) -> str:
    """What is noted while some resources are read."""
    context = chart_context()
    read_insulin(located(*drugs), context)
    return "\n".join(context.notes)


def request(**members: Any) -> JSON:
    """An active order for lispro three times a day since 2026-01-05, with members replaced; None takes one away."""
    base = insulin("m1", "86009", 3, "2026-01-05") | members
    return {key: value for key, value in base.items() if value is not None}


def coded(code: str, display: str | None = None, **members: Any) -> JSON:
    """The order, for an RxNorm code with the chart's own name for it."""
    coding = {"system": RXNORM, "code": code} | ({"display": display} if display else {})
    return request(medicationCodeableConcept={"coding": [coding]}, **members)


def statement(**members: Any) -> JSON:
    """A MedicationStatement for lispro three times a day."""
    return {"resourceType": "MedicationStatement", "id": "s1", "status": "active", "subject": PATIENT,
            "medicationCodeableConcept": concept(RXNORM, "86009"), "dosage": [TID], **members}  # fmt: skip


def dispense(**members: Any) -> JSON:
    """A MedicationDispense of lispro on 2026-01-05."""
    return {"resourceType": "MedicationDispense", "id": "x1", "status": "completed", "subject": PATIENT,
            "medicationCodeableConcept": concept(RXNORM, "86009"), "whenHandedOver": "2026-01-05",
            "daysSupply": {"value": 30, "unit": "d"}, **members}  # fmt: skip
