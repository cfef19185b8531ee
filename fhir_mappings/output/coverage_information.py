"""Coverage assertion → Da Vinci CRD's coverage-information extension, and the order that carries it.

The order's other members stay undecoded bytes; only our own repetition of the extension is added or replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cds_service.engine.coverage_assertion import CoverageAssertion, Covered, PriorAuthorization, Reason
from fhir_mappings.common.references import local
from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.output.crd_versions import REASONS, CrdVersion

URL = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
# Where the guide allows the extension; SupplyRequest is not among them.
CARRIERS = frozenset(
    {
        "Appointment",
        "CommunicationRequest",
        "DeviceRequest",
        "Encounter",
        "MedicationRequest",
        "NutritionOrder",
        "QuestionnaireResponse",
        "ServiceRequest",
        "VisionPrescription",
    }
)

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
JSON = dict[str, Any]


# ---------------------------------------------------------------- the extension


def coverage_information(assertion: CoverageAssertion, version: CrdVersion) -> JSON:
    """The extension as a version of the guide has it."""
    return {"url": URL, "extension": list(_parts(assertion, version))}


def _parts(assertion: CoverageAssertion, version: CrdVersion) -> Iterator[JSON]:
    technical = assertion.covered is Covered.INDETERMINATE and not version.indeterminate
    covered = Covered.CONDITIONAL if technical else assertion.covered
    authorization = PriorAuthorization.CONDITIONAL if technical else assertion.prior_authorization
    yield {"url": "coverage", "valueReference": {"reference": assertion.coverage}}
    yield {"url": "covered", "valueCode": covered.value}
    if authorization is not None:
        yield {"url": "pa-needed", "valueCode": authorization.value}
    if assertion.questionnaire is not None:
        yield {"url": "doc-needed", "valueCode": "clinical"}
        if version.doc_purpose is not None and authorization is PriorAuthorization.NEEDED:
            yield {"url": "doc-purpose", "valueCode": version.doc_purpose}
    # crd-ci-q3: there exactly when something is conditional, alone or with the other; the reasons say what it rests on.
    if covered is Covered.CONDITIONAL or authorization is PriorAuthorization.CONDITIONAL:
        yield {"url": "info-needed", "valueCode": "OTH"}
    for code in assertion.billing_codes:
        yield {"url": "billingCode", "valueCoding": {"system": HCPCS, "code": code}}
    for reason in assertion.reasons:
        yield {"url": "reason", "valueCodeableConcept": _reason(reason, version)}
    yield {"url": "detail", "extension": list(_policy_link(assertion.policy_link, version))}
    if assertion.depends_on is not None:
        yield {"url": "dependency", "valueReference": {"reference": assertion.depends_on}}
    if assertion.questionnaire is not None:
        yield {"url": "questionnaire", "valueCanonical": assertion.questionnaire}
    yield {"url": "date", "valueDate": assertion.made_on.isoformat()}
    yield {"url": "coverage-assertion-id", "valueString": assertion.assertion_id}
    if assertion.authorization_number is not None:
        yield {"url": "satisfied-pa-id", "valueString": assertion.authorization_number}
    if assertion.contact is not None:
        yield _contact(assertion.contact, version)
    if assertion.expires is not None and version.expiry_date:
        yield {"url": "expiry-date", "valueDate": assertion.expires.isoformat()}


def _reason(reason: Reason, version: CrdVersion) -> JSON:
    concept: JSON = {"text": reason.text}
    if reason.code in version.reason_codes:
        concept = {"coding": [{"system": REASONS, "code": reason.code}], **concept}
    return concept


def _policy_link(url: str, version: CrdVersion) -> Iterator[JSON]:
    if version.detail_category is not None:
        yield {"url": "category", "valueCode": version.detail_category}
    if version.policy_link_system is None:
        yield {"url": "code", "valueCodeableConcept": {"text": "Policy that this rests on"}}
        yield {"url": "value", "valueString": url}
        return
    coding = {"system": version.policy_link_system, "code": "policy-link"}
    yield {"url": "code", "valueCodeableConcept": {"coding": [coding]}}
    yield {"url": "value", "valueUrl": url}


def _contact(phone: str, version: CrdVersion) -> JSON:
    point = {"system": "phone", "value": phone}
    if version.contact_detail:
        return {"url": "contact", "valueContactDetail": {"telecom": [point]}}
    return {"url": "contact", "valueContactPoint": point}


# ---------------------------------------------------------------- the order that carries it


class _Repetition(msgspec.Struct):
    url: Any = None
    extension: Any = None


def with_coverage_information(
    order: bytes | msgspec.Raw, assertion: CoverageAssertion, version: CrdVersion, fhir_server: str | None
) -> msgspec.Raw | None:
    """The order with the assertion added; None when it already has the same one, whatever its date.

    Our own repetition (same coverage, same assertion id) is replaced where it stands; everything else stays, byte for
    byte but for white space between tokens. The order must be valid FHIR (`validity.first_fault`).
    """
    members = _members.decode(order)
    there = _list.decode(members["extension"]) if "extension" in members else []
    new = coverage_information(assertion, version)
    ours = [index for index, each in enumerate(there) if _is_ours(each, assertion, fhir_server)]
    if len(ours) == 1 and _content(there[ours[0]]) == _content(msgspec.json.encode(new)):
        return None
    place = ours[0] if ours else len(there)
    kept: list[Any] = [each for index, each in enumerate(there) if index not in ours]
    kept.insert(place, new)
    changed: dict[str, Any] = {**members, "extension": kept}
    return msgspec.Raw(msgspec.json.format(msgspec.json.encode(changed), indent=-1))


def _is_ours(raw: msgspec.Raw, assertion: CoverageAssertion, fhir_server: str | None) -> bool:
    parts = _repetition(raw)
    ids = [p.get("valueString") for p in parts if p.get("url") == "coverage-assertion-id"]
    references = [p.get("valueReference") for p in parts if p.get("url") == "coverage"]
    named = [r.get("reference") for r in references if isinstance(r, dict)]
    same = [n for n in named if isinstance(n, str) and assertion.coverage in (n, local(n, fhir_server))]
    return assertion.assertion_id in ids and bool(same)


def _repetition(raw: bytes | msgspec.Raw) -> list[JSON]:
    """The parts of one coverage-information; none when it is another extension, or malformed."""
    try:
        repetition = msgspec.json.decode(raw, type=_Repetition)
    except DecodeError:
        return []
    if repetition.url != URL or not isinstance(repetition.extension, list):
        return []
    return [part for part in repetition.extension if isinstance(part, dict)]


def _content(raw: bytes | msgspec.Raw) -> list[bytes]:
    """The parts of a repetition in a fixed order and without its date, for comparison."""
    parts = (part for part in _repetition(raw) if part.get("url") != "date")
    return sorted(msgspec.json.encode(part, order="deterministic") for part in parts)
