"""Prefetch → search results by chart section: what came is read, what did not is fetched, nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Protocol

import msgspec

from cds_service.errors import BadRequest
from cds_service.facts import ChartSection, ResultKind
from fhir_mappings.json.clinical_views import Patient
from fhir_mappings.json.fhir_json import read, read_members
from fhir_mappings.json.object_members import raw_members
from fhir_mappings.json.search_result import SearchResult, Status, failed


class SectionSource(Protocol):
    """Where missing parts of the chart come from."""

    def fetch(self, sections: Sequence[str], pages: Mapping[str, str]) -> Mapping[str, SearchResult]:
        """Reads these chart sections, and of others the pages behind the first one that the client sent, all at once.

        What would take long is left to `rest`.
        """
        ...

    @property
    def unfinished(self) -> frozenset[str]:
        """Chart sections that `fetch` did not wait for and that are not read to their end yet."""
        ...

    def rest(self, *, waiting: bool) -> Mapping[str, SearchResult]:
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
        return raw_members.decode(self._raw, "prefetch")

    @cached_property
    def readings(self) -> dict[str, SearchResult]:
        """The values by their keys, read."""
        return read_members(self._raw)


def given(prefetch: Prefetch, kinds: Iterable[ResultKind] = ()) -> tuple[dict[str, SearchResult], list[SearchResult]]:
    """What the client sent: by chart section, and what came under keys of its own. `kinds`: see `ChartReader`.

    A key with null or an empty searchset is "nothing there"; an OperationOutcome or rubbish is a failed one. A client
    that sends every chart section, and none of a kind of result that only some policies ask for, has none there.
    """
    results, own = prefetch.readings, {kind.chart_section for kind in kinds}
    known = {*ChartSection, *own}
    by_section = {key: result.checked(key) for key, result in results.items() if key in known}
    if all(section in by_section for section in ChartSection):
        by_section |= {key: SearchResult() for key in own if key not in by_section}
    return by_section, [result.checked() for key, result in results.items() if key not in known]


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
    by_section: dict[str, SearchResult], source: SectionSource | None, needed: Iterable[str]
) -> dict[str, SearchResult]:
    """All chart sections that are needed: absent and failed keys are fetched once, first pages are completed; what was
    given is not asked again. Without a source, what is missing is not retrieved."""
    wanted, open_ended = lacking(by_section, needed)
    if source is None:
        for section in open_ended:
            by_section[section].mark_partial("only the first page was sent by the EHR")
        return {each: failed("not sent by the EHR") for each in wanted} | by_section
    fetched = dict(source.fetch(wanted, open_ended)) if wanted or open_ended else {}
    for section in open_ended:
        first = by_section[section]
        first.given, first.next_url = len(first.resources), None
        if section in fetched:
            first.add(fetched.pop(section))
            first.checked(section)
    nothing = {each: failed("nothing in the call says what to ask for") for each in wanted if each not in fetched}
    return by_section | nothing | fetched


def lacking(by_section: Mapping[str, SearchResult], needed: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Of the chart sections that are needed those that did not come or could not be read; and of those that came in
    part the page to go on with."""
    needed = tuple(needed)
    wanted = [each for each in needed if each not in by_section or by_section[each].status is Status.FAILED]
    return wanted, {section: r.next_url for section, r in by_section.items() if r.next_url and section in needed}
