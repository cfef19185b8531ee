"""What a body costs is bounded by its size: CPU seconds and memory of a call, for bodies that were made to cost more.

CPU is process time, so that a busy machine does not matter; the limits leave room for a slow one.
"""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from cds_service.settings import Settings
from cds_service.web import create_app
from fhir_mappings.json import json_shape
from fhir_mappings.json.json_shape import TooDeep, TooDense, check_shape
from tests import support
from tests.benchmarks.charts import sensor_month
from tests.conformance.checker import check_error

SIGN = "/cds-services/insulin-pump-order-sign"
CLIENT = create_app(Settings(database_url="off")).test_client()
# For each MB of a body: CPU seconds, and MB of memory above an honest call's.
SECONDS, MEMORY = 1.0, 12
_MARK = b'"@@"'


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _call(place: Callable[[dict[str, Any]], None], raw: bytes) -> bytes:
    """The base call with raw JSON at a place that was marked."""
    call = support.call()
    place(call)
    body = _json(call)
    assert body.count(_MARK) == 1
    return body.replace(_MARK, raw)


def _times(unit: Callable[[int], bytes], size: int) -> bytes:
    """A list of so many bytes."""
    return b"[" + b",".join(map(unit, range(size // (len(unit(0)) + 1)))) + b"]"


def _order(field: str, raw: bytes) -> bytes:
    return _call(lambda call: call["context"]["draftOrders"]["entry"][0]["resource"].update({field: "@@"}), raw)


def _entries(topic: str, unit: Callable[[int], bytes], size: int = 1_000_000) -> bytes:
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": "@@"}
    return _call(lambda call: call["prefetch"].update({topic: bundle}), _times(unit, size))


def _anywhere(raw: bytes) -> bytes:
    return _call(lambda call: call.update({"zork": "@@"}), raw)


def _resources(topic: str, kind: str, members: str) -> bytes:
    """Resources of one kind; `#` in their members is a number of each."""
    text = f'{{"resource":{{"resourceType":"{kind}","id":"r#","subject":{{"reference":"Patient/p1"}},{members}}}}}'
    return _entries(topic, lambda number: text.replace("#", f"{number:07d}").encode())


def _orders(count: int, note: str) -> bytes:
    call = support.call()
    first = call["context"]["draftOrders"]["entry"][0]["resource"]
    orders = [{"resource": first | {"id": f"o{number}", "note": [{"text": note}]}} for number in range(count)]
    call["context"]["draftOrders"]["entry"] = orders
    return _json(call)


def _prefetch_keys(value: str) -> bytes:
    keys = ",".join(f'"key-{number:07d}":{value}' for number in range(50_000))
    return _json(support.call() | {"prefetch": {"@@": 1}}).replace(b'"@@":1', keys.encode())


_WORDS = ("diabetes on an insulin pump, dialysis, " * 60)[:1980]
_DIRECTIONS = ("inject 10 units before meals and 15 units at bedtime, max 30 units. " * 30)[:1980]

# Bodies that are answered, and those that a cap refuses with what it names.
ANSWERED: dict[str, Callable[[], bytes]] = {
    "numbers for entries": lambda: _entries("glucose", lambda _: b"1" * 24),
    "entries that are no resource": lambda: _entries("glucose", lambda _: b'{"resource":"xxxxxxxxxxxx"}'),
    "conditions of distinct code systems": lambda: _resources(
        "conditions", "Condition", '"code":{"coding":[{"system":"http://s/#","code":"c#"}]}'
    ),
    "conditions in long words": lambda: _resources("conditions", "Condition", f'"code":{{"text":"# {_WORDS}"}}'),
    "directions of distinct drugs": lambda: _resources(
        "insulin",
        "MedicationRequest",
        f'"status":"active","medicationCodeableConcept":{{"text":"insulin # lispro"}},'
        f'"dosageInstruction":[{{"text":"# {_DIRECTIONS}"}}]',
    ),
    "drugs in long words": lambda: _resources(
        "insulin", "MedicationRequest", f'"medicationCodeableConcept":{{"text":"# {"insulin " * 240}"}}'
    ),
    "coverages of many plans": lambda: _resources(
        "coverage", "Coverage", '"status":"active","payor":[{"display":"CareSource Marketplace #"}]'
    ),
    "visits for many reasons": lambda: _resources(
        "encounters",
        "Encounter",
        '"status":"finished","class":{"code":"EMER"},"reasonCode":[{"text":"hypoglycemia #"}]',
    ),
    "many orders with long notes": lambda: _orders(120, "E0784 RA modifiers : AB " * 400),
    "a string of escaped backslashes": lambda: _anywhere(b'"' + b"\\\\" * 1_000_000 + b'"'),
    "a string of escaped quotes": lambda: _anywhere(b'"' + b'\\"' * 1_000_000 + b'"'),
    "a long string of brackets": lambda: _anywhere(b'"' + b"[{" * 1_000_000 + b'"'),
    "extensions of ten orders": lambda: _orders(10, "x").replace(
        b'"note":[{"text":"x"}]', b'"extension":' + _times(lambda _: b'{"url":"http://x.invalid/"}', 90_000)
    ),
}
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "an order with 3 MB of extensions": (
        lambda: _order("extension", _times(lambda _: b'{"url":"http://x.invalid/"}', 3_000_000)),
        "context.draftOrders.entry[0].resource has more than 250000 bytes",
    ),
    "an order with distinct code systems": (
        lambda: _order("orderDetail", _times(lambda n: b'{"system":"http://s/%07d","code":"c"}' % n, 3_000_000)),
        "context.draftOrders.entry[0].resource has more than 250000 bytes",
    ),
    "an order with contained devices": (
        lambda: _order("contained", _times(lambda n: b'{"resourceType":"Device","id":"d%07d"}' % n, 3_000_000)),
        "context.draftOrders.entry[0].resource has more than 250000 bytes",
    ),
    "short extensions": (lambda: _order("extension", _times(lambda _: b'{"url":"x"}', 200_000)), "values in its"),
    "entries of ones": (lambda: _entries("glucose", lambda _: b"1"), "values in its"),
    "entries of nulls": (lambda: _entries("glucose", lambda _: b"null"), "values in its"),
    "pairs of quotes": (lambda: _anywhere(b'["{",' + b",".join([b'""'] * 300_000) + b"]"), "values in its"),
    "brackets just below the depth": (
        lambda: _anywhere(_times(lambda _: b"[" * 190 + b"]" * 190, 1_000_000)),
        "values",
    ),
    "keys of a prefetch with numbers": (lambda: _prefetch_keys("12345678"), "prefetch has more than 1000 keys"),
    "keys of a prefetch with nulls": (lambda: _prefetch_keys("null"), "prefetch has more than 1000 keys"),
}


def _cost(body: bytes) -> tuple[Any, float, float]:
    """Reply, CPU seconds, and bytes of memory at the peak, of calls of their own: to count memory takes time."""
    began = time.process_time()
    reply = CLIENT.post(SIGN, data=body, content_type="application/json")
    seconds = time.process_time() - began
    gc.collect()
    tracemalloc.start()
    try:
        CLIENT.post(SIGN, data=body, content_type="application/json")
        return reply, seconds, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def honest() -> tuple[float, float]:
    """Seconds and bytes of an honest call of one order, once everything is loaded."""
    _cost(_json(support.call()))
    return _cost(_json(support.call()))[1:]


@pytest.mark.parametrize("name", ANSWERED)
def test_no_body_costs_far_more_than_its_size(name: str, honest: tuple[float, float]) -> None:
    body = ANSWERED[name]()
    reply, seconds, memory = _cost(body)
    assert reply.status_code == 200, reply.data[:300]
    assert seconds < SECONDS * len(body) / 1e6 + honest[0] + 0.5
    assert memory < MEMORY * len(body) + honest[1]


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_over_a_cap_is_refused_by_the_name_of_the_cap(name: str, honest: tuple[float, float]) -> None:
    make, said = REFUSED[name]
    body = make()
    reply, seconds, memory = _cost(body)
    assert check_error(413, reply.content_type, reply.get_json()) == []
    assert reply.status_code == 413
    assert said in reply.get_json()["issue"][0]["diagnostics"]
    assert seconds < SECONDS * len(body) / 1e6 + honest[0] + 0.5
    assert memory < MEMORY * len(body) + honest[1]


def test_a_month_of_sensor_readings_is_not_too_dense() -> None:
    check_shape(sensor_month(8640), 200)


@pytest.mark.parametrize("cut", range(json_shape._PIECE - 6, json_shape._PIECE + 6))
@pytest.mark.parametrize("inner", [b'\\"', b"\\\\", b"[[[", b'x\\\\\\"[', b"\\u005b"])
def test_strings_and_escapes_that_lie_across_pieces_are_strings(cut: int, inner: bytes) -> None:
    body = b'{"a":"' + b"x" * (cut - 6) + inner + b'","b":[[]]}'
    json.loads(body)
    check_shape(body, 3)
    with pytest.raises(TooDeep):
        check_shape(body, 2)


def test_values_are_counted_outside_of_strings() -> None:
    check_shape(_json([",[{" * 100_000]), 5)
    with pytest.raises(TooDense):
        check_shape(_json([1] * 20_000), 5)
