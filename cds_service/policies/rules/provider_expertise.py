"""The provider and team have an expert level of experience with insulin pumps."""

from __future__ import annotations

from cds_service.engine.finding import Basis, Evidence, Finding, Gap, best_supported, met, unknown
from cds_service.engine.rule import shared_rule
from cds_service.facts import ChartSection
from cds_service.policies.rules.case import Case


@shared_rule(
    "Provider and team are expert in insulin pump management",
    reads=(
        ChartSection.ATTESTATIONS,
        ChartSection.REQUESTER,
    ),
)
def expert_team(case: Case) -> Finding:
    """No code proves expertise. An endocrinology taxonomy on the requester, a performer or the care team supports
    it (reproductive endocrinology is another field), its absence says nothing; a signed statement decides."""
    attested = case.attested(
        "expert-team", "The team is expert in insulin pumps", "The team is not expert in insulin pumps"
    )
    people = (case.order.orderer, *case.order.performers, *case.chart.care_team)
    specialists = [p for p in people if p is not None and p.endocrinology]
    if specialists:
        evidence = [Evidence(p.reference, "endocrinologist") for p in specialists]
        return best_supported(attested, met("An endocrinologist is on the team", Basis.SUPPORTED, evidence))
    if attested is not None:
        return attested
    in_words = [p for p in people if p is not None and p.specialty_text]
    if in_words:
        explanation = (
            f"The chart names a specialty in words only ({in_words[0].specialty_text}), so the provider has to state it"
        )
        evidence = [Evidence(p.reference, p.specialty_text) for p in in_words]
        return unknown(
            Gap.NEEDS_REVIEW, explanation, "State that the provider and team are expert in insulin pumps", evidence
        )
    explanation = "A chart does not show whether a team is expert in insulin pumps"
    return unknown(Gap.NEEDS_ATTESTATION, explanation, "State that the provider and team are expert in insulin pumps")
