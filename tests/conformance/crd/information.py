"""What the guide's table says of coverage-information in each version, and the parts of one as values."""

from dataclasses import dataclass
from typing import Any

from tests.conformance.rulebook import as_list, words

URL = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
VERSIONS = ("2.0.1", "2.1", "2.2")
ALLOWED_ON = words(
    "Appointment CommunicationRequest DeviceRequest Encounter MedicationRequest NutritionOrder "
    "QuestionnaireResponse ServiceRequest VisionPrescription"
)
MANY = 1000


@dataclass(frozen=True)
class Part:
    """One sub-extension: how often it may stand, what kind of value it has, which codes it may hold."""

    least: int
    most: int
    value: str
    codes: frozenset[str] | None = None


def _parts(version: str) -> dict[str, Part]:
    newest, first = version == "2.2", version == "2.0.1"
    more = " indeterminate" if newest else ""
    doc = "clinical admin both conditional" if first else f"clinical admin patient conditional{more}"
    found = {
        "coverage": Part(1, 1, "valueReference"),
        "covered": Part(1, 1, "valueCode", words(f"covered not-covered conditional{more}")),
        "pa-needed": Part(0, 1, "valueCode", words(f"no-auth auth-needed performpa satisfied conditional{more}")),
        "doc-needed": Part(0, 1 if first else MANY, "valueCode", words(doc)),
        "doc-purpose": Part(0, MANY, "valueCode", words("withpa withclaim withorder retain-doc OTH")),
        "info-needed": Part(
            0,
            MANY,
            "valueCode",
            words(f"performer location timeframe contract-window OTH{' detail-code' if newest else ''}"),
        ),
        "billingCode": Part(0, MANY, "valueCoding"),
        "reason": Part(0, MANY, "valueCodeableConcept"),
        "detail": Part(0, MANY, "extension"),
        "dependency": Part(0, MANY, "valueReference"),
        "questionnaire": Part(0, MANY, "valueCanonical"),
        "date": Part(1, 1, "valueDate"),
        "coverage-assertion-id": Part(1, 1, "valueString"),
        "satisfied-pa-id": Part(0, 1, "valueString"),
        "contact": Part(0, MANY, "valueContactDetail" if newest else "valueContactPoint"),
    }
    if first:
        found["response"] = Part(0, MANY, "valueReference")
    else:
        found["expiry-date"] = Part(0, 1, "valueDate")
    return found


PARTS = {version: _parts(version) for version in VERSIONS}
REASON_SYSTEM = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
REASON_CODES = {
    "2.0.1": words("gold-card detail-code"),
    "2.1": words("gold-card detail-code"),
    "2.2": words("gold-card no-member-found no-active-coverage coverage-not-found auth-out-network technical"),
}
DETAIL_CATEGORIES = words("cat-limitation cat-decisional cat-other")
DETAIL_VALUES = words("valueBoolean valueString valueQuantity valuePeriod")
CONDITIONAL = "conditional"


def values(extension: dict[str, Any], name: str) -> list[Any]:
    """The values of every sub-extension of that name."""
    found = [part for part in as_list(extension.get("extension")) if isinstance(part, dict) and part.get("url") == name]
    return [value for part in found for key, value in part.items() if key not in ("url", "id")]


def value(extension: dict[str, Any], name: str) -> Any:
    """The value of the first sub-extension of that name, None without one."""
    return next(iter(values(extension, name)), None)


def assertions(resource: Any) -> list[dict[str, Any]]:
    """Every coverage-information on a resource."""
    found = as_list(resource.get("extension")) if isinstance(resource, dict) else []
    return [each for each in found if isinstance(each, dict) and each.get("url") == URL]


def literal_invariants(extension: dict[str, Any], version: str) -> list[str]:
    """The invariants that a validator would report that takes each version's expressions to the letter.

    `(empty)`: the expression comes out neither true nor false, which such a validator reports too.
    """
    covered, authorization = value(extension, "covered"), value(extension, "pa-needed")
    purposes, asked = values(extension, "doc-purpose"), values(extension, "info-needed")
    found = [] if values(extension, "doc-needed") or not values(extension, "questionnaire") else ["q1"]
    conditional = CONDITIONAL in (covered, authorization, *values(extension, "doc-needed"))
    if version == "2.0.1":
        if covered in ("covered", CONDITIONAL) and authorization is None:
            found.append("q2")
        if covered == "not-covered" and authorization is None:
            found.append("q2(empty)")
        if asked and not conditional:
            found.append("q3")
    else:
        if covered == "not-covered" and authorization is not None:
            found.append("q2")
        if conditional and not asked:
            found.append("q3")
        if "withpa" in purposes:
            found.append("q4" if authorization == "satisfied" else "q4(empty)")
    if bool(values(extension, "satisfied-pa-id")) != (authorization == "satisfied"):
        found.append("q5")
    if version == "2.2":
        found += _since_2_2(extension)
    return found


def _since_2_2(extension: dict[str, Any]) -> list[str]:
    reasons = values(extension, "reason")
    codes = [value(extension, "covered"), value(extension, "pa-needed"), *values(extension, "doc-needed")]
    purposeless = bool(values(extension, "doc-purpose")) and not reasons
    return (["q8"] if purposeless else []) + (["q9"] if "indeterminate" in codes and not reasons else [])
