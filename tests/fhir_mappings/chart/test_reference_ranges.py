"""The laboratory's own range beside a value: quantities, text, other units, several ranges; and why there is none."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cds_service.facts import Person, RangeProblem, Sex, When
from tests.fhir_mappings.builders import JSON
from tests.fhir_mappings.own_results import NG_ML, c_peptide, read_one, report_of

NMOL_L: JSON = {"unit": "nmol/L", "code": "nmol/L"}
PMOL_L: JSON = {"unit": "pmol/L", "code": "pmol/L"}
WOMAN_OF_60 = Person(When(date(1966, 1, 1), date(1966, 1, 1)), Sex.FEMALE)


def lows(*ranges: JSON, person: Person | None = None, unit: JSON = NG_ML) -> list[float | None]:
    report = report_of(read_one("cPeptide", c_peptide(0.9, unit, referenceRange=list(ranges)), person=person))
    return [each.low for each in report.ranges]


def problem(*ranges: JSON, person: Person | None = None) -> RangeProblem | None:
    return report_of(read_one("cPeptide", c_peptide(referenceRange=list(ranges)), person=person)).range_problem


def low(value: float, unit: JSON | None = None, **more: Any) -> JSON:
    return {"low": {"value": value, **(unit or {})}, **more}


def test_a_range_has_both_limits_and_its_own_words() -> None:
    """As Epic sends it: low and high as quantities, the same again as text."""
    report = report_of(read_one("cPeptide", c_peptide()))
    (one,) = report.ranges
    assert (one.low, one.high, one.shown) == (0.5, 3.3, "0.5 ng/mL-3.3 ng/mL")
    assert report.range_problem is None


@pytest.mark.parametrize("text", ["0.5-3.3 ng/mL", "0.5 \u2013 3.3", "Normal: 0.5 to 3.3 ng/ml", ">= 0.5"])
def test_a_range_in_words_alone_is_read(text: str) -> None:
    assert lows({"text": text}) == [0.5]


@pytest.mark.parametrize(
    ("value_unit", "given", "expected"),
    [
        # Low 0.27 nmol/L is 0.27 x 3.02 = 0.8154 ng/mL.
        (NG_ML, low(0.27, NMOL_L), 0.8154),
        (NG_ML, low(270, PMOL_L), 0.8154),
        (NG_ML, {"text": "270-1280 pmol/L"}, 0.8154),
        (NG_ML, low(0.8, {"unit": "\u00b5g/L"}), 0.8),
        # Without a unit a limit is in that of the value.
        (NG_ML, low(0.8), 0.8),
        (NMOL_L, low(0.27), 0.8154),
        (NMOL_L, {"text": "0.27-1.28"}, 0.8154),
        (NMOL_L, low(0.8, NG_ML), 0.8),
    ],
)
def test_a_range_is_in_the_unit_of_the_value(value_unit: JSON, given: JSON, expected: float) -> None:
    assert lows(given, unit=value_unit) == [pytest.approx(expected)]


@pytest.mark.parametrize(
    ("ranges", "why"),
    [
        ([], RangeProblem.MISSING),
        ([{"text": "See note"}], RangeProblem.UNREAD),
        ([{}], RangeProblem.UNREAD),
        ([low(0.8, {"unit": "U/L"})], RangeProblem.OTHER_UNIT),
        ([{"text": "0.8-3.9 U/L"}], RangeProblem.OTHER_UNIT),
        ([low(0.8, type={"coding": [{"code": "treatment"}]})], RangeProblem.NOT_NORMAL),
        ([low(0.8, type={"text": "Target range"})], RangeProblem.NOT_NORMAL),
        # One that cannot be read may be the one that counts.
        ([low(0.8), {"text": "See note"}], RangeProblem.UNREAD),
    ],
)
def test_without_a_range_it_says_why(ranges: list[JSON], why: RangeProblem) -> None:
    assert problem(*ranges) is why


def test_the_normal_range_stands_among_others() -> None:
    critical = low(0.1, type={"coding": [{"code": "critical"}]})
    normal = low(0.8, type={"coding": [{"code": "normal"}]})
    assert lows(critical, normal) == [0.8]


def test_of_ranges_by_sex_the_patients_own_counts() -> None:
    woman = low(1.1, appliesTo=[{"coding": [{"system": "http://snomed.info/sct", "code": "248152002"}]}])
    man = low(0.8, appliesTo=[{"text": "Male"}])
    assert lows(woman, man, person=WOMAN_OF_60) == [1.1]
    assert lows({"text": "Male: 0.8-3.85; Female: 1.1-4.4"}, person=WOMAN_OF_60) == [1.1]
    # Nobody knows: both stay.
    assert lows(woman, man) == [1.1, 0.8]
    assert problem(man, person=WOMAN_OF_60) is RangeProblem.NOT_THIS_PATIENT


def test_of_ranges_by_age_the_patients_own_counts() -> None:
    """60 on the day of the draw: "up to 60" holds until the next birthday."""
    years = {"unit": "years", "code": "a"}
    young = low(0.4, age={"high": {"value": 17, **years}})
    adult = low(0.8, age={"low": {"value": 18, **years}, "high": {"value": 60, **years}})
    old = low(1.1, age={"low": {"value": 61, **years}})
    assert lows(young, adult, old, person=WOMAN_OF_60) == [0.8]
    assert lows(young, adult, old) == [0.4, 0.8, 1.1]


def test_figures_and_words_that_differ_are_both_kept() -> None:
    assert lows(low(0.8, NG_ML, text="1.1-4.4 ng/mL")) == [0.8, 1.1]
    assert lows(low(0.8, NG_ML, text="0.8-3.9 ng/mL")) == [0.8]
    assert lows({"high": {"value": 3.9, **NG_ML}, "text": "0.8-3.9 ng/mL"}) == [0.8]
    assert lows(low(0.8, NG_ML, text="fasting adults, see note")) == [0.8]


@pytest.mark.parametrize("raw", ["nonsense", 5, [1, "x"], {"low": {"value": 0.5}}])
def test_a_malformed_range_costs_no_result(raw: Any) -> None:
    result = read_one("cPeptide", c_peptide(referenceRange=raw))
    assert result.value == 0.9
