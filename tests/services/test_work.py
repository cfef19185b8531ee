"""How much work one call does, counted and not timed: what a change that costs more has to answer for."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.hooks import prefetch
from cds_service.hooks.discovery import SERVICES
from cds_service.services import read_chart
from cds_service.services.answer_hook import answer
from cds_service.services.read_chart import CallReader
from cds_service.settings import Settings
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.common.dates import Calendar, calendar_of
from fhir_mappings.json import fhir_json
from tests.benchmarks.charts import sensor_month, typical

SERVICE = SERVICES["insulin-pump-order-sign"]
NOW = datetime(2026, 11, 25, 17, tzinfo=UTC)
READINGS = 8640
BODY = sensor_month(READINGS)


def call(body: bytes) -> dict[str, Any]:
    return answer(body, SERVICE, Settings(), NOW, None)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Counter[str]]:
    """Counts calls of functions, by their names."""
    counts: Counter[str] = Counter()

    def watch(owner: Any, *names: str) -> Counter[str]:
        for name in names:
            monkeypatch.setattr(owner, name, _counting(getattr(owner, name), name, counts))
        return counts

    return watch


def _counting(function: Callable[..., Any], name: str, counts: Counter[str]) -> Callable[..., Any]:
    def count(*arguments: Any, **named: Any) -> Any:
        counts[name] += 1
        return function(*arguments, **named)

    return count


def test_the_prefetch_is_decoded_in_one_pass_and_never_entry_by_entry(counted: Callable[..., Counter[str]]) -> None:
    counts = counted(prefetch, "read_members", "read")
    counted(fhir_json, "read", "_read_entry_by_entry")
    call(BODY)
    assert counts == {"read_members": 1}


def test_a_chart_is_put_together_once_and_its_orders_are_looked_at_once(counted: Callable[..., Counter[str]]) -> None:
    counts = counted(ChartReader, "chart")
    counted(CallReader, "rebuild")
    call(typical())
    assert counts == {"chart": 1, "rebuild": 1}


def test_what_came_with_orders_that_are_not_for_a_pump_is_not_read(counted: Callable[..., Counter[str]]) -> None:
    counts = counted(read_chart, "given")
    counted(CallReader, "rebuild")
    call(typical().replace(b'"code":"E0784"', b'"code":"E0601"'))
    assert counts == {"rebuild": 1}


def test_dates_are_read_in_full_once_an_hour_and_not_once_a_reading(counted: Callable[..., Counter[str]]) -> None:
    calendar_of.cache_clear()
    counts = counted(Calendar, "_read_in_full", "_hour", "_day")
    call(BODY)
    # A reading every five minutes for 30 days: 720 hours, begun at a full hour; stamps share one tail.
    hours = READINGS * 5 // 60
    assert hours - 1 <= counts["_hour"] <= hours + 1
    assert hours // 24 <= counts["_day"] <= hours // 24 + 1
    assert counts["_read_in_full"] <= 2


def test_what_an_hour_means_is_the_same_for_the_next_patient(counted: Callable[..., Counter[str]]) -> None:
    call(BODY)
    counts = counted(Calendar, "_read_in_full", "_hour", "_day")
    call(BODY.replace(b"p1", b"p2"))
    assert not counts


def test_members_of_other_states_have_their_own_hours() -> None:
    """04:30 UTC is the evening before in Ohio and in Indiana's north-west, an hour apart."""
    ohio, gary = (calendar_of(ZoneInfo(name)) for name in ("America/New_York", "America/Chicago"))
    for _ in range(2):  # the second time from what is kept
        assert ohio.day_minute("2026-11-20T04:30:00Z") == (date(2026, 11, 19), 23 * 60 + 30)
        assert gary.day_minute("2026-11-20T04:30:00Z") == (date(2026, 11, 19), 22 * 60 + 30)


def test_memory_grows_by_no_more_than_three_times_the_body() -> None:
    call(typical())  # what is loaded once is loaded
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        call(BODY)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (peak - before) / len(BODY) <= 3


@pytest.mark.parametrize("name", ["fhir.resources", "authlib", "alembic"])
def test_what_only_some_answers_need_is_not_imported_for_all(name: str) -> None:
    script = f"""
import sys
from cds_service.settings import Settings
from cds_service.web import create_app
client = create_app(Settings(database_url="off")).test_client()
assert client.get("/cds-services").status_code == 200
sys.exit({name!r} in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
