"""What only a signed statement can say: a yes-or-no question as a rule."""

from __future__ import annotations

from dataclasses import replace

from cds_service.engine.finding import Finding, Gap, best_supported, unknown
from cds_service.engine.plain_text import uncapitalized
from cds_service.engine.rule import RuleTemplate, shared_rule
from cds_service.facts import ChartSection
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.pump_use import pump_signs
from cds_service.policies.rules.replacement import charted_breakdown


def stated(asks: str, yes: str, no: str, closes: str, *, charted: str = "") -> RuleTemplate:
    """A rule that only the answer to a question decides.

    `asks`: the general name of what the question asks; `yes`, `no`: what an answer says, in a few words; `closes`: what
    is to be stated. `charted`: what of the chart supports a yes, by its name in CHARTED; empty for nothing.
    """
    shows = CHARTED[charted] if charted else None

    def rule(case: Case) -> Finding:
        attested = case.attested(asks, yes, no)
        shown = shows(case) if shows is not None else None
        if shown is not None:
            return best_supported(attested, shown)
        return attested or unknown(Gap.NEEDS_ATTESTATION, f"Nobody has stated it: {uncapitalized(closes)}", closes)

    reads = (ChartSection.ATTESTATIONS, *((ChartSection.CONDITIONS,) if charted else ()))
    rule.__doc__ = f"A signed statement decides.{' ' + _SUPPORTS[charted] if charted else ''}"
    made = shared_rule(closes, *_PARAMETERS.get(charted, ()), reads=reads)(rule)
    return made if charted else replace(made, asks=(asks,))


# What the chart shows of itself, by the name that a policy's data have for it.
CHARTED = {"pump-breakdown": charted_breakdown}
_SUPPORTS = {
    "pump-breakdown": "A coded breakdown or leakage of the pump of the last {breakdown_months:months} supports it; a "
    "late effect does not, and displacement is for a reviewer."
}
_PARAMETERS = {"pump-breakdown": ("breakdown_months",)}


def pump_in_use(case: Case) -> bool:
    """Whether something in the chart shows a pump that is used now."""
    return bool(pump_signs(case))
