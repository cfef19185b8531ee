"""Single parts of coverage-information, version by version, and the literal invariants beyond the table."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.conformance.breaking import Case, add, broken, case, numbers, put
from tests.conformance.crd.checker import check_crd_response
from tests.conformance.crd.information import DETAIL_CODES, VERSIONS
from tests.conformance.crd.samples import (
    CALL,
    DETAIL_SYSTEM,
    JSON,
    NUMBER,
    POLICY,
    answer,
    information,
    kinds,
    part,
    reason,
)

EXTENSIONS = "systemActions/0/resource/extension"
DETAIL = f"{EXTENSIONS}/2/extension/4/extension"
CATEGORY, CODE, VALUE = range(3)


def check(body: Any, version: str = "2.2", call: JSON = CALL, *, issues_numbers: bool = True) -> set[int]:
    found = check_crd_response(body, call, version=version, hook="order-sign", issues_numbers=issues_numbers)
    return numbers(found)


VALUES = {
    "valueQuantity": {"value": 1, "unit": "pump"},
    "valuePeriod": {"start": "2026-01-15"},
    "valueBoolean": True,
    "valueString": "Order through the plan's supplier",
    "valueUrl": POLICY,
}
EVERY_DETAIL = [(version, code) for version in VERSIONS for code in DETAIL_CODES[version]]


@pytest.mark.parametrize(("version", "code"), EVERY_DETAIL)
def test_every_detail_of_a_version_is_taken(version: str, code: str) -> None:
    category, kind = DETAIL_CODES[version][code]
    coding = {"system": DETAIL_SYSTEM.get(version, DETAIL_SYSTEM["2.1"]), "code": code}
    parts = [
        part("code", "valueCodeableConcept", {"coding": [coding]}),
        part("value", kind, VALUES[kind]),
        part("qualification", "valueString", "One pump in 4 years"),
        *([part("category", "valueCode", category or "cat-other")] if version == "2.2" else []),
    ]
    assertion = information(version, "covered", "no-auth", part("detail", "extension", parts))
    assert check(answer(version, assertion), version=version) == set()


def test_parts_that_are_rarely_sent_are_taken() -> None:
    phone = {"system": "phone", "value": "1-800-488-0134"}
    contacts = {version: part("contact", "valueContactPoint", phone) for version in ("2.0.1", "2.1")}
    contacts["2.2"] = part("contact", "valueContactDetail", {"name": "Member services", "telecom": [phone]})
    for version, contact in contacts.items():
        supply = part("dependency", "valueReference", {"reference": "DeviceRequest/pump-1"})
        assertion = information(
            version, "covered", "performpa", contact, supply, reason("Coverage: trusted", "gold-card")
        )
        assert check(answer(version, assertion), version=version) == set()


def own(*more: JSON, version: str = "2.2") -> Any:
    """Replace our assertion by another one with more parts."""
    return put(f"{EXTENSIONS}/2", information(version, "covered", "no-auth", *more))


PARTS_BROKEN = [
    case(
        203,
        "two qualifications",
        add(DETAIL, part("qualification", "valueString", "a")),
        add(DETAIL, part("qualification", "valueString", "b")),
    ),
    case(203, "two codes in a detail", add(DETAIL, part("code", "valueCodeableConcept", {"text": "x"}))),
    case(
        203,
        "a quantity to compare with",
        put(f"{DETAIL}/{CODE}/valueCodeableConcept", {"text": "Pumps"}),
        put(f"{DETAIL}/{VALUE}", part("value", "valueQuantity", {"value": 1, "comparator": "<"})),
    ),
    case(
        203,
        "a category beside an own code that is none",
        put(f"{DETAIL}/{CODE}/valueCodeableConcept", {"text": "x"}),
        put(f"{DETAIL}/{CATEGORY}/valueCode", "cat-cost"),
    ),
    case(203, "a part that a detail has not", add(DETAIL, part("price", "valueString", "x"))),
    case(203, "a qualification that is a number", add(DETAIL, part("qualification", "valueInteger", 4))),
    case(203, "a detail in another category", put(f"{DETAIL}/{CATEGORY}/valueCode", "cat-limitation")),
    case(203, "a category that is none", put(f"{DETAIL}/{CATEGORY}/valueCode", "cat-cost")),
    case(203, "a link as a plain string", put(f"{DETAIL}/{VALUE}", part("value", "valueString", POLICY))),
    case(203, "a detail code that is none", put(f"{DETAIL}/{CODE}/valueCodeableConcept/coding/0/code", "price")),
    case(
        203,
        "a detail code of an older version",
        put(f"{DETAIL}/{CODE}/valueCodeableConcept/coding/0/code", "auth-out-network-only"),
    ),
    case(203, "a billing code without system", put(f"{EXTENSIONS}/2/extension/3/valueCoding", {"code": "E0784"})),
    case(203, "a dependency on a result", own(part("dependency", "valueReference", {"reference": "Observation/1"}))),
    case(
        203,
        "a dependency elsewhere",
        own(part("dependency", "valueReference", {"reference": "https://ehr.example/DeviceRequest/1"})),
    ),
    case(
        203,
        "a form by its name alone",
        own(part("questionnaire", "valueCanonical", "pump"), part("doc-needed", "valueCode", "clinical")),
    ),
    case(203, "a purpose that is no code", own(part("doc-purpose", "valueCode", "PA"), reason("Documentation: so"))),
    case(203, "an empty number", own({**NUMBER, "valueString": " "}), also=(114, 174)),
    case(203, "another purpose without reason", own(part("doc-purpose", "valueCode", "OTH"))),
    case(203, "trust without its code's version", own(reason("Coverage: trusted", "detail-code"))),
]


@pytest.mark.parametrize("changed", PARTS_BROKEN)
def test_a_broken_part_is_found(changed: Case) -> None:
    found = check(broken(answer("2.2"), changed), issues_numbers=114 not in changed.also)
    assert found == {changed.number} | changed.also


OLDER = [
    ("2.0.1", "a link", "policy-link", "valueUrl", DETAIL_SYSTEM["2.1"]),
    ("2.0.1", "instructions", "instructions", "valueString", DETAIL_SYSTEM["2.1"]),
    ("2.0.1", "instructions for clinicians", "instructions-clinical", "valueString", DETAIL_SYSTEM["2.1"]),
    ("2.1", "the system of 2.2", "policy-link", "valueUrl", DETAIL_SYSTEM["2.2"]),
]


@pytest.mark.parametrize(("version", "what", "code", "kind", "system"), OLDER, ids=[f"{v}: {w}" for v, w, *_ in OLDER])
def test_a_detail_of_another_version_is_found(version: str, what: str, code: str, kind: str, system: str) -> None:
    concept = part("code", "valueCodeableConcept", {"coding": [{"system": system, "code": code}]})
    detail = part("detail", "extension", [concept, part("value", kind, VALUES[kind])])
    found = check(answer(version, information(version, "covered", "no-auth", detail)), version=version)
    assert found == {203}, what


def test_a_dependency_on_glasses_is_of_2_2() -> None:
    glasses = part("dependency", "valueReference", {"reference": "VisionPrescription/1"})
    for version, expected in (("2.0.1", {203}), ("2.1", {203}), ("2.2", set())):
        assert check(answer(version, information(version, "covered", "no-auth", glasses)), version) == expected


def test_an_answered_form_needs_its_documentation_too() -> None:
    answered = part("response", "valueReference", {"reference": "QuestionnaireResponse/1"})
    found = information("2.0.1", "covered", "auth-needed", answered)
    assert check(answer("2.0.1", found), "2.0.1") == {203}


def test_prescriptions_for_glasses_take_it_since_2_1() -> None:
    given = {"resourceType": "VisionPrescription", "id": "g1", "status": "draft", "created": "2026-01-15"}
    given |= {"patient": {"reference": "Patient/p1"}, "dateWritten": "2026-01-15", "prescriber": {"display": "Dr"}}
    given["lensSpecification"] = [{"product": {"text": "lens"}, "eye": "left"}]
    call = copy.deepcopy(CALL)
    call["context"]["draftOrders"]["entry"] = [{"resource": given}]
    for version, expected in (("2.0.1", {179}), ("2.1", set()), ("2.2", set())):
        body = answer(version, cards=False)
        body["systemActions"][0]["resource"] = {**given, "extension": [kinds(version)["covered"]]}
        assert check(body, version, call) == expected
