"""JSON for people to read: folded, colored, and text only."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from cds_service.web.json_text import parsed
from cds_service.web.json_view import folded

LONG = {f"name{number}": "a value that takes some room" for number in range(5)}


def text_in(markup: str) -> str:
    """What a reader sees, without the hints beside folds."""
    return html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"<span class=h>.*?</span>", "", markup)))


@pytest.mark.parametrize(
    "value", [1, "x", None, True, [], {}, [1, "two", {"three": None}], {"a": LONG, "b": [LONG, LONG], "c": 7.5}]
)
def test_every_name_and_value_is_shown(value: Any) -> None:
    shown = text_in(folded(value))
    wanted = json.dumps(value)
    for mark in re.findall(r'"[^"]*"|[0-9.]+|true|null', wanted):
        assert shown.count(mark) >= wanted.count(mark) if len(mark) > 1 else mark in shown


def test_short_parts_are_lines_and_long_ones_fold() -> None:
    assert "<details" not in folded({"a": 1})
    shown = folded({"outer": {"inner": {"deep": LONG}}})
    assert re.findall(r"<details( open)?>", shown) == [" open", " open", "", ""]


def test_a_fold_says_what_is_in_it() -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Condition", **LONG}}]}
    shown = folded(bundle)
    assert "Bundle, 1 entry" in shown
    assert "<span class=h>Condition</span>" in shown


def test_markup_in_names_and_values_stays_text() -> None:
    attack = "<script>alert(1)</script>"
    for value in (
        {attack: attack},
        [attack],
        {"resourceType": attack, **LONG},
        {"entry": [LONG], "resourceType": attack},
    ):
        assert "<script" not in folded(value)


def test_numbers_are_shown_as_they_were_written() -> None:
    assert "<span class=n>7.10</span>" in folded(parsed('{"value": 7.10}'))
