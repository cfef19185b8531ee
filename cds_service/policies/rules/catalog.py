"""The shared rules by name, for policies that are data: `rule = "hba1c_above_threshold"` in a policy.toml.

Rules that combine others, and rules that only a statement decides, take more than a name: see policies/load_package.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from cds_service.engine.rule import RuleTemplate
from cds_service.policies.rules import (
    beta_cell_antibodies,
    c_peptide,
    diagnosis,
    education,
    end_stage_complications,
    exclusions,
    glycemic_indication,
    hospital_stays,
    hypoglycemia,
    injection_regimen,
    operation,
    practitioner_visit,
    provider_expertise,
    replacement,
    self_testing,
    written_order,
)

_RULES = (
    diagnosis.documented_diagnosis,
    diagnosis.diabetes_of_any_type,
    written_order.ordered_in_writing,
    provider_expertise.expert_team,
    c_peptide.low_c_peptide,
    beta_cell_antibodies.positive_antibody,
    practitioner_visit.seen_regularly,
    education.education_completed,
    education.education_completed_at_any_time,
    operation.operates_device,
    injection_regimen.injection_regimen,
    injection_regimen.injections_a_day,
    self_testing.tests_often_enough,
    glycemic_indication.hba1c_above_threshold,
    glycemic_indication.premeal_fluctuation,
    glycemic_indication.dawn_phenomenon,
    hypoglycemia.recurring_hypoglycemia,
    hypoglycemia.severe_excursions,
    hospital_stays.recurrent_hospital_stays,
    end_stage_complications.end_stage_complications,
    exclusions.nobody_can_operate,
    exclusions.convenience_only,
    exclusions.implanted_device,
    exclusions.jet_pressure_device,
    exclusions.intermittent_intravenous,
    exclusions.pulsatile_intravenous,
    replacement.covered_service,
    replacement.worn_out,
    replacement.not_repairable,
    replacement.needs_changed,
    replacement.damaged,
    replacement.warranty_only,
    replacement.misuse,
    replacement.lost_or_stolen,
)
CATALOG: Mapping[str, RuleTemplate] = {rule.name: rule for rule in _RULES}
