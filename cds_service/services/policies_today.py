"""The policies in use as they read today."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from cds_service.engine.policy import PolicyOnDay
from cds_service.policies.registry import policies_in_use
from cds_service.settings import Settings


def today_of(settings: Settings, now: datetime | None = None) -> date:
    """The day that it is in the configured time zone. `now`: an aware time, None for the present."""
    return (now or datetime.now(UTC)).astimezone(ZoneInfo(settings.time_zone)).date()


def policies_today(settings: Settings) -> tuple[PolicyOnDay, ...]:
    """The policies in use as they read today, with the plan's own parameter values."""
    today = today_of(settings)
    return tuple(policy.on(today, settings.overrides()) for policy in policies_in_use(settings.policies))
