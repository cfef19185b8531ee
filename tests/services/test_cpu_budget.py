"""A call has a budget of computing time: what is not reached is not retrieved, and the answer goes out."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from cds_service.hooks.discovery import ORDER_SIGN
from cds_service.services import answer_hook, covered_orders
from cds_service.settings import Settings
from cds_service.web import create_app
from fhir_mappings.common import cpu_budget
from tests import support
from tests.support import bundle, condition, order

SIGN = "/cds-services/insulin-pump-order-sign"
EXTENSION = "com.insulin-pump-cds.determinations"


def _answer(call: dict[str, Any], seconds: float) -> list[dict[str, Any]]:
    client = create_app(Settings(database_url="off", max_cpu_seconds=seconds)).test_client()
    reply = client.post(SIGN, json=call)
    assert reply.status_code == 200, reply.data
    found: list[dict[str, Any]] = reply.get_json()["extension"][EXTENSION]
    return found


def test_nothing_that_was_not_reached_is_called_missing() -> None:
    """With no time at all every criterion is not retrieved, and none is open for another reason."""
    _answer(support.call(), 5)
    (found,) = _answer(support.call(), 1e-9)
    assert found["outcome"] == "needs-documentation"
    assert {each.get("gap") for each in found["criteria"] if each["truth"] != "met"} == {"not-retrieved"}
    assert "computing time" in json.dumps(_reply(support.call(), 1e-9))


def _reply(call: dict[str, Any], seconds: float) -> dict[str, Any]:
    reply = create_app(Settings(database_url="off", max_cpu_seconds=seconds)).test_client().post(SIGN, json=call)
    answered: dict[str, Any] = reply.get_json()
    return answered


def test_an_order_that_was_not_reached_is_named_and_never_judged() -> None:
    first, second = _answer(support.call(order("pump-1"), order("pump-2")), 1e-9)
    assert first["outcome"] == "needs-documentation"
    assert second["outcome"] == "not-applicable"
    assert "Send this order in a call of its own" in second["reason"]


def test_an_order_that_was_not_reached_has_a_card_that_says_so_and_no_coverage_information() -> None:
    reply = _reply(support.call(order("pump-1"), order("pump-2")), 1e-9)
    cards = {card["extension"]["com.insulin-pump-cds.order"]: card for card in reply["cards"]}
    assert "not checked" in cards["DeviceRequest/pump-2"]["summary"]
    assert "computing time" in cards["DeviceRequest/pump-2"]["detail"]
    assert reply["systemActions"] == []


def test_no_coverage_information_is_claimed_for_an_order_that_was_not_validated_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first order is validated whatever the time; for the others it is left out, and noted."""
    monkeypatch.setattr(covered_orders, "is_budget_used_up", lambda: True)
    reply = _reply(support.call(order("pump-1"), order("pump-2")), 5)
    first, second = reply["extension"][EXTENSION]
    note = "No coverage-information was put on the order: the computing time of one call was used up"
    assert note not in first.get("notes", [])
    assert note in second["notes"]
    assert [action["resource"]["id"] for action in reply["systemActions"]] == ["pump-1"]


@pytest.mark.parametrize(
    ("members", "live"),
    [
        ({}, False),
        ({"fhirServer": None}, False),
        ({"fhirServer": "http://127.0.0.1:9/r4"}, True),
        ({"prefetch": support.call()["prefetch"] | {"fhirServer": None}}, False),
        ({"extension": {"com.example.note": 'says "fhirServer" somewhere'}}, False),
    ],
)
@pytest.mark.parametrize("escaped", [False, True])
def test_only_a_call_that_names_a_server_has_the_time_of_one(
    monkeypatch: pytest.MonkeyPatch, members: dict[str, Any], live: bool, escaped: bool
) -> None:
    """Whatever else in the body is spelled so, and however the name itself is."""
    given: list[float] = []

    def budget(seconds: float) -> Any:
        given.append(seconds)
        return cpu_budget.cpu_budget(seconds)

    monkeypatch.setattr(answer_hook, "cpu_budget", budget)
    body = json.dumps(support.call() | members).encode()
    if escaped:
        body = body.replace(b'"fhirServer"', b'"fhir\\u0053erver"')
    answer_hook.answer(body, ORDER_SIGN, Settings(max_cpu_seconds=50), support.NOON, lambda *_: None)
    assert given == [50.0 if live else pytest.approx(1.0 + len(body) / 1e6 * 0.5)]


def test_a_call_never_takes_far_more_than_its_budget() -> None:
    """Distinct long texts, each of which every pattern reads."""
    words = "diabetes on an insulin pump, dialysis, " * 50
    many = [condition(f"c{number}", "X1") for number in range(1500)]
    for number, each in enumerate(many):
        each["code"] = {"text": f"{number} {words}"[:2000]}
    call = support.call(conditions=bundle(*many))
    _answer(support.call(), 5)
    began = time.process_time()
    (found,) = _answer(call, 0.3)
    assert time.process_time() - began < 1.2
    assert "not-retrieved" in json.dumps(found)


def test_items_are_left_out_only_when_the_budget_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[int] = []
    items = list(range(100))
    assert list(cpu_budget.items_within_budget(items, lambda: cut.append(1))) == items
    with cpu_budget.cpu_budget(60):
        assert list(cpu_budget.items_within_budget(items, lambda: cut.append(1))) == items
    assert not cut
    with cpu_budget.cpu_budget(0):
        time.process_time()
        assert list(cpu_budget.items_within_budget(items, lambda: cut.append(1))) == []
        assert list(cpu_budget.items_within_budget([], lambda: cut.append(1))) == []
    assert cut == [1]
    assert not cpu_budget.is_budget_used_up()


def test_a_chart_of_a_hundred_thousand_diagnoses_is_not_sent_back() -> None:
    many = [condition(f"c{number:04d}", "E10.9") for number in range(1_200)]
    (found,) = _answer(support.call(conditions=bundle(*many)), 60)
    listed = max(found["criteria"], key=lambda each: len(each["evidence"]))
    assert len(listed["evidence"]) <= 1_000
    assert any("more pieces of evidence are not listed" in text for text in listed["remarks"])
