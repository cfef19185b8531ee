"""One good document of each kind, from which the tests of the checker make broken ones."""

import copy
from typing import Any

HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
COVERAGE_INFORMATION = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
POLICY = "https://payer.example/policies/insulin-pump.pdf"

ORDER: dict[str, Any] = {
    "resourceType": "DeviceRequest",
    "id": "pump-1",
    "status": "draft",
    "intent": "original-order",
    "codeCodeableConcept": {"coding": [{"system": HCPCS, "code": "E0784"}], "text": "Insulin pump"},
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2026-01-15",
    "requester": {"reference": "Practitioner/dr1"},
}

REQUEST: dict[str, Any] = {
    "hook": "order-sign",
    "hookInstance": "0d3c54ff-4e1a-4bb8-9f0a-3a6d7f1c2b10",
    "context": {
        "userId": "Practitioner/dr1",
        "patientId": "p1",
        "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": ORDER}]},
    },
}

DISCOVERY: dict[str, Any] = {
    "services": [
        {
            "hook": "order-sign",
            "id": "pump-coverage",
            "title": "Insulin pump coverage",
            "description": "Says whether an insulin pump order is likely to be covered.",
            "usageRequirements": "Needs the active coverage of the patient.",
            "version": "2.0.1",
            "hookVersion": "1.0",
            "extension": {"example.payer.policy": "MP-MM-1316"},
            "prefetch": {
                "patient": "Patient/{{context.patientId}}",
                "encounter": "Encounter/{{context.encounterId}}",
                "user": "Practitioner/{{userPractitionerId}}",
                "coverage": "Coverage?patient={{context.patientId}}&status=active",
                "labs": "Observation?patient={{context.patientId}}&code=http://loinc.org%7C4548-4"
                "&date=ge2025-01-15&_sort=-date&_count=20",
                "problems": "Condition?patient={{context.patientId}}&code:in=http://payer.example/ValueSet/dm",
            },
        },
        {
            "hook": "order-dispatch",
            "id": "pump-coverage",
            "title": "Insulin pump coverage at dispatch",
            "description": "Looks again when the order goes to a supplier.",
            "prefetch": {"patient": "Patient/{{context.patientId}}"},
        },
    ]
}

TEST_ORDER: dict[str, Any] = {
    "resourceType": "ServiceRequest",
    "status": "draft",
    "intent": "order",
    "code": {"coding": [{"system": "http://loinc.org", "code": "1986-9"}], "text": "C-peptide"},
    "subject": {"reference": "Patient/p1"},
}

FORM_TASK: dict[str, Any] = {
    "resourceType": "Task",
    "status": "ready",
    "intent": "order",
    "code": {
        "coding": [
            {
                "system": "http://hl7.org/fhir/uv/sdc/CodeSystem/temp",
                "code": "complete-questionnaire",
            }
        ]
    },
    "for": {"reference": "Patient/p1"},
    "authoredOn": "2026-01-15",
    "requester": {"reference": "Organization/payer"},
    "input": [{"type": {"text": "questionnaire"}, "valueCanonical": "https://payer.example/Questionnaire/pump"}],
}

SUGGESTIONS: list[dict[str, Any]] = [
    {
        "label": "Order a C-peptide test",
        "uuid": "6a0a3b1c-52b8-4f0c-9a5e-0c9b6f1d2e01",
        "isRecommended": True,
        "actions": [{"type": "create", "description": "Add a C-peptide test", "resource": TEST_ORDER}],
    },
    {
        "label": "Fill in the necessity form",
        "uuid": "6a0a3b1c-52b8-4f0c-9a5e-0c9b6f1d2e02",
        "actions": [{"type": "create", "description": "Add a task for the form", "resource": FORM_TASK}],
    },
    {
        "label": "Order a covered model instead",
        "uuid": "6a0a3b1c-52b8-4f0c-9a5e-0c9b6f1d2e03",
        "actions": [
            {"type": "delete", "description": "Take the order back", "resourceId": "DeviceRequest/pump-1"},
            {
                "type": "create",
                "description": "Order the covered model",
                "resource": {
                    **{name: value for name, value in ORDER.items() if name != "codeCodeableConcept"},
                    "id": "pump-2",
                    "codeReference": {"reference": "Device/covered-model"},
                },
            },
        ],
    },
]

CARD: dict[str, Any] = {
    "uuid": "2f5e8c1e-2a52-4d2b-8a42-0d9b3c6f7a01",
    "summary": "Insulin pump: the record lacks a C-peptide result that the policy asks for",
    "detail": f"**Missing** for the insulin pump: C-peptide <= 110%, see the [policy]({POLICY}).",
    "indicator": "warning",
    "source": {
        "label": "CareSource",
        "url": "https://payer.example",
        "icon": "https://payer.example/icon.png",
        "topic": {
            "system": "http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
            "code": "coverage-info",
            "display": "Coverage information",
        },
    },
    "suggestions": SUGGESTIONS,
    "selectionBehavior": "any",
    "overrideReasons": [
        {"code": "elsewhere", "system": "https://payer.example/reasons", "display": "Recorded elsewhere"}
    ],
    "links": [
        {"label": "Medical policy", "url": POLICY, "type": "absolute"},
        {
            "label": "Documentation app",
            "url": "https://app.example/launch",
            "type": "smart",
            "appContext": "order=pump-1",
            "autolaunchable": False,
        },
    ],
    "extension": {"davinci-crd.associated-resource": [{"reference": "DeviceRequest/pump-1"}]},
}

SECOND_CARD: dict[str, Any] = {
    "uuid": "2f5e8c1e-2a52-4d2b-8a42-0d9b3c6f7a02",
    "summary": "Insulin pump: prior authorization is needed",
    "indicator": "info",
    "source": {"label": "CareSource", "topic": {"system": "https://payer.example/topics", "code": "pump"}},
}

RESPONSE: dict[str, Any] = {
    "cards": [CARD, SECOND_CARD],
    "systemActions": [
        {
            "type": "update",
            "description": "Record the coverage position on the order",
            "resource": {
                **ORDER,
                "extension": [
                    {
                        "url": COVERAGE_INFORMATION,
                        "extension": [
                            {"url": "coverage", "valueReference": {"reference": "Coverage/cov1"}},
                            {"url": "covered", "valueCode": "covered"},
                        ],
                    }
                ],
            },
        }
    ],
}

ERROR: dict[str, Any] = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "error",
            "code": "required",
            "diagnostics": "hookInstance is missing",
            "expression": ["hookInstance"],
        }
    ],
}


def fresh(document: Any) -> Any:
    """Return a copy of a sample that a test may change."""
    return copy.deepcopy(document)
