"""Which policies an order is held against, by the coverages that came with it alone: no chart is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from cds_service.engine.determination import Applicability
from cds_service.engine.policy import Policy
from cds_service.errors import BadRequest
from cds_service.policies.registry import choose_policies, policies_in_use
from cds_service.services.assess_orders import as_of_day
from cds_service.settings import Settings
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.json.fhir_json import read
from fhir_mappings.json.views import RawEntry
from fhir_mappings.orders.order_reader import classify, draft_orders

JSON = dict[str, Any]


def policies_for(
    orders: Sequence[JSON], coverages: Sequence[JSON], today: date, settings: Settings
) -> tuple[Policy, ...]:
    """The policies that these orders are held against; all that are in use where the coverages do not tell."""
    policies = policies_in_use(settings.policies)
    if len(policies) == 1 or not orders or not coverages:
        return policies
    try:
        chosen = {policy.id for policy in _chosen(orders, coverages, today, policies, settings)}
    except BadRequest:  # an order that cannot be read: the client is given what it may need
        chosen = set()
    return tuple(policy for policy in policies if policy.id in chosen) or policies


def _chosen(
    orders: Sequence[JSON], coverages: Sequence[JSON], today: date, policies: Sequence[Policy], settings: Settings
) -> list[Policy]:
    order_entries, coverage_entries = _entries(orders), _entries(coverages)
    located = [
        (resource, None)
        for entry in (*order_entries, *coverage_entries)
        for resource, _ in read(entry.resource).resources
    ]
    server, patient_id = _patient(orders, coverages)
    reader = ChartReader({}, located, patient_id, server, settings.time_zone)
    chart = reader.coverage_only()
    chosen = []
    for draft in draft_orders(order_entries, "Parameters.parameter"):
        order = classify(draft, reader.context, reader.providers, None)
        day, _ = as_of_day(order, today, today)
        matches = choose_policies(policies, order, chart, day, settings.overrides())
        chosen += [policy for policy, match in matches if match.applicability is not Applicability.NOT_GOVERNED]
    return chosen


def _entries(resources: Sequence[JSON]) -> list[RawEntry]:
    return [RawEntry(resource=msgspec.Raw(msgspec.json.encode(resource))) for resource in resources]


def _patient(orders: Sequence[JSON], coverages: Sequence[JSON]) -> tuple[str | None, str]:
    """The FHIR server, if it is named, and the id of the patient whom the orders or the coverages are about."""
    for reference in filter(None, patient_references(orders, coverages)):
        server, _, local = reference.rpartition("/Patient/")
        return server or None, local or reference.removeprefix("Patient/")
    return None, ""


def patient_references(orders: Sequence[JSON], coverages: Sequence[JSON]) -> list[str]:
    """References to whom the orders, then the coverages, are about, as they came."""
    people = [*(order.get("subject") for order in orders), *(coverage.get("beneficiary") for coverage in coverages)]
    return [p["reference"] for p in people if isinstance(p, dict) and isinstance(p.get("reference"), str)]
