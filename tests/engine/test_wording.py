"""Sentences with placeholders: how numbers are written out."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.engine.states import STATE_NAMES
from cds_service.engine.wording import clock_time, counted, fill, last_days, listed, number_in_words, shown


@pytest.mark.parametrize(
    ("text", "value", "filled"),
    [
        ("{n}", 6, "6"),
        ("{n}", 7.0, "7"),
        ("{n}", 7.5, "7.5"),
        ("{n:words}", 6, "six"),
        ("{n:Words}", 6, "Six"),
        ("{n:words}", 13, "13"),
        ("{n:words}", 1.5, "1.5"),
        ("the last {n:months}", 12, "the last 12 months"),
        ("the last {n:months}", 1, "the last 1 month"),
        ("{n:insulin injections} a day", 3, "3 insulin injections a day"),
        ("{n:words months}", 6, "six months"),
        ("{n:Words early signs}", 1, "One early sign"),
        ("the {n:last}", 30, "the last month"),
        ("the {n:last}", 28, "the last month"),
        ("the {n:last}", 60, "the last 60 days"),
        ("{n:hhmm}", 125, "02:05"),
        ("{n:hour} to", 120, "2 to"),
        ("{n:hour am}", 480, "8 am"),
        ("{n:hour am}", 150, "2:30 am"),
        ("{n:hour am}", 780, "1 pm"),
        ("{n:hour am}", 0, "12 am"),
        ("{n:.0%}", 0.5, "50%"),
        ("{n}", True, "yes"),
        ("{n}", ["GA", "OH"], "GA, OH"),
        ("{n:states}", ["GA", "IN", "OH"], "Georgia, Indiana and Ohio"),
        ("{n:states}", ["WV"], "West Virginia"),
        ("{n[D.I.I]:words}", {"D.I.I": 6}, "six"),
    ],
)
def test_a_placeholder_is_written_as_people_write_it(text: str, value: Any, filled: str) -> None:
    assert fill(text, {"n": value}) == filled


def test_a_text_without_placeholders_is_left_as_it_is() -> None:
    assert fill("HbA1c 7 %", {}) == "HbA1c 7 %"


def test_a_placeholder_that_names_nothing_is_an_error() -> None:
    with pytest.raises(KeyError, match="months"):
        fill("{months}", {})


def test_numbers_clocks_and_lists() -> None:
    assert [number_in_words(n) for n in (0, 1, 12, 13)] == ["no", "one", "twelve", "13"]
    assert (clock_time(0), clock_time(480), last_days(31), last_days(32)) == (
        "00:00",
        "08:00",
        "last month",
        "last 32 days",
    )
    assert [shown(v) for v in (False, True, 7.0, 0.5, 30, ["GA", "IN"])] == ["no", "yes", "7", "0.5", "30", "GA, IN"]


def test_words_are_listed_each_once() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "a"]) == "a and b"
    assert listed(["a", "b", "c"], "or") == "a, b or c"


def test_every_state_has_its_name() -> None:
    # 50 states and the District of Columbia.
    assert len(STATE_NAMES) == len(set(STATE_NAMES.values())) == 51
    assert all(len(code) == 2 and code.isupper() for code in STATE_NAMES)


def test_a_number_stands_with_its_noun() -> None:
    assert [counted(n, "night") for n in (0, 1, 2, 1_234)] == ["0 nights", "1 night", "2 nights", "1,234 nights"]
    assert [counted(n, "battery", "batteries") for n in (1, 2)] == ["1 battery", "2 batteries"]
