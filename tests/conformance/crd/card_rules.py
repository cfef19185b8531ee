"""Rules on the cards of an answer to a CRD client; `given` carries the version and the orders of the call."""

import re
from collections.abc import Iterator

from tests.conformance.card_rules import CARD_TYPES
from tests.conformance.crd.information import among
from tests.conformance.rulebook import Finding, Spot, as_list, is_text, rule

TOPIC_SYSTEMS = {
    "2.0.1": "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp",
    "2.1": "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp",
    "2.2": "http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
}


def _topic(spot: Spot) -> dict[str, object]:
    source = spot.get("source")
    topic = source.get("topic") if isinstance(source, dict) else None
    return topic if isinstance(topic, dict) else {}


@rule(128, "crd-card")
def topic_of_the_version(spot: Spot) -> Iterator[Finding]:
    """The topic is a card type in the code system of the version."""
    if not among(_topic(spot).get("code"), CARD_TYPES):
        yield "source.topic.code", "must be a card type of the guide"
    if _topic(spot).get("system") != TOPIC_SYSTEMS[spot.given["version"]]:
        yield "source.topic.system", "is not the system of this version"


@rule(123, "crd-card")
def at_most_a_warning(spot: Spot) -> Iterator[Finding]:
    """A payer's card never says that the patient is in danger."""
    if spot.get("indicator") == "critical":
        yield "indicator", "is at most a warning"


@rule(140, "crd-card")
def no_card_repeats_the_action(spot: Spot) -> Iterator[Finding]:
    """What the system action says is not said in a card again."""
    if _topic(spot).get("code") in ("coverage-info", "unsolicited-determ"):
        yield "source.topic.code", "coverage is said by the system action"


def _associated(spot: Spot) -> list[str]:
    extension = spot.get("extension")
    listed = extension.get("davinci-crd.associated-resource") if isinstance(extension, dict) else None
    return [str(each.get("reference")) for each in as_list(listed) if isinstance(each, dict)]


@rule(139, "crd-card")
def tied_to_orders(spot: Spot) -> Iterator[Finding]:
    """A card names the orders of the call that it belongs to."""
    named = _associated(spot)
    if not named:
        yield "extension", "must name the orders that the card is about"
    for reference in named:
        if reference not in spot.given["orders"]:
            yield "extension", f"{reference} is no order of the call"


@rule(138, "crd-card")
def order_named_in_words(spot: Spot) -> Iterator[Finding]:
    """The detail names every order by what is ordered, not by its id alone."""
    detail = spot.get("detail")
    if not is_text(detail):
        yield "detail", "must say which order it is about"
        return
    for reference in _associated(spot):
        words = _words(spot.given["orders"].get(reference) or {})
        rest = detail.replace(reference, "").replace(reference.rpartition("/")[2], "")
        if not any(word in rest for word in words) if words else not re.search(r"[^\W\d_]{3}", rest):
            yield "detail", f"names {reference} by none of its words"


def _words(order: dict[str, object]) -> list[str]:
    """Texts and names of what is ordered; its codes only when it has no other words."""
    named: list[object] = []
    codes: list[object] = []
    for name in ("codeCodeableConcept", "code", "medicationCodeableConcept", "itemCodeableConcept"):
        concept = order.get(name)
        if isinstance(concept, dict):
            codings = [each for each in as_list(concept.get("coding")) if isinstance(each, dict)]
            named += [concept.get("text"), *(each.get("display") for each in codings)]
            codes += [each.get("code") for each in codings]
    return _texts(named) or _texts(codes)


def _texts(found: list[object]) -> list[str]:
    return [text.strip() for text in found if isinstance(text, str) and text.strip()]


@rule(156, "crd-card")
def reference_card(spot: Spot) -> Iterator[Finding]:
    """A card with links leads to what can be read: absolute links only, nothing to accept, words that sum it up."""
    links = as_list(spot.get("links"))
    if not links:
        return
    if any(not isinstance(link, dict) or link.get("type") != "absolute" for link in links):
        yield "links", "must all be absolute"
    if spot.has("suggestions"):
        yield "suggestions", "do not belong to a reference"
    if not is_text(spot.get("detail")):
        yield "detail", "must sum up what is linked to"


@rule(157, "crd-card")
def instructions_card(spot: Spot) -> Iterator[Finding]:
    """A card without links and suggestions instructs: it has a detail."""
    if not spot.has("links") and not spot.has("suggestions") and not is_text(spot.get("detail")):
        yield "detail", "must hold the instructions"
