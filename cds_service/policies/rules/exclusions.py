"""What makes a pump not medically necessary, beside end-stage complications."""

from __future__ import annotations

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Evidence, Finding, Gap, met, not_met, unknown
from cds_service.engine.rule import shared_rule
from cds_service.facts import ChartSection
from cds_service.policies.rules.case import Case, signed


@shared_rule("Nobody is able to operate the pump or to test often", reads=(ChartSection.ATTESTATIONS,))
def nobody_can_operate(case: Case) -> Finding:
    """Only a signed statement can say that neither the member nor anyone assisting is able: no diagnosis says it."""
    answer = case.answer("somebody-can-operate")
    if answer is None or not isinstance(answer.value, bool):
        explanation = "No statement says whether somebody is able to operate the pump and test often"
        return unknown(
            Gap.NEEDS_ATTESTATION, explanation, "State that somebody is able to operate the pump and test often"
        )
    evidence = [case.attestation(answer)]
    if answer.value:
        return not_met(f"Somebody is able to operate it and test often ({signed(answer)})", Basis.ATTESTED, evidence)
    explanation = f"Nobody is able to operate the pump or to test often ({signed(answer)})"
    return met(explanation, Basis.ATTESTED, evidence, names_statement=True)


@shared_rule("Requested purely for convenience or preference", reads=(ChartSection.ATTESTATIONS,))
def convenience_only(case: Case) -> Finding:
    """Only a signed statement can say so: it is never inferred from missing data."""
    answer = case.answer("convenience-only")
    if answer is None or not isinstance(answer.value, bool):
        explanation = "No statement says that the pump is only for convenience or preference"
        return unknown(Gap.NEEDS_ATTESTATION, explanation, "State that the pump is not for convenience only")
    evidence = [case.attestation(answer)]
    if answer.value:
        explanation = f"The pump is purely for convenience or preference ({signed(answer)})"
        return met(explanation, Basis.ATTESTED, evidence, names_statement=True)
    return not_met(f"The pump is not purely for convenience ({signed(answer)})", Basis.ATTESTED, evidence)


@shared_rule("Surgically implanted infusion device")
def implanted_device(case: Case) -> Finding:
    """The order's own code says so."""
    return _by_code(case, Concept.IMPLANTED_DEVICE, "a surgically implanted infusion device")


@shared_rule("Jet pressure device")
def jet_pressure_device(case: Case) -> Finding:
    """The order's own code says so."""
    return _by_code(case, Concept.JET_DEVICE, "a jet pressure device")


@shared_rule("Device for chronic intermittent intravenous insulin therapy")
def intermittent_intravenous(case: Case) -> Finding:
    """The order's own code says so; G9147 names both intravenous therapies."""
    return _by_code(case, Concept.INTRAVENOUS_INSULIN_THERAPY, "intermittent intravenous insulin therapy")


@shared_rule("Device for pulsatile intravenous therapy")
def pulsatile_intravenous(case: Case) -> Finding:
    """The order's own code says so; G9147 names both intravenous therapies."""
    return _by_code(case, Concept.INTRAVENOUS_INSULIN_THERAPY, "pulsatile intravenous therapy")


def _by_code(case: Case, concept: Concept, device: str) -> Finding:
    evidence = [Evidence(case.order.reference, case.order.label)]
    if concept in case.order.concepts:
        return met(f"The order is for {device} ({case.order.label})", Basis.DOCUMENTED, evidence)
    if concept in case.order.review:
        explanation = (
            f"The order may be for {device}: the code on it is not a recognized HCPCS code ({case.order.label})"
        )
        return unknown(Gap.NEEDS_REVIEW, explanation, "Put the HCPCS code of the device on the order", evidence)
    return not_met(f"The order is not for {device}", Basis.DOCUMENTED, evidence)
