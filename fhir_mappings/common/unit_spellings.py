"""Units as laboratories write them: regular expressions, and a table of spellings that they do not cover.

A unit is folded first: compatibility forms of Unicode, case, spaces and brackets do not matter. What is truly
another unit stays out, however near its spelling: `ug/g creat` and `mg/mg creat` are a thousandth and a thousand
times mg/g, `mmol/mol creat` is no albumin by mass, and percent on the old IFCC or JDS scale is not NGSP.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from fhir_mappings.common.free_text import cached_for_short_texts


class Unit(StrEnum):
    """A unit that some result of the policy comes in."""

    PERCENT_NGSP = "%"
    IFCC = "mmol/mol"
    FRACTION = "1"
    MG_PER_G = "mg/g"
    MG_PER_MMOL = "mg/mmol"
    MG_PER_DL = "mg/dL"
    MMOL_PER_L = "mmol/L"
    ML_PER_MINUTE = "mL/min"
    PER_DAY = "/d"


_DROPPED = re.compile(r"[\s{}()\[\]_.,:;-]+")
_HEMOGLOBIN = r"(?:h(?:ae|e)?moglobin|hgb|hb|thb)"
_A1C = rf"(?:{_HEMOGLOBIN}?a(?:1c?|0)|{_HEMOGLOBIN})"
_PERCENT = r"(?:%|percent(?:age)?(?:unit)?)"
_TOTAL = r"(?:of)?(?:total|tot|tl)?(?:std/?)?"
_CREATININE = r"(?:of)?u?(?:creatinin[ae]?|creat|crea|cre|cr)(?:urine|ur)?"
_ALBUMIN = r"(?:of)?(?:microalbumin|albumin|malb|alb|ma)"
_MASS = r"(?:mg|milligrams?)"
_MICROGRAM = r"(?:ug|mcg|micrograms?)"
_GRAM = r"(?:g|gm|gr|grams?)"
_PER = r"(?:/|per)"
_GRAMMAR = {
    Unit.PERCENT_NGSP: rf"(?:ngsp|dcct)?{_PERCENT}{_TOTAL}{_A1C}?(?:ngsp|dcct)?",
    Unit.IFCC: rf"(?:ifcc)?mmol/mol{_TOTAL}{_A1C}?(?:ifcc)?",
    Unit.MG_PER_G: (
        rf"(?:{_MASS}(?:{_ALBUMIN})?{_PER}{_GRAM}|{_MICROGRAM}(?:{_ALBUMIN})?{_PER}{_MASS})(?:{_CREATININE})?"
    ),
    Unit.MG_PER_MMOL: rf"{_MASS}(?:{_ALBUMIN})?{_PER}mmol(?:{_CREATININE})?",
    Unit.MG_PER_DL: r"mgs?(?:glucose)?(?:/|per)(?:dl|100ml)(?:glucose)?",
    Unit.MMOL_PER_L: r"mmols?(?:glucose)?(?:/|per)l(?:glucose)?",
    Unit.ML_PER_MINUTE: rf"mls?{_PER}min.*",
    Unit.PER_DAY: rf"(?:1|#|x|times?|tests?|checks?|readings?|sticks?)?{_PER}d(?:ay)?",
}
_PATTERNS = {unit: re.compile(pattern) for unit, pattern in _GRAMMAR.items()}
# Folded spellings that the grammar does not say, each with where it was seen or why it is certain.
_TABLE = {
    "%oftotalh": Unit.PERCENT_NGSP,  # Quest's "% of total Hgb" cut by a short field (claims laboratory lists)
    "%oftotal": Unit.PERCENT_NGSP,  # the same
    "%oft": Unit.PERCENT_NGSP,  # the same
    "%%l": Unit.PERCENT_NGSP,  # the same lists
    "ifcc": Unit.IFCC,  # UK primary care (CPRD numeric units): the scale stands for its unit
    "iffc": Unit.IFCC,  # the same, misspelt
    "mm/m": Unit.IFCC,  # the same
    "fraction": Unit.FRACTION,  # UCUM annotations of the unit 1
    "ratio": Unit.FRACTION,
    "1": Unit.FRACTION,
    "kg/kg": Unit.FRACTION,  # equal masses
    "g/g": Unit.FRACTION,
    "mg%": Unit.MG_PER_DL,  # mg per 100 mL
}


@cached_for_short_texts(2048)
def folded(text: str) -> str:
    """A unit without what is only spelling. NFKC makes one letter of the two micro signs."""
    plain = unicodedata.normalize("NFKC", text[:60]).casefold().replace("μ", "u")
    return _DROPPED.sub("", plain)


@cached_for_short_texts(2048)
def unit_named(text: str) -> Unit | None:
    """The unit that a text spells; None when it is none of those that the policy's results come in."""
    plain = folded(text)
    return _TABLE.get(plain) or next((unit for unit, pattern in _PATTERNS.items() if pattern.fullmatch(plain)), None)
