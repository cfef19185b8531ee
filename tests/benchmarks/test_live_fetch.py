"""A call without prefetch against a server whose every answer takes 50 ms: whole call ÷ slowest single search.

Run on demand: `pytest tests/benchmarks`. Aim: under 1.3.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import requests

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support


@pytest.fixture(scope="module")
def slow_server() -> Iterator[str]:
    script = Path(__file__).with_name("slow_server.py")
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    process.terminate()
    process.wait(10)
    process.stdout.close()


def _slowest_single(url: str) -> float:
    with requests.Session() as session:
        taken = []
        for _ in range(10):
            began = time.perf_counter()
            session.get(f"{url}/Observation?patient=p1", timeout=5).json()
            taken.append(time.perf_counter() - began)
        return max(taken[1:])


# Five searches are of Observation.
TEN = "Patient Coverage Condition Observation MedicationRequest Procedure"


def _authorization(types: str) -> dict[str, Any]:
    scope = " ".join(f"patient/{kind}.read" for kind in types.split())
    return {
        "access_token": "abc",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": scope,
        "subject": "service",
        "patient": "p1",
    }


@pytest.mark.parametrize("granted", [TEN, None], ids=["ten searches", "every search"])
def test_whole_call_beside_its_slowest_search(benchmark: Any, slow_server: str, granted: str | None) -> None:
    client = create_app(Settings()).test_client()
    request = support.call() | {"fhirServer": slow_server}
    del request["prefetch"]
    if granted:
        request["fhirAuthorization"] = _authorization(granted)
    body = json.dumps(request).encode()

    def call() -> int:
        return client.post(
            "/cds-services/insulin-pump-order-sign", data=body, content_type="application/json"
        ).status_code

    assert benchmark.pedantic(call, rounds=20, warmup_rounds=2) == 200
    single = median(_slowest_single(slow_server) for _ in range(3))
    benchmark.extra_info["slowest single search, ms"] = round(single * 1000, 1)
    benchmark.extra_info["ratio"] = round(benchmark.stats.stats.median / single, 2)
    print(f"\nwhole call / slowest single search: {benchmark.extra_info['ratio']}")
