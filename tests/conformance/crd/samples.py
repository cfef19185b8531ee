"""Good answers of a CRD server, one of each kind and version, from which the tests of the rules make broken ones."""

from __future__ import annotations

import copy
from typing import Any

from tests.conformance.crd.card_rules import TOPIC_SYSTEMS
from tests.conformance.crd.information import URL
from tests.conformance.crd.standard import DISPATCH, SIGNING
from tests.conformance.samples import HCPCS, ORDER, REQUEST

JSON = dict[str, Any]
FOREIGN = {"url": "http://ehr.example/priority-note", "valueString": "kept"}
REASON_SYSTEM = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
DETAIL_SYSTEM = {"2.1": REASON_SYSTEM, "2.2": "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"}
POLICY = "https://payer.example/policies/insulin-pump#criteria"


def part(url: str, kind: str, found: Any) -> JSON:
    """A sub-extension."""
    return {"url": url, kind: found}


def information(version: str, covered: str, authorization: str | None, *more: JSON, coverage: str = "cov1") -> JSON:
    """A coverage-information; `more` are further parts."""
    parts = [
        part("coverage", "valueReference", {"reference": f"Coverage/{coverage}"}),
        part("covered", "valueCode", covered),
        *([part("pa-needed", "valueCode", authorization)] if authorization else []),
        part("billingCode", "valueCoding", {"system": HCPCS, "code": "E0784"}),
        part("detail", "extension", _detail(version)),
        *more,
        part("date", "valueDate", "2026-01-15"),
        part("coverage-assertion-id", "valueString", f"A-{coverage}"),
    ]
    return {"url": URL, "extension": parts}


def _detail(version: str) -> list[JSON]:
    if version == "2.0.1":
        return [
            part("code", "valueCodeableConcept", {"text": "Policy"}),
            part("value", "valueString", POLICY),
        ]
    category = [part("category", "valueCode", "cat-other")] if version == "2.2" else []
    coding = {"system": DETAIL_SYSTEM[version], "code": "policy-link"}
    return [*category, part("code", "valueCodeableConcept", {"coding": [coding]}), part("value", "valueUrl", POLICY)]


def reason(text: str, code: str | None = None) -> JSON:
    """A reason; `code` is one of the guide's."""
    coding = {"coding": [{"system": REASON_SYSTEM, "code": code}]} if code else {}
    return part("reason", "valueCodeableConcept", {**coding, "text": text})


DOCUMENTS = (
    part("doc-needed", "valueCode", "clinical"),
    reason("Documentation: the glucose log is missing"),
    part("questionnaire", "valueCanonical", "https://payer.example/fhir/Questionnaire/pump|1.0.0"),
)
NUMBER = part("satisfied-pa-id", "valueString", "PA-1")
ASKED = (part("info-needed", "valueCode", "OTH"), reason("Coverage: the plan could not be verified"))
SUPPLIER = (
    part("info-needed", "valueCode", "performer"),
    *ASKED,
    reason("Authorization: depends on whether the supplier is in the network"),
)
WITH_REQUEST = part("doc-purpose", "valueCode", "withpa")


def kinds(version: str) -> dict[str, JSON]:
    """Assertions of every kind that a version knows."""
    found = {
        "covered": information(version, "covered", "auth-needed"),
        "no authorization": information(version, "covered", "no-auth"),
        "satisfied": information(version, "covered", "satisfied", NUMBER),
        "documents": information(version, "covered", "auth-needed", *DOCUMENTS),
        "refused": information(version, "not-covered", None, reason("Coverage: excluded by section 4.2")),
        "conditional": information(version, "conditional", "conditional", *ASKED),
        "supplier open": information(version, "covered", "conditional", *SUPPLIER),
        "documents for authorization": information(version, "covered", "auth-needed", *DOCUMENTS, WITH_REQUEST),
    }
    if version == "2.2":
        unread = reason("Coverage: the EHR did not answer", "technical")
        found["technical"] = information(version, "indeterminate", "indeterminate", unread)
        for code in ("no-member-found", "no-active-coverage", "coverage-not-found"):
            found[code] = information(version, "not-covered", None, reason("Coverage: nobody of that name", code))
    if version == "2.0.1":
        answered = part("response", "valueReference", {"reference": "QuestionnaireResponse/1"})
        both = part("doc-needed", "valueCode", "both")
        found["answered"] = information(version, "covered", "auth-needed", both, answered)
    else:
        patient = part("doc-needed", "valueCode", "patient")
        found["many document"] = information(version, "covered", "auth-needed", *DOCUMENTS, patient)
        expiry = part("expiry-date", "valueDate", "2026-12-31")
        found["expiring"] = information(version, "covered", "auth-needed", expiry)
    return found


def _of_every_version(assertion: JSON) -> JSON:
    """The assertion without its detail, which has another shape in each version."""
    return {**assertion, "extension": [part for part in assertion["extension"] if part["url"] != "detail"]}


# Another payer's word, in parts that every version knows.
OTHERS = _of_every_version(information("2.2", "covered", "no-auth", coverage="other"))
CAME: JSON = {**ORDER, "extension": [FOREIGN, OTHERS]}
CALL: JSON = copy.deepcopy(REQUEST)
CALL["context"]["draftOrders"]["entry"] = [{"resource": CAME}]


def answer(version: str, assertion: JSON | None = None, *, cards: bool = True) -> JSON:
    """An answer with one action, a reference card and an instructions card."""
    assertion = assertion or kinds(version)["documents"]
    resource = {**copy.deepcopy(CAME), "extension": [*CAME["extension"], assertion]}
    action = {"type": "update", "description": "Record coverage on the insulin pump order", "resource": resource}
    found = [_card(version, "guideline", 1), _card(version, "clinical-reminder", 2)] if cards else []
    return copy.deepcopy({"cards": found, "systemActions": [action]})


def _card(version: str, code: str, number: int) -> JSON:
    card: JSON = {
        "uuid": f"2f5e8c1e-2a52-4d2b-8a42-0d9b3c6f7a0{number}",
        "summary": "Insulin pump: read what the policy asks of a glucose log",
        "detail": "For the **Insulin pump**: four tests a day over the last month.",
        "indicator": "info",
        "source": {"label": "CareSource", "topic": {"system": TOPIC_SYSTEMS[version], "code": code}},
        "extension": {"davinci-crd.associated-resource": [{"reference": "DeviceRequest/pump-1"}]},
    }
    if code == "guideline":
        card["links"] = [{"label": "Section 4.1", "url": POLICY, "type": "absolute"}]
    return card


def _options() -> list[JSON]:
    codes = ("coverage-info", "unsolicited-determ", "guideline", "clinical-reminder")
    switches = [
        {"code": c, "type": "boolean", "name": f"Switch {c}", "description": f"Turns {c} on.", "default": True}
        for c in codes
    ]
    most = {"code": "max-cards", "type": "integer", "name": "Most", "description": "Most cards.", "default": 10}
    return [*switches, most]


def _service(hook: str, prefetch: dict[str, str]) -> JSON:
    return {
        "hook": hook,
        "id": f"crd-{hook}",
        "title": "Coverage",
        "description": "Coverage of insulin pumps.",
        "version": "3.0.0-ballot",
        "usageRequirements": "Needs one Coverage.",
        "prefetch": dict(prefetch),
        "extension": {"davinci-crd.version": ["2.1", "2.2"], "davinci-crd.configuration-options": _options()},
    }


DISCOVERY: JSON = {"services": [_service("order-sign", SIGNING), _service("order-dispatch", DISPATCH)]}
