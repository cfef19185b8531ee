"""Rules on the tokens of a CRD service's templates, which may use the simple FHIRPath of CDS Hooks 3.0.

Every spot is one template; its parent is the service entry, and `given` holds the key. A token is a union of paths.
"""

import re
from collections.abc import Iterator

from tests.conformance.crd.standard import standard_of
from tests.conformance.rulebook import Finding, Spot, rule, words
from tests.conformance.template_rules import TOKEN

FIELDS = {
    "order-sign": words("userId patientId encounterId draftOrders"),
    "order-select": words("userId patientId encounterId selections draftOrders"),
    "order-dispatch": words("patientId dispatchedOrders performer fulfillmentTasks order task"),
}
USERS = words("userPractitionerId userPractitionerRoleId userPatientId userRelatedPersonId")
STEPS = re.compile(r"(\.[a-z]\w*|\.ofType\([A-Z]\w*\)|\.resolve\(\))*")
DAY = re.compile(r"today\(\)(\s*[+-]\s*\d+\s+days?)?")
SUPERSEDED = re.compile(r"%context\b.*|context\.\w+\.[A-Z]\w*\b.*")
START = re.compile(r"(?P<start>context\.\w+|%[\w-]+|\w+)(?P<steps>.*)")


def is_standard(service: object, key: object, template: object) -> bool:
    """Tell whether a template is the guide's own for that key, which is taken as it is printed."""
    hook = service.get("hook") if isinstance(service, dict) else None
    return isinstance(key, str) and standard_of(hook).get(key) == template


def _fault(path: str, hook: str, earlier: list[str]) -> tuple[int, str] | None:
    """Name the requirement that one path of a token breaks, or None."""
    if SUPERSEDED.fullmatch(path):
        return 40, "is a superseded form"
    if path in USERS or DAY.fullmatch(path):
        return None
    found = START.fullmatch(path)
    if found is None or not found["start"].startswith(("context.", "%", "today")):
        return 36, "begins with neither the context, nor an earlier key, nor a user"
    start = found["start"]
    if start.startswith("%") and start[1:] not in earlier:
        return 39, "refers to no earlier prefetch"
    if start.startswith("context.") and start.partition(".")[2] not in FIELDS.get(hook, ()):
        return 36, f"is no field of {hook}"
    if not STEPS.fullmatch(found["steps"]):
        return 38, "uses FHIRPath beyond the simple subset"
    return None


def _findings(spot: Spot, number: int) -> Iterator[Finding]:
    if is_standard(spot.parent, spot.given["key"], spot.value):
        return
    keys = list(spot.parent["prefetch"])
    earlier = keys[: keys.index(spot.given["key"])]
    for path in (path for token in TOKEN.findall(spot.value) for path in token.split("|")):
        fault = _fault(path, str(spot.parent.get("hook")), earlier)
        if fault and fault[0] == number:
            yield "", f"{path} {fault[1]}"


@rule(36, "crd-template")
def paths_begin_somewhere(spot: Spot) -> Iterator[Finding]:
    """Every path of a token starts at a context field of the hook, an earlier key or the user."""
    yield from _findings(spot, 36)


@rule(38, "crd-template")
def paths_simple(spot: Spot) -> Iterator[Finding]:
    """A path has member steps, ofType() and resolve() only; a date is today, or so many days from it."""
    yield from _findings(spot, 38)


@rule(39, "crd-template")
def paths_look_back(spot: Spot) -> Iterator[Finding]:
    """Every key that a token refers to is listed before."""
    yield from _findings(spot, 39)


@rule(40, "crd-template")
def paths_current(spot: Spot) -> Iterator[Finding]:
    """No path has the form of an older CRD release."""
    yield from _findings(spot, 40)
