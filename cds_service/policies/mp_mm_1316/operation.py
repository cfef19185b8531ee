"""D.I.E: member or caregiver knows how to operate the device."""

from __future__ import annotations

from cds_service.engine.finding import Basis, Finding, Gap, met, strongest, unknown
from cds_service.engine.section import criterion
from cds_service.facts import Topic
from cds_service.policies.mp_mm_1316.case import Case, cite, usable


@criterion("D.I.E", "Member or caregiver can operate the device")
def operates_device(case: Case) -> Finding:
    """An attestation decides. Pump training (S9145, Z46.81) or a pump already in use supports it. Dementia,
    blindness or living alone are never evidence against: a caregiver may operate the pump."""
    attested = case.attested(
        "D.I.E", "Member or caregiver can operate the pump", "Member or caregiver cannot operate the pump yet"
    )
    signs = [r for r in (*case.chart.pump_training, *case.chart.pumps) if usable(r.when, case.as_of)]
    if signs:
        charted = met(f"Pump training or a pump in use: {signs[0].label}", Basis.SUPPORTED, map(cite, signs))
        return strongest(attested, charted)
    if attested is not None:
        return attested
    words = "No pump training and no pump in use found"
    finding = unknown(
        Gap.NEEDS_ATTESTATION, words, "A statement that the member or a caregiver knows how to operate the pump"
    )
    return case.guarded(finding, Topic.DEVICES)
