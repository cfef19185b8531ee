"""Prefetch → readings by topic: what was given is read, what the client left out is fetched, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from cds_service.errors import BadRequest
from cds_service.facts import Topic
from fhir_mappings.clinical_views import Patient
from fhir_mappings.reading import read
from fhir_mappings.readings import Reading, Status, failed

_TOPIC_OF = {topic.value: topic for topic in Topic}


class ChartSource(Protocol):
    """Where missing parts of the chart come from."""

    def fetch(self, topics: Sequence[Topic], pages: Mapping[Topic, str]) -> Mapping[Topic, Reading]:
        """Reads these topics, and of others the pages behind the first one that the client sent, all at once."""
        ...


def given(prefetch: Mapping[str, msgspec.Raw]) -> tuple[dict[Topic, Reading], list[Reading]]:
    """Readings of what the client sent: by topic, and those under keys of its own.

    A key with null or an empty searchset is "nothing there"; an OperationOutcome or rubbish is a failed one.
    """
    by_topic = {_TOPIC_OF[key]: read(value).settled() for key, value in prefetch.items() if key in _TOPIC_OF}
    extras = [read(value) for key, value in prefetch.items() if key not in _TOPIC_OF]
    return by_topic, extras


def refuse_other_patient(prefetch: Mapping[str, msgspec.Raw], patient_id: str) -> None:
    """A prefetched Patient whose id is not the context's means that two charts are mixed up: nothing is judged."""
    raw = prefetch.get(Topic.PATIENT.value)
    reading = read(raw) if raw is not None else Reading()
    ids = {resource.id for resource, _ in reading.resources if isinstance(resource, Patient) and resource.id}
    if ids and patient_id not in ids:
        raise BadRequest("prefetch.patient is another patient than context.patientId", "prefetch.patient")


def completed(by_topic: dict[Topic, Reading], source: ChartSource | None) -> dict[Topic, Reading]:
    """All topics: absent and failed keys are fetched once, first pages are completed; what was given is not asked
    again. Without a source, what is missing is not retrieved."""
    wanted, open_ended = lacking(by_topic)
    if source is None:
        for topic in open_ended:
            by_topic[topic].mark_partial("only the first page came, and no FHIR server to read the rest from")
        return {t: failed("not in the request, and no FHIR server to ask") for t in wanted} | by_topic
    fetched = dict(source.fetch(wanted, open_ended)) if wanted or open_ended else {}
    for topic in open_ended:
        first = by_topic[topic]
        first.given, first.next_url = len(first.resources), None
        first.add(fetched.pop(topic, failed("the next pages were not read")))
        first.settled()
    nothing = {t: failed("nothing in the call says what to ask for") for t in wanted if t not in fetched}
    return by_topic | nothing | fetched


def lacking(by_topic: Mapping[Topic, Reading]) -> tuple[list[Topic], dict[Topic, str]]:
    """Topics that did not come or could not be read; and of those that came in part the page to go on with."""
    wanted = [t for t in Topic if t not in by_topic or by_topic[t].status is Status.FAILED]
    return wanted, {topic: r.next_url for topic, r in by_topic.items() if r.next_url}


def unreadable(readings: Mapping[Topic, Reading]) -> dict[Topic, str]:
    """Topics that could not be read whole, with the reason."""
    return {topic: r.why for topic, r in readings.items() if r.status in (Status.FAILED, Status.PARTIAL)}
