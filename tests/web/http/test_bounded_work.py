"""What a body costs is bounded by its size: CPU seconds and memory of calls with nearly 10 MB, made to cost more.

Each call is made in a process of its own. CPU is process time, so that a busy machine does not matter.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir_mappings.json import json_shape
from fhir_mappings.json.json_shape import TooDeep, TooDense, check_shape
from tests.benchmarks.charts import sensor_month
from tests.web.http.hostile_bodies import ANSWERED, SIGN, as_json
from tests.web.http.refused_bodies import REFUSED

# For each MB of a body: CPU seconds, and MB of memory above an honest call's.
SECONDS, MEMORY = 1.0, 12
Costs = Callable[[str, bytes], dict[str, Any]]


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Costs]:
    """What a call to a path with a body costs, above what an honest one has taken before."""
    command = [sys.executable, "-m", "tests.web.http.body_costs"]
    root, file = Path(__file__).parents[3], tmp_path_factory.mktemp("bodies") / "body.json"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        told, asked = child.stdout, child.stdin
        assert told is not None
        assert asked is not None

        def ask(path: str, body: bytes) -> dict[str, Any]:
            file.write_bytes(body)
            print(json.dumps([path, str(file)]), file=asked, flush=True)
            found: dict[str, Any] = json.loads(told.readline())
            return found

        yield ask
        asked.close()


def _assert_bounded(found: dict[str, Any], size: int) -> None:
    assert size > 9_000_000 or found["seconds"] < 1
    assert found["seconds"] < SECONDS * size / 1e6
    assert found["memory"] < MEMORY * size


@pytest.mark.parametrize("name", ANSWERED)
def test_no_body_costs_far_more_than_its_size(name: str, costs: Costs) -> None:
    body = ANSWERED[name]()
    found = costs(SIGN, body)
    assert found["status"] == 200, found["said"]
    _assert_bounded(found, len(body))
    assert found["answer"] < 1_000_000 or found["answer"] < 3 * len(body)


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_over_a_limit_is_refused_by_the_name_of_the_limit(name: str, costs: Costs) -> None:
    path, make, named = REFUSED[name]
    body = make()
    found = costs(path, body)
    assert found["status"] == (400 if "feedback has" in named else 413)
    assert named in found["said"]
    _assert_bounded(found, len(body))


def test_a_month_of_sensor_readings_is_not_too_dense() -> None:
    check_shape(sensor_month(8640), 200)


@pytest.mark.parametrize("cut", range(json_shape._PIECE - 6, json_shape._PIECE + 6))
@pytest.mark.parametrize("inner", [b'\\"', b"\\\\", b"[[[", b'x\\\\\\"[', b"\\u005b"])
def test_strings_and_escapes_that_lie_across_pieces_are_strings(cut: int, inner: bytes) -> None:
    body = b'{"a":"' + b"x" * (cut - 6) + inner + b'","b":[[]]}'
    json.loads(body)
    check_shape(body, 3)
    with pytest.raises(TooDeep):
        check_shape(body, 2)


def test_values_are_counted_outside_of_strings() -> None:
    check_shape(as_json([",[{" * 100_000]), 5)
    with pytest.raises(TooDense):
        check_shape(as_json([1] * 20_000), 5)
