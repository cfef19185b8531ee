"""The tests of the public test kit for CRD servers over answers to one hook. The kit knows version 2.0.1 only."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.conformance.crd.kit_rules import (
    JSON,
    action_faults,
    card_optional,
    card_required,
    id_faults,
    informs,
    profile_faults,
)
from tests.conformance.rulebook import as_list

PRIMARY = ("order-sign", "order-dispatch", "appointment-book")


def kit_findings(responses: Sequence[JSON], hook: str) -> list[str]:
    """The kit's tests that would fail over these answers to one hook, each with what it stumbles over.

    Only what passed the tests on answers and cards is looked at by those for the card types, as in the kit.
    """
    found = [fault for body in responses for fault in _service_response(body, hook)]
    cards = [card for body in responses for card in as_list(body.get("cards")) if not list(card_required(card))]
    found += [f"optional fields: card {fault}" for card in cards for fault in card_optional(card)]
    actions = [action for body in responses for action in as_list(body.get("systemActions"))]
    found += _information([action for action in actions if not list(action_faults(action))])
    return found + _card_types([card for card in cards if not list(card_optional(card))])


def _service_response(body: JSON, hook: str) -> Iterator[str]:
    if not isinstance(body.get("cards"), list):
        yield "service response: cards is no list"
    if hook in PRIMARY and "systemActions" not in body:
        yield "service response: systemActions is not there"
    if "systemActions" in body and not isinstance(body["systemActions"], list):
        yield "service response: systemActions is no list"
    for card in as_list(body.get("cards")):
        yield from (f"service response: card {fault}" for fault in card_required(card))
    for action in as_list(body.get("systemActions")):
        yield from (f"service response: {fault}" for fault in action_faults(action))


def _information(actions: list[JSON]) -> list[str]:
    informing = [action for action in actions if informs(action)]
    found = [] if informing else ["coverage information: none received"]
    for action in informing:
        if action.get("type") != "update":
            found.append("coverage information: not an update")
        faults = [*profile_faults(action["resource"]), *id_faults(action["resource"])]
        found += [f"coverage information: {fault}" for fault in faults]
    return found


def _card_types(cards: list[dict[str, Any]]) -> list[str]:
    """The required types of cards: each has to be there once over all answers."""
    links = [as_list(card.get("links")) for card in cards]
    found = []
    if not any(listed and all(link["type"] == "absolute" for link in listed) for listed in links):
        found.append("external reference: no card of absolute links only")
    if not any(not card.get("links") and not card.get("suggestions") for card in cards):
        found.append("instructions: no card without links and suggestions")
    return found
