"""Servers for the integration tests, each started once for the whole run."""

from collections.abc import Iterator

import pytest

from tests.integration.charts import family, glucose_charts, kept_apart, open_server_charts, read_folder, unavailable
from tests.integration.sekmet import FhirServer, is_installed

TOKEN = "token-of-the-secured-server"


@pytest.fixture(scope="session")
def fhir_server() -> Iterator[FhirServer]:
    """Start a server that is open to all and holds every third-party chart."""
    _require_server()
    charts = open_server_charts()
    with FhirServer() as server:
        for chart in charts:
            server.load_chart(chart)
        for folder in glucose_charts():
            held = [each for each in read_folder(folder) if each["resourceType"] != "OperationOutcome"]
            assert server.load(kept_apart(held, folder.name)).refused == []
        server.analyze()
        yield server


@pytest.fixture(scope="session")
def secured_fhir_server() -> Iterator[FhirServer]:
    """Start a server that wants a bearer token and holds one chart."""
    _require_server()
    chart = family("carebundle")[0]
    with FhirServer(token=TOKEN) as server:
        server.load_chart(chart)
        server.analyze()
        yield server


def _require_server() -> None:
    """Skip or fail when the server is not installed beside this interpreter."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
