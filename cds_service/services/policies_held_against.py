"""Which policies a call's orders are held against, before the chart is fetched: of a member whom no policy of a payer
covers, nothing is read that only that policy asks for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cds_service.engine.coverage_match import MatchReason
from cds_service.engine.determination import Applicability
from cds_service.engine.policy import Policy
from cds_service.facts import DeviceOrder
from cds_service.policies.registry import is_governed_kind
from cds_service.services.assess_orders import as_of_day
from cds_service.services.call import Call
from cds_service.services.read_chart import HeldAgainst
from fhir_mappings.chart.chart_reader import ChartReader


def held_against(call: Call, chosen: Collection[str]) -> HeldAgainst:
    """The policies for the chosen orders by the coverages read so far; all in use where those do not settle it."""

    def policies(reader: ChartReader, orders: Sequence[DeviceOrder]) -> tuple[Policy, ...]:
        chart, days, found = reader.coverage_only(), call.days(reader), dict[str, Policy]()
        if any(coverage.payer_unread for coverage in chart.coverages):
            return call.policies
        for order in orders:
            if order.reference not in chosen or not is_governed_kind(order):
                continue
            for policy, match in call.matches(order, chart, as_of_day(order, *days)[0]):
                if (
                    match.applicability is not Applicability.GOVERNED
                    and match.reason is not MatchReason.SEVERAL_POLICIES
                ):
                    return call.policies
                found[policy.id] = policy
        return tuple(found.values()) or call.policies

    return policies
