"""How dates, insulins and sections are written for a person."""

from __future__ import annotations

from datetime import date

import pytest

from cds_service.engine.plain_text import day_text, insulin_name, period_text, sections_text, unbroken
from cds_service.facts import When

NINE = [f"D.I.{letter}" for letter in "ABCDEFGHI"]


def test_a_day_is_month_day_and_year() -> None:
    assert day_text(date(2026, 10, 19)) == "Oct 19, 2026"
    assert day_text(When(date(2026, 3, 2), date(2026, 3, 2))) == "Mar 2, 2026"


def test_what_is_not_known_to_the_day_is_no_day() -> None:
    assert day_text(When(date(2026, 2, 1), date(2026, 2, 28))) == "Feb 2026"
    assert day_text(When(date(2019, 1, 1), date(2019, 12, 31))) == "2019"
    assert day_text(When(date(2026, 10, 1), date(2026, 10, 19))) == "Oct 1 to Oct 19, 2026"
    assert day_text(When(date(9999, 12, 1), date.max)) == "Dec 9999"


def test_a_period_names_its_year_once() -> None:
    assert period_text(date(2026, 10, 26), date(2026, 11, 24)) == "Oct 26 to Nov 24, 2026"
    assert period_text(date(2025, 12, 27), date(2026, 1, 25)) == "Dec 27, 2025 to Jan 25, 2026"
    assert period_text(date(2026, 1, 25), date(2026, 1, 25)) == "Jan 25, 2026"


def test_a_date_and_a_unit_stay_on_one_line() -> None:
    assert unbroken("from Oct 26 to Nov 24, 2026: 54 mg/dL") == (
        "from Oct\u00a026 to Nov\u00a024,\u00a02026: 54\u00a0mg/dL"
    )
    assert unbroken("since May 2026, May I") == "since May\u00a02026, May I"


@pytest.mark.parametrize(
    ("ingredient", "name"),
    [
        ("glargine", "insulin glargine"),
        ("isophane", "NPH insulin"),
        ("regular", "regular insulin"),
        ("premix", "premixed insulin"),
        ("aspart/degludec", "premixed insulin"),
        ("insulin", "insulin"),
        ("rapid-acting", "rapid-acting insulin"),
    ],
)
def test_an_insulin_goes_by_the_name_that_clinicians_use(ingredient: str, name: str) -> None:
    assert insulin_name(ingredient) == name


@pytest.mark.parametrize(
    ("left_out", "text"),
    [
        ("D", "D.I.A–C, E–I"),
        ("", "D.I.A–I"),
        ("ABCDEFG", "D.I.H, I"),
        ("BCDEFGH", "D.I.A, I"),
        ("ABCDEFGH", "D.I.I"),
    ],
)
def test_sections_are_written_as_ranges(left_out: str, text: str) -> None:
    assert sections_text([section for section in NINE if section[-1] not in left_out], NINE) == text


def test_sections_of_several_chapters_name_each_chapter_once() -> None:
    every = [*NINE, "D.III.A.1", "D.III.A.2", "D.III.A.3"]
    assert sections_text(["D.III.A.3", "D.I.A", "D.III.A.1", "D.III.A.2"], every) == "D.I.A, D.III.A.1–3"
    assert sections_text(["A", "B", "D"], ["A", "B", "C", "D"]) == "A, B, D"
    assert sections_text([], NINE) == ""
