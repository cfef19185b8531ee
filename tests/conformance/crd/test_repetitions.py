"""How assertions stand on an order, and what the call knows of its orders, Coverages and numbers."""

from __future__ import annotations

import copy
from typing import Any

from tests.conformance.breaking import numbers
from tests.conformance.crd.checker import check_crd_response
from tests.conformance.crd.information import assertions
from tests.conformance.crd.samples import CALL, JSON, answer, kinds, part
from tests.conformance.samples import HCPCS

DISPATCHED = {"hook": "order-dispatch", "context": {"patientId": "p1", "dispatchedOrders": ["DeviceRequest/pump-1"]}}


def check(body: Any, call: JSON = CALL, hook: str = "order-sign", *, issues_numbers: bool = True) -> set[int]:
    return numbers(check_crd_response(body, call, version="2.2", hook=hook, issues_numbers=issues_numbers))


def came(*said: JSON) -> JSON:
    """The call with an order on which something was said before."""
    call = copy.deepcopy(CALL)
    call["context"]["draftOrders"]["entry"][0]["resource"]["extension"] += copy.deepcopy(said)
    return call


def test_a_newer_date_alone_is_nothing_new() -> None:
    call, body = came(kinds("2.2")["documents"]), answer("2.2")
    for each in assertions(body["systemActions"][0]["resource"])[1]["extension"]:
        each |= {"valueDate": "2026-01-16"} if each["url"] == "date" else {}
    assert check(body, call) == {182}


def test_a_changed_assertion_takes_the_place_of_the_old_one() -> None:
    old, new, last = (
        kinds("2.2")["covered"],
        kinds("2.2")["documents"],
        {"url": "http://ehr.example/x", "valueCode": "x"},
    )
    call, body = came(old, last), answer("2.2")
    extensions = body["systemActions"][0]["resource"]["extension"]
    first = extensions[:2]
    for found, expected in (
        ([*first, new, last], set()),
        ([*first, last, new], {180}),
        ([*first, old, last, new], {187}),
        ([*first, old, new, last], {187}),
        ([*reversed(first), new, last], {180}),
    ):
        extensions[:] = copy.deepcopy(found)
        assert check(body, call) == expected


def test_repetitions_for_other_billing_codes_may_stand_side_by_side() -> None:
    body = answer("2.2")
    supplies = copy.deepcopy(kinds("2.2")["covered"])
    supplies["extension"][3]["valueCoding"] = {"system": HCPCS, "code": "A4224"}
    body["systemActions"][0]["resource"]["extension"].append(supplies)
    assert check(body) == set()


def test_a_word_on_another_coverage_is_not_changed_along_with_ours() -> None:
    body = answer("2.2")
    others = assertions(body["systemActions"][0]["resource"])[0]["extension"]
    others[2]["valueCode"] = "auth-needed"
    assert check(body) == {181}


def test_an_order_is_kept_as_it_is_written() -> None:
    """Requirement 180, also where FHIR or JSON would take it for the same."""
    call, body = copy.deepcopy(CALL), answer("2.2")
    came_with = call["context"]["draftOrders"]["entry"][0]["resource"]
    came_with["parameter"] = [{"code": {"text": "rate"}, "valueQuantity": {"value": 1.0, "unit": "U/h"}}]
    kept = body["systemActions"][0]["resource"]
    kept["parameter"] = copy.deepcopy(came_with["parameter"])
    assert check(body, call) == set()
    for other in ({"value": 1, "unit": "U/h"}, {"unit": "U/h", "value": 1.0}):
        kept["parameter"][0]["valueQuantity"] = other
        assert check(body, call) == {180}


def test_an_order_is_written_on_once() -> None:
    body = answer("2.2")
    body["systemActions"] *= 2
    assert check(body) == {177}


def test_the_coverage_is_the_one_that_was_prefetched() -> None:
    coverage = {"resourceType": "Coverage", "id": "cov1"}
    for found, expected in (
        (coverage, set()),
        ({**coverage, "id": "cov2"}, {198}),
        ({"resourceType": "Bundle", "entry": [{"resource": coverage}]}, set()),
        ({"resourceType": "Bundle", "entry": [{"resource": {**coverage, "id": "cov2"}}]}, {198}),
        ({"resourceType": "Bundle", "entry": [], "link": [{"relation": "next", "url": "https://ehr.example"}]}, set()),
        (None, set()),
    ):
        assert check(answer("2.2"), {**CALL, "prefetch": {"coverage": found}}) == expected


def test_a_reference_may_be_written_out_with_the_clients_server() -> None:
    call = {**CALL, "fhirServer": "https://ehr.example/fhir/"}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Coverage", "id": "cov1"}}]}
    elsewhere = {"fullUrl": "https://payer.example/Coverage/cov1", **bundle["entry"][0]}
    for reference, entries, expected in (
        ("https://ehr.example/fhir/Coverage/cov1", None, set()),
        ("https://ehr.example/fhir/Coverage/cov1", bundle["entry"], set()),
        ("https://ehr.example/fhir/Coverage/cov2", bundle["entry"], {198}),
        ("https://payer.example/Coverage/cov1", bundle["entry"], {198}),
        ("https://payer.example/Coverage/cov1", [elsewhere], set()),
    ):
        body = answer("2.2")
        ours = assertions(body["systemActions"][0]["resource"])[1]["extension"]
        ours[0]["valueReference"] = {"reference": reference}
        ours.append(
            part("dependency", "valueReference", {"reference": "https://ehr.example/fhir/DeviceRequest/pump-1"})
        )
        prefetch = {"coverage": {**bundle, "entry": entries}} if entries else {}
        assert check(body, {**call, "prefetch": prefetch}) == expected
    assert check(body, CALL) == {198, 203}


def test_dispatched_orders_are_taken_from_the_prefetch_or_not_compared() -> None:
    order = CALL["context"]["draftOrders"]["entry"][0]["resource"]
    there = {**DISPATCHED, "prefetch": {"deviceRequests": {"resourceType": "Bundle", "entry": [{"resource": order}]}}}
    body = answer("2.2")
    assert check(body, there, hook="order-dispatch") == check(body, DISPATCHED, hook="order-dispatch") == set()
    body["systemActions"][0]["resource"]["status"] = "active"
    assert check(body, there, hook="order-dispatch") == {180}
    assert check(body, DISPATCHED, hook="order-dispatch") == set()


def test_a_server_that_issues_no_numbers_sends_none() -> None:
    body = answer("2.2", kinds("2.2")["satisfied"])
    assert check(body) == set()
    assert check(body, issues_numbers=False) == {174}


def test_a_card_on_a_danger_is_none_of_a_payers() -> None:
    for code in ("clinical-reminder", "contraindication"):
        body = answer("2.2")
        body["cards"][1]["indicator"] = "critical"
        body["cards"][1]["source"]["topic"]["code"] = code
        assert check(body) == {123}


def test_an_order_is_named_by_its_display_or_at_least_in_words() -> None:
    call, body = copy.deepcopy(CALL), answer("2.2")
    orders = [call["context"]["draftOrders"]["entry"][0]["resource"], body["systemActions"][0]["resource"]]
    for order in orders:
        order["codeCodeableConcept"] = {"coding": [{"system": HCPCS, "code": "E0784", "display": "Insulin pump"}]}
    assert check(body, call) == set()
    for order in orders:
        order["codeCodeableConcept"] = {"coding": [{"system": HCPCS, "code": "E0784", "display": "Infusion device"}]}
    assert check(body, call) == {138}
    for order in orders:
        del order["codeCodeableConcept"]
        order["codeReference"] = {"reference": "Device/covered-model"}
    assert check(body, call) == set()
    body["cards"][1]["detail"] = "DeviceRequest/pump-1 (pump-1)"
    assert check(body, call) == {138}
