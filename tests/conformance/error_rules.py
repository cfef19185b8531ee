"""Rules on the answers that report an error."""

from collections.abc import Iterator
from typing import Any

from tests.conformance.fhir_rules import ISSUE_CODES, SEVERITIES, resource_faults
from tests.conformance.rulebook import Finding, Spot, is_objects, is_text, rule

LEAKS = ("Traceback", 'File "')
JSON_TYPES = ("application/json", "application/fhir+json")


@rule(108, "error")
def error_is_json(spot: Spot) -> Iterator[Finding]:
    """An error has a 4xx or 5xx status and a JSON content type."""
    status, content_type = spot.given["status"], spot.given["contentType"]
    if not 400 <= status <= 599:
        yield "", f"status {status} does not report an error"
    if str(content_type).partition(";")[0].strip().lower() not in JSON_TYPES:
        yield "", f"content type {content_type!r} is not JSON"


def _is_outcome(spot: Spot) -> bool:
    return bool(spot.get("resourceType") == "OperationOutcome")


@rule(109, "error")
def missing_data_outcome(spot: Spot) -> Iterator[Finding]:
    """The answer that data could not be had is an OperationOutcome."""
    if spot.given["status"] == 412 and not _is_outcome(spot):
        yield "", "a 412 must carry an OperationOutcome"


@rule(110, "error")
def outcome_valid(spot: Spot) -> Iterator[Finding]:
    """The body is an OperationOutcome whose issues use the codes of FHIR."""
    if not _is_outcome(spot):
        if spot.given["status"] != 412:
            yield "", "must be an OperationOutcome"
        return
    issues = spot.get("issue")
    if not is_objects(issues) or not issues:
        yield "issue", "must be an array of at least one object"
        return
    for index, issue in enumerate(issues):
        for name, allowed in (("severity", SEVERITIES), ("code", ISSUE_CODES)):
            if not isinstance(issue.get(name), str) or issue[name] not in allowed:
                yield f"issue[{index}].{name}", f"{issue.get(name)!r} is not in the FHIR code list"
    for fault in resource_faults(spot.value):
        yield "", fault


@rule(111, "error")
def issues_explained(spot: Spot) -> Iterator[Finding]:
    """Every issue says what to put right."""
    for issue in spot.items("issue"):
        if not is_text(issue.get("diagnostics")):
            yield issue.where.removeprefix("$.") + ".diagnostics", "must be a non-empty string"


@rule(111, "error")
def no_inner_workings(spot: Spot) -> Iterator[Finding]:
    """Nothing in the body comes from a stack trace."""
    for text in strings(spot.value):
        for leak in LEAKS:
            if leak in text:
                yield "", f"{leak!r} gives away a stack trace"


def strings(value: Any) -> Iterator[str]:
    """Every string in a document, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
