"""CareSource MP-MM-1316, Insulin Infusion Pump, Marketplace GA/IN/OH/WV, effective 2026-05-01.

The policy's table of contents:

| section | what it asks | room |
|---|---|---|
| D.I.A | diagnosis | diagnosis.py |
| D.I.B | written order | written_order.py |
| D.I.C | expert team | provider_expertise.py |
| D.I.D | education | education.py |
| D.I.E | operation | operation.py |
| D.I.F | injection regimen | injection_regimen.py, regimen_timeline.py |
| D.I.G | self-testing | self_testing.py |
| D.I.H | risk of complications | complication_risk.py |
| D.I.I | six conditions | glycemic_indication.py, hypoglycemia.py, low_glucose.py, hospital_stays.py |
| D.II.A.1 | end-stage complications | end_stage_complications.py |
| D.II | other exclusions | exclusions.py |
| D.III | replacement or repair | replacement.py |
| C, E | definitions, states, coverage | parameters.toml, coverage.py |

sections.toml tells every section in our words and says which are not modelled.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from cds_service.engine.parameters import Parameter, load_parameters
from cds_service.engine.rule import Rule
from cds_service.policies.mp_mm_1316 import (
    complication_risk,
    end_stage_complications,
    exclusions,
    glycemic_indication,
    replacement,
)
from cds_service.policies.mp_mm_1316.diagnosis import documented_diagnosis
from cds_service.policies.mp_mm_1316.education import education_completed
from cds_service.policies.mp_mm_1316.injection_regimen import injection_regimen
from cds_service.policies.mp_mm_1316.operation import operates_device
from cds_service.policies.mp_mm_1316.provider_expertise import expert_team
from cds_service.policies.mp_mm_1316.self_testing import tests_often_enough
from cds_service.policies.mp_mm_1316.written_order import ordered_in_writing

POLICY_ID = "MP-MM-1316"
TITLE = "Insulin Infusion Pump"
PAYER = "CareSource"
QUESTIONNAIRE = "Questionnaire/mp-mm-1316|1.0.0"


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the policy in our words; `why_not` says why it is not modelled, None when it is."""

    id: str
    title: str
    says: str
    why_not: str | None = None


def _data(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


PARAMETERS: dict[str, Parameter] = load_parameters(_data("parameters.toml"))
SECTIONS: dict[str, Section] = {
    row["id"]: Section(row["id"], row["title"], row["says"], row.get("why_not"))
    for row in tomllib.loads(_data("sections.toml"))["section"]
}
VERSIONS = tuple(sorted({dated.start for p in PARAMETERS.values() for dated in p.values}))

CRITERIA: tuple[Rule, ...] = (
    documented_diagnosis,
    ordered_in_writing,
    expert_team,
    education_completed,
    operates_device,
    injection_regimen,
    tests_often_enough,
    complication_risk.complication_risk,
    glycemic_indication.glycemic_indication,
)
PARTS: tuple[Rule, ...] = (
    complication_risk.albuminuria,
    complication_risk.difficult_control,
    *glycemic_indication.PARTS,
)
EXCLUSIONS: tuple[Rule, ...] = (
    end_stage_complications.end_stage_complications,
    exclusions.nobody_can_operate,
    exclusions.convenience_only,
    exclusions.implanted_device,
    exclusions.jet_pressure_device,
    exclusions.intermittent_intravenous,
    exclusions.pulsatile_intravenous,
)
REPLACEMENT: tuple[Rule, ...] = (
    *replacement.REQUIREMENTS,
    replacement.warranty_only,
    *replacement.ACCEPTED_REASONS,
    replacement.misuse,
    replacement.lost_or_stolen,
)
UNITS: dict[str, Rule] = {unit.section: unit for unit in (*CRITERIA, *PARTS, *EXCLUSIONS, *REPLACEMENT)}
