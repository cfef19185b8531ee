"""Codes of Coverage.type and systems of member numbers, by the product that they say."""

from __future__ import annotations

import pytest

from cds_service.concepts import Product
from fhir_mappings.chart.payer_types import pays_second, products_of, products_of_member_numbers
from fhir_mappings.common.datatypes import CodeableConcept, Coding

SOPT = "https://nahdo.org/sopt"
CLAIM, INSURANCE = "https://codesystem.x12.org/005010/1032", "https://codesystem.x12.org/005010/1336"


def kind(system: str, code: str) -> CodeableConcept:
    return CodeableConcept(coding=[Coding(system=system, code=code)])


@pytest.mark.parametrize(
    ("system", "code", "product"),
    [
        (SOPT, "1", Product.MEDICARE),
        (SOPT, "11", Product.MEDICARE),
        (SOPT, "12", Product.MEDICARE),
        (SOPT, "121", Product.MEDICARE),
        (SOPT, "122", Product.MEDICARE_PART_D),
        (SOPT, "14", Product.DUAL),
        (SOPT, "2", Product.MEDICAID),
        (SOPT, "523", Product.MEDICARE_SUPPLEMENT),
        (CLAIM, "MA", Product.MEDICARE_PART_A),
        (CLAIM, "MB", Product.MEDICARE),
        (CLAIM, "mb", Product.MEDICARE),
        (CLAIM, "16", Product.MEDICARE),
        (CLAIM, "MC", Product.MEDICAID),
        (INSURANCE, "MP", Product.MEDICARE),
        (INSURANCE, "SP", Product.MEDICARE_SUPPLEMENT),
        (INSURANCE, "12", Product.MEDICARE),
    ],
)
def test_a_code_says_its_product(system: str, code: str, product: Product) -> None:
    assert products_of(kind(system, code)) == {product}


@pytest.mark.parametrize(("system", "code"), [(SOPT, "5"), (SOPT, "521"), (CLAIM, "CI"), ("urn:x", "MB")])
def test_a_code_that_leaves_the_product_open_says_none(system: str, code: str) -> None:
    assert products_of(kind(system, code)) == frozenset()


def test_medicare_as_secondary_payer_is_told_by_the_list_of_insurance_types_alone() -> None:
    """16 is a Medicare HMO in one list of X12, and Medicare behind public health in the other."""
    for code in ("12", "13", "14", "15", "16", "41", "42", "43", "47"):
        assert pays_second(kind(INSURANCE, code)), code
    assert not pays_second(kind(CLAIM, "16"))
    assert not pays_second(kind(INSURANCE, "MB"))
    assert not pays_second(None)


def test_a_member_number_of_medicares_systems_says_medicare() -> None:
    assert products_of_member_numbers(["http://hl7.org/fhir/sid/us-mbi"]) == {Product.MEDICARE}
    assert products_of_member_numbers(["http://hl7.org/fhir/sid/us-medicare"]) == {Product.MEDICARE}
    assert products_of_member_numbers(["http://hl7.org/fhir/sid/us-ssn", "urn:x"]) == frozenset()
