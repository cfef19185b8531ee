"""Reads missing parts of the chart from the EHR's FHIR server, side by side and inside the call's budget.

Failures become readings that say so; nothing is raised, and one failed search never costs another.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from urllib.parse import urljoin

from cds_service.ehr import search_plan
from cds_service.ehr.answers import asks_for_another_form, joined, line, not_honoured, refusal, status_in, together
from cds_service.ehr.scopes import Granted, Scopes, parse
from cds_service.ehr.search_plan import PLAN, Read, Search, Variation
from cds_service.ehr.transport import MOST_BYTES, SIDE_BY_SIDE, Transport, Unanswered
from cds_service.facts import Topic
from cds_service.trust.servers import ServerRule
from fhir_mappings.reading import read
from fhir_mappings.readings import Reading, Status, failed

K = TypeVar("K")
# For the command line, where the user of the machine chooses the server.
ANYWHERE = ServerRule(others=True, loopback=True)

log = logging.getLogger(__name__)

_TOO_LONG = 414


@dataclass(frozen=True, slots=True)
class _Task:
    """One search or read of a topic; `run` never raises."""

    type: str
    optional: bool
    run: Callable[[], Reading]


class _Progress(threading.local):
    """Where the task that runs in this thread leaves what it has read so far."""

    readings: list[Reading]

    def keep(self, reading: Reading) -> None:
        self.readings[:] = [reading]


class FhirClient:
    """One call's access to one FHIR server."""

    def __init__(
        self,
        server: str,
        token: str,
        patient_id: str,
        as_of: date,
        *,
        seconds: float,
        max_pages: int,
        scopes: Scopes | None = None,
        rule: ServerRule = ANYWHERE,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """`seconds`: what is left of the call's budget. Scopes bind only a token; open servers have none."""
        self._base = server.rstrip("/") + "/"
        self._patient_id = patient_id
        self.as_of = as_of
        self._max_pages = max_pages
        self._scopes = (scopes or Scopes()) if token else Scopes()
        self._transport = Transport(self._base, token, seconds, rule, most_bytes)
        self._progress = _Progress()
        self.people: tuple[str, ...] = ()
        self.log: list[str] = []

    def fetch(self, topics: Sequence[Topic], pages: Mapping[Topic, str] | None = None) -> Mapping[Topic, Reading]:
        """Reads these topics, and of others the pages behind these links if they stay on the server, all at once."""
        wanted = [(topic, task) for topic in topics for task in self._tasks(topic)]
        wanted += [(topic, self._task("next pages", topic, self._pages, url)) for topic, url in (pages or {}).items()]
        return self._gather(wanted)

    def read_references(self, references: Iterable[str]) -> list[Reading]:
        """Reads single resources by their relative references, each once."""
        wanted = [(ref, self._read_task(Read(ref))) for ref in dict.fromkeys(references)]
        return list(self._gather(wanted).values())

    def raw(self, reference: str) -> bytes | None:
        """A resource that was read by its reference, as it came; None when it could not be read."""
        answer = self._transport.answered(urljoin(self._base, reference))
        return answer.body if answer is not None and answer.status == 200 else None

    def close(self) -> None:
        """Lets go of the connections and of every thread that still waits."""
        self._transport.close()

    # ------------------------------------------------------------ what to run

    def _tasks(self, topic: Topic) -> list[_Task]:
        tasks = [self._read_task(each, topic) for each in search_plan.reads_for(topic, self._patient_id, self.people)]
        for search in PLAN.get(topic, ()):
            values = search_plan.values_for(search, self._patient_id, self.as_of)
            for codes in search_plan.code_chunks(search, values):
                run = (self._search, topic, search, values, codes)
                tasks.append(self._task(search.type, topic, *run, optional=search.optional))
        return tasks

    def _read_task(self, each: Read, topic: Topic | None = None) -> _Task:
        return self._task(each.type, topic, self._single, each.url, optional=each.optional)

    def _task(
        self,
        kind: str,
        topic: Topic | None,
        run: Callable[..., Reading],
        *arguments: object,
        optional: bool = False,
    ) -> _Task:
        granted = self._scopes.granted(kind, topic) if kind[:1].isupper() else Granted.ALL
        if granted is Granted.NOTHING:
            return _Task(kind, optional, lambda: failed(f"the token's scope does not grant {kind}"))

        def narrowed() -> Reading:
            reading = run(*arguments)
            if granted is Granted.PART and reading.status is not Status.FAILED:
                reading.mark_partial(f"the token's scope grants only part of {kind}")
            return reading

        return _Task(kind, optional, narrowed)

    def _gather(self, wanted: Sequence[tuple[K, _Task]]) -> dict[K, Reading]:
        """Runs tasks side by side; what has not come when the budget ends is not retrieved."""
        gathered: dict[K, Reading] = {}
        begun: list[tuple[K, _Task, list[Reading]]] = [(key, task, []) for key, task in wanted]
        pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="fhir")
        try:
            running = [(*each, pool.submit(self._timed, str(each[0]), *each[1:])) for each in begun]
            wait([future for *_, future in running], timeout=self._transport.left)
            for key, task, sofar, future in running:
                reading = future.result() if future.done() else self._late(str(key), task, sofar)
                gathered[key] = together(gathered.get(key), reading, task.optional)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return {key: reading for key, reading in gathered.items() if reading is not None}

    def _timed(self, key: str, task: _Task, sofar: list[Reading]) -> Reading:
        began = time.monotonic()
        self._progress.readings = sofar
        try:
            reading = task.run()
        except Exception as error:  # one search never costs another, whatever a server sends
            log.error("a FHIR search broke: %s", type(error).__name__)
            reading = failed("the answer of the FHIR server could not be read")
        milliseconds = (time.monotonic() - began) * 1000
        reading.given = 0
        self.log.append(line(key, task.type, reading, f"{milliseconds:.0f} ms"))
        return reading

    def _late(self, key: str, task: _Task, sofar: list[Reading]) -> Reading:
        """What a task that is not finished has read: its pages so far, as an incomplete answer."""
        reading = failed("time ran out")
        if sofar and sofar[-1].resources:
            reading = Reading(Status.PARTIAL, reading.why, list(sofar[-1].resources), pages=sofar[-1].pages, given=0)
        self.log.append(line(key, task.type, reading, "not finished"))
        return reading

    # ------------------------------------------------------------ how to run it

    def _single(self, url: str) -> Reading:
        return self._pages(url).settled()

    def _search(self, topic: Topic, search: Search, values: dict[str, str], codes: list[str]) -> Reading:
        """A search, and what the plan says to try next when the server refuses it."""
        left = list(search.variations)
        variation: Variation | None = None
        best: Reading | None = None
        while True:
            url = search.url(values, codes, variation)
            reading = self._pages(url, search.pages).settled(topic)
            if status_in(reading) == _TOO_LONG and len(codes) > 1:
                half = len(codes) // 2
                one, other = (self._search(topic, search, values, part) for part in (codes[:half], codes[half:]))
                return together(one, other, False) or reading
            if variation is not None:
                reading.ignored.append(f"asked {variation.why}")
                if variation.narrows and reading.status is not Status.FAILED:
                    reading.mark_partial(f"asked {variation.why}, which may miss some")
            reading.ignored += not_honoured(url, reading)
            if not asks_for_another_form(reading):
                return reading
            best = best or (reading if reading.resources else None)
            variation = search_plan.next_variation(left, reading.issues)
            if variation is None:
                return best or reading

    def _pages(self, url: str, most: int | None = None) -> Reading:
        """All pages of one search, up to the cap; loops and pages elsewhere end it as incomplete."""
        whole = Reading()
        seen: set[str] = set()
        page_url: str | None = urljoin(self._base, url)
        while page_url is not None:
            if page_url in seen or len(seen) >= min(most or self._max_pages, self._max_pages):
                whole.mark_partial("the pages of the answer loop or are too many")
                break
            if page_url == "" or not self._transport.is_own(page_url):
                whole.mark_partial("a page lies on another server")
                break
            seen.add(page_url)
            page = self._get(page_url)
            if page.status is Status.FAILED:
                if len(seen) == 1:
                    return page
                whole.mark_partial(page.why)
                break
            whole.add(page)
            whole.pages = len(seen)
            whole.self_url = whole.self_url or page.self_url
            self._progress.keep(whole)
            page_url = joined(page_url, page.next_url) if page.next_url else None
        return whole

    def _get(self, url: str) -> Reading:
        try:
            answer = self._transport.get(url)
        except Unanswered as error:
            return failed(str(error))
        if answer.status != 200:
            return refusal(answer.status, answer.body)
        if answer.body.strip() in (b"", b"null"):
            # A client says "nothing there" with null; from a server it is no answer.
            return failed("the FHIR server sent no data")
        return read(answer.body)


def open_client(
    server: str,
    token: str,
    patient_id: str,
    as_of: date,
    seconds: float,
    scope: str | None = None,
    max_pages: int = 20,
    rule: ServerRule = ANYWHERE,
    most_bytes: int = MOST_BYTES,
) -> FhirClient:
    """A client for the server, the token and its scope of one call."""
    scopes = parse(scope)
    return FhirClient(
        server,
        token,
        patient_id,
        as_of,
        seconds=seconds,
        max_pages=max_pages,
        scopes=scopes,
        rule=rule,
        most_bytes=most_bytes,
    )
