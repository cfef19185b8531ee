"""Units: what converts, what does not, and why."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.facts import Unusable
from fhir_mappings.common import units
from fhir_mappings.common.datatypes import Quantity
from tests.fhir_mappings.builders import quantity

# ---------------------------------------------------------------- HbA1c

HBA1C = {
    "percent": (8.1, "%", 8.1),
    "percent of hemoglobin": (8.1, "%{Hb}", 8.1),
    "percent with annotation": (8.1, "%{HbA1c}", 8.1),
    "percent in words": (8.1, "percent", 8.1),
    "percent with spaces around": (8.1, " % ", 8.1),
    # NGSP = 0.09148 x IFCC + 2.152: 53 -> 7.00044 -> 7.0; 54 -> 7.09192 -> 7.1; 64 -> 8.00672 -> 8.0.
    "53 mmol/mol is 7.0": (53, "mmol/mol", 7.0),
    "54 mmol/mol is 7.1": (54, "mmol/mol", 7.1),
    "64 mmol/mol is 8.0": (64, "mmol/mol", 8.0),
    "IFCC with annotation": (54, "mmol/mol{Hb}", 7.1),
    "fraction": (0.072, "1", 7.2),
    "string number": ("8.1", "%", 8.1),
    "string number with spaces": (" 8.1 ", "%", 8.1),
    "lower plausible end": (3, "%", 3.0),
    "upper plausible end": (20, "%", 20.0),
}


@pytest.mark.parametrize(("value", "unit", "expected"), HBA1C.values(), ids=HBA1C.keys())
def test_hba1c_is_read_by_its_unit(value: float | str, unit: str, expected: float) -> None:
    read = units.hba1c(quantity(value, unit))
    assert (read.value, read.comparator, read.unusable) == (expected, "", None)


@given(st.integers(9, 195))
def test_hba1c_from_ifcc_is_the_master_equation_rounded_to_a_tenth(ifcc: int) -> None:
    exact = Decimal("0.09148") * ifcc + Decimal("2.152")
    assert units.hba1c(quantity(ifcc, "mmol/mol")).value == float(exact.quantize(Decimal("0.1"), ROUND_HALF_UP))


NOT_HBA1C = {
    "estimated average glucose in mg/dL": (186, "mg/dL", Unusable.WRONG_UNIT),
    "estimated average glucose in mmol/L": (10.3, "mmol/L", Unusable.WRONG_UNIT),
    "mass concentration in g/dL": (8, "g/dL", Unusable.WRONG_UNIT),
    "95.8 percent": (95.8, "%", Unusable.IMPLAUSIBLE),
    "2.9 percent": (2.9, "%", Unusable.IMPLAUSIBLE),
    "20.1 percent": (20.1, "%", Unusable.IMPLAUSIBLE),
    "fraction filed as percent": (0.072, "%", Unusable.IMPLAUSIBLE),
    "percent filed as fraction": (8.1, "1", Unusable.IMPLAUSIBLE),
    "decimal comma": ("8,1", "%", Unusable.NO_VALUE),
    "word": ("high", "%", Unusable.NO_VALUE),
    "no value": (None, "%", Unusable.NO_VALUE),
    "infinite": (math.inf, "%", Unusable.NO_VALUE),
    "not a number": (math.nan, "%", Unusable.NO_VALUE),
}


@pytest.mark.parametrize(("value", "unit", "why"), NOT_HBA1C.values(), ids=NOT_HBA1C.keys())
def test_hba1c_that_cannot_be_compared(value: float | str | None, unit: str, why: Unusable) -> None:
    assert units.hba1c(quantity(value, unit)).unusable is why


@pytest.mark.parametrize(
    ("comparator", "expected"), [(None, ""), ("", ""), ("=", ""), ("<", "<"), ("<=", "<="), (">", ">"), (">=", ">=")]
)
def test_comparators(comparator: str | None, expected: str) -> None:
    read = units.hba1c(quantity(8.1, "%", comparator))
    assert (read.value, read.comparator, read.unusable) == (8.1, expected, None)


@pytest.mark.parametrize("comparator", ["<>", "~", "ad", "approximately"])
def test_a_comparator_that_is_none_of_fhirs_leaves_the_result_unusable(comparator: str) -> None:
    assert units.hba1c(quantity(8.1, "%", comparator)).unusable is Unusable.ODD_COMPARATOR


@pytest.mark.parametrize("unit", [None, "", " ", "none", "None"])
class TestMissingUnit:
    """A missing unit is taken from the code where the code allows only one scale, with a note."""

    def test_an_ngsp_code_means_percent(self, unit: str | None) -> None:
        read = units.hba1c(quantity(8.1, unit))
        assert (read.value, read.unusable) == (8.1, None)
        assert read.note

    def test_the_ifcc_code_means_mmol_per_mol(self, unit: str | None) -> None:
        read = units.hba1c(quantity(54, unit), ifcc_by_code=True)
        assert (read.value, read.unusable) == (7.1, None)
        assert read.note

    def test_a_code_that_allows_more_scales_needs_its_unit(self, unit: str | None) -> None:
        assert units.hba1c(quantity(8.1, unit), unit_required=True).unusable is Unusable.WRONG_UNIT

    def test_a_mass_fraction_below_one_is_a_fraction(self, unit: str | None) -> None:
        assert units.hba1c(quantity(0.072, unit), fraction_by_code=True).value == 7.2

    def test_a_mass_ratio_is_mg_per_g(self, unit: str | None) -> None:
        read = units.albumin_creatinine(quantity(45, unit), mass_ratio=True)
        assert (read.value, read.unusable) == (45.0, None)
        assert read.note

    def test_another_ratio_needs_its_unit(self, unit: str | None) -> None:
        assert units.albumin_creatinine(quantity(45, unit), mass_ratio=False).unusable is Unusable.WRONG_UNIT

    def test_egfr_has_one_scale(self, unit: str | None) -> None:
        assert units.egfr(quantity(14, unit)).value == 14.0

    def test_glucose_without_unit_is_mg_per_dl_or_moles_by_code(self, unit: str | None) -> None:
        assert units.glucose_mg_dl(quantity(120, unit)) == 120
        # 6.1 x 18.0182 = 109.91
        assert units.glucose_mg_dl(quantity(6.1, unit), moles_by_code=True) == 110


def test_the_code_wins_over_the_printed_unit() -> None:
    assert units.hba1c(Quantity(54, None, "%", "mmol/mol")).value == 7.1
    assert units.hba1c(Quantity(8.1, None, None, "%")).value == 8.1
    assert units.hba1c(Quantity(8.1, None, "%", "g/dL")).unusable is Unusable.WRONG_UNIT


def test_a_systems_own_number_for_a_unit_is_no_unit() -> None:
    assert units.hba1c(Quantity(8.1, None, "% of total Hgb", "258")).value == 8.1
    assert units.hba1c(Quantity(0.081, None, "%", "1")).value == 8.1


# ---------------------------------------------------------------- albumin-creatinine ratio

RATIO = {
    "mg/g": (45, "mg/g", 45.0),
    "mg/g creatinine in UCUM": (45, "mg/g{creat}", 45.0),
    "microgram per milligram": (45, "ug/mg", 45.0),
    "micro sign": (45, "\u00b5g/mg", 45.0),
    "greek mu": (45, "\u03bcg/mg", 45.0),
    "mcg": (45, "mcg/mg", 45.0),
    # mg/mmol x 8.84: 3.4 -> 30.056; 33.9 -> 299.676; 34 -> 300.56.
    "3.4 mg/mmol": (3.4, "mg/mmol", 30.056),
    "33.9 mg/mmol": (33.9, "mg/mmol", 299.676),
    "34 mg/mmol": (34, "mg/mmol{creat}", 300.56),
    "string": ("45", "mg/g", 45.0),
}


@pytest.mark.parametrize(("value", "unit", "expected"), RATIO.values(), ids=RATIO.keys())
def test_albumin_creatinine_in_mg_per_g(value: float | str, unit: str, expected: float) -> None:
    read = units.albumin_creatinine(quantity(value, unit), mass_ratio=False)
    assert read.value == pytest.approx(expected, abs=1e-9)
    assert read.unusable is None


@pytest.mark.parametrize("unit", ["mg/L", "mg/dL", "mg/24h", "ug/min", "%", "g/mol"])
def test_other_urine_albumin_units_are_of_another_kind(unit: str) -> None:
    assert units.albumin_creatinine(quantity(45, unit), mass_ratio=True).unusable is Unusable.WRONG_UNIT


def test_a_comparator_stays_with_the_ratio() -> None:
    read = units.albumin_creatinine(quantity(5, "mg/g", "<"), mass_ratio=True)
    assert (read.value, read.comparator) == (5.0, "<")


# ---------------------------------------------------------------- eGFR and glucose


@pytest.mark.parametrize("unit", ["mL/min/{1.73_m2}", "mL/min/1.73m2", "ml/min/1.73 m2", "mL/min"])
def test_egfr(unit: str) -> None:
    read = units.egfr(quantity(14, unit, "<"))
    assert (read.value, read.comparator, read.unusable) == (14.0, "<", None)


def test_egfr_of_another_kind() -> None:
    assert units.egfr(quantity(1.1, "mg/dL")).unusable is Unusable.WRONG_UNIT


GLUCOSE = {
    "mg/dL": (120, "mg/dL", 120),
    "mg/dL in lower case": (120, "mg/dl", 120),
    # 11.1 x 18.0182 = 200.00202, 11.2 -> 201.80, 3.9 -> 70.27, 3.8 -> 68.47, 3.0 -> 54.05
    "11.1 mmol/L is 200": (11.1, "mmol/L", 200),
    "11.2 mmol/L is 202": (11.2, "mmol/L", 202),
    "3.9 mmol/L is 70": (3.9, "mmol/L", 70),
    "3.8 mmol/L is 68": (3.8, "mmol/L", 68),
    "3.0 mmol/L is 54": (3.0, "mmol/L", 54),
    "half is rounded up": (199.5, "mg/dL", 200),
    "half of an even number too": (200.5, "mg/dL", 201),
    "below half is rounded down": (199.49, "mg/dL", 199),
    "string": ("120", "mg/dL", 120),
    "wrong kind of unit": (120, "%", None),
    "word": ("HI", "mg/dL", None),
    "no value": (None, "mg/dL", None),
}


@pytest.mark.parametrize(("value", "unit", "expected"), GLUCOSE.values(), ids=GLUCOSE.keys())
def test_glucose_in_whole_mg_per_dl(value: float | str | None, unit: str, expected: int | None) -> None:
    assert units.glucose_mg_dl(quantity(value, unit)) == expected


@pytest.mark.parametrize(("comparator", "expected"), [(None, ""), ("=", ""), ("<", "<"), (">=", ">="), ("<>", None)])
def test_comparator_of_a_reading(comparator: str | None, expected: str | None) -> None:
    assert units.glucose_comparator(quantity(500, "mg/dL", comparator)) == expected


@given(st.one_of(st.text(max_size=12), st.floats(), st.none()), st.text(max_size=8), st.text(max_size=3))
def test_nothing_raises(value: float | str | None, unit: str, comparator: str) -> None:
    one = quantity(value, unit, comparator)
    for convert in (units.hba1c, units.egfr, units.glucose_mg_dl):
        convert(one)
    units.albumin_creatinine(one, mass_ratio=True)


@pytest.mark.parametrize("value", [1e12, 1e28, 1e29, 1e300, -1e28, "1e28", "9" * 40, "1e-300"])
def test_a_number_beyond_any_measurement_is_no_value(value: float | str) -> None:
    quantity = Quantity(value=value, unit="mg/dL")
    assert units.glucose_mg_dl(quantity) is None
    assert units.hba1c(Quantity(value=value, unit="mmol/mol")).value is None
    assert units.albumin_creatinine(Quantity(value=value, unit="mg/mmol"), mass_ratio=True).value is None


# ---------------------------------------------------------------- durations

DAYS = {
    "no unit is days": (30, "", 30),
    "days": (30, "d", 30),
    "a day in words": (90, "days", 90),
    "a week is 7": (2, "wk", 14),
    "weeks": (4, "weeks", 28),
    "a month is 30": (3, "mo", 90),
    "months": (1, "month", 30),
    "a year is 365": (1, "a", 365),
    "years": (2, "years", 730),
    "half a week": (0.5, "wk", 3),
    "ten years of days": (3659, "d", 3659),
    "more than that": (3660, "d", None),
    "far more": (4000, "d", None),
    "nothing": (0, "d", None),
    "below nothing": (-30, "d", None),
    "hours": (72, "h", None),
    "tablets": (30, "{tablet}", None),
}


@pytest.mark.parametrize(("value", "unit", "expected"), DAYS.values(), ids=DAYS.keys())
def test_durations_are_read_in_whole_days(value: float, unit: str, expected: int | None) -> None:
    assert units.whole_days(quantity(value, unit)) == expected


def test_no_duration_is_none() -> None:
    assert units.whole_days(None) is None
    assert units.whole_days(Quantity(unit="d")) is None


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        *[("7.0", "7.0 %"), ("8.10", "8.10 %"), ("7", "7 %"), ("0.5", "0.5 %"), ("1e1", "10 %")],
        # More than four decimals are a program's, not a laboratory's: six digits are kept.
        *[("5.1234", "5.1234 %"), ("3.028126053975507", "3.02813 %"), ("70.000000000000001", "70 %")],
        ("0.0000012345", "1.2345e-06 %"),
    ],
)
def test_a_number_is_printed_with_the_decimals_that_it_came_with(written: str, printed: str) -> None:
    quantity = msgspec.json.Decoder(Quantity, float_hook=Decimal).decode(
        f'{{"value": {written}, "unit": "%"}}'.encode()
    )
    assert units.shown(quantity) == printed


@pytest.mark.parametrize("value", ["[]", "{}", "true", "1e400", "1e-400", "9" * 19])
def test_what_is_no_number_that_a_float_holds_is_malformed(value: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.Decoder(Quantity, float_hook=Decimal).decode(f'{{"value": {value}}}'.encode())


def test_what_ucum_adds_in_braces_is_not_printed() -> None:
    assert units.shown(Quantity(12, unit="mL/min/{1.73_m2}")) == "12 mL/min/1.73 m2"
    assert units.shown(Quantity(45, unit="ug/mg{creat}")) == "45 ug/mg"
