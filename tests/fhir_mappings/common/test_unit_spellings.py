"""Units as laboratories write them. The spellings are those seen in public exports, in any case and spacing."""

from __future__ import annotations

import pytest

from fhir_mappings.common.unit_spellings import Unit, unit_named

SPELLINGS = {
    Unit.PERCENT_NGSP: [
        "%", "PERCENT", "per cent", "percentage", "percentage unit", "%{Hb}", "%{HbA1c}", "%{HemoglobinA1C}",
        "% of total Hgb", "% OF TOTAL HGB", "% TOTAL HGB", "%TOTAL HGB", "% of total Hb", "% total Hb", "%TOTAL HB",
        "% of total H", "% OF TOTAL", "% OF T", "%TOTAL", "%%L", "%HB", "% Hb", "%hgb", "% of Hb", "% of Hgb",
        "% THB", "% tl hgb", "% HbA0", "% total haemoglobin", "% of total hemoglobin", "% A1c", "%A1C", "%HbA1c",
        "% HgbA1c", "%STD HBA1C", "%Std HbA1c", "%STD/HBA1C", "DCCT %", "% (DCCT)", "%(DCCT)", "% NGSP", "NGSP %",
        "%NGSP", "{NGSP}%", "\uff05",
    ],
    Unit.IFCC: [
        "mmol/mol", "mmol/mol Hb", "MMOL/MOL HB", "mmol/mol{Hb}", "mmol/molHb", "mmol/mol HbA0", "mmol/mol{HbA1c}",
        "IFCCmmol/mol", "IFCC mmol/mol", "mmol/mol (IFCC)", "IFCC", "IFFC", "mM/M",
    ],
    Unit.FRACTION: ["1", "{fraction}", "{ratio}", "kg/kg", "g/g"],
    Unit.MG_PER_G: [
        "mg/g", "MG/G", "mg/g creat", "mg/g creatinine", "mg/g{creat}", "mg/g Cr", "mg/gCr", "mg/g crea", "MG/GM",
        "mg/gm", "mg/gm creat", "mg/gm creatinine", "mg/gcreat.", "mg/g creat.", "mg/g_creatinine", "mg/g-creat",
        "mg/g creatinina", "mg/g UCr", "mg / g", "mg per g", "mg/gram creat", "mg Alb/g Cr", "mg/g of creatinine",
        "mcg/mg", "MCG/MG CREAT", "mcg/mg cr", "ug/mg", "ug/mg Creat", "ug/mg creatinine", "\u00b5g/mg",
        "\u03bcg/mg creat", "ug/mg{creat}", "mcg alb/mg creat",
    ],
    Unit.MG_PER_MMOL: [
        "mg/mmol", "mg/mmol creat", "mg/mmol{creat}", "mg/mmolcreat", "mg/mmol creat.", "mg/mmol(creat)",
        "mg/mmol(creatinine)",
    ],
    Unit.MG_PER_DL: ["mg/dL", "MG/DL", "mg / dl", "mgs/dl", "mg/dL{glucose}", "mg%", "mg/100 mL"],
    Unit.MMOL_PER_L: ["mmol/L", "MMOL/L", "mmol / l"],
    Unit.ML_PER_MINUTE: ["mL/min/{1.73_m2}", "ml/min/1.73 m2", "mL/min", "mL / min / 1.73m\u00b2"],
    Unit.PER_DAY: ["/d", "{tests}/d", "/day", "1/d", "per day", "tests/day", "{#}/d", "tests per day", "times/day"],
}  # fmt: skip


@pytest.mark.parametrize(("unit", "text"), [(unit, text) for unit, texts in SPELLINGS.items() for text in texts])
def test_a_spelling_is_its_unit_in_any_case(unit: Unit, text: str) -> None:
    assert unit_named(text) is unit_named(text.lower()) is unit_named(f" {text.upper()} ") is unit


OTHERS = [
    "mcg/g creat", "ug/g{creat}", "ug/g", "mg/mg creat", "mg/mg", "mmol/mol creat", "g/mol", "mg/L", "mg/24h",
    "ug/min", "% IFCC", "% (JDS)", "% of normal", "% change", "% sat", "%HbF", "% CV", "g/dL", "mmol", "mg", "dl",
    "mg/dL creat", "umol/L", "mEq/L", "kg", "/wk", "", "none", "ratio of nothing",
]  # fmt: skip


@pytest.mark.parametrize("text", OTHERS)
def test_what_is_another_unit_stays_out(text: str) -> None:
    assert unit_named(text) is None


def test_one_letter_more_is_another_unit() -> None:
    """No spelling reads by its beginning alone, save mL/min, whose body surface is written in many ways."""
    for unit, texts in SPELLINGS.items():
        assert unit is Unit.ML_PER_MINUTE or all(unit_named(f"{text}zz") is not unit for text in texts)
