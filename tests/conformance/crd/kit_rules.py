"""What the public test kit for CRD servers (2.0.1) holds of one card, one action and one order that is written on.

What the kit's FHIR validator checks by the guide's profiles is re-expressed here: elements, life cycle, the table of
coverage-information and its first five invariants in their meaning.
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.conformance.crd.information import assertions, value, values
from tests.conformance.crd.information_rules import invariants_hold, parts_known, plain_values_filled
from tests.conformance.crd.part_rules import details_complete
from tests.conformance.fhir_rules import resource_faults
from tests.conformance.rulebook import Spot, as_list, is_web_url, words

ORDERS = words("DeviceRequest MedicationRequest NutritionOrder ServiceRequest VisionPrescription")
NEEDED = {"DeviceRequest": ("subject", "authoredOn", "requester")}
REFERENCE = re.compile(r"[A-Za-z]+/\S+")
JSON = dict[str, Any]


def blank(found: Any) -> bool:
    """What the kit takes for nothing: null, false, an empty list or object, a string of white space."""
    return found is None or found is False or found in ([], {}) or (isinstance(found, str) and not found.strip())


def is_filled(found: Any) -> bool:
    """Whether it is a string that is not blank."""
    return isinstance(found, str) and not blank(found)


def _is_there(found: Any) -> bool:
    """The kit looks at what a card may have only when it is neither null nor false."""
    return found is not None and found is not False


def card_required(card: Any) -> Iterator[str]:
    """What every card needs."""
    if not isinstance(card, dict):
        yield "is no object"
        return
    if not is_filled(card.get("summary")) or len(card["summary"]) >= 140:
        yield "summary"
    if card.get("indicator") not in ("info", "warning", "critical"):
        yield "indicator"
    source = card.get("source")
    topic = source.get("topic") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not is_filled(source.get("label")):
        yield "source.label"
    if not isinstance(topic, dict) or not (is_filled(topic.get("code")) and is_filled(topic.get("system"))):
        yield "source.topic"


def card_optional(card: JSON) -> Iterator[str]:
    """What holds of members that a card may have."""
    for name, kind in (("uuid", str), ("detail", str), ("suggestions", list), ("overrideReasons", list)):
        yield from _of_kind(card, name, kind)
    yield from _of_kind(card, "links", list)
    if as_list(card.get("suggestions")) and card.get("selectionBehavior") not in ("at-most-one", "any"):
        yield "selectionBehavior"
    for reason in as_list(card.get("overrideReasons")):
        if not isinstance(reason, dict) or not all(is_filled(reason.get(n)) for n in ("code", "system", "display")):
            yield "overrideReasons"
    for link in as_list(card.get("links")):
        if not _is_link(link):
            yield "links"
    for suggestion in as_list(card.get("suggestions")):
        yield from _suggestion(suggestion)


def _of_kind(card: JSON, name: str, kind: type) -> Iterator[str]:
    found = card.get(name)
    if _is_there(found) and (not isinstance(found, kind) or blank(found)):
        yield name


def _is_link(link: Any) -> bool:
    if not isinstance(link, dict) or not (is_filled(link.get("label")) and is_web_url(link.get("url"))):
        return False
    return link.get("type") == "smart" or (link.get("type") == "absolute" and blank(link.get("appContext")))


def _suggestion(suggestion: Any) -> Iterator[str]:
    if not isinstance(suggestion, dict) or not is_filled(suggestion.get("label")):
        yield "suggestions"
        return
    actions = suggestion.get("actions")
    if _is_there(actions) and (not isinstance(actions, list) or not actions):
        yield "suggestions.actions"
    for action in as_list(actions):
        yield from action_faults(action)


def action_faults(action: Any) -> Iterator[str]:
    """What every action needs, a system action like any other."""
    if not isinstance(action, dict):
        yield "action is no object"
        return
    if not is_filled(action.get("description")):
        yield "action.description"
    if action.get("type") in ("create", "update"):
        if not isinstance(action.get("resource"), dict) or resource_faults(action["resource"]):
            yield "action.resource"
    elif action.get("type") == "delete":
        if not REFERENCE.fullmatch(str(action.get("resourceId"))):
            yield "action.resourceId"
    else:
        yield "action.type"


def informs(action: JSON) -> bool:
    """Whether an action writes coverage-information on an order of a type that the kit counts."""
    resource = action.get("resource")
    return isinstance(resource, dict) and resource.get("resourceType") in ORDERS and bool(assertions(resource))


def profile_faults(resource: JSON) -> Iterator[str]:
    """What the profile of an order, and that of its coverage-information, would report in 2.0.1."""
    if resource.get("status") != "draft":
        yield "status is not draft"
    yield from (f"{name} is not there" for name in NEEDED.get(resource["resourceType"], ()) if name not in resource)
    for each in assertions(resource):
        spot = Spot(each, "", {"version": "2.0.1"})
        for check in (parts_known, plain_values_filled, details_complete, invariants_hold):
            yield from (f"{path}: {message}" for path, message in check(spot))


def id_faults(resource: JSON) -> Iterator[str]:
    """One assertion id for a coverage and at most one number, and no id for two coverages."""
    for name, least in (("coverage-assertion-id", 1), ("satisfied-pa-id", 0)):
        found: dict[str, set[str]] = {}
        for each in assertions(resource):
            reference = value(each, "coverage")
            coverage = str(reference.get("reference") if isinstance(reference, dict) else None)
            found.setdefault(coverage, set()).update(map(str, values(each, name)))
        if any(not least <= len(ids) <= 1 for ids in found.values()):
            yield f"not one {name} for a coverage"
        firsts = [next(iter(ids)) for ids in found.values() if ids]
        if len(set(firsts)) < len(firsts):
            yield f"one {name} for two coverages"
