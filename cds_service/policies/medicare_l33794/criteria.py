"""The sections of Medicare's texts that are judged, each with the rule that reads it.

| section | what it asks | module | |---|---|---| | IV.DM | diabetes | rules/diagnosis.py | | IV.A, IV.B | C-peptide,
antibodies | rules/c_peptide.py, rules/creatinine_clearance.py, rules/beta_cell_antibodies.py | | IV.C | new to pumps |
new_to_pumps.py | | IV.D | on a pump before Medicare | before_medicare.py | | IV.G.1, IV.G.2 | practitioner, team |
practitioner.py, rules/provider_expertise.py | | IV.G.3 | visits, at orders of supplies | rules/practitioner_visit.py |
| IV.E, IV.S, IV.X | codes, supplies, what is not covered | pump_codes.py |
"""

from __future__ import annotations

from cds_service.engine.finding import Finding
from cds_service.engine.pathways import one_way
from cds_service.engine.rule import Rule, criterion
from cds_service.policies.medicare_l33794 import before_medicare, new_to_pumps, pump_codes
from cds_service.policies.medicare_l33794.practitioner import manages_pump_patients
from cds_service.policies.rules import (
    beta_cell_antibodies,
    c_peptide,
    diagnosis,
    practitioner_visit,
    provider_expertise,
)
from cds_service.policies.rules.case import Case

diabetes = diagnosis.diabetes_of_any_type.at("IV.DM")
low_c_peptide = c_peptide.low_c_peptide.at("IV.A")
positive_antibody = beta_cell_antibodies.positive_antibody.at("IV.B")
team = provider_expertise.expert_team.at("IV.G.2", "Team that knows pumps")
seen_regularly = practitioner_visit.seen_regularly.at("IV.G.3")


@criterion("IV.AB", "Low C-peptide or positive antibody")
def low_insulin_production(case: Case) -> Finding:
    """A or B. Where neither is shown, the one that is nearer to it is named first."""
    ways = (case.finding(low_c_peptide), case.finding(positive_antibody))
    return one_way(ways, lambda way: _ANOTHER_WAY[way.id])


@criterion("IV.CD", "New to pumps, or on a pump before Medicare")
def history(case: Case) -> Finding:
    """C or D. Where neither is shown, the one that lacks less is named first; D is not, where nothing shows a pump."""
    ways = (case.finding(new_to_pumps.new_to_pumps), case.finding(before_medicare.on_pump_before_medicare))
    shown = case.finding(before_medicare.pump_before_enrollment).evidence
    return one_way(ways, lambda way: _ANOTHER_WAY[way.id], remote=() if shown else ("IV.D",))


_ANOTHER_WAY = {
    "IV.A": "a low fasting C-peptide, once",
    "IV.B": "a positive beta cell antibody test, once",
    "IV.C": "what is asked of a patient new to pumps (IV.C)",
    "IV.D": "an insulin pump before Medicare began (IV.D)",
}

CRITERIA: tuple[Rule, ...] = (
    diabetes,
    low_insulin_production,
    history,
    manages_pump_patients,
    team,
    pump_codes.covered_code,
)
PARTS: tuple[Rule, ...] = (
    low_c_peptide,
    positive_antibody,
    new_to_pumps.new_to_pumps,
    *new_to_pumps.PARTS,
    *new_to_pumps.INDICATIONS,
    before_medicare.on_pump_before_medicare,
    before_medicare.pump_before_enrollment,
    before_medicare.self_tests_before_enrollment,
)
EXCLUSIONS: tuple[Rule, ...] = (pump_codes.disposable, pump_codes.implanted, pump_codes.replaced_too_early)
REFILL: tuple[Rule, ...] = (diabetes, pump_codes.pump_in_use, pump_codes.supply_codes, seen_regularly)
