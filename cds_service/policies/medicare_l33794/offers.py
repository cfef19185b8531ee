"""Orders that a card offers because they would close a gap: C-peptide and glucose, an antibody, education, HbA1c."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.engine.determination import Determination
from cds_service.engine.finding import Gap
from cds_service.engine.offers import Offer
from cds_service.engine.truth import MET, NOT_MET
from cds_service.policies.rules import offered_orders


def offers(determination: Determination) -> list[Offer]:
    """The orders that would close a gap; only such as the shortest way asks for."""
    return list(_offers(determination))


def _offers(determination: Determination) -> Iterator[Offer]:
    findings = determination.findings
    proof, peptide, antibody = (findings.get(section) for section in ("IV.AB", "IV.A", "IV.B"))
    if proof is not None and proof.truth is not MET and peptide is not None and antibody is not None:
        if peptide.gap is Gap.NOT_DOCUMENTED and not peptide.evidence:
            yield offered_orders.c_peptide("IV.A")
            yield offered_orders.fasting_glucose("IV.A")
        elif peptide.truth is NOT_MET and antibody.gap is Gap.NOT_DOCUMENTED and not antibody.evidence:
            yield offered_orders.gad_antibody("IV.B")
    missing = {finding.id for finding in determination.open_findings}
    if "IV.C.E" in missing and offered_orders.may_close(findings["IV.C.E"]):
        yield offered_orders.education("IV.C.E")
    if "IV.C.G" in missing and offered_orders.may_close_hba1c(findings["IV.C.1"], findings["IV.C.G"]):
        yield offered_orders.hba1c("IV.C.1")
