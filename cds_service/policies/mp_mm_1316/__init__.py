"""CareSource MP-MM-1316, Insulin Infusion Pump, Marketplace.

The policy's table of contents:

| section | what it asks | module |
|---|---|---|
| D.I.A | diagnosis | diagnosis.py |
| D.I.B | written order | written_order.py |
| D.I.C | expert team | provider_expertise.py |
| D.I.D | education | education.py |
| D.I.E | operation | operation.py |
| D.I.F | injection regimen | injection_regimen.py, regimen_timeline.py |
| D.I.G | self-testing | self_testing.py |
| D.I.H | risk of complications | complication_risk.py |
| D.I.I | symptoms or conditions | glycemic_indication.py, hypoglycemia.py, low_glucose.py, hospital_stays.py |
| D.II.A.1 | end-stage complications | end_stage_complications.py |
| D.II | other exclusions | exclusions.py |
| D.III | replacement or repair | replacement.py |
| C, E | definitions, states, coverage | parameters.toml, `Governs` below |

sections.toml tells every section in our words and says which are not modelled.
"""

from __future__ import annotations

from importlib.resources import files

from cds_service.concepts import Product
from cds_service.engine.load_policy import (
    load_prepopulation,
    load_questionnaire,
    load_sections,
    load_versions,
    load_wording,
)
from cds_service.engine.parameters import load_parameters
from cds_service.engine.policy import Governs, Policy, Replacement
from cds_service.engine.rule import Rule
from cds_service.policies.mp_mm_1316 import (
    complication_risk,
    end_stage_complications,
    exclusions,
    glycemic_indication,
    replacement,
)
from cds_service.policies.mp_mm_1316.case import Case
from cds_service.policies.mp_mm_1316.data_dependencies import SECTIONS_BY_CHART_SECTION
from cds_service.policies.mp_mm_1316.diagnosis import documented_diagnosis
from cds_service.policies.mp_mm_1316.documentation import charted_answers
from cds_service.policies.mp_mm_1316.education import education_completed
from cds_service.policies.mp_mm_1316.injection_regimen import injection_regimen
from cds_service.policies.mp_mm_1316.later_events import later_events
from cds_service.policies.mp_mm_1316.offers import offers
from cds_service.policies.mp_mm_1316.operation import operates_device
from cds_service.policies.mp_mm_1316.plots import plots
from cds_service.policies.mp_mm_1316.provider_expertise import expert_team
from cds_service.policies.mp_mm_1316.search_days import search_days
from cds_service.policies.mp_mm_1316.self_testing import figures, tests_often_enough
from cds_service.policies.mp_mm_1316.written_order import ordered_in_writing

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


def _data(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


_REMEDIES, _WORDS, _GROUPS = load_wording(_data("wording.toml"))
_QUESTIONNAIRE, _QUESTIONS = load_questionnaire(_data("questionnaire.toml"))

POLICY = Policy(
    id="MP-MM-1316",
    title="Insulin Infusion Pump",
    governs=Governs("caresource", "CareSource", Product.MARKETPLACE, "Marketplace", states="states"),
    versions=load_versions(_data("versions.toml")),
    sections=load_sections(_data("sections.toml")),
    parameters=load_parameters(_data("parameters.toml")),
    criteria=CRITERIA,
    parts=PARTS,
    exclusions=EXCLUSIONS,
    replacement=Replacement(
        root="D.III",
        rules=REPLACEMENT,
        also_required=(documented_diagnosis,),
        required=replacement.REQUIREMENTS,
        refusals=replacement.REFUSED_REASONS,
        justification=replacement.reasonable_justification,
        accepted_reasons=replacement.ACCEPTED_REASONS,
        question=replacement.REPLACES,
        taken=replacement.takes_replacement_path,
        possible=replacement.may_replace,
    ),
    case=Case,
    dependencies=SECTIONS_BY_CHART_SECTION,
    questionnaire=_QUESTIONNAIRE,
    questions=_QUESTIONS,
    remedies=_REMEDIES,
    wording=_WORDS,
    groups=_GROUPS,
    prefill=charted_answers,
    offers=offers,
    plots=plots,
    later=later_events,
    figures=figures,
    search_days=search_days,
    prepopulation=load_prepopulation(_data("prepopulation.toml"), _data),
)
