"""The CRD rules let good answers pass in every version, and name the requirement that a broken one breaks."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.conformance.breaking import Case, add, broken, case, drop, numbers, put
from tests.conformance.crd.checker import check_crd_response
from tests.conformance.crd.information import VERSIONS
from tests.conformance.crd.samples import (
    CALL,
    CAME,
    DOCUMENTS,
    JSON,
    NUMBER,
    REASON_SYSTEM,
    answer,
    information,
    kinds,
    reason,
)

EVERY = [(version, name) for version in VERSIONS for name in kinds(version)]
RESOURCE = "systemActions/0/resource"
OURS = f"{RESOURCE}/extension/2"
PARTS = f"{OURS}/extension"
# Parts of the sample that asks for documents, by place.
COVERAGE, COVERED, NEEDED, BILLING, DETAIL, ASKS, WHY, FORM, DATE, ID = range(10)


def check(body: Any, version: str = "2.2", hook: str = "order-sign", **configuration: Any) -> set[int]:
    switches = {name.replace("_", "-"): found for name, found in configuration.items()}
    return numbers(check_crd_response(body, CALL, version=version, hook=hook, configuration=switches))


@pytest.mark.parametrize(("version", "kind"), EVERY)
def test_good_answers_have_no_violations(version: str, kind: str) -> None:
    found = check_crd_response(answer(version, kinds(version)[kind]), CALL, version=version, hook="order-sign")
    assert found == []


def part(index: int, key: str, found: Any) -> Any:
    return put(f"{PARTS}/{index}/{key}", found)


BROKEN = [
    case(76, "documents at a secondary hook", put("cards/0/detail", "For the Insulin pump: see section 4.1")),
    case(123, "a card as if in danger", put("cards/0/indicator", "critical")),
    case(128, "topic in the system of another version", put("cards/0/source/topic/system", REASON_SYSTEM)),
    case(128, "topic of no card type", put("cards/0/source/topic/code", "pump"), also=(128,)),
    case(138, "no detail", drop("cards/0/detail"), also=(156,)),
    case(138, "the order by its id alone", put("cards/0/detail", "For DeviceRequest/pump-1: four tests a day")),
    case(
        138, "the order by its code alone", put("cards/0/detail", "For DeviceRequest/pump-1 (E0784): four tests a day")
    ),
    case(139, "tied to no order", drop("cards/0/extension"), also=()),
    case(
        139,
        "tied to an order that nobody placed",
        put("cards/0/extension/davinci-crd.associated-resource/0/reference", "DeviceRequest/pump-9"),
    ),
    case(140, "a card on coverage", put("cards/0/source/topic/code", "coverage-info")),
    case(140, "a card on a determination", put("cards/0/source/topic/code", "unsolicited-determ")),
    case(
        156,
        "a smart link beside absolute ones",
        add("cards/0/links", {"label": "App", "url": "https://app.example/launch", "type": "smart"}),
    ),
    case(
        156,
        "a suggestion beside links",
        put("cards/0/suggestions", [{"label": "Order", "uuid": "6a0a3b1c-52b8-4f0c-9a5e-0c9b6f1d2e01"}]),
        put("cards/0/selectionBehavior", "any"),
    ),
    case(157, "no instructions", drop("cards/1/detail"), also=(138,)),
    case(177, "an order written on twice", add("systemActions", answer("2.2")["systemActions"][0])),
    case(178, "coverage-information by a create", put("systemActions/0/type", "create"), also=()),
    case(179, "an update with a target of its own", put("systemActions/0/resourceId", "DeviceRequest/pump-1")),
    case(
        179, "an update without coverage-information", put(f"{RESOURCE}/extension", CAME["extension"][:1]), also=(181,)
    ),
    case(180, "a changed member", put(f"{RESOURCE}/authoredOn", "2026-01-16")),
    case(180, "a new member", put(f"{RESOURCE}/note", [{"text": "x"}])),
    case(180, "a lost member", drop(f"{RESOURCE}/requester"), also=(147,)),
    case(180, "another extension changed", put(f"{RESOURCE}/extension/0/valueString", "changed")),
    case(180, "another extension lost", drop(f"{RESOURCE}/extension/0")),
    case(181, "another payer's word changed", put(f"{RESOURCE}/extension/1/extension/5/valueString", "A-x"), also=()),
    case(181, "another payer's word lost", drop(f"{RESOURCE}/extension/1")),
    case(182, "nothing new", drop(OURS)),
    case(185, "one id for two coverages", part(ID, "valueString", "A-other")),
    case(186, "two ids for one coverage", part(COVERAGE, "valueReference", {"reference": "Coverage/other"})),
    case(187, "two words on the same thing", add(f"{RESOURCE}/extension", kinds("2.2")["covered"])),
    case(
        198, "a coverage elsewhere", part(COVERAGE, "valueReference", {"reference": "https://payer.example/Coverage/1"})
    ),
    case(
        198,
        "a coverage that is said to be a member",
        part(COVERAGE, "valueReference", {"reference": "Coverage/cov1", "type": "Patient"}),
    ),
    case(198, "a member in place of a coverage", part(COVERAGE, "valueReference", {"reference": "Patient/p1"})),
    case(203, "no date", drop(f"{PARTS}/{DATE}")),
    case(203, "a date with a time", part(DATE, "valueDate", "2026-01-15T10:00:00Z"), also=(115,)),
    case(203, "two dates", add(PARTS, {"url": "date", "valueDate": "2026-01-16"})),
    case(203, "no assertion id", drop(f"{PARTS}/{ID}")),
    case(203, "a blank assertion id", part(ID, "valueString", " "), also=(114,)),
    case(203, "a value beside the parts", put(f"{OURS}/valueString", "covered")),
    case(203, "no coverage", drop(f"{PARTS}/{COVERAGE}"), also=(198,)),
    case(203, "no word on coverage", drop(f"{PARTS}/{COVERED}")),
    case(203, "a word on coverage that is no code", part(COVERED, "valueCode", "maybe")),
    case(203, "a string for a code", put(f"{PARTS}/{COVERED}", {"url": "covered", "valueString": "covered"})),
    case(203, "an unknown part", add(PARTS, {"url": "price", "valueString": "1"})),
    case(
        203,
        "a part of an older version",
        add(PARTS, {"url": "response", "valueReference": {"reference": "QuestionnaireResponse/1"}}),
    ),
    case(203, "a contact of an older version", add(PARTS, {"url": "contact", "valueContactPoint": {"value": "1"}})),
    case(203, "doc-needed of an older version", part(ASKS, "valueCode", "both")),
    case(203, "a detail without category", drop(f"{PARTS}/{DETAIL}/extension/0")),
    case(203, "a detail without code", drop(f"{PARTS}/{DETAIL}/extension/1")),
    case(203, "a detail without value", drop(f"{PARTS}/{DETAIL}/extension/2")),
    case(
        203,
        "a detail with a value of no kind",
        put(f"{PARTS}/{DETAIL}/extension/2", {"url": "value", "valueDate": "2026-01-15"}),
    ),
    case(203, "a reason without words", put(f"{PARTS}/{WHY}/valueCodeableConcept", {"coding": [{"code": "x"}]})),
    case(
        203,
        "a reason code that is none",
        put(f"{PARTS}/{WHY}/valueCodeableConcept/coding", [{"system": REASON_SYSTEM, "code": "bad-luck"}]),
    ),
    case(203, "a questionnaire without doc-needed", drop(f"{PARTS}/{ASKS}")),
    case(203, "not covered, with authorization", part(COVERED, "valueCode", "not-covered")),
    case(203, "covered, without a word on authorization", drop(f"{PARTS}/{NEEDED}")),
    case(203, "conditional without what is needed", part(COVERED, "valueCode", "conditional")),
    case(203, "asking where nothing is conditional", add(PARTS, {"url": "info-needed", "valueCode": "performer"})),
    case(203, "satisfied without a number", part(NEEDED, "valueCode", "satisfied")),
    case(203, "a number though authorization is needed", add(PARTS, NUMBER)),
    case(
        203,
        "documents for an authorization that is not needed",
        part(NEEDED, "valueCode", "no-auth"),
        add(PARTS, {"url": "doc-purpose", "valueCode": "withpa"}),
    ),
    case(
        203,
        "a purpose without a reason",
        drop(f"{PARTS}/{WHY}"),
        add(PARTS, {"url": "doc-purpose", "valueCode": "retain-doc"}),
    ),
    case(
        203, "a technical failure without a reason", drop(f"{PARTS}/{WHY}"), part(COVERED, "valueCode", "indeterminate")
    ),
]


@pytest.mark.parametrize("changed", BROKEN)
def test_a_broken_answer_is_found(changed: Case) -> None:
    hook = "order-select" if changed.number == 76 else "order-sign"
    found = check(broken(answer("2.2"), changed), hook=hook)
    if changed.number == 178:
        found -= {147, 150, 180, 179, 151}
    assert found == {changed.number} | changed.also, found


OLDER = [
    ("2.0.1", "indeterminate", information("2.0.1", "indeterminate", "indeterminate", reason("Coverage: no answer"))),
    ("2.1", "indeterminate", information("2.1", "indeterminate", "indeterminate", reason("Coverage: no answer"))),
    ("2.0.1", "a category", information("2.2", "covered", "auth-needed")),
    ("2.1", "a category", information("2.2", "covered", "auth-needed")),
    ("2.0.1", "a url in a detail", information("2.1", "covered", "auth-needed")),
    ("2.2", "no category", information("2.1", "covered", "auth-needed")),
    (
        "2.0.1",
        "an expiry date",
        information("2.0.1", "covered", "no-auth", {"url": "expiry-date", "valueDate": "2026-12-31"}),
    ),
    (
        "2.0.1",
        "two who document",
        information("2.0.1", "covered", "auth-needed", *DOCUMENTS, {"url": "doc-needed", "valueCode": "admin"}),
    ),
    (
        "2.1",
        "a member code",
        information("2.1", "not-covered", None, reason("Coverage: unknown", "no-member-found")),
    ),
    (
        "2.1",
        "a contact of 2.2",
        information("2.1", "covered", "no-auth", {"url": "contact", "valueContactDetail": {"name": "x"}}),
    ),
]


@pytest.mark.parametrize(("version", "what", "assertion"), OLDER, ids=[f"{v}: {w}" for v, w, _ in OLDER])
def test_what_belongs_to_another_version_is_found(version: str, what: str, assertion: JSON) -> None:
    assert check(answer(version, assertion), version) == {203}, what


# The number of the requirement, what the client switched, and the kind of assertion that is sent in spite of it.
SWITCHED: list[tuple[int, dict[str, Any], str]] = [
    (141, {"max_cards": 1}, "documents"),
    (141, {"max_cards": 0}, "documents"),
    (171, {"coverage_info": False}, "documents"),
    (171, {"guideline": False}, "documents"),
    (171, {"clinical_reminder": False}, "documents"),
    (174, {"unsolicited_determ": False}, "satisfied"),
]


@pytest.mark.parametrize(("number", "switches", "kind"), SWITCHED)
def test_what_the_client_switched_off_is_found(number: int, switches: dict[str, Any], kind: str) -> None:
    assert check(answer("2.2", kinds("2.2")[kind]), **switches) == {number}


def test_what_the_client_left_on_is_taken() -> None:
    assert check(answer("2.2"), max_cards=2, guideline=True, zork=False) == set()
    assert check(answer("2.2", kinds("2.2")["satisfied"]), unsolicited_determ=True) == set()
    assert check(answer("2.2"), unsolicited_determ=False) == set()


def test_a_suggestion_never_carries_coverage_information() -> None:
    body = answer("2.2", cards=False)
    (action,) = body["systemActions"]
    body["cards"] = copy.deepcopy(answer("2.2")["cards"][1:])
    offer = {"label": "Take it", "uuid": "6a0a3b1c-52b8-4f0c-9a5e-0c9b6f1d2e02", "actions": [action]}
    body["cards"][0] |= {"suggestions": [offer], "selectionBehavior": "any"}
    assert check(body) == {178}


def test_members_in_another_order_are_found() -> None:
    body = answer("2.2")
    resource = body["systemActions"][0]["resource"]
    body["systemActions"][0]["resource"] = dict(reversed(resource.items()))
    assert check(body) == {180}


def test_an_order_of_a_type_that_takes_no_extension_is_found() -> None:
    call, body = copy.deepcopy(CALL), answer("2.2")
    for resource in (call["context"]["draftOrders"]["entry"][0]["resource"], body["systemActions"][0]["resource"]):
        code = resource.pop("codeCodeableConcept")
        resource.update(resourceType="SupplyRequest", itemCodeableConcept=code, quantity={"value": 1})
        for name in ("intent", "subject", "status"):
            resource.pop(name)
    for card in body["cards"]:
        card["extension"]["davinci-crd.associated-resource"][0]["reference"] = "SupplyRequest/pump-1"
    found = check_crd_response(body, call, version="2.2", hook="order-sign")
    assert numbers(found) == {179}


def test_dispatched_orders_are_those_of_the_client() -> None:
    call = {"hook": "order-dispatch", "context": {"patientId": "p1", "dispatchedOrders": ["DeviceRequest/pump-1"]}}
    orders = {"DeviceRequest/pump-1": CAME}
    body = answer("2.2")
    assert check_crd_response(body, call, version="2.2", hook="order-dispatch", orders=orders) == []
    body["systemActions"][0]["resource"]["status"] = "active"
    found = check_crd_response(body, call, version="2.2", hook="order-dispatch", orders=orders)
    assert numbers(found) == {180}
