"""Medicare on insulin pumps: NCD 280.14, LCD L33794, article A52507.

criteria.py is the table of contents. sections.toml tells every line in our words with its own document and date, says
which are not modelled, and what was not read in the original.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from cds_service.concepts import Product
from cds_service.engine.coverage_assertion import PriorAuthorization
from cds_service.engine.load_policy import load_texts
from cds_service.engine.policy import Governs, Policy
from cds_service.facts import ChartSection
from cds_service.facts.known_results import (
    ANTIBODIES,
    C_PEPTIDE,
    CREATININE,
    CREATININE_CLEARANCE,
    FASTING_STATUS,
    GLUCOSE_OF_DRAW,
    VISITS,
    WEIGHT,
)
from cds_service.policies.medicare_l33794.criteria import CRITERIA, EXCLUSIONS, PARTS, REFILL
from cds_service.policies.medicare_l33794.offers import offers
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.documentation import charted_answers
from cds_service.policies.rules.later_events import later_events
from cds_service.policies.rules.plots import plots_of
from cds_service.policies.rules.search_days import search_days
from cds_service.policies.rules.self_testing import figures

# Use of a sensor in the last month is use enough: older readings are not searched for.
_DAYS_OF_SENSOR = 33


def _data(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _search_days(parameters: Mapping[str, Any]) -> dict[str, int]:
    return {**search_days(parameters), "sensor": _DAYS_OF_SENSOR}


POLICY = Policy(
    **load_texts(_data),
    id="L33794",
    title="External insulin pumps (Medicare)",
    governs=Governs("medicare", "Medicare", Product.MEDICARE, "Medicare", also=(Product.DUAL,), identifiers=""),
    criteria=CRITERIA,
    parts=PARTS,
    refill=REFILL,
    exclusions=EXCLUSIONS,
    case=Case,
    results=(
        C_PEPTIDE,
        GLUCOSE_OF_DRAW,
        FASTING_STATUS,
        ANTIBODIES,
        WEIGHT,
        CREATININE,
        CREATININE_CLEARANCE,
        VISITS,
    ),
    dependencies={
        ChartSection.PATIENT: ("coverage", "IV.A"),
        ChartSection.COVERAGE: ("coverage", "IV.D.1"),
        ChartSection.CONDITIONS: ("IV.DM", "IV.C.I", "IV.C.2", "IV.C.5"),
        ChartSection.HBA1C: ("IV.C.1",),
        ChartSection.GLUCOSE: ("IV.C.T", "IV.C.2", "IV.C.3", "IV.C.4", "IV.C.5", "IV.D.2"),
        ChartSection.INSULIN: ("IV.C.I", "IV.S.2"),
        ChartSection.EDUCATION: ("IV.C.E",),
        ChartSection.DEVICES: ("IV.C.T", "IV.D", "IV.S.2", "IV.X.3"),
        ChartSection.ENCOUNTERS: ("IV.C.E", "IV.C.T", "IV.C.2", "IV.C.5"),
        ChartSection.ATTESTATIONS: ("IV.A", "IV.B", "IV.C", "IV.D", "IV.G"),
        ChartSection.REQUESTER: ("IV.G",),
        C_PEPTIDE.key: ("IV.A",),
        ANTIBODIES.key: ("IV.B",),
        CREATININE.key: ("IV.A",),
        WEIGHT.key: ("IV.A",),
        VISITS.key: ("IV.G.3",),
    },
    prefill=charted_answers,
    offers=offers,
    plots=plots_of(
        {
            "c-peptide": "IV.A",
            "injection-regimen": "IV.C.I",
            "self-testing": "IV.C.T",
            "hba1c": "IV.C.1",
            "hours-of-the-day": "IV.C.4",
        }
    ),
    later=later_events,
    figures=figures,
    search_days=_search_days,
    prior_authorization=PriorAuthorization.CONDITIONAL,
)
