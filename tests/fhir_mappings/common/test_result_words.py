"""What results are called, in the spellings of laboratories, and their neighbors that are other tests."""

from __future__ import annotations

import pytest

from cds_service.concepts import Concept
from fhir_mappings.common.result_words import names_other_test, results_named


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("C-Peptide, Serum", Concept.C_PEPTIDE),
        ("C PEPTIDE", Concept.C_PEPTIDE),
        ("Connecting Peptide of Insulin", Concept.C_PEPTIDE),
        ("GAD65 Ab Ser", Concept.GAD_ANTIBODY),
        ("Glutamic Acid Decarboxylase (GAD65) Antibody", Concept.GAD_ANTIBODY),
        ("Anti-GAD 65", Concept.GAD_ANTIBODY),
        ("GENERALIZED ANXIETY DISORDER - 65 AB", Concept.GAD_ANTIBODY),
        ("IA - 2 AUTOANTIBODIES", Concept.IA2_ANTIBODY),
        ("IA2 AUTOANTIBODIES - 141531", Concept.IA2_ANTIBODY),
        ("Islet Antigen-2 (IA-2) Autoantibody, Serum", Concept.IA2_ANTIBODY),
        ("ICA512 Autoantibodies", Concept.IA2_ANTIBODY),
        ("Zinc Transporter 8 Antibody", Concept.ZNT8_ANTIBODY),
        ("ZnT8 Ab", Concept.ZNT8_ANTIBODY),
        ("ISLET CELL ANTIBODY ; IGG", Concept.ISLET_CELL_ANTIBODY),
        ("Anti-Islet Cell Antibody", Concept.ISLET_CELL_ANTIBODY),
        ("INSULIN AUTOANTIBODIES - 141598", Concept.INSULIN_ANTIBODY),
        ("Insulin Abs, S", Concept.INSULIN_ANTIBODY),
        ("Creatinine, Serum", Concept.SERUM_CREATININE),
        ("CREAT", Concept.SERUM_CREATININE),
        ("Creatinine Clearance, 24h Urine", Concept.CREATININE_CLEARANCE),
        ("CrCl (Cockcroft-Gault)", Concept.CREATININE_CLEARANCE),
        ("Body weight", Concept.BODY_WEIGHT),
        ("Wt", Concept.BODY_WEIGHT),
        ("FASTING STATUS", Concept.FASTING_STATUS),
    ],
)
def test_a_name_says_which_result_it_is(text: str, concept: Concept) -> None:
    assert results_named(text) == {concept}


@pytest.mark.parametrize(
    "text",
    [
        "C-Peptide, 24 hour urine",
        "C peptide --2 hours post meal",
        "C-reactive protein",
        "GAD-7 total score",
        "Insulin receptor antibody",
        "ICA peak systolic velocity",
        "Albumin/Creatinine ratio, urine",
        "Creatinine, urine, random",
        "Creatine kinase",
        "Weight loss counseling",
        "Ideal body weight",
        "Birth weight",
    ],
)
def test_neighbors_are_other_tests(text: str) -> None:
    assert results_named(text) == frozenset()


def test_a_name_may_be_that_of_another_test() -> None:
    """56540-8, the code of GAD65, stands beside these names in two public lists."""
    assert names_other_test("HOMA-IR")
    assert names_other_test("Nuclear Ab [Titer] in Serum")
    assert not names_other_test("GAD65 antibody")
