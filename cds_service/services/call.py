"""A validated hook call with everything its answer depends on: service, settings, clock, CRD version, options."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from cds_service.engine.coverage_match import CoverageMatch
from cds_service.engine.policy import Policy
from cds_service.facts import Chart, DeviceOrder
from cds_service.hooks.configuration import Configuration
from cds_service.hooks.discovery import HookService
from cds_service.hooks.messages import HookRequest
from cds_service.policies.registry import choose_policies
from cds_service.services.member_roster import Roster
from cds_service.settings import Settings
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.output.crd_versions import CrdVersion


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request with the service that answers it, the settings, the time, and what the client switched.

    `roster`: the plan's members, None when it gives no list. `policies`: those in use.
    """

    request: HookRequest
    service: HookService
    settings: Settings
    now: datetime
    version: CrdVersion
    configuration: Configuration
    roster: Roster | None
    policies: tuple[Policy, ...]

    @property
    def fhir_server(self) -> str | None:
        """The EHR's FHIR server, None when the call names none."""
        return self.request.fhir.server if self.request.fhir else None

    def days(self, reader: ChartReader) -> tuple[date, date]:
        """The member's day, and the one that it already is in UTC."""
        return member_days(self.now, reader)

    def matches(self, order: DeviceOrder, chart: Chart, as_of: date) -> tuple[tuple[Policy, CoverageMatch], ...]:
        """The policies that an order of that day is held against, each with its coverage."""
        return choose_policies(self.policies, order, chart, as_of, self.settings.overrides(), self.roster)


def member_days(now: datetime, reader: ChartReader) -> tuple[date, date]:
    """The member's day at a time, and the one that it already is in UTC."""
    today = now.astimezone(reader.zone).date()
    return today, max(today, now.astimezone(UTC).date())
