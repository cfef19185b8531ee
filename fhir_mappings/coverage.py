"""Coverage → what the policy's scope needs of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cds_service.facts import Coverage
from fhir_mappings import terminology
from fhir_mappings.administrative_views import Coverage as FhirCoverage
from fhir_mappings.administrative_views import Organization
from fhir_mappings.context import ChartContext, each
from fhir_mappings.reading import plain

_STATE_OF_PLAN = re.compile(r"^\d{5}([A-Z]{2})\d{7}(?:-?\d{2})?$")


def read_coverages(coverages: Iterable[tuple[FhirCoverage, str | None]], context: ChartContext) -> list[Coverage]:
    """The member's insurances, each with its payer's names and identifiers and the plan's ids and words."""
    members = each(context, coverages, lambda c: c.beneficiary)
    return [_one(coverage, name, context) for coverage, name in members if coverage.status != "entered-in-error"]


def _one(coverage: FhirCoverage, name: str, context: ChartContext) -> Coverage:
    names, identifiers, unread = [], set(), False
    for payor in coverage.payor or ():
        organization = context.resolve(payor, Organization, coverage.contained)
        named = payor.identifier is not None or "Organization/" not in (payor.reference or "")
        unread = unread or (organization is None and not named)
        for identifier in [payor.identifier, *((organization.identifier or ()) if organization else ())]:
            if identifier is not None and identifier.value:
                identifiers.add(identifier.value)
        for text in (payor.display, organization.name if organization else None):
            if text:
                names.append(text)
    plan_ids, texts = [], []
    for group in coverage.class_ or ():
        texts += [t for t in (group.name, group.value) if t]
        plan_ids += [group.value.strip().upper()] if group.value else []
    if coverage.type is not None:
        texts += [coverage.type.text or "", *(c.display or "" for c in terminology.codings(coverage.type))]
    return Coverage(
        reference=name,
        active=coverage.status == "active",
        period=context.calendar.period(coverage.period),
        order=coverage.order,
        payer_identifiers=frozenset(identifiers),
        payer_names=tuple(names),
        plan_ids=tuple(plan_ids),
        texts=tuple(t for t in texts if t),
        member_ids=frozenset(_member_ids(coverage)),
        payer_unread=unread,
        nameable=" " not in name,
    )


def _member_ids(coverage: FhirCoverage) -> Iterator[str]:
    """Subscriber id and identifiers, whichever the EHR files the member's number under."""
    subscriber, identifiers = plain(coverage.subscriberId), plain(coverage.identifier)
    if isinstance(subscriber, str) and subscriber.strip():
        yield subscriber.strip()
    for identifier in identifiers if isinstance(identifiers, list) else ():
        value = identifier.get("value") if isinstance(identifier, dict) else None
        if isinstance(value, str) and value.strip():
            yield value.strip()


def state_of_plan(coverages: Iterable[FhirCoverage]) -> str | None:
    """The state in the first active HIOS-style plan id."""
    for coverage in coverages:
        for group in (coverage.class_ or ()) if coverage.status == "active" else ():
            shape = _STATE_OF_PLAN.match((group.value or "").strip().upper())
            if shape:
                return shape[1]
    return None
