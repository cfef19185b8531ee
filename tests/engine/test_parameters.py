"""Dated parameters: start dates only; an end is the next start."""

from __future__ import annotations

from datetime import date

import pytest

from cds_service.engine.parameters import load_parameters, values_on
from cds_service.errors import NoVersionInForce

TEXT = """
[tests]
section = "D.I.G"
unit = "tests a day"
says = "At least so many"
source = "the policy"
values = [{ from = 2026-05-01, value = 4 }, { from = 2027-01-01, value = 3 }]

[states]
section = "E"
unit = "states"
says = "Governed"
source = "the policy"
values = [{ from = 2026-05-01, value = ["GA", "OH"] }]
"""


@pytest.mark.parametrize(
    ("day", "value"),
    [
        (date(2026, 5, 1), 4),
        (date(2026, 12, 31), 4),
        (date(2027, 1, 1), 3),
        (date(2040, 1, 1), 3),
    ],
    ids=str,
)
def test_the_value_in_force(day: date, value: int) -> None:
    assert load_parameters(TEXT)["tests"].on(day) == value
    assert values_on(load_parameters(TEXT), day)["tests"] == value


@pytest.mark.parametrize("day", [date(2026, 4, 30), date(2000, 1, 1)], ids=str)
def test_before_the_first_start_no_version_is_in_force(day: date) -> None:
    with pytest.raises(NoVersionInForce, match="2026-05-01"):
        load_parameters(TEXT)["tests"].on(day)
    assert values_on(load_parameters(TEXT), day) == {}


def test_start_dates_ascend() -> None:
    turned = TEXT.replace("2027-01-01", "2025-01-01")
    with pytest.raises(ValueError, match="tests"):
        load_parameters(turned)


def test_two_values_from_one_day_are_refused() -> None:
    # Which of them holds would be chance: an end is the next start.
    twice = TEXT.replace("2027-01-01", "2026-05-01")
    with pytest.raises(ValueError, match="tests"):
        load_parameters(twice)


@pytest.mark.parametrize("field", ["section", "unit", "says", "source", "values"])
def test_every_field_is_needed(field: str) -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith(f"{field} =")]
    with pytest.raises(KeyError, match=field):
        load_parameters("\n".join(lines))


def test_parameters_of_a_day_are_a_mapping() -> None:
    held = values_on(load_parameters(TEXT), date(2026, 5, 1))
    assert dict(held) == {"tests": 4, "states": ["GA", "OH"]}
    assert len(held) == 2
    with pytest.raises(KeyError):
        held["nothing"]


def test_what_the_text_decides_is_fixed() -> None:
    assert [p.name for p in load_parameters(TEXT.replace("unit = ", "fixed = true\nunit = ", 1)).values() if p.fixed]
    assert not any(parameter.fixed for parameter in load_parameters(TEXT).values())
