"""Servers for the integration tests, each started once for the whole run."""

from collections.abc import Iterator

import pytest

from tests.integration.charts import family, open_server_charts, unavailable
from tests.integration.sekmet import EXECUTABLE, FhirServer

TOKEN = "token-of-the-secured-server"


@pytest.fixture(scope="session")
def fhir_server() -> Iterator[FhirServer]:
    """Start a server that is open to all and holds charts of all families that fit."""
    _require_server()
    charts = open_server_charts()
    with FhirServer() as server:
        for chart in charts:
            server.load(chart)
        server.analyze()
        yield server


@pytest.fixture(scope="session")
def secured_fhir_server() -> Iterator[FhirServer]:
    """Start a server that wants a bearer token and holds one chart."""
    _require_server()
    chart = family("carebundle")[0]
    with FhirServer(token=TOKEN) as server:
        server.load(chart)
        server.analyze()
        yield server


def _require_server() -> None:
    """Skip or fail when the server is not installed beside this interpreter."""
    if not EXECUTABLE.exists():
        unavailable(f"sekmet-fhir is not installed: no {EXECUTABLE.name} beside {EXECUTABLE.parent.name}/python")
