"""Every text of an answer that a person reads, with where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

JSON = Mapping[str, Any]
Text = tuple[str, str]


def texts_of(response: JSON) -> Iterator[Text]:
    """Cards, explanations, what closes gaps, remarks, reasons, and what coverage-information says in words."""
    for card in response.get("cards", ()):
        yield from _of_card(card)
    for determination in response.get("extension", {}).get("com.insulin-pump-cds.determinations", ()):
        yield from _of_determination(determination)
    for action in response.get("systemActions", ()):
        yield "description of a system action", action.get("description", "")
        yield from _in_words(action.get("resource", {}))


def _of_card(card: JSON) -> Iterator[Text]:
    yield "summary", card["summary"]
    yield "detail", card.get("detail", "")
    for name in ("links", "suggestions"):
        for item in card.get(name, ()):
            yield f"label of {name}", item["label"]
    for reason in card.get("overrideReasons", ()):
        yield "override reason", reason["display"]


def _of_determination(determination: JSON) -> Iterator[Text]:
    yield "reason", determination.get("reason", "")
    for group in ("criteria", "exclusions", "replacement"):
        for finding in determination.get(group, ()):
            yield from _of_finding(finding)


def _of_finding(finding: JSON) -> Iterator[Text]:
    """A finding with its parts of every level."""
    yield f"explanation of {finding['id']}", finding["explanation"]
    yield f"what closes {finding['id']}", finding.get("closes", "")
    for remark in finding.get("remarks", ()):
        yield f"remark on {finding['id']}", remark
    for part in finding.get("parts", ()):
        yield from _of_finding(part)


def _in_words(value: Any) -> Iterator[Text]:
    """The reasons of coverage-information on an order."""
    if isinstance(value, dict):
        concept = value.get("valueCodeableConcept")
        if value.get("url") == "reason" and isinstance(concept, dict):
            yield "reason of coverage-information", concept.get("text", "")
        for inner in value.values():
            yield from _in_words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _in_words(inner)
