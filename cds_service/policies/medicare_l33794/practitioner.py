"""IV.G.1: the practitioner who orders and follows the pump manages several patients on pumps."""

from __future__ import annotations

from cds_service.engine.finding import Basis, Evidence, Finding, Gap, best_supported, met, unknown
from cds_service.engine.rule import criterion
from cds_service.engine.truth import MET
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.written_order import ordered_in_writing

_REMEDY = "State that the provider manages several patients on insulin pumps"


@criterion("IV.G.1", "Ordered and followed by a practitioner with several pump patients")
def manages_pump_patients(case: Case) -> Finding:
    """A practitioner who may order has to order it; a supplier as its own orderer stands against it, a nurse or
    dietitian is for a reviewer. That the practitioner manages several patients on pumps no code proves: an
    endocrinologist who orders supports it, a statement decides."""
    ordered = ordered_in_writing(case)
    if ordered.truth is not MET:
        return ordered
    stated = case.attested(
        "manages-pump-patients", "Manages several patients on pumps", "Does not manage several patients on pumps"
    )
    orderer = case.order.orderer
    if orderer is not None and orderer.endocrinology:
        evidence = [Evidence(orderer.reference, orderer.credential_label or "endocrinology")]
        return best_supported(stated, met("Ordered by an endocrinologist", Basis.SUPPORTED, evidence))
    if stated is not None:
        return stated
    words = "A chart does not show whether a practitioner manages several patients on pumps"
    # A statement decides whether or not the orderer's own record could be read: reading it again would not close this.
    return unknown(Gap.NEEDS_ATTESTATION, words, _REMEDY)
