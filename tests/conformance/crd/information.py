"""What the guide's table says of coverage-information in each version, and the parts of one as values."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from tests.conformance.rulebook import as_list, words

URL = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
VERSIONS = ("2.0.1", "2.1", "2.2")
ORDERS = words(
    "Appointment CommunicationRequest DeviceRequest MedicationRequest NutritionOrder ServiceRequest VisionPrescription"
)
_SINCE_2_0_1 = (ORDERS | words("Encounter QuestionnaireResponse")) - {"VisionPrescription"}
ALLOWED_ON = {"2.0.1": _SINCE_2_0_1, "2.1": _SINCE_2_0_1 | {"VisionPrescription"}}
ALLOWED_ON["2.2"] = ALLOWED_ON["2.1"]
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
DETAIL_SYSTEM = "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"
DETAIL_SYSTEMS = {"2.0.1": (REASON_SYSTEM,), "2.1": (REASON_SYSTEM,), "2.2": (REASON_SYSTEM, DETAIL_SYSTEM)}
DETAIL_CATEGORIES = words("cat-limitation cat-decisional cat-other")
DEPENDENCIES = {version: ORDERS - (set() if version == "2.2" else {"VisionPrescription"}) for version in VERSIONS}
DETAIL_VALUES = words("valueBoolean valueString valueQuantity valuePeriod")
CONDITIONAL = "conditional"


def _detail_codes(version: str) -> dict[str, tuple[str | None, str]]:
    """The guide's codes of a detail, each with its category (None: any) and the kind of its value."""
    found: dict[str, tuple[str | None, str]] = {
        "allowed-quantity": ("cat-limitation", "valueQuantity"),
        "allowed-period": ("cat-limitation", "valuePeriod"),
        "in-network-copay": ("cat-decisional", "valueQuantity"),
        "out-network-copay": ("cat-decisional", "valueQuantity"),
        "concurrent-review": ("cat-decisional", "valueBoolean"),
        "appropriate-use-needed": ("cat-decisional", "valueBoolean"),
    }
    if version != "2.2":
        found["auth-out-network-only"] = (None, "valueBoolean")
    if version != "2.0.1":
        found |= {"policy-link": ("cat-other", "valueUrl"), "instructions": (None, "valueString")}
    if version == "2.1":
        found |= {f"instructions-{who}": (None, "valueString") for who in ("clinical", "admin")}
    return found


DETAIL_CODES = {version: _detail_codes(version) for version in VERSIONS}


def among(found: Any, codes: Collection[str]) -> bool:
    """Whether a value that may be of any kind is one of some codes."""
    return isinstance(found, str) and found in codes


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
    found = _literal_of_2_0_1(extension) if version == "2.0.1" else _literal_since_2_1(extension)
    if bool(values(extension, "satisfied-pa-id")) != (value(extension, "pa-needed") == "satisfied"):
        found.append("q5")
    if version != "2.0.1":
        found += _literal_reasons(values(extension, "reason"), version)
    if version == "2.2":
        found += _literal_since_2_2(extension)
    return sorted(found)


def _conditional(extension: dict[str, Any]) -> bool:
    codes = [value(extension, "covered"), value(extension, "pa-needed"), *values(extension, "doc-needed")]
    return CONDITIONAL in codes


def _literal_of_2_0_1(extension: dict[str, Any]) -> list[str]:
    """q1 is about answers too and bars a code that is in no list; q2 asks for pa-needed; q4 never applies."""
    covered, authorization = value(extension, "covered"), value(extension, "pa-needed")
    documented = [code for code in values(extension, "doc-needed") if code != "no-doc"]
    forms = values(extension, "questionnaire") + values(extension, "response")
    found = ["q1"] if forms and not documented else []
    if authorization is None and covered in ("covered", CONDITIONAL):
        found.append("q2")
    elif authorization is None and covered == "not-covered":
        found.append("q2(empty)")
    if values(extension, "info-needed") and not _conditional(extension):
        found.append("q3")
    return found


def _literal_since_2_1(extension: dict[str, Any]) -> list[str]:
    """q3 looks the other way; q4 has no value where it names a code that is not there."""
    covered, authorization = value(extension, "covered"), value(extension, "pa-needed")
    found = ["q1"] if values(extension, "questionnaire") and not values(extension, "doc-needed") else []
    if covered == "not-covered" and authorization is not None:
        found.append("q2")
    if _conditional(extension) and not values(extension, "info-needed"):
        found.append("q3")
    if "withpa" in values(extension, "doc-purpose"):
        found.append("q4" if authorization == "satisfied" else "q4(empty)")
    return found


def _literal_since_2_2(extension: dict[str, Any]) -> list[str]:
    """q6, which named a code that is in no list before 2.2, q8 and q9: something without its reason."""
    if values(extension, "reason"):
        return []
    codes = [value(extension, "covered"), value(extension, "pa-needed"), *values(extension, "doc-needed")]
    found = {
        "q6": "OTH" in values(extension, "info-needed"),
        "q8": bool(values(extension, "doc-purpose")),
        "q9": "indeterminate" in codes,
    }
    return [name for name, broken in found.items() if broken]


def _literal_reasons(reasons: list[Any], version: str) -> list[str]:
    """q7 is content with words on any reason, or with a single reason that has a code of the version's list."""
    if not reasons or any(isinstance(reason, dict) and reason.get("text") for reason in reasons):
        return []
    return ["q7(empty)"] if len(reasons) > 1 else [] if _is_listed(reasons[0], version) else ["q7"]


def _is_listed(reason: Any, version: str) -> bool:
    """Whether one of the codes of a reason is in the version's list."""
    codings = as_list(reason.get("coding")) if isinstance(reason, dict) else []
    own = [c for c in codings if isinstance(c, dict) and c.get("system") == REASON_SYSTEM]
    return any(among(coding.get("code"), REASON_CODES[version]) for coding in own)
