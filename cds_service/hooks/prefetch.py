"""Prefetch → readings by section: what was given is read, what the client left out is fetched, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Protocol

import msgspec

from cds_service.errors import BadRequest
from cds_service.facts import ChartSection
from fhir_mappings.json.clinical_views import Patient
from fhir_mappings.json.fhir_json import raw_members, read, read_members
from fhir_mappings.json.search_result import SearchResult, Status, failed

_TOPIC_OF = {section.value: section for section in ChartSection}


class SectionSource(Protocol):
    """Where missing parts of the chart come from."""

    def fetch(
        self, sections: Sequence[ChartSection], pages: Mapping[ChartSection, str]
    ) -> Mapping[ChartSection, SearchResult]:
        """Reads these sections, and of others the pages behind the first one that the client sent, all at once.

        What would take long is left to `rest`.
        """
        ...

    @property
    def unfinished(self) -> frozenset[ChartSection]:
        """Topics that `fetch` did not wait for and that are not read to their end yet."""
        ...

    def rest(self, *, waiting: bool) -> Mapping[ChartSection, SearchResult]:
        """What `fetch` did not wait for: all of it, or what has come so far."""
        ...


class Prefetch:
    """The prefetch object, parsed lazily: most calls are not about a pump."""

    def __init__(self, raw: bytes | msgspec.Raw = b"{}") -> None:
        """`raw`: a JSON object."""
        self._raw = raw

    @cached_property
    def members(self) -> dict[str, msgspec.Raw]:
        """The values by their keys, as they came."""
        return raw_members.decode(self._raw)

    @cached_property
    def readings(self) -> dict[str, SearchResult]:
        """The values by their keys, read."""
        return read_members(self._raw)


def given(prefetch: Prefetch) -> tuple[dict[ChartSection, SearchResult], list[SearchResult]]:
    """Readings of what the client sent: by section, and those under keys of its own.

    A key with null or an empty searchset is "nothing there"; an OperationOutcome or rubbish is a failed one.
    """
    found = prefetch.readings
    sections = {key: _TOPIC_OF[key] for key in found if key in _TOPIC_OF}
    by_section = {section: found[key].settled(section) for key, section in sections.items()}
    return by_section, [reading.settled() for key, reading in found.items() if key not in sections]


def refuse_other_patient(prefetch: Prefetch, patient_id: str, *, read_whole: bool = False) -> None:
    """A prefetched Patient whose id is not the context's means that two charts are mixed up: nothing is judged.

    `read_whole`: the rest is needed, too.
    """
    key = ChartSection.PATIENT.value
    reading = prefetch.readings.get(key, SearchResult()) if read_whole else read(prefetch.members.get(key, b"null"))
    ids = {resource.id for resource, _ in reading.resources if isinstance(resource, Patient) and resource.id}
    if ids and patient_id not in ids:
        raise BadRequest("prefetch.patient is another patient than context.patientId", "prefetch.patient")


def completed(
    by_section: dict[ChartSection, SearchResult], source: SectionSource | None
) -> dict[ChartSection, SearchResult]:
    """All sections: absent and failed keys are fetched once, first pages are completed; what was given is not asked
    again. Without a source, what is missing is not retrieved."""
    wanted, open_ended = lacking(by_section)
    if source is None:
        for section in open_ended:
            by_section[section].mark_partial("only the first page came, and no FHIR server to read the rest from")
        return {t: failed("not in the request, and no FHIR server to ask") for t in wanted} | by_section
    fetched = dict(source.fetch(wanted, open_ended)) if wanted or open_ended else {}
    for section in open_ended:
        first = by_section[section]
        first.given, first.next_url = len(first.resources), None
        if section in fetched:
            first.add(fetched.pop(section))
            first.settled(section)
    nothing = {t: failed("nothing in the call says what to ask for") for t in wanted if t not in fetched}
    return by_section | nothing | fetched


def lacking(by_section: Mapping[ChartSection, SearchResult]) -> tuple[list[ChartSection], dict[ChartSection, str]]:
    """Topics that did not come or could not be read; and of those that came in part the page to go on with."""
    wanted = [t for t in ChartSection if t not in by_section or by_section[t].status is Status.FAILED]
    return wanted, {section: r.next_url for section, r in by_section.items() if r.next_url}
