"""What chart and statement say together, where the policy lets neither outweigh the other by itself."""

from __future__ import annotations

from dataclasses import replace

from cds_service.engine.finding import Finding, Gap, best_supported, unknown
from cds_service.engine.truth import NOT_MET


def reconciled(charted: Finding, stated: Finding | None, complete: bool) -> Finding:
    """The chart's finding and the statement's as one.

    Where they agree, the chart's figure stands, on the stronger basis. What one leaves open, the other closes. A
    complete not-met against a yes, or a met against a no, is for a reviewer, both named; where the chart's record is
    not complete, the statement speaks. `complete`: the record leaves nothing out that could turn its not-met.
    """
    if stated is None:
        return charted
    if not stated.decided:
        return charted if charted.decided else best_supported(charted, stated)
    if not charted.decided:
        return stated
    if charted.truth is stated.truth:
        basis = best_supported(charted, stated).basis
        return replace(charted, basis=basis, evidence=(*charted.evidence, *stated.evidence))
    if charted.truth is NOT_MET and not complete:
        return stated
    return unknown(
        Gap.NEEDS_REVIEW,
        f"chart and statement differ: {charted.explanation}; {stated.explanation}",
        "Correct the chart or the statement, so that both say the same",
        (*charted.evidence, *stated.evidence),
    )
