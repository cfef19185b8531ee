"""Concepts in words: what names them, and what keeps them from counting. Words are for a reviewer, never more."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import pytest

from cds_service.concepts import Concept
from fhir_mappings.common.datatypes import CodeableConcept, Coding
from fhir_mappings.common.meaning import credentials_of, meaning_of
from tests.fhir_mappings.builders import SNOMED, words
from tests.support import ICD

LOCAL = "urn:oid:1.2.840.114350.1.13.0.1.7.2.696871"
ESRD, HYPO, DKA = Concept.END_STAGE_RENAL_DISEASE, Concept.HYPOGLYCEMIA_GENERIC, Concept.KETOACIDOSIS

# Epic's and Oracle Health's problem lists in IMO wording, PEDSnet and OpenSAFELY code lists, policy.md.
NAMED = [
    ("ESRD (end stage renal disease) on dialysis", ESRD),
    ("ESRD (end stage renal disease) (HCC)", ESRD),
    ("End-stage kidney disease", ESRD),
    ("End stage renal disease on dialysis due to type 2 diabetes mellitus (HCC)", ESRD),
    (
        "Type 2 diabetes mellitus with chronic kidney disease on chronic dialysis, with long-term use of insulin",
        ESRD,
    ),
    ("Stage 5 chronic kidney disease on chronic dialysis (CMS/HCC)", ESRD),
    ("ESKD on hemodialysis", ESRD),
    ("On hemodialysis MWF schedule", ESRD),
    ("Maintenance hemodialysis three times weekly", ESRD),
    ("Dependence on renal dialysis", ESRD),
    ("Peritoneal dialysis status", ESRD),
    ("CKD stage 5D", ESRD),
    ("Not a transplant candidate, ESRD on HD", ESRD),
    ("No known allergies; ESRD", ESRD),
    ("Hypertension without heart failure, with end stage renal disease", ESRD),
    ("CKD stage 5, not on dialysis", Concept.KIDNEY_FAILURE_FOR_REVIEW),
    ("Chronic kidney disease, stage V", Concept.KIDNEY_FAILURE_FOR_REVIEW),
    ("History of ESRD", ESRD),
    ("End stage heart failure", Concept.OTHER_ORGAN_FAILURE),
    ("End-stage liver disease", Concept.OTHER_ORGAN_FAILURE),
    ("ESLD", Concept.OTHER_ORGAN_FAILURE),
    ("Type 1 diabetes mellitus with hyperglycemia (HCC)", Concept.TYPE_1_DIABETES),
    ("Diabetes mellitus type 1, uncontrolled", Concept.TYPE_1_DIABETES),
    ("T1DM", Concept.TYPE_1_DIABETES),
    ("Type II diabetes mellitus", Concept.TYPE_2_DIABETES),
    ("DM2 (diabetes mellitus, type 2)", Concept.TYPE_2_DIABETES),
    ("MODY type 2", Concept.OTHER_DIABETES_TYPE),
    ("LADA (latent autoimmune diabetes in adults)", Concept.OTHER_DIABETES_TYPE),
    ("Diabetes", Concept.DIABETES_TYPE_UNCLEAR),
    ("Long-term (current) use of insulin", Concept.INSULIN_DEPENDENCY),
    ("Hypoglycemia", HYPO),
    ("Low blood sugar", HYPO),
    ("Hypoglycemia unawareness", Concept.SEVERE_EXCURSION),
    ("Nocturnal hypoglycemia", Concept.SEVERE_EXCURSION),
    ("Brittle diabetes", Concept.SEVERE_EXCURSION),
    ("DKA (diabetic ketoacidosis)", DKA),
    ("Microalbuminuria due to type 1 diabetes", Concept.MICROALBUMINURIA),
    ("Diabetic retinopathy of both eyes", Concept.EARLY_COMPLICATION),
    ("Diabetic polyneuropathy", Concept.EARLY_COMPLICATION),
    ("Noncompliance with diabetes treatment", Concept.NONCOMPLIANCE),
    ("Insulin pump status", Concept.PUMP_IN_USE),
    ("Insulin pump training", Concept.PUMP_TRAINING),
    ("Diabetes Education", Concept.DIABETES_EDUCATION),
    ("DSMES individual", Concept.DIABETES_EDUCATION),
    ("HgbA1c", Concept.HBA1C),
    ("Hemoglobin A1C, POC", Concept.HBA1C),
    ("GLYCATED HEMOGLOBIN", Concept.HBA1C),
    ("Microalb/Creat Ratio, Ur", Concept.ALBUMIN_CREATININE_RATIO),
    ("eGFR non-African American", Concept.EGFR),
    ("Glucose, fingerstick", Concept.GLUCOSE_GENERAL),
]


@pytest.mark.parametrize(("text", "concept"), NAMED, ids=[text for text, _ in NAMED])
def test_words_that_name_a_concept_are_for_a_reviewer(text: str, concept: Concept) -> None:
    meaning = meaning_of(words(text))
    assert concept in meaning.review
    assert not meaning.documented | meaning.supported


# policy.md "Concepts in words": negated, another person's, or not the patient's present state.
NOT_SAID = [
    ("no ESRD", ESRD),
    ("No history of end stage renal disease", ESRD),
    ("not on dialysis", ESRD),
    ("CKD stage 5, not on dialysis", ESRD),
    ("not on HD/CAPD", ESRD),
    ("CrCl <15 not on hemodialysis", ESRD),
    ("without end stage renal disease", ESRD),
    ("Denies dialysis", ESRD),
    ("denied any hypoglycemia", HYPO),
    ("negative for hypoglycemia", HYPO),
    ("neg for diabetic ketoacidosis", DKA),
    ("Rule out ESRD", ESRD),
    ("rule-out diabetic ketoacidosis", DKA),
    ("ruled out for DKA", DKA),
    ("R/O DKA", DKA),
    ("DKA ruled out", DKA),
    ("ESRD excluded", ESRD),
    ("ESRD unlikely", ESRD),
    ("hypoglycemia not present", HYPO),
    ("dialysis not needed", ESRD),
    ("dialysis not indicated at this time", ESRD),
    ("absence of diabetic retinopathy", Concept.EARLY_COMPLICATION),
    ("Type 2 diabetes mellitus without retinopathy", Concept.EARLY_COMPLICATION),
    ("free of neuropathy", Concept.EARLY_COMPLICATION),
    ("never had ketoacidosis", DKA),
    ("risk of hypoglycemia", HYPO),
    ("at risk for hypoglycemia", HYPO),
    ("Hypoglycemia risk", HYPO),
    ("at high risk for end stage renal disease", ESRD),
    ("screening for diabetes", Concept.DIABETES_TYPE_UNCLEAR),
    ("Diabetes screening", Concept.DIABETES_TYPE_UNCLEAR),
    ("Encounter for screening for diabetic retinopathy", Concept.EARLY_COMPLICATION),
    ("microalbuminuria screening", Concept.MICROALBUMINURIA),
    ("evaluation for dialysis", ESRD),
    ("evaluation for end stage renal disease", ESRD),
    ("Family history of ESRD", ESRD),
    ("Family history of type 1 diabetes mellitus", Concept.TYPE_1_DIABETES),
    ("family hx diabetes, ESRD, stroke", ESRD),
    ("FH: ESRD", ESRD),
    ("FHx of diabetes", Concept.DIABETES_TYPE_UNCLEAR),
    ("mother with ESRD", ESRD),
    ("Father on dialysis", ESRD),
    ("sibling has type 1 diabetes", Concept.TYPE_1_DIABETES),
    ("ESRD in mother", ESRD),
    ("Type 1 diabetes (brother)", Concept.TYPE_1_DIABETES),
    ("maternal diabetes", Concept.DIABETES_TYPE_UNCLEAR),
    ("grandmother on dialysis, died of it", ESRD),
    ("living donor for ESRD recipient", ESRD),
    ("pre-dialysis", ESRD),
    ("Predialysis education", ESRD),
    ("pre dialysis visit", ESRD),
    ("prevention of hypoglycemia", HYPO),
    ("Hypoglycemia prevention", HYPO),
    ("DKA prevention plan", DKA),
    ("education about dialysis", ESRD),
    ("Hypoglycemia education", HYPO),
    ("education on ketoacidosis", DKA),
    ("discuss dialysis timing, access and conservative care options", ESRD),
    ("Dialysis planned for tomorrow morning", ESRD),
    ("AKI requiring dialysis", ESRD),
    ("Postop AKI requiring dialysis", ESRD),
    ("Initiated hemodialysis emergently for AKI", ESRD),
    ("Began CRRT overnight for worsening AKI", ESRD),
    ("History of ESRD, status post kidney transplant", ESRD),
    ("s/p renal transplant for end stage renal disease", ESRD),
    ("MELD (Model for End-stage Liver Disease)", Concept.OTHER_ORGAN_FAILURE),
    ("diabetes insipidus", Concept.DIABETES_TYPE_UNCLEAR),
    ("Prediabetes", Concept.DIABETES_TYPE_UNCLEAR),
    ("non-insulin-dependent diabetes", Concept.INSULIN_DEPENDENCY),
    ("Type 2 diabetes mellitus without long-term current use of insulin", Concept.INSULIN_DEPENDENCY),
    ("Referral to diabetes education", Concept.DIABETES_EDUCATION),
    ("Diabetes education declined", Concept.DIABETES_EDUCATION),
    ("Medical nutrition therapy for diabetes", Concept.DIABETES_EDUCATION),
    ("Wants an insulin pump, pump consult", Concept.PUMP_IN_USE),
    ("MODY type 2", Concept.TYPE_2_DIABETES),
    ("Maturity-onset diabetes of the young, type 1", Concept.TYPE_1_DIABETES),
    ("Estimated average glucose from HbA1c", Concept.HBA1C),
    ("Protein/Creatinine Ratio", Concept.ALBUMIN_CREATININE_RATIO),
    ("Glucose tolerance test", Concept.GLUCOSE_GENERAL),
    ("Glucose, urine", Concept.GLUCOSE_GENERAL),
]


@pytest.mark.parametrize(("text", "concept"), NOT_SAID, ids=[text for text, _ in NOT_SAID])
def test_words_that_do_not_say_it_are_nothing(text: str, concept: Concept) -> None:
    assert concept not in meaning_of(words(text)).all


def test_there_are_at_least_sixty_negated_phrases() -> None:
    assert len({text for text, _ in NOT_SAID}) >= 60


REACH = [
    ("no hypoglycemia, DKA last year", HYPO, DKA),
    ("no hypoglycemia; DKA in May", HYPO, DKA),
    ("denies hypoglycemia but has DKA", HYPO, DKA),
    ("not on insulin with ESRD", Concept.INSULIN_DEPENDENCY, ESRD),
    ("Family history: ESRD; DKA in May", ESRD, DKA),
]


@pytest.mark.parametrize(("text", "negated", "kept"), REACH, ids=[text for text, *_ in REACH])
def test_negation_ends_where_the_clause_does(text: str, negated: Concept, kept: Concept) -> None:
    found = meaning_of(words(text)).all
    assert negated not in found
    assert kept in found


def test_a_sure_code_decides_and_words_that_say_the_same_add_nothing() -> None:
    meaning = meaning_of(CodeableConcept([Coding(ICD, "E10.65")], "Type 1 diabetes mellitus with hyperglycemia (HCC)"))
    assert Concept.TYPE_1_DIABETES in meaning.documented
    assert not meaning.review


def test_words_that_say_more_than_the_sure_code_are_for_a_reviewer() -> None:
    meaning = meaning_of(CodeableConcept([Coding(SNOMED, "44054006")], "type 2 diabetes on chronic dialysis"))
    assert Concept.TYPE_2_DIABETES in meaning.documented
    assert meaning.review == {ESRD}


def test_a_local_codes_display_counts_as_words() -> None:
    assert ESRD in meaning_of(CodeableConcept([Coding(LOCAL, "4711", "ESRD on hemodialysis")])).review


def test_no_coding_and_no_text_say_nothing() -> None:
    assert not meaning_of(None)
    assert not meaning_of(CodeableConcept())
    assert not meaning_of(words(""))


PEOPLE = [
    ("Licensed Practical Nurse", Concept.MAY_NOT_ORDER),
    ("RN", Concept.MAY_NOT_ORDER),
    ("Registered Dietitian, CDCES", Concept.MAY_NOT_ORDER),
    ("Nurse Practitioner", Concept.MAY_ORDER),
    ("MD", Concept.MAY_ORDER),
    ("Endocrinology, Diabetes & Metabolism", Concept.ENDOCRINOLOGY),
]


@pytest.mark.parametrize(("text", "concept"), PEOPLE, ids=[text for text, _ in PEOPLE])
def test_credentials_in_words(text: str, concept: Concept) -> None:
    assert concept in credentials_of([words(text)]).review


def test_reproductive_endocrinology_is_another_field() -> None:
    assert Concept.ENDOCRINOLOGY not in credentials_of([words("Reproductive Endocrinology/Infertility")]).all


# ---------------------------------------------------------------- the data

TABLES = tomllib.loads(files("fhir_mappings.common").joinpath("concept_words.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", TABLES)
def test_every_entry_names_a_concept_and_reads_in_time_linear_in_the_text(name: str) -> None:
    assert Concept(name)
    for pattern in (*TABLES[name]["says"], *TABLES[name].get("unless", ())):
        assert not re.search(r"[+*]\)?[+*]|\.\*", pattern), pattern


@pytest.mark.parametrize(
    "text", ["dialysis " * 500, "no " * 2000 + "ESRD", "type " * 4000, "a1c" * 9000, "albumin " * 9000]
)
def test_long_texts_are_cut_and_cost_little(text: str) -> None:
    meaning_of(words(text))


# ---------------------------------------------------------------- text that no stem lets pass


def test_every_word_pattern_is_reached_by_its_stem() -> None:
    missed = [text for text, concept in NAMED if concept not in meaning_of(words(text)).all]
    assert not missed
