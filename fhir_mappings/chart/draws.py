"""Which blood draw a result comes from: by its specimen, the reports and panels that list it, and its time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from functools import cached_property

from cds_service.facts import Draw, When
from fhir_mappings.chart.context import ChartContext, reference_to
from fhir_mappings.common.datatypes import Period, Reference
from fhir_mappings.json.clinical_views import Observation
from fhir_mappings.json.laboratory_views import DiagnosticReport, Specimen
from fhir_mappings.json.raw_elements import element, entries

_WITHDRAWN = ("entered-in-error", "cancelled")
Located = Iterable[tuple[DiagnosticReport, str | None]]


class Draws:
    """The draws of one chart's results."""

    def __init__(
        self, context: ChartContext, reports: Located = (), panels: Iterable[tuple[Observation, str | None]] = ()
    ) -> None:
        """`panels`: Observations, some of which list others as their members."""
        self._context = context
        self._reports = reports
        self._panels = panels

    @cached_property
    def _lists_by_result(self) -> dict[str, set[str]]:
        """The reports and panels that list a result, by its reference."""
        listed: dict[str, set[str]] = {}
        for report, url in self._reports:
            name = reference_to(report, url)
            if report.status not in _WITHDRAWN and self._context.belongs_to_patient(report, report.subject, name):
                for result in report.result or ():
                    listed.setdefault(self._context.local(result) or "", set()).add(name)
        for panel, url in self._panels:
            if panel.hasMember and panel.status not in _WITHDRAWN:
                for member in entries(panel.hasMember, Reference):
                    listed.setdefault(self._context.local(member) or "", set()).add(reference_to(panel, url))
        return listed

    def specimen_of(self, observation: Observation) -> Specimen | None:
        """The Specimen of a result; None when it names none, or one of another patient."""
        reference = element(observation.specimen, Reference)
        specimen = self._context.resolve(reference, Specimen, observation.contained)
        if specimen is None or specimen.status == "entered-in-error":
            return None
        own = self._context.belongs_to_patient(specimen, specimen.subject, reference_to(specimen, None))
        return specimen if own else None

    def of(self, observation: Observation, name: str) -> Draw:
        """The draw of a result. A contained specimen is the result's own and joins it with nothing else."""
        reference = element(observation.specimen, Reference)
        literal = self._context.local(reference) or ""
        specimen = "" if literal.startswith("#") else literal
        return Draw(specimen, frozenset(self._lists_by_result.get(name, ())), self.taken(observation))

    def taken(self, observation: Observation) -> str:
        """The local time of the draw: of the result, else of its specimen; empty where neither has one."""
        specimen = self.specimen_of(observation)
        collection = specimen.collection if specimen is not None else None
        own = (observation.effectiveDateTime, observation.effectiveInstant, observation.effectivePeriod)
        drawn = (collection.collectedDateTime, collection.collectedPeriod) if collection is not None else ()
        for moment in (*own, *drawn):
            stamp = self._time_text(moment.start if isinstance(moment, Period) else moment)
            if stamp:
                return stamp
        return ""

    def _time_text(self, text: str | None) -> str:
        """A local time as text; empty for midnight, which is how systems write that only the day is known."""
        when: When | None = self._context.calendar.when(text)
        if when is None or when.clock is None or when.clock == time.min:
            return ""
        return f"{when.first.isoformat()}T{when.clock.isoformat()}"
