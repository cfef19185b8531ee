"""Depth and values of a body are decided as a reader that goes through it character by character would decide them.

The check before the parser looks at pieces of the text and seldom at a string of it: that makes it cheap, and must
change no decision, for any bytes.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.json import json_shape
from fhir_mappings.json.json_shape import BYTES_A_VALUE, TooDeep, TooDense, check_shape
from tests.benchmarks.charts import sensor_month

_QUOTE, _BACKSLASH = b'"'[0], b"\\"[0]


def _read_one_by_one(body: bytes) -> tuple[int, int]:
    """How deep JSON nests, and how many brackets open and commas stand in it, outside of its strings.

    A backslash takes what it means from a quote or a backslash, wherever it stands: outside of strings it is no JSON.
    """
    depth = deepest = values = 0
    in_string = escaped = False
    for code in body:
        if escaped and code in b'\\"':
            escaped = False
            continue
        escaped = code == _BACKSLASH
        if code == _QUOTE:
            in_string = not in_string
        elif not in_string:
            depth += (code in b"{[") - (code in b"}]")
            values += code in b"{[,"
            deepest = max(deepest, depth)
    return deepest, values


def _decided(body: bytes, most_depth: int, any_case: int, piece: int) -> str:
    with mock.patch.multiple(json_shape, VALUES_IN_ANY_CASE=any_case, _PIECE=piece):
        try:
            check_shape(body, most_depth)
        except (TooDeep, TooDense) as error:
            return type(error).__name__
    return "good"


def _expected(deepest: int, values: int, most_depth: int, most_values: int) -> str:
    if deepest > most_depth:
        return "TooDeep"
    return "TooDense" if values > most_values else "good"


def _hold_equal(body: bytes, piece: int) -> None:
    """At every limit of depth and of values at which the answer changes, and one beside it."""
    deepest, values = _read_one_by_one(body)
    for depth in {max(1, deepest + step) for step in (-2, -1, 0, 1)}:
        for most_values in {max(0, values + step) for step in (-1, 0)}:
            any_case = most_values - len(body) // BYTES_A_VALUE
            expected = _expected(deepest, values, depth, most_values)
            assert _decided(body, depth, any_case, piece) == expected, (body, depth, most_values, piece)


# What stands in a string and looks like what stands around it.
_TEXT = st.text(st.sampled_from('{}[],":\\/ au\n\u00e9\u2603'), max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 999) | _TEXT | st.just("mL/min/{1.73_m2}"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=25,
)
_WRITTEN = st.sampled_from(({"separators": (",", ":")}, {}, {"indent": 1}, {"ensure_ascii": False}))
_PIECES = st.integers(1, 9) | st.just(1000)
_BYTES = st.lists(st.sampled_from([*map(chr, b'{}[],"\\:1a '), '""', "\\\\", '\\"']), max_size=40)


@given(_JSON, _WRITTEN, _PIECES)
def test_no_json_is_judged_otherwise_than_character_by_character(value: Any, written: Any, piece: int) -> None:
    _hold_equal(json.dumps(value, **written).encode(), piece)


@given(_BYTES, _PIECES)
def test_no_bytes_are_judged_otherwise_than_character_by_character(parts: list[str], piece: int) -> None:
    _hold_equal("".join(parts).encode(), piece)


@given(_JSON, st.data(), _PIECES)
def test_json_that_broke_off_or_lost_a_character_is_judged_no_otherwise(value: Any, data: Any, piece: int) -> None:
    body = json.dumps(value).encode()
    at = data.draw(st.integers(0, len(body)))
    _hold_equal(body[:at], piece)
    _hold_equal(body[:at] + body[at + 1 :], piece)


# Each is repeated: with a depth that is never left, strings that are all looked into, pieces that end in escapes.
_HOSTILE: dict[str, tuple[bytes, bytes]] = {
    "brackets at the depth that is allowed": (b"[" * 199, b"[]"),
    "brackets that go down and up": (b"", b"[" * 199 + b"]" * 199),
    "closing brackets": (b"", b"]"),
    "quotes": (b"", b'"'),
    "strings of brackets": (b"", b'"[",'),
    "strings of commas": (b"", b'",",'),
    "one string of brackets": (b'"', b"[{"),
    "backslashes": (b'"', b"\\"),
    "escaped quotes": (b'"', b'\\"'),
    "escaped backslashes before quotes": (b'"', b'\\\\"['),
    "commas": (b"", b","),
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_no_body_takes_long_to_judge(name: str) -> None:
    """A body of 4 MB: CPU seconds a MB, where the whole call may take one."""
    start, repeated = _HOSTILE[name]
    body = start + repeated * (4_000_000 // len(repeated))
    began = time.process_time()
    with suppress(TooDeep, TooDense):
        check_shape(body, 200)
    assert (time.process_time() - began) / 4 < 0.15


def test_one_bracket_in_a_text_does_not_have_the_whole_body_looked_through() -> None:
    """Only the piece that holds the unit `mL/min/{1.73_m2}` is taken apart string by string, and no other piece."""
    month = sensor_month(2000)
    unit = month.replace(b'"unit":"mg/dL"', b'"unit":"mL/min/{1.73_m2}"', 1)
    for body, taken_apart in ((month, 0), (unit, 1)):
        decided: list[bool] = []
        look = json_shape._strings_are_empty

        def noted(marks: bytes, look: Any = look, decided: list[bool] = decided) -> bool:
            decided.append(look(marks))
            return decided[-1]

        with mock.patch.object(json_shape, "_strings_are_empty", noted):
            check_shape(body, 200)
        assert len(decided) == -(-len(body) // json_shape._PIECE)
        assert decided.count(False) == taken_apart
