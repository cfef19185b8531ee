"""Rules on prefetch templates, held to the form that CDS Hooks 2.0.1 already allows.

Every spot is one template; its parent is the service entry, and the last part of its path is the key.
"""

import re
from collections.abc import Iterator

from tests.conformance.fhir_rules import is_resource_type
from tests.conformance.rulebook import Finding, Spot, rule, words

TOKEN = re.compile(r"\{\{(.*?)\}\}")
_PARAMETER = r"[^=&?/$\s{}]+=[^=&?\s]+"
SEARCH = re.compile(rf"(\w+)\?{_PARAMETER}(&{_PARAMETER})*")
READS = {
    "context.patientId": "Patient",
    "context.encounterId": "Encounter",
    "userPractitionerId": "Practitioner",
    "userPractitionerRoleId": "PractitionerRole",
    "userPatientId": "Patient",
    "userRelatedPersonId": "RelatedPerson",
}
CONTEXT_FIELDS = words("patientId encounterId userId")
FIELDS_OF_HOOK = {"order-dispatch": words("patientId")}
CONTROL_PARAMETERS = words("_id _lastUpdated _count _maxresults _sort")
DATE_PARAMETERS = words(
    "_lastUpdated date authored authoredon authored-on birthdate death-date onset-date asserted-date "
    "recorded-date abatement-date period issued effective created sent occurrence event-date target-date "
    "whenhandedover whenprepared modified"
)
COMMON_PARAMETERS = {
    "AllergyIntolerance": "patient clinical-status",
    "CarePlan": "patient category date status",
    "CareTeam": "patient status role",
    "Condition": "patient category clinical-status code onset-date asserted-date recorded-date "
    "abatement-date encounter",
    "Coverage": "patient status",
    "Device": "patient type status",
    "DiagnosticReport": "patient category code date status",
    "DocumentReference": "patient category type date period status",
    "Encounter": "patient date class identifier type status location discharge-disposition",
    "Goal": "patient description lifecycle-status target-date",
    "Immunization": "patient date status",
    "Location": "name address address-city address-state address-postalcode",
    "MedicationDispense": "patient status type",
    "MedicationRequest": "patient intent status encounter authoredon",
    "Observation": "patient category code date status",
    "Organization": "name address",
    "Patient": "identifier name family given birthdate gender death-date",
    "Practitioner": "name identifier",
    "PractitionerRole": "specialty practitioner",
    "Procedure": "patient date status code",
    "QuestionnaireResponse": "patient status questionnaire authored",
    "RelatedPerson": "patient name",
    "ServiceRequest": "patient category code authored status",
    "Specimen": "patient",
}


def _parameters(template: str) -> list[tuple[str, str]]:
    """Split the query of a search template into names and values; nothing for a read."""
    query = template.partition("?")[2]
    return [(name, value) for name, _, value in (part.partition("=") for part in query.split("&")) if name]


@rule(31, "template")
def read_or_search(spot: Spot) -> Iterator[Finding]:
    """A template is a read of one instance or a search on one type."""
    template = spot.value
    read = re.fullmatch(r"(\w+)/\{\{([^{}]*)\}\}", template)
    form = read or SEARCH.fullmatch(TOKEN.sub("t", template))
    if form is None:
        yield "", "must have the form Type/{{token}} or Type?name=value"
    elif not is_resource_type(form[1]):
        yield "", f"{form[1]} is no FHIR resource type"
    elif read and (READS.get(read[2], read[1]) != read[1] or read[2] == "context.userId"):
        yield "", f"{{{{{read[2]}}}}} does not hold an id of {read[1]}"


@rule(32, "template")
def token_parameters_plain(spot: Spot) -> Iterator[Finding]:
    """Only equality and `:in`, and a pipe between system and code is percent-encoded."""
    for name, _ in _parameters(spot.value):
        base, _, modifier = name.partition(":")
        if modifier not in ("", "in") and "." not in name and not base.startswith("_"):
            yield "", f"the modifier :{modifier} is outside the allowed subset"
    if "|" in TOKEN.sub("", spot.value):
        yield "", "a pipe must be written as %7C"


@rule(33, "template")
def date_prefixes(spot: Spot) -> Iterator[Finding]:
    """Date comparisons use eq, lt, gt, ge or le, and only on parameters that are dates."""
    for name, value in _parameters(spot.value):
        prefix = re.match(r"([a-z]{2})(\d{4}|\{\{)", value)
        if prefix and prefix[1] not in ("eq", "lt", "gt", "ge", "le"):
            yield "", f"the prefix {prefix[1]} is outside the allowed subset"
        elif prefix and name not in DATE_PARAMETERS:
            yield "", f"{name} is no date and takes no prefix"


@rule(34, "template")
def result_parameters(spot: Spot) -> Iterator[Finding]:
    """No chaining, and of the result parameters only count, maximum and sort."""
    for name, value in _parameters(spot.value):
        if "." in name:
            yield "", f"chaining ({name}) is outside the allowed subset"
        elif name.startswith("_") and name not in CONTROL_PARAMETERS:
            yield "", f"{name} is outside the allowed subset"
        elif name in ("_count", "_maxresults") and not re.fullmatch(r"[1-9]\d*", value):
            yield "", f"{name} must be a positive number"


@rule(35, "template")
def common_parameters(spot: Spot) -> Iterator[Finding]:
    """For types that US Core profiles, only parameters that are widely implemented."""
    kind = spot.value.partition("?")[0]
    common = COMMON_PARAMETERS.get(kind, "").split()
    for name, _ in _parameters(spot.value):
        base = name.partition(":")[0]
        if common and "." not in name and not base.startswith("_") and base not in common:
            yield "", f"{base} is not widely implemented for {kind}"


def _token_fault(token: str, hook: str, earlier: list[str]) -> tuple[int, str] | None:
    """Name the requirement a token breaks, or None when it is a plain one."""
    if token in READS and not token.startswith("context."):
        return None
    if re.fullmatch(r"%context\b.*|context\.\w+\.[A-Z]\w*\.id", token):
        return 40, "is a superseded form"
    if other := re.match(r"%([\w-]+)", token):
        known = other[1] in earlier
        return (37, "refers to another prefetch") if known else (39, "refers to no earlier prefetch")
    calls = set(re.findall(r"(\w+)\s*\(", token))
    if calls - {"ofType", "resolve", "today"} or re.search(r"[\[\]=<>]", token):
        return 38, "uses FHIRPath beyond the simple subset"
    if calls or re.search(r"[|+]", token) or re.fullmatch(r"context(\.\w+){2,}", token):
        return 37, "walks into the context or computes, which came after 2.0.1"
    field = re.fullmatch(r"context\.(\w+)", token)
    if not field:
        return 36, "is neither a context path nor a user token"
    if field[1] in FIELDS_OF_HOOK.get(hook, CONTEXT_FIELDS):
        return None
    elsewhere = field[1] in CONTEXT_FIELDS
    return (36, f"is no field of {hook}") if elsewhere else (37, "is no prefetch token field")


def _token_findings(spot: Spot, number: int) -> Iterator[Finding]:
    keys = list(spot.parent.get("prefetch", {}))
    earlier = keys[: keys.index(spot.given["key"])]
    for token in TOKEN.findall(spot.value):
        fault = _token_fault(token, str(spot.parent.get("hook")), earlier)
        if fault and fault[0] == number:
            yield "", f"{{{{{token}}}}} {fault[1]}"


@rule(36, "template")
def tokens_well_formed(spot: Spot) -> Iterator[Finding]:
    """Tokens stand in double braces and hold a context path or a user token."""
    if re.search(r"[{}]", TOKEN.sub("", spot.value)):
        yield "", "braces must come in pairs of two"
    yield from _token_findings(spot, 36)


@rule(37, "template")
def tokens_root_level(spot: Spot) -> Iterator[Finding]:
    """Tokens name a primitive field at the root of the context."""
    yield from _token_findings(spot, 37)


@rule(38, "template")
def tokens_simple(spot: Spot) -> Iterator[Finding]:
    """Tokens use no FHIRPath beyond the simple subset."""
    yield from _token_findings(spot, 38)


@rule(39, "template")
def tokens_look_back(spot: Spot) -> Iterator[Finding]:
    """A token that refers to another prefetch refers to one listed before it."""
    yield from _token_findings(spot, 39)


@rule(40, "template")
def tokens_current(spot: Spot) -> Iterator[Finding]:
    """Tokens do not use the forms of older CRD releases."""
    yield from _token_findings(spot, 40)
