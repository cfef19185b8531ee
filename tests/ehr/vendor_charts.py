"""How a vendor writes a chart: changes to resources by the names of the traits in vendor_profiles.toml."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from cds_service.concepts import Concept
from fhir_mappings.common.terminology import LOINC, codes_in
from tests.support import JSON

HL7 = "http://terminology.hl7.org/CodeSystem/"
EPIC_CLASS = "urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260"
_INPATIENT, _EMERGENCY, _AMBULATORY, _OBSERVED = ("IMP", "ACUTE", "NONAC"), ("EMER",), ("AMB",), ("OBSENC",)


@cache
def _home_codes() -> frozenset[str]:
    return frozenset(codes_in(Concept.GLUCOSE_SELF_TEST, system=LOINC))


def _codings(value: Any) -> list[JSON]:
    """The codings of a CodeableConcept or of a list of them; none of what is malformed."""
    concepts = value if isinstance(value, list) else [value]
    found = [each.get("coding") for each in concepts if isinstance(each, dict)]
    return [c for codings in found if isinstance(codings, list) for c in codings if isinstance(c, dict)]


def _codes(value: Any) -> set[Any]:
    return {coding.get("code") for coding in _codings(value)}


def _is_home_glucose(resource: JSON) -> bool:
    return resource["resourceType"] == "Observation" and bool(_codes(resource.get("code")) & _home_codes())


def _category(system: str, code: str) -> list[JSON]:
    return [{"coding": [{"system": HL7 + system, "code": code}]}]


def _every_condition_has_a_category(resource: JSON) -> JSON:
    if resource["resourceType"] != "Condition" or resource.get("category"):
        return resource
    return resource | {"category": _category("condition-category", "problem-list-item")}


def _encounter_diagnoses_without_status(resource: JSON) -> JSON:
    """What is neither over nor in doubt comes without a word on it."""
    if resource["resourceType"] != "Condition" or "encounter-diagnosis" not in _codes(resource.get("category")):
        return resource
    plain = {"clinicalStatus": {"active"}, "verificationStatus": {"confirmed"}}
    return {k: v for k, v in resource.items() if k not in plain or _codes(v) != plain[k]}


def _errors_without_status(resource: JSON) -> JSON:
    """FHIR wants no clinicalStatus on what was entered in error."""
    if resource["resourceType"] != "Condition" or "entered-in-error" not in _codes(resource.get("verificationStatus")):
        return resource
    return {k: v for k, v in resource.items() if k != "clinicalStatus"}


def _always_active(resource: JSON) -> JSON:
    """Old problems, too, come as active."""
    if resource["resourceType"] != "Condition" or not _codes(resource.get("clinicalStatus")):
        return resource
    return resource | {"clinicalStatus": {"coding": [{"system": HL7 + "condition-clinical", "code": "active"}]}}


def _class_of(resource: JSON) -> Any:
    found = resource.get("class")
    return found.get("code") if resource["resourceType"] == "Encounter" and isinstance(found, dict) else None


def _with_class(resource: JSON, system: str, codes: dict[tuple[str, ...], tuple[str, str]]) -> JSON:
    found = _class_of(resource)
    for known, (code, display) in codes.items():
        if found in known:
            return resource | {"class": {"system": system, "code": code, "display": display}}
    return resource


def _epic_encounter_class(resource: JSON) -> JSON:
    codes = {_INPATIENT: ("1", "Inpatient"), _EMERGENCY: ("3", "Emergency"), _AMBULATORY: ("5", "Outpatient")}
    return _with_class(resource, EPIC_CLASS, codes | {_OBSERVED: ("6", "Observation")})


def _v2_encounter_class(resource: JSON) -> JSON:
    codes = {_INPATIENT: ("I", "Inpatient"), _EMERGENCY: ("E", "Emergency"), _AMBULATORY: ("O", "Outpatient")}
    return _with_class(resource, HL7 + "v2-0004", codes)


def _meditech_encounter_type(resource: JSON) -> JSON:
    names = {_INPATIENT: "Discharged Inpatient", _EMERGENCY: "Departed Emergency", _AMBULATORY: "Registered Clinical"}
    found = _class_of(resource)
    text = next((name for known, name in names.items() if found in known), None)
    return resource if text is None or resource.get("type") else resource | {"type": [{"text": text}]}


def _epic_flowsheet(resource: JSON) -> JSON:
    """Home readings are rows of a flowsheet, their LOINC code stands twice."""
    if not _is_home_glucose(resource):
        return resource
    codings = _codings(resource["code"])
    row = {"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.707679", "code": "1200113", "display": "Blood Glucose"}
    again = [coding | {"system": "urn:oid:1.2.246.537.6.96"} for coding in codings if coding.get("system") == LOINC]
    written = resource | {"code": resource["code"] | {"coding": [*again, row, *codings]}}
    category = resource.get("category") or _category("observation-category", "vital-signs")
    return written | {"category": category}


def _home_glucose_as_laboratory(resource: JSON) -> JSON:
    """What patients send is filed among laboratory results, and says who performed it."""
    if not _is_home_glucose(resource) or resource.get("category") or resource.get("performer"):
        return resource
    if resource.get("encounter") or not resource.get("subject"):
        return resource
    laboratory = _category("observation-category", "laboratory")
    return resource | {"category": laboratory, "performer": [resource["subject"]]}


def _home_glucose_without_category(resource: JSON) -> JSON:
    if not _is_home_glucose(resource) or _codes(resource.get("category")) != {"vital-signs"}:
        return resource
    return {k: v for k, v in resource.items() if k != "category"}


def _unit_none(resource: JSON) -> JSON:
    """A unit that is not there comes as a word."""
    value = resource.get("valueQuantity")
    if resource["resourceType"] != "Observation" or not isinstance(value, dict):
        return resource
    if value.get("unit") or value.get("code"):
        return resource
    return resource | {"valueQuantity": value | {"unit": "none"}}


TRAITS: dict[str, Callable[[JSON], JSON]] = {
    "every-condition-has-a-category": _every_condition_has_a_category,
    "encounter-diagnoses-without-status": _encounter_diagnoses_without_status,
    "errors-without-status": _errors_without_status,
    "always-active": _always_active,
    "epic-encounter-class": _epic_encounter_class,
    "v2-encounter-class": _v2_encounter_class,
    "meditech-encounter-type": _meditech_encounter_type,
    "epic-flowsheet": _epic_flowsheet,
    "home-glucose-as-laboratory": _home_glucose_as_laboratory,
    "home-glucose-without-category": _home_glucose_without_category,
    "unit-none": _unit_none,
}


def written_by(traits: Iterable[str], resources: Iterable[JSON]) -> list[JSON]:
    """The resources as a vendor with these traits writes them."""
    written = list(resources)
    for trait in traits:
        written = [TRAITS[trait](resource) for resource in written]
    return written
