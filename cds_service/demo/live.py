"""The sample charts on a real FHIR server: their resources, and hook calls that make the service read them there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from cds_service.demo.charts import DemoChart, all_charts
from cds_service.demo.sandbox_server import FhirServer, Resource, ServerError
from cds_service.errors import BadRequest
from cds_service.services.chart_source import ChartSource, ChartSourceFactory
from fhir_mappings.json.local_references import replace_references

_SEARCHED = "Searched "


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A FHIR server that holds every sample chart as of a day."""

    base_url: str
    day: date

    def call(self, chart: DemoChart) -> dict[str, Any]:
        """The hook call of a chart, with the FHIR server in place of the prefetch.

        A chart that shows a failed prefetch is sent with it: the server would have the missing data.
        """
        request = with_unique_ids(chart, self.day)
        if any(_is_failure(value) for value in request["prefetch"].values()):
            return request
        del request["prefetch"]
        return request | {"fhirServer": self.base_url}

    def only(self, open_source: ChartSourceFactory, aliases: Sequence[str] = ()) -> ChartSourceFactory:
        """The factory, limited to this server. `aliases`: other base URLs of it."""

        def open_own(server: str, *rest: Any) -> ChartSource:
            if server.rstrip("/") not in (self.base_url, *aliases):
                raise BadRequest("the demo reads its own FHIR server only", "fhirServer")
            return open_source(server, *rest)

        return open_own


@contextmanager
def running_sandbox(day: date) -> Iterator[Sandbox]:
    """Starts a FHIR server with the sample charts as of a day, and stops it at the end of the block."""
    with FhirServer() as server:
        refused = server.load(all_resources(day)).refused
        if refused:
            raise ServerError(f"the FHIR server refused {refused[0]}")
        server.analyze()
        yield Sandbox(server.base_url, day)


def all_resources(day: date) -> list[Resource]:
    """All resources of all charts, each with an id that no other chart uses."""
    resources: list[Resource] = []
    for chart in all_charts().values():
        for value in with_unique_ids(chart, day)["prefetch"].values():
            if value is not None and not _is_failure(value):
                resources += resources_in(value)
    return resources


def with_unique_ids(chart: DemoChart, day: date) -> dict[str, Any]:
    """A chart's call with the chart's number in front of its resource ids, and in the references to them.

    Ids that begin with `sample-` are unique already.
    """
    request = chart.call_on(day)
    names: dict[str, str] = {}
    for value in request["prefetch"].values():
        for resource in resources_in(value) if value is not None else ():
            if "id" in resource and not resource["id"].startswith("sample-"):
                old = resource["id"]
                resource["id"] = f"{chart.place}-{old}"
                names[f"{resource['resourceType']}/{old}"] = f"{resource['resourceType']}/{resource['id']}"
    replace_references(request, names)
    return request


def resources_in(value: Resource) -> list[Resource]:
    """The resources of a prefetch value: a Bundle's entries, else the value itself."""
    return [entry["resource"] for entry in value["entry"]] if value["resourceType"] == "Bundle" else [value]


def searches(determination: dict[str, Any]) -> list[str]:
    """The notes of a determination about searches of the FHIR server."""
    return [note for note in determination.get("notes", ()) if note.startswith(_SEARCHED)]


def _is_failure(value: Resource | None) -> bool:
    return value is not None and value["resourceType"] == "OperationOutcome"
