"""What the code of an Observation says, worked out once for each distinct code."""

from __future__ import annotations

from cds_service.concepts import Concept
from fhir_mappings.chart.glucose_devices import names_sensor
from fhir_mappings.chart.reading_origin import concept_texts
from fhir_mappings.common import terminology
from fhir_mappings.common.datatypes import CodeableConcept
from fhir_mappings.common.meaning import meaning_of

RESULTS = frozenset({Concept.HBA1C, Concept.ALBUMIN_CREATININE_RATIO, Concept.EGFR, Concept.GLUCOSE_GENERAL})
_GLUCOSE = frozenset(
    {Concept.GLUCOSE_SELF_TEST, Concept.GLUCOSE_GENERAL, Concept.SELF_MONITORING, Concept.GLUCOSE_LABORATORY}
)
# What a sure code says about results. Beside one of these, words say nothing further.
_SURE = RESULTS | _GLUCOSE | {
    Concept.HBA1C_UNIT_REQUIRED,
    Concept.NOT_HBA1C,
    Concept.NOT_ALBUMIN_CREATININE_RATIO,
    Concept.CGM_READING,
    Concept.CGM_SUMMARY,
    Concept.CGM_DAYS_OF_WEAR,
}  # fmt: skip
# Results that only some policies ask for: they are read by `own_results`, and say nothing to the others.
_POLICY_SPECIFIC = frozenset(
    {
        Concept.C_PEPTIDE,
        Concept.ISLET_CELL_ANTIBODY,
        Concept.GAD_ANTIBODY,
        Concept.IA2_ANTIBODY,
        Concept.ZNT8_ANTIBODY,
        Concept.INSULIN_ANTIBODY,
        Concept.FASTING_STATUS,
        Concept.BODY_WEIGHT,
        Concept.SERUM_CREATININE,
        Concept.CREATININE_CLEARANCE,
    }
)
_NO_READING = _SURE - _GLUCOSE - {Concept.CGM_READING}


class Kind:
    """What the code of an Observation says.

    `concepts` are said by a sure code, `named` only by a local code or in words. `code` is set where it is the only
    one. `glucose`: it may be a plain glucose reading.
    """

    def __init__(self, concept: CodeableConcept) -> None:
        """Works out what a code says."""
        codings = concept.coding or []
        self.concepts = terminology.concepts(concept) - _POLICY_SPECIFIC
        unsure = not self.concepts & _SURE
        self.named = meaning_of(concept).review & RESULTS if unsure else frozenset[Concept]()
        self.code = codings[0].code if len(codings) == 1 else None
        self.sensor = Concept.CGM_READING in self.concepts or (
            not self.concepts & _NO_READING and any(map(names_sensor, concept_texts(concept)))
        )
        self.before_meal = Concept.GLUCOSE_BEFORE_MEAL in self.concepts
        self.glucose = self.sensor or bool(self.concepts & _GLUCOSE)
        self.plain_stick = self.code is not None and Concept.GLUCOSE_SELF_TEST in self.concepts
