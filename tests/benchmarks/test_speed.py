"""One call, end to end through the WSGI application, beside a generic parser that only reads the same bytes.

Run on demand: `pytest tests/benchmarks`. Aim: typical chart under 6 times orjson, sensor month
under 1.2 times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from cds_service.settings import Settings
from cds_service.web import create_app
from tests.benchmarks.charts import sensor_month, typical

BODIES = {"typical chart": typical(), "sensor month": sensor_month()}


@pytest.fixture(scope="module")
def post() -> Callable[[bytes], int]:
    client = create_app(Settings(max_body_bytes=50_000_000)).test_client()

    def send(body: bytes) -> int:
        reply = client.post("/cds-services/insulin-pump-order-sign", data=body, content_type="application/json")
        return reply.status_code

    return send


@pytest.mark.parametrize("name", BODIES)
def test_call(benchmark: Any, post: Callable[[bytes], int], name: str) -> None:
    benchmark.group = name
    benchmark.extra_info["bytes"] = len(BODIES[name])
    assert benchmark(post, BODIES[name]) == 200


@pytest.mark.parametrize("name", BODIES)
def test_generic_parser(benchmark: Any, name: str) -> None:
    benchmark.group = name
    assert benchmark(orjson.loads, BODIES[name])["hook"] == "order-sign"
