"""No input whatever gives a 5xx or takes the process down."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.conformance.checker import check_error, check_response

# A failing call is worth printing whole, however long it is.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

CLIENT = create_app(Settings(max_body_bytes=2_000_000, database_url="off")).test_client()
URL = "/cds-services/insulin-pump-order-sign"
MANY = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=12,
)


def _post(body: bytes, kind: str = "application/json") -> None:
    reply = CLIENT.post(URL, data=body, content_type=kind)
    assert reply.status_code < 500, reply.data
    if reply.status_code == 200:
        assert check_response(reply.get_json(), json.loads(body.decode("utf-8-sig"))) == []
    else:
        assert check_error(reply.status_code, reply.content_type, reply.get_json()) == []


@MANY
@given(st.binary(max_size=400))
def test_any_bytes(body: bytes) -> None:
    _post(body)


@MANY
@given(ANYTHING)
def test_any_json(value: Any) -> None:
    _post(json.dumps(value).encode("utf-8", "surrogatepass"))


def _paths(node: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here] if here else []
    if isinstance(node, dict):
        for key, value in node.items():
            found += _paths(value, (*here, key))
    elif isinstance(node, list):
        for index, value in enumerate(node[:3]):
            found += _paths(value, (*here, index))
    return found


BASE = support.call(glucose=support.bundle(*support.readings(4)))
PATHS = _paths(BASE)


@MANY
@given(st.lists(st.tuples(st.sampled_from(PATHS), ANYTHING), min_size=1, max_size=4))
def test_a_good_call_with_anything_anywhere(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    request = copy.deepcopy(BASE)
    for path, value in changes:
        node = request
        try:
            for step in path[:-1]:
                node = node[step]
            node[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue
    _post(json.dumps(request).encode("utf-8", "surrogatepass"))


@MANY
@given(st.sampled_from(PATHS), st.sampled_from(["remove", "null", "deep", "long", "huge"]))
def test_a_good_call_with_one_place_broken(path: tuple[Any, ...], how: str) -> None:
    request = copy.deepcopy(BASE)
    node: Any = request
    for step in path[:-1]:
        node = node[step]
    if how == "remove":
        del node[path[-1]]
    else:
        deep: Any = []
        for _ in range(400):
            deep = [deep]
        node[path[-1]] = {"null": None, "deep": deep, "long": "ß" * 5000, "huge": 10**300}[how]
    _post(json.dumps(request).encode())


def test_very_deep_json_is_refused() -> None:
    _post(b"[" * 200_000)
    _post(b'{"hook":' * 100_000)
