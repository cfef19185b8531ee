"""What codes say, whatever code system they come from. Free of FHIR: the values are the ids of the value sets."""

from __future__ import annotations

from enum import StrEnum


class Concept(StrEnum):
    """What a code says; the values are the ids of the value sets."""

    # Enum hashes its members in Python; as plain strings they are looked up ten times as fast.
    __hash__ = str.__hash__

    TYPE_1_DIABETES = "type-1-diabetes"
    TYPE_2_DIABETES = "type-2-diabetes"
    DUE_TO_TYPE_1_DIABETES = "due-to-type-1-diabetes"
    DUE_TO_TYPE_2_DIABETES = "due-to-type-2-diabetes"
    INSULIN_DEPENDENCY = "insulin-dependency"
    DIABETES_TYPE_UNCLEAR = "diabetes-type-unclear"
    OTHER_DIABETES_TYPE = "other-diabetes-type"
    NOT_DIABETES = "not-diabetes"
    MICROALBUMINURIA = "microalbuminuria"
    KIDNEY_DISEASE_DEGREE_UNSTATED = "kidney-disease-degree-unstated"
    EARLY_COMPLICATION = "early-complication-sign"
    NONCOMPLIANCE = "noncompliance"
    HYPOGLYCEMIA = "hypoglycemia-episode"
    HYPOGLYCEMIA_GENERIC = "hypoglycemia-generic"
    HYPOGLYCEMIA_LEVEL = "hypoglycemia-level"
    HYPOGLYCEMIA_LEVEL_3 = "hypoglycemia-level-3"
    SEVERE_EXCURSION = "severe-glycemic-excursion"
    HYPEROSMOLAR_STATE = "hyperosmolar-state"
    KETOACIDOSIS = "ketoacidosis"
    END_STAGE_RENAL_DISEASE = "end-stage-renal-disease"
    KIDNEY_FAILURE_FOR_REVIEW = "kidney-failure-for-review"
    KIDNEY_TRANSPLANT = "kidney-transplant"
    ACUTE_KIDNEY_INJURY = "acute-kidney-injury"
    CHRONIC_KIDNEY_DISEASE = "chronic-kidney-disease-not-end-stage"
    CHRONIC_DIALYSIS = "chronic-dialysis"
    DIALYSIS = "dialysis-any"
    DIALYSIS_FOR_REVIEW = "dialysis-for-review"
    OTHER_ORGAN_FAILURE = "other-end-stage-organ-failure"
    PUMP_IN_USE = "pump-in-use"
    PUMP_TRAINING = "pump-training"
    PUMP_BREAKDOWN = "pump-breakdown"
    PUMP_DISPLACEMENT = "pump-displacement"
    PUMP_TROUBLE_SEQUELA = "pump-trouble-sequela"
    INSULIN_RAPID = "insulin-rapid"
    INSULIN_SHORT = "insulin-short"
    INSULIN_INTERMEDIATE = "insulin-intermediate"
    INSULIN_LONG = "insulin-long"
    INSULIN_PREMIX = "insulin-premix"
    INSULIN_WITH_GLP1 = "insulin-with-glp1"
    INSULIN_UNSPECIFIED = "insulin-unspecified"
    INSULIN_INHALED = "insulin-inhaled"
    INSULIN_INTRAVENOUS = "insulin-intravenous"
    INSULIN_ANIMAL = "insulin-animal"
    NOT_INSULIN_INJECTION = "antidiabetic-injection-not-insulin"
    INSULIN_FOR_PUMP = "insulin-for-a-pump"
    DOSING_EVENT = "dosing-events"
    SUBCUTANEOUS = "route-subcutaneous"
    INTRAVENOUS = "route-intravenous"
    HBA1C = "hba1c"
    HBA1C_UNIT_REQUIRED = "hba1c-unit-required"
    NOT_HBA1C = "not-hba1c"
    ALBUMIN_CREATININE_RATIO = "albumin-creatinine-ratio"
    NOT_ALBUMIN_CREATININE_RATIO = "not-albumin-creatinine-ratio"
    GLUCOSE_SELF_TEST = "glucose-self-test"
    GLUCOSE_GENERAL = "glucose-general"
    GLUCOSE_LABORATORY = "glucose-laboratory"
    GLUCOSE_BEFORE_MEAL = "glucose-before-meal"
    CGM_READING = "cgm-reading"
    CGM_DAYS_OF_WEAR = "cgm-days-of-wear"
    CGM_SUMMARY = "cgm-summary"
    CGM_DEVICE = "cgm-device"
    SELF_MONITORING = "self-monitoring"
    HOME_GLUCOSE_METER = "home-glucose-meter"
    EGFR = "egfr"
    C_PEPTIDE = "c-peptide"
    ISLET_CELL_ANTIBODY = "islet-cell-antibody"
    GAD_ANTIBODY = "gad-antibody"
    IA2_ANTIBODY = "ia2-antibody"
    ZNT8_ANTIBODY = "znt8-antibody"
    INSULIN_ANTIBODY = "insulin-antibody"
    BODY_WEIGHT = "body-weight"
    SERUM_CREATININE = "serum-creatinine"
    CREATININE_CLEARANCE = "creatinine-clearance"
    DIABETES_EDUCATION = "diabetes-education"
    SELF_MANAGEMENT_EDUCATION = "self-management-education"
    NOT_COMPREHENSIVE_EDUCATION = "not-comprehensive-education"
    INPATIENT_STAY = "inpatient-stay"
    INPATIENT_ADMISSION = "inpatient-admission"
    NOT_INPATIENT = "not-inpatient"
    EMERGENCY_VISIT = "emergency-visit"
    OBSERVATION_VISIT = "observation-visit"
    AMBULATORY_VISIT = "ambulatory-visit"
    HOME_OR_VIRTUAL_VISIT = "home-or-virtual-visit"
    INSULIN_PUMP = "insulin-pump"
    INSULIN_PUMP_PRODUCT = "insulin-pump-product"
    PUMP_SUPPLIES = "insulin-pump-supplies"
    IMPLANTED_DEVICE = "implanted-infusion-device"
    JET_DEVICE = "jet-pressure-device"
    INTRAVENOUS_INSULIN_THERAPY = "intravenous-insulin-therapy"
    NOT_A_PUMP = "not-an-insulin-pump"
    MISCELLANEOUS_EQUIPMENT = "miscellaneous-equipment"
    MODIFIER_REPLACEMENT = "modifier-replacement"
    MODIFIER_NO_ORDER = "modifier-no-order"
    EQUIPMENT_REPAIR = "equipment-repair"
    MAY_ORDER = "may-order"
    MAY_NOT_ORDER = "may-not-order"
    EQUIPMENT_SUPPLIER = "equipment-supplier"
    ENDOCRINOLOGY = "endocrinology"
    EDUCATION_ORDER = "education-order"


# How a problem-list entry reads whose clinical status is missing, although FHIR asks for one there.
WITHOUT_STATUS = "without clinical status"

DIABETES = frozenset(
    {
        Concept.TYPE_1_DIABETES,
        Concept.TYPE_2_DIABETES,
        Concept.OTHER_DIABETES_TYPE,
        Concept.DIABETES_TYPE_UNCLEAR,
    }
)


class Product(StrEnum):
    """What a payer sells, or which program pays."""

    MARKETPLACE = "Marketplace"
    MEDICAID = "Medicaid"
    CHIP = "CHIP"
    MEDICARE = "Medicare"
    DUAL = "Medicare and Medicaid"
    TRICARE = "TRICARE"
    PUBLIC = "another public program"
    SELF_PAY = "self-pay"
