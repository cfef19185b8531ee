"""Units of one dimension, however they are spelled, and what is none of them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cds_service.facts.known_results import C_PEPTIDE, CREATININE, CREATININE_CLEARANCE, GLUCOSE_OF_DRAW, WEIGHT
from cds_service.facts.results import ResultKind
from fhir_mappings.common.unit_scales import Dimension, scale_of
from fhir_mappings.common.units import factor_into


@pytest.mark.parametrize(
    ("unit", "dimension", "scale"),
    [
        ("ng/mL", Dimension.MASS_CONCENTRATION, "1e-6"),
        ("\u00b5g/L", Dimension.MASS_CONCENTRATION, "1e-6"),
        ("mcg/l", Dimension.MASS_CONCENTRATION, "1e-6"),
        ("mg%", Dimension.MASS_CONCENTRATION, "1e-2"),
        ("nmol/L", Dimension.MOLAR_CONCENTRATION, "1e-9"),
        ("pmol/mL", Dimension.MOLAR_CONCENTRATION, "1e-9"),
        ("[lb_av]", Dimension.MASS, "0.45359237"),
        ("Pounds", Dimension.MASS, "0.45359237"),
        ("mL per min", Dimension.FLOW, "1"),
    ],
)
def test_a_unit_has_a_scale(unit: str, dimension: Dimension, scale: str) -> None:
    assert scale_of(unit) == (dimension, Decimal(scale))


@pytest.mark.parametrize(
    "unit", ["", "U/mL", "mg/g", "mL/min/1.73m2", "mL/min/{1.73_m2}", "mmol/mol", "%", "m/s", "st"]
)
def test_what_is_another_kind_of_unit_has_none(unit: str) -> None:
    assert scale_of(unit) is None


@pytest.mark.parametrize(
    ("kind", "unit", "factor"),
    [
        (C_PEPTIDE, "ng/mL", "1"),
        (C_PEPTIDE, "ug/L", "1"),  # 1 ug/L = 1000 ng in 1000 mL
        (C_PEPTIDE, "nmol/L", "3.02"),
        (C_PEPTIDE, "pmol/L", "0.00302"),
        (CREATININE, "umol/L", "0.011312"),  # 113.12 g/mol: 1 umol is 0.11312 mg, in a liter 0.011312 mg/dL
        (GLUCOSE_OF_DRAW, "mmol/L", "18.0182"),
        (WEIGHT, "g", "0.001"),
        (WEIGHT, "lbs", "0.45359237"),
        (CREATININE_CLEARANCE, "mL/s", "60"),
    ],
)
def test_a_factor_leads_into_the_policys_unit(kind: ResultKind, unit: str, factor: str) -> None:
    assert factor_into(unit, kind.units) == Decimal(factor)


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        (C_PEPTIDE, "mL/min"),
        (C_PEPTIDE, ""),
        (WEIGHT, "cm"),
        (CREATININE_CLEARANCE, "mL/min/1.73m2"),
        (CREATININE, "mg/g"),
    ],
)
def test_no_factor_leads_from_another_kind_of_unit(kind: ResultKind, unit: str) -> None:
    assert factor_into(unit, kind.units) is None
