"""The sections of MP-MM-1316 that shared rules judge, each with the rule that reads it.

| section | what it asks | module of rules/ |
|---|---|---|
| D.I.A | diagnosis | diagnosis.py |
| D.I.B | written order | written_order.py |
| D.I.C | expert team | provider_expertise.py |
| D.I.D | education | education.py |
| D.I.E | operation | operation.py |
| D.I.F | injection regimen | injection_regimen.py, regimen_timeline.py |
| D.I.G | self-testing | self_testing.py |
| D.I.I | symptoms or conditions | glycemic_indication.py, hypoglycemia.py, low_glucose.py, hospital_stays.py |
| D.II.A.1 | end-stage complications | end_stage_complications.py |
| D.II | other exclusions | exclusions.py |
| D.III | replacement or repair | replacement.py |
"""

from __future__ import annotations

from cds_service.policies.rules import (
    diagnosis,
    education,
    end_stage_complications,
    exclusions,
    glycemic_indication,
    hospital_stays,
    hypoglycemia,
    operation,
    provider_expertise,
    replacement,
    self_testing,
    written_order,
)
from cds_service.policies.rules import injection_regimen as regimen

documented_diagnosis = diagnosis.documented_diagnosis.at("D.I.A")
ordered_in_writing = written_order.ordered_in_writing.at("D.I.B")
expert_team = provider_expertise.expert_team.at("D.I.C")
education_completed = education.education_completed.at("D.I.D")
operates_device = operation.operates_device.at("D.I.E")
injection_regimen = regimen.injection_regimen.at("D.I.F")
tests_often_enough = self_testing.tests_often_enough.at("D.I.G")

INDICATIONS = (
    glycemic_indication.hba1c_above_threshold.at("D.I.I.1"),
    hypoglycemia.recurring_hypoglycemia.at("D.I.I.2"),
    glycemic_indication.premeal_fluctuation.at("D.I.I.3"),
    glycemic_indication.dawn_phenomenon.at("D.I.I.4"),
    hypoglycemia.severe_excursions.at("D.I.I.5"),
    hospital_stays.recurrent_hospital_stays.at("D.I.I.6"),
)
any_indication = glycemic_indication.any_indication(*INDICATIONS).at(
    "D.I.I", "At least one of {below[D.I.I]:words} symptoms or conditions"
)

end_stage = end_stage_complications.end_stage_complications.excluding().at("D.II.A.1")
nobody_can_operate = exclusions.nobody_can_operate.excluding().at("D.II.A.2")
EXCLUSIONS = (
    end_stage,
    nobody_can_operate,
    exclusions.convenience_only.excluding().at("D.II.B.1"),
    exclusions.implanted_device.excluding().at("D.II.B.2"),
    exclusions.jet_pressure_device.excluding().at("D.II.B.3"),
    exclusions.intermittent_intravenous.excluding().at("D.II.B.4"),
    exclusions.pulsatile_intravenous.excluding().at("D.II.B.5"),
)

ACCEPTED_REASONS = (
    replacement.worn_out.at("D.III.C.1"),
    replacement.not_repairable.at("D.III.C.2"),
    replacement.needs_changed.at("D.III.C.3"),
    replacement.damaged.at("D.III.C.4"),
)
justification = replacement.reasonable_justification(*ACCEPTED_REASONS).at("D.III.A.3")
REQUIREMENTS = (
    replacement.covered_service.at("D.III.A.1"),
    replacement.still_necessary(documented_diagnosis, end_stage, nobody_can_operate).at("D.III.A.2"),
    justification,
)
_warranty_only = replacement.warranty_only.at("D.III.B")
_misuse = replacement.misuse.at("D.III.C.5.a")
_lost_or_stolen = replacement.lost_or_stolen.at("D.III.C.5.b")
REFUSED_REASONS = (_warranty_only, _misuse, _lost_or_stolen)
REPLACEMENT = (*REQUIREMENTS, _warranty_only, *ACCEPTED_REASONS, _misuse, _lost_or_stolen)
