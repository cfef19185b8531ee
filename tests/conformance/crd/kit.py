"""The rules of the public test kit for CRD servers (2.0.1), as far as they look at answers."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tests.conformance.crd.information import URL, value, values
from tests.conformance.fhir_rules import resource_faults
from tests.conformance.rulebook import as_list, is_web_url, words

PRIMARY = ("order-sign", "order-dispatch", "appointment-book")
ORDERS = words("DeviceRequest MedicationRequest NutritionOrder ServiceRequest VisionPrescription")
JSON = dict[str, Any]


def blank(found: Any) -> bool:
    """What the kit takes for nothing: null, false, an empty list or object, a string of white space."""
    return found is None or found is False or found in ([], {}) or (isinstance(found, str) and not found.strip())


def _text(found: Any) -> bool:
    return isinstance(found, str) and not blank(found)


def card_required(card: JSON) -> Iterator[str]:
    """What every card needs."""
    if not _text(card.get("summary")) or len(card["summary"]) >= 140:
        yield "summary"
    if card.get("indicator") not in ("info", "warning", "critical"):
        yield "indicator"
    source = card.get("source")
    topic = source.get("topic") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not _text(source.get("label")):
        yield "source.label"
    if not isinstance(topic, dict) or not (_text(topic.get("code")) and _text(topic.get("system"))):
        yield "source.topic"


def card_optional(card: JSON) -> Iterator[str]:
    """What holds of members that a card may have."""
    for name in ("uuid", "detail"):
        if card.get(name) and not _text(card[name]):
            yield name
    for name in ("suggestions", "overrideReasons", "links"):
        if card.get(name) and not isinstance(card[name], list):
            yield name
    if card.get("suggestions") and card.get("selectionBehavior") not in ("at-most-one", "any"):
        yield "selectionBehavior"
    for reason in as_list(card.get("overrideReasons")):
        if not all(_text(reason.get(name)) for name in ("code", "system", "display")):
            yield "overrideReasons"
    for link in as_list(card.get("links")):
        known = _text(link.get("label")) and is_web_url(link.get("url")) and link.get("type") in ("absolute", "smart")
        if not known or (link.get("type") == "absolute" and link.get("appContext")):
            yield "links"
    for suggestion in as_list(card.get("suggestions")):
        if not _text(suggestion.get("label")):
            yield "suggestions"
        if "actions" in suggestion and not suggestion["actions"]:
            yield "suggestions.actions"
        for action in as_list(suggestion.get("actions")):
            yield from action_faults(action)


def action_faults(action: JSON) -> Iterator[str]:
    """What every action needs, a system action like any other."""
    if not _text(action.get("description")):
        yield "action.description"
    if action.get("type") in ("create", "update"):
        if not isinstance(action.get("resource"), dict) or resource_faults(action["resource"]):
            yield "action.resource"
    elif action.get("type") == "delete":
        if not re.fullmatch(r"[A-Za-z]+/\S+", str(action.get("resourceId"))):
            yield "action.resourceId"
    else:
        yield "action.type"


def _service_response(body: JSON, hook: str) -> Iterator[str]:
    if not isinstance(body.get("cards"), list):
        yield "service response: cards is no list"
    if hook in PRIMARY and "systemActions" not in body:
        yield "service response: systemActions is not there"
    for card in as_list(body.get("cards")):
        yield from (f"service response: card {fault}" for fault in card_required(card))
        yield from (f"optional fields: card {fault}" for fault in card_optional(card))
    for action in as_list(body.get("systemActions")):
        yield from (f"service response: {fault}" for fault in action_faults(action))


def _information(action: JSON) -> list[JSON]:
    resource = action.get("resource")
    if not isinstance(resource, dict) or resource.get("resourceType") not in ORDERS:
        return []
    return [e for e in as_list(resource.get("extension")) if isinstance(e, dict) and e.get("url") == URL]


def _ids(action: JSON) -> Iterator[str]:
    by_coverage: dict[str, set[str]] = {}
    numbers: dict[str, set[str]] = {}
    for each in _information(action):
        coverage = str((value(each, "coverage") or {}).get("reference"))
        by_coverage.setdefault(coverage, set()).update(map(str, values(each, "coverage-assertion-id")))
        numbers.setdefault(coverage, set()).update(map(str, values(each, "satisfied-pa-id")))
    if any(len(ids) != 1 for ids in by_coverage.values()) or any(len(found) > 1 for found in numbers.values()):
        yield "coverage information: not one id for a coverage"
    if len({next(iter(ids)) for ids in by_coverage.values() if ids}) < len(by_coverage):
        yield "coverage information: one id for two coverages"


def kit_findings(responses: Sequence[JSON], hook: str) -> list[str]:
    """The kit's tests that would fail over these answers to one hook."""
    found = [fault for body in responses for fault in _service_response(body, hook)]
    actions = [action for body in responses for action in as_list(body.get("systemActions"))]
    informing = [action for action in actions if _information(action)]
    if not informing:
        found.append("coverage information: none received")
    for action in informing:
        if action.get("type") != "update":
            found.append("coverage information: not an update")
        found += _ids(action)
    cards = [card for body in responses for card in as_list(body.get("cards"))]
    if not any(card.get("links") and all(link["type"] == "absolute" for link in card["links"]) for card in cards):
        found.append("external reference: no card of absolute links only")
    if not any(not card.get("links") and not card.get("suggestions") for card in cards):
        found.append("instructions: no card without links and suggestions")
    return found
