"""Numbers of JSON beyond every type: they are null, and the rest is as it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mappings.json.edge_numbers import without_edge_numbers

EDGES = ["1e400", "-1e400", "1E+999999999", "9" * 19, "9" * 5000, "-" + "9" * 400, "1e-400", "0.5e-9999"]
PLAIN = ["0", "-0", "0e400", "1.5", "1e3", "1E-5", "9" * 18, "-" + "9" * 18, "0." + "1" * 5000, "123456.789e10"]


@pytest.mark.parametrize("number", EDGES)
def test_a_number_at_the_edge_is_null(number: str) -> None:
    raw = f'{{"a": [{number}, 1], "b": "{number}", "c": "say \\"{number}\\""}}'.encode()
    cleaned, count = without_edge_numbers(raw)
    assert count == 1
    assert json.loads(cleaned) == {"a": [None, 1], "b": number, "c": f'say "{number}"'}


@pytest.mark.parametrize("number", PLAIN)
def test_any_other_number_stays(number: str) -> None:
    raw = f'{{"a": {number}}}'.encode()
    assert without_edge_numbers(raw) == (raw, 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_what_has_no_such_number_is_left_alone(value: object) -> None:
    raw = json.dumps(value).encode()
    cleaned, _ = without_edge_numbers(raw)
    assert json.loads(cleaned) == value


@given(st.binary(max_size=60))
def test_nothing_raises(raw: bytes) -> None:
    without_edge_numbers(raw)
