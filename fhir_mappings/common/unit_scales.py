"""Units of concentration, mass and flow as a scale within their dimension: ug/L is ng/mL, a pound 0.45359237 kg.

A unit is folded first (`unit_spellings.folded`). What names more than a unit (`mL/min/1.73m2`) is none of these.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum

from fhir_mappings.common.free_text import cached_for_short_texts
from fhir_mappings.common.unit_spellings import folded


class Dimension(StrEnum):
    """What a unit measures; the values name the unit of scale 1."""

    MASS_CONCENTRATION = "g/L"
    MOLAR_CONCENTRATION = "mol/L"
    MASS = "kg"
    FLOW = "mL/min"


_GRAMS = {
    "kg": "1e3",
    "g": "1",
    "gm": "1",
    "gram": "1",
    "mg": "1e-3",
    "milligram": "1e-3",
    "ug": "1e-6",
    "mcg": "1e-6",
    "microgram": "1e-6",
    "ng": "1e-9",
    "nanogram": "1e-9",
    "pg": "1e-12",
    "picogram": "1e-12",
}
_MOLES = {"mol": "1", "mmol": "1e-3", "umol": "1e-6", "nmol": "1e-9", "pmol": "1e-12", "fmol": "1e-15"}
_LITERS = {
    "l": "1",
    "liter": "1",
    "litre": "1",
    "dl": "1e-1",
    "deciliter": "1e-1",
    "100ml": "1e-1",
    "ml": "1e-3",
    "milliliter": "1e-3",
    "cc": "1e-3",
    "ul": "1e-6",
}
_KILOGRAMS = {
    "kg": "1",
    "kilo": "1",
    "kilogram": "1",
    "g": "1e-3",
    "gm": "1e-3",
    "gram": "1e-3",
    "lb": "0.45359237",
    "lbav": "0.45359237",
    "pound": "0.45359237",
    "oz": "0.028349523125",
    "ozav": "0.028349523125",
    "ounce": "0.028349523125",
}
_FLOWS = {"ml/min": "1", "ml/minute": "1", "ml/s": "60", "ml/sec": "60", "l/min": "1000"}
_AMOUNT_PER_VOLUME = re.compile(r"([a-z]{1,12})(?:/|per)([a-z0-9]{1,12})")


@cached_for_short_texts(2048)
def scale_of(unit: str) -> tuple[Dimension, Decimal] | None:
    """The dimension of a unit and how much of its unit of scale 1 it is; None for a unit of another kind."""
    plain = folded(unit)
    for dimension, names in ((Dimension.MASS, _KILOGRAMS), (Dimension.FLOW, _FLOWS)):
        found = names.get(plain) or names.get(plain.removesuffix("s")) or names.get(plain.replace("per", "/"))
        if found is not None:
            return dimension, Decimal(found)
    if plain == "mg%":
        return Dimension.MASS_CONCENTRATION, Decimal("1e-2")
    parts = _AMOUNT_PER_VOLUME.fullmatch(plain)
    liters = _LITERS.get(parts[2]) if parts is not None else None
    if parts is None or liters is None:
        return None
    amount = parts[1].removesuffix("s")
    for dimension, amounts in ((Dimension.MASS_CONCENTRATION, _GRAMS), (Dimension.MOLAR_CONCENTRATION, _MOLES)):
        if amount in amounts:
            return dimension, Decimal(amounts[amount]) / Decimal(liters)
    return None
