"""Inputs from the field: public bug reports, captures of real EHRs, and charts that a reviewer judged beforehand."""

from __future__ import annotations

import gzip
import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.browser.serving import served
from tests.integration.charts import unavailable

FOLDER = support.SHARED / "data" / "field"
INPUTS = sorted(FOLDER.glob("*.json.gz"))
# The inputs name their FHIR server by this address; here it gets a port of its own, so that runs do not meet.
NAMED_IN_THE_INPUTS = "127.0.0.1:18181"
SIGN = "/cds-services/insulin-pump-order-sign"


@pytest.fixture(scope="module")
def runner() -> Any:
    """The folder's own program, which says what a right answer is."""
    path = FOLDER / "run.py"
    if not path.exists() or not INPUTS:
        unavailable(f"no inputs from the field in {FOLDER}")
    spec = importlib.util.spec_from_file_location("run_field_inputs", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ehr(runner: Any) -> Iterator[str]:
    """The address of a FHIR server that answers by the rules of one input at a time."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), runner.Ehr)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def service(ehr: str) -> Iterator[str]:
    settings = Settings(fhir_servers=f"http://{ehr}", database_url="off")
    with served(create_app(settings)) as address:
        yield address


def _named(path: Path) -> str:
    return path.name.removesuffix(".json.gz")


@pytest.mark.parametrize("path", INPUTS or [FOLDER / "missing.json.gz"], ids=_named)
def test_an_input_from_the_field_is_answered_rightly(runner: Any, ehr: str, service: str, path: Path) -> None:
    text = gzip.decompress(path.read_bytes()).decode("utf-8").replace(NAMED_IN_THE_INPUTS, ehr)
    case = json.loads(text)
    runner.RULES[:] = case.get("server") or []
    request, expect = case["request"], case["expect"]
    body = request["raw"].encode("latin-1") if set(request) == {"raw"} else json.dumps(request).encode()
    status, answer = runner.post(service + expect.get("path", SIGN), body, expect.get("headers"))
    assert runner.judge(expect, status, answer) == [], expect.get("why")
