"""Kinds of results and visits that several policies ask for. A policy lists those that it reads in `Policy.results`.

Each stands in `Chart.results` under its key, its values in the unit of factor 1. `Chart.unread` and `Chart.partial`
name its chart section.
"""

from __future__ import annotations

from cds_service.concepts import Concept
from cds_service.facts.results import ResultKind

# 1 nmol/L of C-peptide is 3.02 ng/mL: 3,020.3 g/mol.
C_PEPTIDE = ResultKind(
    "cPeptide",
    "C-peptide results",
    units={"ng/mL": 1.0, "nmol/L": 3.02},
    plausible=(0.0, 60.0),
    concepts=frozenset({Concept.C_PEPTIDE}),
)
# Glucose that a laboratory measured on a day with a C-peptide. 1 mmol/L is 18.0182 mg/dL.
GLUCOSE_OF_DRAW = ResultKind(
    "glucoseOfDraw",
    "laboratory glucose results",
    units={"mg/dL": 1.0, "mmol/L": 18.0182},
    plausible=(1.0, 3000.0),
    concepts=frozenset({Concept.GLUCOSE_LABORATORY, Concept.GLUCOSE_GENERAL}),
    section="cPeptide",
    beside="cPeptide",
)
# What laboratories file as a result of its own: "FASTING: YES". It is applied to the results of its draw.
FASTING_STATUS = ResultKind(
    "fastingStatus",
    "fasting statements",
    concepts=frozenset({Concept.FASTING_STATUS}),
    section="cPeptide",
    is_finding=True,
    beside="cPeptide",
)
BETA_CELL_ANTIBODIES = frozenset(
    {Concept.ISLET_CELL_ANTIBODY, Concept.GAD_ANTIBODY, Concept.IA2_ANTIBODY, Concept.ZNT8_ANTIBODY}
)
# `LabResult.all_concepts` of each says which antibody it is; `LabReport.outcome` what was found.
ANTIBODIES = ResultKind(
    "antibodies",
    "antibody results",
    concepts=BETA_CELL_ANTIBODIES | {Concept.INSULIN_ANTIBODY},
    is_finding=True,
)
# An avoirdupois pound is 0.45359237 kg, an ounce a sixteenth of it.
WEIGHT = ResultKind(
    "weight",
    "body weights",
    units={"kg": 1.0, "[lb_av]": 0.45359237, "[oz_av]": 0.028349523125},
    plausible=(2.0, 450.0),
    concepts=frozenset({Concept.BODY_WEIGHT}),
    category="vital-signs",
)
# 1 mg/dL of creatinine is 88.4 umol/L: 113.12 g/mol.
CREATININE = ResultKind(
    "creatinine",
    "creatinine results",
    units={"mg/dL": 1.0, "mmol/L": 11.312},
    plausible=(0.05, 40.0),
    concepts=frozenset({Concept.SERUM_CREATININE}),
)
# Not per 1.73 m2 of body surface: what is normalized is no clearance in mL/min.
CREATININE_CLEARANCE = ResultKind(
    "creatinineClearance",
    "creatinine clearances",
    units={"mL/min": 1.0},
    plausible=(0.0, 400.0),
    concepts=frozenset({Concept.CREATININE_CLEARANCE}),
    section="creatinine",
)
# Visits with a practitioner of the last two years, in `Chart.practitioner_visits`.
VISITS = ResultKind("visits", "visits with a practitioner", type="Encounter", days=750)
KNOWN = (
    C_PEPTIDE,
    GLUCOSE_OF_DRAW,
    FASTING_STATUS,
    ANTIBODIES,
    WEIGHT,
    CREATININE,
    CREATININE_CLEARANCE,
    VISITS,
)
