"""JSON as people edit it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.web.json_text import JsonFault, Number, parsed, pretty

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('{"a": 1,\n "b" 2}', 2, 6),
        ('{\n  "a": [1 2]\n}', 2, 11),
        ('{"a": tru}', 1, 7),
        ('{"a": "x\ty"}', 1, 9),
        ('{"a": "\\q"}', 1, 8),
        ('{"a": -Infinity}', 1, 7),
        ("{}\n\n  x", 3, 3),
        ("", 1, 1),
    ],
)
def test_a_fault_has_its_line_and_column(text: str, line: int, column: int) -> None:
    with pytest.raises(JsonFault) as caught:
        parsed(text)
    fault = caught.value
    assert (fault.line, fault.column) == (line, column)
    assert str(fault).startswith(f"Line {line}, column {column}: ")
    assert sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1 == fault.offset
    assert fault.excerpt == text.split("\n")[line - 1]


def test_the_excerpt_of_a_long_line_shows_the_place() -> None:
    with pytest.raises(JsonFault) as caught:
        parsed("[" + "1, " * 5000 + "?]")
    assert len(caught.value.excerpt) <= 120
    assert caught.value.excerpt[caught.value.excerpt_column - 1] == "?"


@pytest.mark.parametrize("text", ["[" * 200 + "]" * 200, "[" + "0," * 100_000 + "0]"])
def test_what_would_cost_too_much_is_not_read(text: str) -> None:
    with pytest.raises(JsonFault) as caught:
        parsed(text)
    assert caught.value.line == 0


@pytest.mark.parametrize("number", ["7.0", "7.10", "1e5", "0.1000", "9" * 5000])
def test_numbers_keep_their_digits(number: str) -> None:
    assert pretty(parsed(f'{{"value": {number}}}')) in (f'{{"value": {number}}}', f'{{\n  "value": {number}\n}}')
    assert isinstance(parsed(number), Number)


@given(VALUES)
def test_what_is_printed_is_the_same_value(value: object) -> None:
    assert json.loads(pretty(value)) == value
    assert json.loads(pretty(parsed(json.dumps(value)))) == value


def test_what_fits_stands_on_one_line() -> None:
    short = {"system": "http://loinc.org", "code": "4548-4"}
    assert pretty({"coding": [short]}) == '{"coding": [{"system": "http://loinc.org", "code": "4548-4"}]}'
    long = {"coding": [short, {"system": "http://snomed.info/sct", "code": "43396009", "display": "HbA1c measurement"}]}
    assert pretty(long).splitlines()[1:3] == [
        '  "coding": [',
        '    {"system": "http://loinc.org", "code": "4548-4"},',
    ]
