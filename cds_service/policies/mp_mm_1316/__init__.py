"""CareSource MP-MM-1316, Insulin Infusion Pump, Marketplace.

criteria.py is the policy's table of contents: each section with the shared rule that reads it. D.I.H is this policy's
own (complication_risk.py); definitions, states and coverage (C, E) are in parameters.toml and in `Governs` below.
sections.toml tells every section in our words and says which are not modelled.
"""

from __future__ import annotations

from importlib.resources import files

from cds_service.concepts import Product
from cds_service.engine.load_policy import load_prepopulation, load_texts
from cds_service.engine.policy import Governs, Policy, Replacement
from cds_service.engine.rule import Rule
from cds_service.policies.mp_mm_1316 import complication_risk
from cds_service.policies.mp_mm_1316.criteria import (
    ACCEPTED_REASONS,
    EXCLUSIONS,
    INDICATIONS,
    REFUSED_REASONS,
    REPLACEMENT,
    REQUIREMENTS,
    any_indication,
    documented_diagnosis,
    education_completed,
    expert_team,
    injection_regimen,
    justification,
    operates_device,
    ordered_in_writing,
    tests_often_enough,
)
from cds_service.policies.mp_mm_1316.data_dependencies import SECTIONS_BY_CHART_SECTION
from cds_service.policies.mp_mm_1316.offers import offers
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.documentation import charted_answers
from cds_service.policies.rules.later_events import later_events
from cds_service.policies.rules.plots import plots_of
from cds_service.policies.rules.replacement import may_replace, takes_replacement_path
from cds_service.policies.rules.search_days import search_days
from cds_service.policies.rules.self_testing import figures

CRITERIA: tuple[Rule, ...] = (
    documented_diagnosis,
    ordered_in_writing,
    expert_team,
    education_completed,
    operates_device,
    injection_regimen,
    tests_often_enough,
    complication_risk.complication_risk,
    any_indication,
)
PARTS: tuple[Rule, ...] = (complication_risk.albuminuria, complication_risk.difficult_control, *INDICATIONS)


def _data(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


POLICY = Policy(
    **load_texts(_data),
    id="MP-MM-1316",
    title="Insulin Infusion Pump",
    governs=Governs("caresource", "CareSource", Product.MARKETPLACE, "Marketplace", states="states"),
    criteria=CRITERIA,
    parts=PARTS,
    exclusions=EXCLUSIONS,
    replacement=Replacement(
        root="D.III",
        rules=REPLACEMENT,
        also_required=(documented_diagnosis,),
        required=REQUIREMENTS,
        refusals=REFUSED_REASONS,
        justification=justification,
        accepted_reasons=ACCEPTED_REASONS,
        question="D.III.replacement",
        taken=takes_replacement_path,
        possible=may_replace,
    ),
    case=Case,
    dependencies=SECTIONS_BY_CHART_SECTION,
    prefill=charted_answers,
    offers=offers,
    plots=plots_of(
        {
            "injection-regimen": "D.I.F",
            "self-testing": "D.I.G",
            "hba1c": "D.I.I.1",
            "hours-of-the-day": "D.I.I.4",
        }
    ),
    later=later_events,
    figures=figures,
    search_days=search_days,
    prepopulation=load_prepopulation(_data("prepopulation.toml"), _data),
)
