"""How far back glucose results are searched for: as far as a rule of this policy looks, and some days more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DAYS_OF_LONGEST_MONTH = 31
_WINDOWS = ("hypoglycemia_window_months", "excursion_window_months")
# Servers round dates and keep them in other time zones.
_MORE_DAYS, _MORE_DAYS_OF_SENSORS = 28, 3


def search_days(parameters: Mapping[str, Any]) -> dict[str, int]:
    """Days before the order: meter readings as far as a rule looks, sensor readings for the window of self-tests."""
    months = max((parameters[name] for name in _WINDOWS if name in parameters), default=0)
    days = int(parameters.get("self_test_window_days", 0))
    if not (months or days):
        return {}
    return {
        "glucose": max(months * _DAYS_OF_LONGEST_MONTH, days) + _MORE_DAYS,
        "sensor": days + _MORE_DAYS_OF_SENSORS,
    }
