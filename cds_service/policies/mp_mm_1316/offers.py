"""Orders that a card offers because they would close a gap: education, an HbA1c, an albumin-creatinine ratio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cds_service.engine.determination import Determination
from cds_service.engine.finding import Finding, Gap
from cds_service.engine.offers import Offer
from cds_service.engine.truth import MET
from cds_service.policies.rules.offered_orders import (
    albumin_creatinine_ratio,
    education,
    hba1c,
    may_close,
    may_close_hba1c,
)


def offers(determination: Determination) -> list[Offer]:
    """The orders that would close a gap of a new pump."""
    return list(_offers(determination.findings))


def _offers(findings: Mapping[str, Finding]) -> Iterator[Offer]:
    if may_close(findings.get("D.I.D")):
        yield education("D.I.D")
    part, whole = findings.get("D.I.I.1"), findings.get("D.I.I")
    if part is not None and whole is not None and may_close_hba1c(part, whole):
        yield hba1c("D.I.I.1")
    if _wants_ratio(findings):
        yield albumin_creatinine_ratio("D.I.H.1")


def _wants_ratio(findings: Mapping[str, Finding]) -> bool:
    part, whole = findings.get("D.I.H.1"), findings.get("D.I.H")
    if part is None or whole is None or whole.truth is MET:
        return False
    return part.gap in (Gap.NOT_DOCUMENTED, Gap.INCOMPLETE)
