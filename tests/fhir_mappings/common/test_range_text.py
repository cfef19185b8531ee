"""Reference ranges as laboratories print them; what is not understood whole is no range.

The texts of ARUP (0070103, 0050138), Quest (36741), Mayo (INAB), LabCorp's endocrinology (FDAIP) and Immco (215) are
those of their public test directories.
"""

from __future__ import annotations

import pytest

from fhir_mappings.common.range_text import PrintedRange, printed_ranges


def limits(text: str) -> list[tuple[float | None, float | None]]:
    return [(each.low, each.high) for each in printed_ranges(text)]


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("1.1\u20134.4", 1.1, 4.4),
        ("1.1-4.4 ng/mL", 1.1, 4.4),
        ("0.5-3.3 ng/mL", 0.5, 3.3),  # ARUP
        ("0.9 to 7.1", 0.9, 7.1),
        ("(0.8 - 3.9)", 0.8, 3.9),
        ("0,9 - 7,1 ng/ml", 0.9, 7.1),
        ("Normal: 1.1 - 4.4 ng/mL", 1.1, 4.4),
        ("Reference Range: 0.80-3.85 ng/mL", 0.8, 3.85),
        ("Adults: 0.8 - 3.1 ng/mL", 0.8, 3.1),
        ("1.1-4.4 ng/mL fasting", 1.1, 4.4),
        ("0.5 ng/mL - 2.0 ng/mL", 0.5, 2.0),
        ("1.1-4.4 ng/mL (0.37-1.47 nmol/L)", 1.1, 4.4),
        ("298-2350 pmol/L", 298, 2350),
        ("\u2265 0.8", 0.8, None),
        (">= 0.8", 0.8, None),
        ("0.8 or more", 0.8, None),
        ("<0.5", None, 0.5),
        ("Less than 5.0", None, 5.0),
        ("\u22640.02 nmol/L", None, 0.02),  # Mayo
        ("<1.25 JDF units", None, 1.25),  # Quest
    ],
)
def test_a_range_has_its_limits(text: str, low: float | None, high: float | None) -> None:
    assert limits(text) == [(low, high)]


@pytest.mark.parametrize(
    ("text", "excluded"),
    [("<0.5", True), ("<=0.5", False), ("\u2264 0.5", False), ("less than 5", True), ("up to 5", False)],
)
def test_a_limit_may_lie_outside(text: str, excluded: bool) -> None:
    (one,) = printed_ranges(text)
    assert one.high_excluded is excluded


@pytest.mark.parametrize(
    "text", ["< 1:4", "<1:4", "< 1:4 No antibody detected.", "Less than 1:4 - No antibody detected."]
)
def test_a_titer_is_the_number_behind_the_colon(text: str) -> None:
    """ARUP 0050138, and the same as a hospital prints it."""
    (one,) = printed_ranges(text)
    assert (one.high, one.high_excluded, one.is_titer) == (4, True, True)


def test_labels_belong_to_their_ranges() -> None:
    behind = printed_ranges("<5.0 U/mL: Negative \u22655.0 U/mL: Positive")  # LabCorp's endocrinology
    assert [(each.label, each.low, each.high) for each in behind] == [("negative", None, 5), ("positive", 5, None)]
    before = printed_ranges("Negative <5.0; Indeterminate 5.0-5.9; Positive >=6.0")
    assert [each.label for each in before] == ["negative", "indeterminate", "positive"]
    sexes = printed_ranges("Male: 0.8-3.85; Female: 1.1-4.4")
    assert [(each.label, each.low) for each in sexes] == [("male", 0.8), ("female", 1.1)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "See note",
        "Not established.",
        "Negative",
        "0.8-",
        "4.4-1.1",
        "1.1-1.1",
        "366 - 1,466 pmol/L",  # thousands in the US, a decimal elsewhere
        "Fasting: 0.8-3.9 1 hr post: 3-9",
        "18-60 years: 0.8-3.9",
        "Effective August 16, 2021 0.5-3.3 ng/mL",
        "0.8-3.9 before 2019, 1.1-4.4 after",
    ],
)
def test_what_is_not_understood_whole_is_no_range(text: str) -> None:
    assert printed_ranges(text) == ()


def test_a_unit_is_kept_as_it_stands() -> None:
    assert printed_ranges("1.1-4.4 \u00b5g/L") == (PrintedRange(1.1, 4.4, unit="ug/l"),)
