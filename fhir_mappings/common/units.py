"""Converts results to the policy's units. What cannot be converted carries the reason; nothing is guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from cds_service.facts import Unusable
from fhir_mappings.common.datatypes import Quantity
from fhir_mappings.common.unit_scales import scale_of
from fhir_mappings.common.unit_spellings import Unit, folded, unit_named

MG_DL_PER_MMOL_L = Decimal("18.0182")
MG_G_PER_MG_MMOL = Decimal("8.84")
# Master equation of the NGSP (ngsp.org/ifcc.asp).
NGSP_SLOPE, NGSP_OFFSET = Decimal("0.09148"), Decimal("2.152")
PLAUSIBLE_HBA1C = (Decimal(3), Decimal(20))

# No measured quantity is larger, and decimal arithmetic stays exact below it.
_LARGEST = 10**12
_LEAST_EXPONENT, _MOST_EXPONENT = -30, 12
_MOST_DECIMALS = 4
# What UCUM adds to a unit in braces says nothing to a reader.
_ANNOTATION = re.compile(r"\{[^{}]*\}")

_COMPARATORS = {None: "", "": "", "=": "", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, slots=True)
class ConvertedQuantity:
    """A quantity in the policy's unit; `shown`: as the chart prints it; `unusable`: why it cannot be compared."""

    value: float | None
    comparator: str
    shown: str
    unusable: Unusable | None = None
    note: str | None = None


def number(value: float | str | Decimal | None) -> Decimal | None:
    """A quantity's number; a string counts when it is a plain decimal (`8.1`, not `8,1`)."""
    if isinstance(value, str):
        text = value.strip()
        if not text or not all(c.isdigit() or c in ".-+eE" for c in text):
            return None
        try:
            parsed = Decimal(text)
        except ArithmeticError:
            return None
        # The exponent first: an operation on `1e999999999` overflows.
        plain = parsed.is_finite() and _LEAST_EXPONENT < parsed.adjusted() < _MOST_EXPONENT
        return parsed if plain else Decimal(0) if parsed == 0 else None
    if value is None or isinstance(value, bool) or not math.isfinite(value) or abs(float(value)) >= _LARGEST:
        return None
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def is_odd_number(value: float | str | Decimal | None) -> bool:
    """Whether a value is written as a number that none can be: `NaN`, `1e999999999`. Words such as `HI` are none."""
    text = value.strip().casefold() if isinstance(value, str) else ""
    if text.lstrip("+-") in ("nan", "inf", "infinity"):
        return True
    return bool(text) and all(c.isdigit() or c in ".-+e" for c in text) and number(text) is None


def unit_of(quantity: Quantity) -> str:
    """The unit to go by, folded: the code where there is one, else the printed unit; '' when neither says one."""
    for text in (quantity.code, quantity.unit):
        plain = (text or "").strip().casefold()
        local = plain.isdigit() and plain != "1"  # a system's own number for a unit
        if plain and plain != "none" and not local:
            return plain
    return ""


def shown(quantity: Quantity) -> str:
    """A quantity as the chart prints it, with the decimals that it came with: 7.0 stays 7.0."""
    value = quantity.value
    figure = _figure(value) if isinstance(value, Decimal) else f"{value:g}" if isinstance(value, float) else value
    figure = "" if figure is None else figure
    unit = (quantity.unit or "").strip() or (quantity.code or "").strip()
    unit = _ANNOTATION.sub("", unit.replace("{1.73_m2}", "1.73 m2"))
    return f"{quantity.comparator or ''}{figure} {unit}".strip()[:60]


def _figure(value: Decimal) -> str:
    """A number in digits as it was written; one with more decimals than any laboratory prints is rounded to six digits.

    Through a float: `g` of a Decimal keeps every digit.
    """
    exponent = value.as_tuple().exponent
    plain = isinstance(exponent, int) and exponent >= -_MOST_DECIMALS and value.adjusted() < _MOST_EXPONENT
    return f"{value:f}" if plain else f"{float(value):g}"


def _printed_unit(quantity: Quantity) -> str | None:
    return f"the number came as text ({quantity.value.strip()[:20]})" if isinstance(quantity.value, str) else None


def _number_and_unit(quantity: Quantity) -> tuple[Decimal | None, str, str, Unusable | None]:
    value = number(quantity.value)
    comparator = _COMPARATORS.get(quantity.comparator.strip() if quantity.comparator else None)
    if value is None:
        return None, "", shown(quantity), Unusable.NO_VALUE
    if comparator is None:
        return value, "", shown(quantity), Unusable.ODD_COMPARATOR
    return value, comparator, shown(quantity), None


def hba1c(
    quantity: Quantity, *, unit_required: bool = False, ifcc_by_code: bool = False, fraction_by_code: bool = False
) -> ConvertedQuantity:
    """HbA1c in % NGSP. The unit decides the scale; IFCC is converted and rounded to one decimal first.

    Without a unit the code decides where it allows one scale: % for the NGSP codes, mmol/mol for the IFCC code.
    """
    value, comparator, text, problem = _number_and_unit(quantity)
    if value is None:
        return ConvertedQuantity(None, "", text, problem)
    unit, note = unit_of(quantity), _printed_unit(quantity)
    if not unit:
        if unit_required:
            return ConvertedQuantity(None, comparator, text, Unusable.WRONG_UNIT)
        note = "no unit: scale taken from the code"
        unit = Unit.IFCC if ifcc_by_code else Unit.FRACTION if fraction_by_code and value <= 1 else Unit.PERCENT_NGSP
    spelt = unit_named(unit)
    if spelt is Unit.IFCC:
        value = (NGSP_SLOPE * value + NGSP_OFFSET).quantize(Decimal("0.1"), ROUND_HALF_UP)
        text = f"{text} ({value} %)"
    elif spelt is Unit.FRACTION:
        value *= 100
        text = f"{text} ({value.normalize():f} %)"
    elif spelt is not Unit.PERCENT_NGSP:
        return ConvertedQuantity(None, comparator, text, Unusable.WRONG_UNIT)
    low, high = PLAUSIBLE_HBA1C
    if not low <= value <= high:
        problem = Unusable.IMPLAUSIBLE
    return ConvertedQuantity(float(value), comparator, text, problem, note)


def albumin_creatinine(quantity: Quantity, *, mass_ratio: bool) -> ConvertedQuantity:
    """Albumin-creatinine ratio in mg/g. Without a unit only a mass-ratio code allows one scale."""
    value, comparator, text, problem = _number_and_unit(quantity)
    if value is None:
        return ConvertedQuantity(None, "", text, problem)
    unit, note = unit_of(quantity), _printed_unit(quantity)
    if not unit and mass_ratio:
        unit, note = Unit.MG_PER_G, "no unit: scale taken from the code"
    spelt = unit_named(unit)
    if spelt is Unit.MG_PER_MMOL:
        value *= MG_G_PER_MG_MMOL
    elif spelt is not Unit.MG_PER_G:
        return ConvertedQuantity(None, comparator, text, Unusable.WRONG_UNIT)
    return ConvertedQuantity(float(value), comparator, text, problem, note)


def egfr(quantity: Quantity) -> ConvertedQuantity:
    """eGFR in mL/min/1.73 m2; the codes allow one scale, so any mL/min unit and none will do."""
    value, comparator, text, problem = _number_and_unit(quantity)
    if value is None:
        return ConvertedQuantity(None, "", text, problem)
    unit = unit_of(quantity)
    if unit and unit_named(unit) is not Unit.ML_PER_MINUTE:
        return ConvertedQuantity(None, comparator, text, Unusable.WRONG_UNIT)
    return ConvertedQuantity(float(value), comparator, text, problem)


def of_kind(quantity: Quantity, *, factors: Mapping[str, float], plausible: tuple[float, float]) -> ConvertedQuantity:
    """A result in a policy's own unit: `factors` lead into it, from each unit that it may come in.

    Without a unit it cannot be read: nothing says that the code allows one scale.
    """
    value, comparator, text, problem = _number_and_unit(quantity)
    if value is None:
        return ConvertedQuantity(None, "", text, problem)
    factor = factor_into(unit_of(quantity), factors)
    if factor is None:
        return ConvertedQuantity(None, comparator, text, Unusable.WRONG_UNIT)
    if factor != 1:
        value *= factor
        own = next((unit for unit, of_unit in factors.items() if of_unit == 1), "")
        text = f"{text} ({float(value):.4g} {own})".replace(" )", ")")
    if not plausible[0] <= value <= plausible[1]:
        problem = Unusable.IMPLAUSIBLE
    return ConvertedQuantity(float(value), comparator, text, problem, _printed_unit(quantity))


def factor_into(unit: str, factors: Mapping[str, float]) -> Decimal | None:
    """The factor of the unit that a text spells into the unit of factor 1; None when it is none of these.

    Units of one dimension with one of `factors` are known by their scale, such as pmol/L where nmol/L is given.
    """
    if not unit:
        return None
    scale, spelt = scale_of(unit), unit_named(unit)
    for name, factor in factors.items():
        if folded(unit) == folded(name):
            return Decimal(repr(factor))
        known = scale_of(name)
        if known is not None and scale is not None and known[0] is scale[0]:
            return Decimal(repr(factor)) * scale[1] / known[1]
        if known is None and spelt is not None and spelt is unit_named(name):
            return Decimal(repr(factor))
    return None


def glucose_comparator(quantity: Quantity) -> str | None:
    """The comparator of a reading ('' for none); None when it is no FHIR comparator."""
    return _COMPARATORS.get(quantity.comparator.strip() if quantity.comparator else None)


def glucose_mg_dl(quantity: Quantity, *, moles_by_code: bool = False) -> int | None:
    """Glucose in whole mg/dL, rounded half up; None when it cannot be read. Its comparator is read apart."""
    value = number(quantity.value)
    if value is None:
        return None
    unit = unit_of(quantity)
    spelt = unit_named(unit)
    if spelt is Unit.MMOL_PER_L or (not unit and moles_by_code):
        value *= MG_DL_PER_MMOL_L
    elif unit and spelt is not Unit.MG_PER_DL:
        return None
    whole = int(value.quantize(Decimal(1), ROUND_HALF_UP))
    return whole if 0 < whole < 3000 else None


def whole_days(quantity: Quantity | None) -> int | None:
    """A duration in whole days (a week 7, a month 30, a year 365); None when it cannot be read."""
    value = number(quantity.value) if quantity is not None else None
    if quantity is None or value is None or not 0 < value < 3660:
        return None
    unit = unit_of(quantity)
    for names, factor in ((("wk", "week", "weeks"), 7), (("mo", "month", "months"), 30), (("a", "year", "years"), 365)):
        if unit in names:
            return int(value * factor)
    return int(value) if unit in ("", "d", "day", "days") else None
