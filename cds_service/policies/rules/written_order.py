"""Ordered in writing by a physician or other credentialed provider."""

from __future__ import annotations

import re

from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown
from cds_service.engine.rule import shared_rule
from cds_service.facts import ChartSection, Credential
from cds_service.policies.rules.case import Case

_TAXONOMY = re.compile(r"[0-9]{3}[0-9A-Z]{6}X")
_CLOSES = "An order signed by a physician, nurse practitioner, physician assistant or clinical nurse specialist"


@shared_rule("Ordered in writing by a physician or other credentialed provider", reads=(ChartSection.REQUESTER,))
def ordered_in_writing(case: Case) -> Finding:
    """The order being signed is the writing. The requester counts first, then the user who signs. A credential
    that may order documents it; a practitioner whose credential cannot be read supports it, since the EHR let
    them sign. Nurses, dietitians, pharmacists and educators need a reviewer; an equipment supplier as its own
    orderer, or modifier EY, contradicts it."""
    orderer = case.order.orderer
    if case.order.no_order_modifier:
        evidence = [Evidence(case.order.reference, "modifier EY")]
        return not_met("Modifier EY says that no provider ordered this", Basis.DOCUMENTED, evidence)
    if orderer is None:
        finding = unknown(Gap.NOT_DOCUMENTED, "The order does not name who orders it", _CLOSES)
        return case.guarded(finding, ChartSection.REQUESTER)
    label = orderer.credential_label
    evidence = [Evidence(orderer.reference, label or orderer.credential.value)]
    if orderer.credential is Credential.MAY_ORDER:
        return met(f"Ordered by a provider who may order ({_person(label)})", Basis.DOCUMENTED, evidence)
    if orderer.credential is Credential.SUPPLIER:
        return not_met("The equipment supplier is its own orderer", Basis.DOCUMENTED, evidence)
    if orderer.credential is Credential.MAY_NOT_ORDER:
        explanation = f"Ordered by {_person(label)}, who does not usually order equipment: the state's rules decide"
        return unknown(Gap.NEEDS_REVIEW, explanation, f"{_CLOSES}; or the plan's word on this credential", evidence)
    explanation = "Ordered by a practitioner; the credential could not be read, but the EHR let them sign"
    return met(explanation, Basis.SUPPORTED, evidence)


def _person(label: str) -> str:
    """A credential in words; a taxonomy code without a name is said to be one."""
    return f"a provider of taxonomy {label}" if _TAXONOMY.fullmatch(label) else label
