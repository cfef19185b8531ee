"""The order is in writing by a physician or other credentialed provider."""

from __future__ import annotations

from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown
from cds_service.engine.plain_text import provider_name, with_article
from cds_service.engine.rule import shared_rule
from cds_service.facts import ChartSection, Credential
from cds_service.policies.rules.case import Case

_REMEDY = "Have a physician, nurse practitioner, physician assistant or clinical nurse specialist sign the order"


@shared_rule("Ordered in writing by a physician or other credentialed provider", reads=(ChartSection.REQUESTER,))
def ordered_in_writing(case: Case) -> Finding:
    """The order being signed is the writing. The requester counts first, then the user who signs. A credential
    that may order documents it; a practitioner whose credential cannot be read supports it, since the EHR let
    them sign. Nurses, dietitians, pharmacists and educators need a reviewer; an equipment supplier as its own
    orderer, or modifier EY, contradicts it."""
    orderer = case.order.orderer
    if case.order.no_order_modifier:
        evidence = [Evidence(case.order.reference, "modifier EY")]
        return not_met("Modifier EY on the order says that no provider ordered this", Basis.DOCUMENTED, evidence)
    if orderer is None:
        finding = unknown(Gap.NOT_DOCUMENTED, "The order does not name who orders it", _REMEDY)
        return case.guarded(finding, ChartSection.REQUESTER)
    who = provider_name(orderer.credential_label)
    evidence = [Evidence(orderer.reference, who)]
    if orderer.credential is Credential.MAY_ORDER:
        return met(f"Ordered by {with_article(who)}", Basis.DOCUMENTED, evidence)
    if orderer.credential is Credential.SUPPLIER:
        return not_met("The equipment supplier is its own orderer", Basis.DOCUMENTED, evidence)
    if orderer.credential is Credential.MAY_NOT_ORDER:
        explanation = f"Ordered by {with_article(who)}, who may not order equipment in every state"
        return unknown(
            Gap.NEEDS_REVIEW, explanation, f"{_REMEDY}, or ask the plan whether this credential counts", evidence
        )
    explanation = "Ordered by a provider whose credential could not be read; the EHR let them sign"
    return met(explanation, Basis.SUPPORTED, evidence)
