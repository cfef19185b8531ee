"""The FHIR server of the package, with what only tests ask of it: charts from files, and free searches."""

from collections.abc import Mapping
from pathlib import Path

import requests

from cds_service.demo.sandbox_server import FhirServer as SandboxServer
from cds_service.demo.sandbox_server import LoadReport, ServerError, is_installed
from tests.integration.charts import read_chart

__all__ = ["FhirServer", "LoadReport", "ServerError", "is_installed"]

REQUEST_SECONDS = 60


class FhirServer(SandboxServer):
    """A server that remembers which chart files it holds."""

    def __init__(self, token: str | None = None) -> None:
        """Prepare a server, open to all or, with a token, to bearers of that token only."""
        super().__init__(token)
        self.reports: dict[str, LoadReport] = {}

    def load_chart(self, path: Path) -> LoadReport:
        """Store the resources of a chart file; those that the server refuses are counted, not raised."""
        self.reports[path.name] = report = self.load(read_chart(path))
        return report

    def get(self, where: str, params: Mapping[str, str | list[str]] | None = None) -> requests.Response:
        """GET a path below the base, or a whole URL such as a next link, with the server's token if any."""
        url = where if where.startswith("http://") else f"{self.base_url}/{where}"
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return requests.get(url, params=params, headers=headers, timeout=REQUEST_SECONDS)
