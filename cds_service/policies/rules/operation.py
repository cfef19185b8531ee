"""Member or caregiver knows how to operate the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Finding, Gap, best_supported, met, unknown
from cds_service.engine.plain_text import on_text
from cds_service.engine.rule import shared_rule
from cds_service.facts import ChartSection, Record
from cds_service.policies.rules.case import Case, cite, usable
from cds_service.policies.rules.pump_use import pumps_in_use

_REMEDY = "State that the member or a caregiver knows how to operate the pump"


@shared_rule(
    "Member or caregiver can operate the device",
    reads=(
        ChartSection.EDUCATION,
        ChartSection.DEVICES,
        ChartSection.ATTESTATIONS,
    ),
)
def operates_device(case: Case) -> Finding:
    """A signed statement decides. Pump training or a pump already in use supports it. Dementia,
    blindness or living alone are never evidence against: a caregiver may operate the pump."""
    attested = case.attested(
        "operates-pump", "Member or caregiver can operate the pump", "Member or caregiver cannot operate the pump yet"
    )
    trainings = [r for r in case.chart.pump_training if usable(r.when, case.as_of)]
    trained = [r for r in trainings if Concept.PUMP_TRAINING in r.coded_concepts]
    pumps = pumps_in_use(case)
    if trained or pumps:
        explanation = "; ".join((*_training(trained), *_pump(pumps)))
        shown = met(f"{explanation[0].upper()}{explanation[1:]}", Basis.SUPPORTED, map(cite, (*trained, *pumps)))
        return best_supported(attested, shown)
    if attested is not None:
        return attested
    in_words = [*trainings, *pumps_in_use(case, named_in_words=True)]
    if in_words:
        explanation = f"Charted in words only: {in_words[-1].label}"
        return unknown(Gap.NEEDS_REVIEW, explanation, _REMEDY, map(cite, in_words[-3:]))
    explanation = "No pump training or pump in use is charted"
    return case.guarded(unknown(Gap.NEEDS_ATTESTATION, explanation, _REMEDY), ChartSection.DEVICES)


def _training(trained: Sequence[Record]) -> Iterator[str]:
    """The last training in a few words, since its code's own display lists all that it does not include."""
    if trained:
        last = max(trained, key=lambda r: (r.when.last if r.when else date.min, r.reference))
        yield f"pump training or fitting{f' {on_text(last.when)}' if last.when else ''}"


def _pump(pumps: Sequence[Record]) -> Iterator[str]:
    if pumps:
        yield f"a pump is in use: {pumps[0].label}"
