"""MP-MM-1316 as a text of a year later might read: other numbers, one more section. Not shipped; it holds the engine.

What differs from 2027-05-01 on: education within 24 months, 5 self-tests a day, HbA1c above 8 %, and D.I.J, which asks
for follow-up with a number of its own. In between, from 2026-12-01 on, an HbA1c is old after 3 months: no new text.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cds_service.engine.finding import Finding, Gap, unknown
from cds_service.engine.parameters import DatedValue, Parameter
from cds_service.engine.policy import Policy, Section, Version
from cds_service.engine.questions import Question, QuestionGroup
from cds_service.engine.rule import criterion
from cds_service.facts import ChartSection
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.policies.rules.case import Case
from tests.policies.mp_mm_1316.changed import changed

START, IN_BETWEEN = date(2027, 5, 1), date(2026, 12, 1)
NEW_NUMBERS = {"education_window_months": 24, "self_tests_per_day": 5, "hba1c_threshold": 8.0}
SECTION = "D.I.J"


@criterion(SECTION, "Follow-up at least {follow_up_visits:times} a year", "follow_up_visits")
def follow_up(case: Case) -> Finding:
    """Only a statement says that {follow_up_visits:visits} a year are kept."""
    visits = case.parameters["follow_up_visits"]
    stated = case.attested(SECTION, f"{visits} visits a year are kept", f"{visits} visits a year are not kept")
    return stated or unknown(
        Gap.NEEDS_ATTESTATION, "No statement on follow-up", f"A statement on {visits} visits a year"
    )


def _next_year() -> Policy:
    policy = changed(changed(POLICY, NEW_NUMBERS, START), {"hba1c_stale_months": 3}, IN_BETWEEN)
    visits = Parameter(
        "follow_up_visits", SECTION, "visits a year", "Visits that are kept", "a test", (DatedValue(START, 6),)
    )
    question = Question(SECTION, SECTION, "Does the member keep {follow_up_visits:visits} a year?")
    group = QuestionGroup(
        SECTION,
        "Follow-up at least {follow_up_visits:times} a year",
        "Your answer decides.",
        (question,),
        "D.III.replacement",
    )
    remedies = policy.remedies
    attestations = policy.dependencies[ChartSection.ATTESTATIONS]
    return replace(
        policy,
        versions=(*policy.versions, Version(START, "the text of a test")),
        sections={
            **policy.sections,
            SECTION: Section(SECTION, "Follow-up", "{follow_up_visits:Words visits} a year are kept.", start=START),
        },
        parameters={**policy.parameters, visits.name: visits},
        criteria=(*policy.criteria, follow_up),
        dependencies={**policy.dependencies, ChartSection.ATTESTATIONS: (*attestations, SECTION)},
        questions=(*policy.questions, group),
        remedies=replace(
            remedies, steps={**remedies.steps, SECTION: "state that {follow_up_visits:visits} a year are kept"}
        ),
    )


NEXT_YEAR = _next_year()
