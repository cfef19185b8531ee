"""What the services are, and the prefetch that they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cds_service.concepts import Concept
from cds_service.facts import Topic
from fhir_mappings.terminology import LOINC, codes_in

SPECIFICATION = "2.0.1"
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class HookService:
    """One service of the discovery document."""

    id: str
    hook: str
    title: str
    description: str


ORDER_SIGN = HookService(
    "insulin-pump-order-sign",
    "order-sign",
    "Insulin pump coverage (CareSource MP-MM-1316)",
    "When an insulin pump order is signed: predicts whether CareSource Marketplace will approve it under medical "
    "policy MP-MM-1316, and names what is missing, section by section.",
)
ORDER_SELECT = HookService(
    "insulin-pump-order-select",
    "order-select",
    "Insulin pump coverage at order selection (CareSource MP-MM-1316)",
    "The same prediction as soon as an insulin pump is selected, for the selected orders only.",
)
SERVICES = {service.id: service for service in (ORDER_SIGN, ORDER_SELECT)}


def lab_codes(*concepts: Concept) -> str:
    """LOINC codes of some value sets as one search value. Plain codes: a pipe in a template breaks some clients."""
    return ",".join(codes_in(*concepts, system=LOINC))


GLUCOSE_CODES = (Concept.GLUCOSE_SELF_TEST, Concept.GLUCOSE_GENERAL)
SENSOR_CODES = (Concept.CGM_READING, Concept.CGM_DAYS_OF_WEAR)


def prefetch_templates() -> dict[str, str]:
    """Prefetch by topic, in the form that CDS Hooks 2.0 clients can resolve: root context fields only."""
    patient = "patient={{context.patientId}}"
    newest = f"&_sort=-date&_count={_PAGE}"
    return {
        Topic.PATIENT.value: "Patient/{{context.patientId}}",
        Topic.COVERAGE.value: f"Coverage?{patient}&status=active",
        Topic.CONDITIONS.value: f"Condition?{patient}&_count={_PAGE}",
        Topic.HBA1C.value: f"Observation?{patient}&code="
        f"{lab_codes(Concept.HBA1C, Concept.HBA1C_UNIT_REQUIRED)}{newest}",
        Topic.GLUCOSE.value: f"Observation?{patient}&code={lab_codes(*GLUCOSE_CODES, *SENSOR_CODES)}{newest}",
        Topic.ALBUMIN_CREATININE.value: f"Observation?{patient}&code="
        f"{lab_codes(Concept.ALBUMIN_CREATININE_RATIO)}{newest}",
        Topic.EGFR.value: f"Observation?{patient}&code={lab_codes(Concept.EGFR)}{newest}",
        Topic.INSULIN.value: f"MedicationRequest?{patient}&_count={_PAGE}",
        Topic.EDUCATION.value: f"Procedure?{patient}&_count={_PAGE}",
        Topic.DEVICES.value: f"Device?{patient}",
        Topic.ENCOUNTERS.value: f"Encounter?{patient}&_count={_PAGE}",
        Topic.ATTESTATIONS.value: f"QuestionnaireResponse?{patient}&status=completed,amended",
        Topic.REQUESTER.value: "Practitioner/{{userPractitionerId}}",
    }


def discovery() -> dict[str, Any]:
    """The body of GET /cds-services."""
    templates = prefetch_templates()
    return {
        "services": [
            {
                "hook": service.hook,
                "id": service.id,
                "title": service.title,
                "description": service.description,
                "version": SPECIFICATION,
                "usageRequirements": "Reads the chart from prefetch or from the FHIR server in the call; what it can "
                "read from neither is named as not retrieved.",
                "prefetch": templates,
            }
            for service in SERVICES.values()
        ]
    }
