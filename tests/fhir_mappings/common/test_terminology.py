"""Code systems under all their names, codes in all their spellings, and what they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.concepts import Concept
from fhir_mappings.common import code_systems, labels, terminology
from fhir_mappings.common.datatypes import CodeableConcept, Coding
from fhir_mappings.common.terminology import concepts_of
from tests.fhir_mappings.builders import ATC, CPT, NDC, SNOMED, words
from tests.support import HCPCS, ICD, LOINC, RXNORM

ALIASES = {
    "SNOMED CT": (SNOMED, "46635009", Concept.TYPE_1_DIABETES),
    "SNOMED CT by OID": ("urn:oid:2.16.840.1.113883.6.96", "46635009", Concept.TYPE_1_DIABETES),
    "SNOMED CT, US edition": ("http://snomed.info/sct/731000124108", "46635009", Concept.TYPE_1_DIABETES),
    "SNOMED CT, edition and version": (
        "http://snomed.info/sct/731000124108/version/20260301",
        "46635009",
        Concept.TYPE_1_DIABETES,
    ),
    "SNOMED CT with |version": ("http://snomed.info/sct|20260301", "46635009", Concept.TYPE_1_DIABETES),
    "SNOMED CT over https": ("https://snomed.info/sct", "46635009", Concept.TYPE_1_DIABETES),
    "SNOMED CT with a slash": ("http://snomed.info/sct/", "46635009", Concept.TYPE_1_DIABETES),
    "LOINC": (LOINC, "4548-4", Concept.HBA1C),
    "LOINC by OID": ("urn:oid:2.16.840.1.113883.6.1", "4548-4", Concept.HBA1C),
    "LOINC over https with slash": ("https://loinc.org/", "4548-4", Concept.HBA1C),
    "LOINC with version": ("http://loinc.org|2.80", "4548-4", Concept.HBA1C),
    "ICD-10-CM": (ICD, "E10.65", Concept.TYPE_1_DIABETES),
    "ICD-10-CM by OID": ("urn:oid:2.16.840.1.113883.6.90", "E10.65", Concept.TYPE_1_DIABETES),
    "ICD-10-CM at CMS": ("http://www.cms.gov/Medicare/Coding/ICD10", "E10.65", Concept.TYPE_1_DIABETES),
    "ICD-10-CM in upper case": (ICD.upper(), "E10.65", Concept.TYPE_1_DIABETES),
    "ICD-9-CM": ("http://hl7.org/fhir/sid/icd-9-cm", "250.01", Concept.DIABETES_TYPE_UNCLEAR),
    "ICD-9-CM at HL7": ("http://terminology.hl7.org/CodeSystem/icd9cm", "250.01", Concept.DIABETES_TYPE_UNCLEAR),
    "HCPCS": (HCPCS, "E0784", Concept.INSULIN_PUMP),
    "HCPCS over https": (HCPCS.replace("http:", "https:"), "E0784", Concept.INSULIN_PUMP),
    "HCPCS at Blue Button": ("https://bluebutton.cms.gov/resources/codesystem/hcpcs", "E0784", Concept.INSULIN_PUMP),
    "HCPCS general information": (
        "https://www.cms.gov/Medicare/Coding/MedHCPCSGenInfo/index.html",
        "E0784",
        Concept.INSULIN_PUMP,
    ),
    "HCPCS by OID": ("urn:oid:2.16.840.1.113883.6.285", "E0784", Concept.INSULIN_PUMP),
    "RxNorm": (RXNORM, "86009", Concept.INSULIN_RAPID),
    "RxNorm by OID": ("urn:oid:2.16.840.1.113883.6.88", "86009", Concept.INSULIN_RAPID),
    "CPT": (CPT, "98960", Concept.SELF_MANAGEMENT_EDUCATION),
    "CPT by OID": ("urn:oid:2.16.840.1.113883.6.12", "98960", Concept.SELF_MANAGEMENT_EDUCATION),
    "CPT under the HCPCS system, whose level I it is": (HCPCS, "98960", Concept.SELF_MANAGEMENT_EDUCATION),
}


@pytest.mark.parametrize(("system", "code", "concept"), ALIASES.values(), ids=ALIASES.keys())
def test_alias(system: str, code: str, concept: Concept) -> None:
    assert concept in concepts_of(system, code)
    assert terminology.is_known_system(system)


@pytest.mark.parametrize(
    "system",
    [
        "http://hl7.org/fhir/sid/icd-10",
        "ICD-10",
        "I10",
        "urn:oid:2.16.840.1.113883.6.3",
        "http://local.invalid",
        "",
        None,
    ],
)
def test_an_unknown_system_means_nothing_though_its_code_looks_right(system: str | None) -> None:
    # WHO ICD-10 is not ICD-10-CM: both have an E10.9.
    assert concepts_of(system, "E10.9") == frozenset()
    assert not terminology.is_known_system(system)
    assert Concept.TYPE_1_DIABETES in terminology.looks_like("E10.9")


SPELLINGS = {
    "lower case without dot": (ICD, "e1065", Concept.TYPE_1_DIABETES),
    "without dot": (ICD, "E119", Concept.TYPE_2_DIABETES),
    "Z code without dot": (ICD, "Z794", Concept.INSULIN_DEPENDENCY),
    "spaces around": (ICD, " E10.9 ", Concept.TYPE_1_DIABETES),
    "dialysis without dot": (ICD, "z992", Concept.END_STAGE_RENAL_DISEASE),
    "HCPCS in lower case": (HCPCS, "e0784", Concept.INSULIN_PUMP),
    "HCPCS with modifier after a dash": (HCPCS, "E0784-RA", Concept.INSULIN_PUMP),
    "HCPCS with modifiers after a blank": (HCPCS, "E0784 RA NU", Concept.INSULIN_PUMP),
    "HCPCS with modifier after a colon": (HCPCS, "E0784:RB", Concept.INSULIN_PUMP),
    "NDC 5-4-2": (NDC, "08508-3000-21", Concept.INSULIN_PUMP_PRODUCT),
    "NDC 4-4-2 is padded in front": (NDC, "8508-3000-21", Concept.INSULIN_PUMP_PRODUCT),
    "NDC on eleven digits": (NDC, "08508300021", Concept.INSULIN_PUMP_PRODUCT),
}


@pytest.mark.parametrize(("system", "code", "concept"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_spelling(system: str, code: str, concept: Concept) -> None:
    assert concept in concepts_of(system, code)


@pytest.mark.parametrize(
    ("code", "modifiers"),
    [
        ("E0784", []),
        ("E0784-RA", ["RA"]),
        ("e0784 ra", ["RA"]),
        ("E0784:RB", ["RB"]),
        ("E0784-RA-NU", ["RA", "NU"]),
        ("E0784,RB,EY", ["RB", "EY"]),
        ("RA", []),
        ("", []),
        (None, []),
    ],
)
def test_modifiers_behind_a_code(code: str | None, modifiers: list[str]) -> None:
    assert code_systems.modifiers_in(code) == modifiers


@pytest.mark.parametrize("code", ["EO784", "E078", "E07840", "X0784", "E0784RA0"])
def test_a_code_that_is_nearly_a_pump_is_none(code: str) -> None:
    # A letter O is no zero: no guess to approve.
    assert Concept.INSULIN_PUMP not in concepts_of(HCPCS, code)


# ---------------------------------------------------------------- categories

UNCLEAR = {
    "presymptomatic type 1": "E10.A0",
    "presymptomatic type 1, stage 2": "E10A2",
    "type 2 in remission": "E11.A",
    "other specified": "E13.9",
    "other specified, not listed by itself": "E13.3593",
    "underlying condition": "E08.22",
    "drug-induced": "E09.65",
    "gestational": "O24.410",
    "pregnancy, unspecified type": "O24.919",
}


@pytest.mark.parametrize("code", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_a_diabetes_that_the_policy_does_not_name_is_for_a_reviewer(code: str) -> None:
    concepts = concepts_of(ICD, code)
    assert concepts & {Concept.DIABETES_TYPE_UNCLEAR, Concept.OTHER_DIABETES_TYPE}
    assert not concepts & {Concept.TYPE_1_DIABETES, Concept.TYPE_2_DIABETES}


@pytest.mark.parametrize("code", ["E23.2", "R73.03", "Z83.3", "P70.2", "I10", "E1", "E1065X9"])
def test_what_is_no_diabetes(code: str) -> None:
    assert not concepts_of(ICD, code) & {
        Concept.TYPE_1_DIABETES,
        Concept.TYPE_2_DIABETES,
    }


ATC_CODES = {
    "A10AB05": {Concept.INSULIN_RAPID},
    "A10AC01": {Concept.INSULIN_INTERMEDIATE},
    "A10AD05": {Concept.INSULIN_PREMIX},
    "a10ae04": {Concept.INSULIN_LONG},
    "A10AF01": {Concept.INSULIN_INHALED},
    "A10A": {Concept.INSULIN_UNSPECIFIED},
    "A10BJ06": set(),
}


@pytest.mark.parametrize(("code", "expected"), ATC_CODES.items(), ids=ATC_CODES.keys())
def test_atc_classes(code: str, expected: set[Concept]) -> None:
    assert concepts_of(ATC, code) == expected


@pytest.mark.parametrize("code", ["A10AE54", "A10AE56"])
def test_fixed_combinations_with_a_glp1_agonist(code: str) -> None:
    assert Concept.INSULIN_WITH_GLP1 in concepts_of(ATC, code)


@pytest.mark.parametrize(
    ("code", "a_day"),
    [
        *(("QD", 1), ("BID", 2), ("TID", 3), ("QID", 4), ("AM", 1), ("PM", 1), ("BED", 1), ("QOD", 0.5)),
        *(("Q4H", 6), ("Q6H", 4), ("Q8H", 3), ("WK", 1 / 7), ("MO", 1 / 30)),
        *(("C", 3), ("AC", 3), ("PC", 3), ("CM", 1), ("CD", 1), ("CV", 1), ("ACM", 1), ("ACD", 1), ("ACV", 1)),
        *(("PCM", 1), ("PCD", 1), ("PCV", 1), ("HS", 1), ("WAKE", 1), ("MORN", 1), ("NOON", 1), ("AFT", 1)),
        *(("EVE", 1), ("NIGHT", 1), ("PHS", 1), (" tid ", 3), ("nonsense", None), ("", None)),
    ],
)
def test_events_of_a_schedule(code: str, a_day: float | None) -> None:
    found = terminology.daily_events(code)
    assert found == (pytest.approx(a_day, abs=0.01) if a_day is not None else None)


# ---------------------------------------------------------------- concepts of a CodeableConcept


def test_any_coding_may_match() -> None:
    both = CodeableConcept(coding=[Coding("http://local.invalid", "D1"), Coding(ICD, "E10.9"), Coding(None, "x")])
    assert Concept.TYPE_1_DIABETES in terminology.concepts(both)
    assert terminology.concepts(None, words("type 1 diabetes"), CodeableConcept()) == frozenset()
    assert terminology.concepts_in(None) == frozenset()


def test_a_label_names_the_coding_that_counted() -> None:
    """bug-log 55: the code is read in any spelling, and a person sees the name."""
    both = CodeableConcept(coding=[Coding("http://local.invalid", "D1", "local"), Coding(ICD, "e1065", "T1DM")])
    assert labels.label(both, frozenset({Concept.TYPE_1_DIABETES})) == "T1DM"
    assert labels.label(words("type 1")) == "type 1"


def test_codes_for_a_search_are_those_of_one_system() -> None:
    codes = terminology.codes_in(Concept.HBA1C, system="loinc")
    assert "4548-4" in codes
    assert codes == sorted(set(codes))


@given(st.one_of(st.none(), st.text(max_size=30)), st.one_of(st.none(), st.text(max_size=20)))
def test_nothing_raises(system: str | None, code: str | None) -> None:
    concepts_of(system, code)
    terminology.looks_like(code)
    code_systems.modifiers_in(code)
    labels.label(CodeableConcept(coding=[Coding(system, code)]))
