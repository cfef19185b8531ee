"""Results held against the report's own range, two results of one draw, and the clearance by Cockcroft and Gault."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from cds_service.engine.laboratory import at_most_share_of_low, cockcroft_gault, same_draw
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import Draw, LabReport, LabResult, RangeProblem, ReferenceRange, Sex, Unusable, When

DAY, NEXT = date(2026, 10, 1), date(2026, 10, 2)


def ranged(
    value: float | None, *lows: float | None, comparator: str = "", unusable: Unusable | None = None
) -> LabResult:
    """A result with one range for each lower limit."""
    report = LabReport(tuple(ReferenceRange(low, 4.4, f"{low}-4.4") for low in lows))
    result = LabResult("Observation/c1", None, frozenset(), "C-peptide", value=value, report=report)
    return replace(result, comparator=comparator, unusable=unusable)


@pytest.mark.parametrize(
    ("value", "low", "share", "truth"),
    [
        (0.88, 0.8, 1.1, MET),  # 110 % of 0.8 is 0.88
        (0.89, 0.8, 1.1, NOT_MET),
        (1.21, 1.1, 1.1, MET),  # 110 % of 1.1 is 1.21, though not in binary floating point
        (1.22, 1.1, 1.1, NOT_MET),
        (2.2, 1.1, 2.0, MET),
        (2.21, 1.1, 2.0, NOT_MET),
        (0.0, 1.1, 1.1, MET),
    ],
)
def test_a_result_is_at_most_a_share_of_the_lower_limit(value: float, low: float, share: float, truth: Truth) -> None:
    assert at_most_share_of_low(ranged(value, low), share).truth is truth


@pytest.mark.parametrize(
    ("value", "comparator", "truth"),
    [
        (0.1, "<", MET),  # below 0.1 is below 0.88
        (0.88, "<=", MET),
        (1.0, "<", UNKNOWN),  # below 1.0 may be 0.9 or 0.5
        (0.88, ">", NOT_MET),  # above 0.88 is above it
        (0.88, ">=", UNKNOWN),
        (0.89, ">=", NOT_MET),
        (0.5, ">", UNKNOWN),
    ],
)
def test_a_comparator_counts_where_it_decides(value: float, comparator: str, truth: Truth) -> None:
    compared = at_most_share_of_low(ranged(value, 0.8, comparator=comparator), 1.1)
    assert compared.truth is truth
    assert compared.why == ("the value is not exact" if truth is UNKNOWN else "")


@pytest.mark.parametrize(("value", "truth"), [(0.88, MET), (1.0, UNKNOWN), (1.3, NOT_MET)])
def test_of_several_ranges_all_have_to_agree(value: float, truth: Truth) -> None:
    """110 % of 0.8 is 0.88, of 1.1 it is 1.21."""
    assert at_most_share_of_low(ranged(value, 0.8, 1.1), 1.1).truth is truth


def test_what_cannot_be_compared_says_why() -> None:
    bare = LabResult("Observation/c1", None, frozenset(), "C-peptide", value=0.5)
    assert at_most_share_of_low(bare, 1.1).why == RangeProblem.MISSING
    assert at_most_share_of_low(ranged(0.5, None), 1.1).why == RangeProblem.NO_LOW
    assert at_most_share_of_low(ranged(0.5, 0.8, None), 1.1).truth is UNKNOWN
    unusable = at_most_share_of_low(ranged(0.5, 0.8, unusable=Unusable.NAMED_ONLY), 1.1)
    assert (unusable.truth, unusable.why) == (
        UNKNOWN,
        "the result cannot be used: named by a local code or in words only",
    )


def drawn(taken: str = "", specimen: str = "", together: str = "", day: date = DAY) -> LabResult:
    """A result of a draw."""
    draw = Draw(specimen, frozenset(filter(None, [together])), taken)
    when = When(day, day)
    return LabResult("Observation/x", when, frozenset(), "a result", value=1.0, report=LabReport(draw=draw))


EIGHT = "2026-10-01T08:00:00"


@pytest.mark.parametrize(
    ("one", "other", "truth", "why"),
    [
        (drawn(EIGHT), drawn(EIGHT), MET, "at the same time"),
        (drawn(EIGHT), drawn("2026-10-01T08:00:30"), UNKNOWN, "1 minute apart"),
        (drawn(EIGHT), drawn("2026-10-01T08:15:00"), UNKNOWN, "15 minutes apart"),
        (drawn(EIGHT), drawn("2026-10-01T08:16:00"), NOT_MET, "16 minutes apart"),
        (drawn(EIGHT, "Specimen/s"), drawn("2026-10-01T09:00:00", "Specimen/s"), MET, "one specimen"),
        (drawn(specimen="Specimen/s"), drawn(specimen="Specimen/s", day=NEXT), UNKNOWN, "one specimen and"),
        # Two tubes of one draw are two specimens.
        (drawn(EIGHT, "Specimen/s"), drawn(EIGHT, "Specimen/t"), MET, "at the same time"),
        (drawn(together="DiagnosticReport/r"), drawn(together="DiagnosticReport/r"), MET, "in one report"),
        # A report on a stimulation test holds several draws.
        (
            drawn(EIGHT, together="DiagnosticReport/r"),
            drawn("2026-10-01T09:30:00", together="DiagnosticReport/r"),
            NOT_MET,
            "90 minutes apart",
        ),
        (drawn(EIGHT), drawn(), UNKNOWN, "one day"),
        (drawn(EIGHT), drawn(day=NEXT), NOT_MET, "different days"),
    ],
)
def test_two_results_are_of_one_draw(one: LabResult, other: LabResult, truth: Truth, why: str) -> None:
    for match in (same_draw(one, other, 15), same_draw(other, one, 15)):
        assert match.truth is truth
        assert why in match.why


def test_the_clearance_is_that_of_cockcroft_and_gault() -> None:
    """A man of 60 with 80 kg and 1.6 mg/dL: 80 x 80 / (72 x 1.6) = 55.56 mL/min; a woman 0.85 of that, 47.22."""
    born = When(date(1966, 10, 1), date(1966, 10, 1))
    man = cockcroft_gault(born, Sex.MALE, 80, 1.6, DAY)
    woman = cockcroft_gault(born, Sex.FEMALE, 80, 1.6, DAY)
    assert (man.least, man.most) == (pytest.approx(55.5556), pytest.approx(55.5556))
    assert (woman.least, woman.most) == (pytest.approx(47.2222), pytest.approx(47.2222))
    # The day before the birthday the man is 59: 81 x 80 / 115.2 = 56.25.
    assert cockcroft_gault(born, Sex.MALE, 80, 1.6, date(2026, 9, 30)).most == pytest.approx(56.25)
    assert man.lacks == ()


def test_what_is_not_known_makes_an_interval_or_nothing() -> None:
    born = When(date(1966, 10, 1), date(1966, 10, 1))
    unknown = cockcroft_gault(born, Sex.OTHER, 80, 1.6, DAY)
    assert (unknown.least, unknown.most) == (pytest.approx(47.2222), pytest.approx(55.5556))
    assert unknown.lacks == ("the sex is neither female nor male",)
    # Born in 1966: 59 or 60 on that day.
    year = cockcroft_gault(When(date(1966, 1, 1), date(1966, 12, 31)), Sex.MALE, 80, 1.6, DAY)
    assert (year.least, year.most) == (pytest.approx(55.5556), pytest.approx(56.25))
    nothing = cockcroft_gault(None, Sex.UNSTATED, None, None, DAY)
    assert (nothing.least, nothing.most) == (None, None)
    assert nothing.lacks == (
        "the date of birth cannot be read",
        "the sex is not stated",
        "no body weight",
        "no serum creatinine",
    )
