"""The parts of a system action's coverage-information in words, for the demo's page."""

from __future__ import annotations

from datetime import date
from typing import Any

from cds_service.engine.plain_text import day_text
from fhir_mappings.output.coverage_information import URL

_LABELS = {
    "coverage": "Coverage",
    "covered": "Covered",
    "pa-needed": "Prior authorization",
    "doc-needed": "Documentation needed",
    "doc-purpose": "Purpose of the documentation",
    "info-needed": "Information needed",
    "billingCode": "Billing code",
    "reason": "Reason",
    "detail": "Policy",
    "dependency": "Depends on",
    "questionnaire": "Questionnaire",
    "date": "Date",
    "coverage-assertion-id": "Assertion",
    "satisfied-pa-id": "Authorization number",
    "contact": "Contact",
    "expiry-date": "Valid until",
}
# Codes that say more than their own words.
_CODES = {
    "auth-needed": "needed",
    "no-auth": "not needed",
    "clinical": "clinical documentation",
    "admin": "administrative documentation",
    "patient": "documentation by the patient",
    "no-doc": "none",
}


def action_rows(action: dict[str, Any]) -> dict[str, Any]:
    """The coverage-information that an action writes on an order, as rows of label and value."""
    resource = action["resource"]
    rows = [
        (_LABELS.get(part["url"], part["url"]), _value(part))
        for extension in resource.get("extension", ())
        if extension["url"] == URL
        for part in extension["extension"]
    ]
    return {"description": action["description"], "order": f"{resource['resourceType']}/{resource['id']}", "rows": rows}


def _value(part: dict[str, Any]) -> str:
    if "extension" in part:
        return next(_value(inner) for inner in part["extension"] if inner["url"] == "value")
    value = next(value for name, value in part.items() if name != "url")
    if "valueDate" in part:
        return day_text(date.fromisoformat(value))
    if "valueCode" in part:
        return _CODES.get(str(value), str(value).replace("-", " "))
    if not isinstance(value, dict):
        return str(value)
    codes = [coding["code"] for coding in value.get("coding", ())]
    texts = [value[name] for name in ("reference", "code", "text") if name in value]
    phones = [point["value"] for point in (*value.get("telecom", ()), value) if "value" in point]
    return " ".join((*codes, *texts, *phones))
