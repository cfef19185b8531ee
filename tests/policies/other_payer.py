"""A policy of another payer with a questionnaire of its own. Not shipped; it holds what is made from questions.

It asks four things: the team's expertise, as MP-MM-1316 does, under a linkId of its own; why a pump is wanted, with
its own list of choices; a number of days, where a pump was worn; and, under a linkId that MP-MM-1316 has for something
else, whether the pump is on the payer's list.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cds_service.concepts import Product
from cds_service.engine.finding import Finding, Gap, unknown
from cds_service.engine.policy import Governs, QuestionnaireIdentity, Section, Version
from cds_service.engine.questions import AnswerType, Question, QuestionGroup
from cds_service.engine.remedies import Remedies
from cds_service.engine.rule import criterion
from cds_service.facts import ChartSection
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.policies.rules.case import Case
from tests.support import JSON, PATIENT

PAYER = "Example Health"
# A coverage that the policy governs.
COVERAGE: JSON = {
    "resourceType": "Coverage",
    "id": "v2",
    "status": "active",
    "beneficiary": PATIENT,
    "payor": [{"display": PAYER, "identifier": {"system": "http://example.invalid/payers", "value": "T-77"}}],
    "class": [{"type": {"text": "plan"}, "value": "Marketplace"}],
}
REASONS = {"lows": "Lows in spite of injections", "pregnancy": "Pregnancy", "other": "Another reason"}
QUESTIONS = (
    QuestionGroup(
        "T.1",
        "Team",
        "Your answer decides.",
        (Question("T.1.team", "T.1", "Is your team expert in pumps?", same_as="expert-team"),),
    ),
    QuestionGroup(
        "T.2",
        "Why a pump",
        "One reason is enough.",
        (
            Question(
                "T.2.why",
                "T.2",
                "Why is a pump wanted?",
                AnswerType.CHOICE,
                choices=REASONS,
                choice_set="pump-reason",
                choice_title="Reasons for a pump",
            ),
            Question("T.2.worn", "T.2", "Was a pump worn on trial?", required=False),
            Question(
                "T.2.days",
                "T.2",
                "On how many days?",
                AnswerType.INTEGER,
                least=1,
                most=90,
                required=False,
                only_if="T.2.worn",
            ),
        ),
    ),
    QuestionGroup(
        "T.3", "List", "See the payer's list.", (Question("D.I.E", "T.3", "Is it on the list?", required=False),)
    ),
)


@criterion("T.1", "An expert team")
def expert_team(case: Case) -> Finding:
    """Only a statement says so."""
    stated = case.attested("T.1.team", "The team is expert", "The team is not expert")
    return stated or unknown(Gap.NEEDS_ATTESTATION, "No statement on the team", "A statement on the team")


@criterion("T.2", "A reason for a pump")
def reason(case: Case) -> Finding:
    """Any reason will do."""
    return unknown(Gap.NEEDS_ATTESTATION, "No reason is stated", "A statement of the reason")


OTHER = replace(
    POLICY,
    id="OTHER-1",
    title="Pumps",
    governs=Governs(
        "example-health",
        PAYER,
        Product.MARKETPLACE,
        "Marketplace",
        payer_data={
            "name": PAYER,
            "names": ["example health"],
            "product": [{"product": "Marketplace", "names": ["marketplace"]}],
        },
    ),
    versions=(Version(date(2026, 1, 1), "a test"),),
    sections={
        name: Section(name, title, title)
        for name, title in {"T.1": "An expert team", "T.2": "A reason", "T.3": "The list"}.items()
    },
    criteria=(expert_team, reason),
    parts=(),
    exclusions=(),
    replacement=None,
    dependencies={ChartSection.ATTESTATIONS: ("T.1", "T.2", "T.3")},
    questionnaire=QuestionnaireIdentity("other-1", "2.0.0", "OtherDocumentation"),
    questions=QUESTIONS,
    remedies=Remedies(steps={"T.1": "state that the team is expert", "T.2": "state the reason"}),
    wording={**POLICY.wording, "whole": "T.1", "plan": f"{PAYER} Marketplace plan"},
    groups={"criteria": "What is asked"},
    prefill=lambda _case: {},
    offers=lambda _determination: (),
    plots=lambda _case: (),
    later=lambda _case: (),
    figures=lambda _parameters: {},
    prepopulation=None,
)
