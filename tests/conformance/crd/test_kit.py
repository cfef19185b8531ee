"""What the public test kit would say: it knows 2.0.1 only, and counts only what passed its tests on answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.breaking import add, drop, put
from tests.conformance.crd.checker import kit_findings
from tests.conformance.crd.samples import CAME, NUMBER, answer, kinds, part
from tests.conformance.test_checker import ANY_JSON, paths

RESOURCE = "systemActions/0/resource"
PARTS = f"{RESOURCE}/extension/2/extension"


@pytest.mark.parametrize("kind", kinds("2.0.1"))
def test_the_kit_takes_good_answers_of_the_version_it_knows(kind: str) -> None:
    assert kit_findings([answer("2.0.1", kinds("2.0.1")[kind])], "order-sign") == []


KIT_BROKEN = [
    ("no systemActions", drop("systemActions"), "systemActions is not there"),
    ("a long summary", put("cards/0/summary", "x" * 140), "card summary"),
    ("no topic", drop("cards/0/source/topic"), "card source.topic"),
    ("an unknown indicator", put("cards/0/indicator", "alarm"), "card indicator"),
    ("no description", drop("systemActions/0/description"), "action.description"),
    ("a create", put("systemActions/0/type", "create"), "not an update"),
    ("no coverage information", put(f"{RESOURCE}/extension", CAME["extension"][:1]), "none received"),
    ("two ids", put(f"{PARTS}/0/valueReference", {"reference": "Coverage/other"}), "not one coverage-assertion-id"),
    (
        "one coverage-assertion-id for two",
        put(f"{PARTS}/9/valueString", "A-other"),
        "one coverage-assertion-id for two",
    ),
    ("no reference", drop("cards/0"), "external reference"),
    ("no instructions", drop("cards/1"), "instructions"),
    ("a relative link", put("cards/0/links/0/url", "/policy"), "optional fields: card links"),
    ("system actions as an object", put("systemActions", {"a": 1}), "systemActions is no list"),
    ("a card that is a string", add("cards", "pump"), "card is no object"),
    ("an order in use", put(f"{RESOURCE}/status", "active"), "status is not draft"),
    ("no date of the order", drop(f"{RESOURCE}/authoredOn"), "authoredOn is not there"),
    (
        "a part of a newer version",
        add(f"{PARTS}", part("expiry-date", "valueDate", "2026-12-31")),
        "expiry-date",
    ),
    (
        "who documents, of a newer version",
        put(f"{PARTS}/5/valueCode", "patient"),
        "'patient' is no code",
    ),
    ("a form without documents", drop(f"{PARTS}/5"), "q1"),
    ("a number without authorization", add(f"{PARTS}", NUMBER), "q5"),
    ("a link without type", drop("cards/0/links/0/type"), "optional fields: card links"),
    ("a card without topic does not count", drop("cards/0/source/topic"), "external reference"),
    ("an action without description does not count", drop("systemActions/0/description"), "none received"),
    ("an empty list of links", put("cards/1/links", []), "optional fields: card links"),
    ("cards as an object", put("cards", {"a": 1}), "cards is no list"),
    ("a blank label of the source", put("cards/0/source/label", " "), "card source.label"),
    ("a suggestion without a way to choose", put("cards/1/suggestions", [{"label": "x"}]), "card selectionBehavior"),
    ("a suggestion without label", put("cards/1/suggestions", [{"uuid": "x"}]), "card suggestions"),
    ("no actions in a suggestion", put("cards/1/suggestions", [{"label": "x", "actions": []}]), "suggestions.actions"),
    (
        "a suggested action that says nothing",
        put("cards/1/suggestions", [{"label": "x", "actions": [{"type": "delete", "resourceId": "Device/1"}]}]),
        "optional fields: card action.description",
    ),
    ("an override without display", put("cards/1/overrideReasons", [{"code": "x", "system": "y"}]), "overrideReasons"),
    ("an action that is a string", add("systemActions", "update"), "action is no object"),
    ("an action of another type", put("systemActions/0/type", "replace"), "action.type"),
    ("an update without its order", drop(RESOURCE), "action.resource"),
    ("an order that is not FHIR", put(f"{RESOURCE}/subject", "Patient/p1"), "action.resource"),
    (
        "a deletion of nothing",
        add("systemActions", {"type": "delete", "description": "x", "resourceId": "1"}),
        "action.resourceId",
    ),
    ("an order of nothing", drop(f"{RESOURCE}/codeCodeableConcept"), "action.resource"),
    ("no list of suggestions", put("cards/1/suggestions", {"a": 1}), "optional fields: card suggestions"),
]


@pytest.mark.parametrize(("name", "change", "words"), KIT_BROKEN, ids=[name for name, *_ in KIT_BROKEN])
def test_what_the_kit_would_stumble_over(name: str, change: Any, words: str) -> None:
    body = answer("2.0.1")
    change(body)
    assert any(words in finding for finding in kit_findings([body], "order-sign")), name


@pytest.mark.parametrize("version", ["2.1", "2.2"])
def test_the_kit_takes_no_newer_shapes(version: str) -> None:
    findings = kit_findings([answer(version)], "order-sign")
    assert findings
    assert {finding.partition(":")[0] for finding in findings} == {"coverage information"}


def test_card_types_are_looked_for_in_all_answers_together() -> None:
    bodies = [answer("2.0.1"), answer("2.0.1")]
    del bodies[0]["cards"][0], bodies[1]["cards"][1]
    assert kit_findings(bodies, "order-sign") == []
    assert kit_findings(bodies[:1], "order-sign") == ["external reference: no card of absolute links only"]
    assert kit_findings(bodies[1:], "order-sign") == ["instructions: no card without links and suggestions"]


def test_at_selection_the_kit_does_without_system_actions() -> None:
    body = answer("2.0.1")
    del body["systemActions"]
    assert kit_findings([body], "order-select") == ["coverage information: none received"]


@settings(max_examples=150, deadline=None, database=None)
@given(st.data(), ANY_JSON)
def test_no_answer_breaks_the_kit(data: st.DataObject, found: Any) -> None:
    body = answer("2.0.1")
    put(data.draw(st.sampled_from(paths(body))), found)(body)
    assert all(isinstance(finding, str) for finding in kit_findings([body], "order-sign"))
