"""Reads missing parts of the chart from the EHR's FHIR server, side by side and inside the call's budget."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import date
from threading import Event
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from cds_service.ehr.search_plan import urls_for
from cds_service.facts import Topic
from fhir_mappings.reading import read
from fhir_mappings.readings import Reading, Status, failed

K = TypeVar("K")

log = logging.getLogger(__name__)

_CONNECT_SECONDS = 2.0
_SIDE_BY_SIDE = 16


class FhirClient:
    """One call's access to one FHIR server. Failures become readings that say so; nothing is raised."""

    def __init__(
        self, server: str, token: str, patient_id: str, as_of: date, *, seconds: float, max_pages: int
    ) -> None:
        """`seconds`: what is left of the call's budget. An empty token sends no Authorization (open servers)."""
        self._base = server.rstrip("/") + "/"
        self._patient_id = patient_id
        self._as_of = as_of
        self._until = time.monotonic() + seconds
        self._max_pages = max_pages
        self._over = Event()
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/fhir+json"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_SIDE_BY_SIDE))
        self.people: tuple[str, ...] = ()

    def fetch(self, topics: Sequence[Topic]) -> Mapping[Topic, Reading]:
        """Reads these topics, one search a need."""
        urls = {topic: urls_for(topic, self._patient_id, self._as_of, self.people) for topic in topics}
        return self._gather([(topic, url) for topic, each in urls.items() for url in each])

    def follow(self, urls: Mapping[Topic, str]) -> Mapping[Topic, Reading]:
        """Reads the pages behind these links, if they stay on the server."""
        return self._gather(list(urls.items()))

    def read_references(self, references: Iterable[str]) -> list[Reading]:
        """Reads single resources by their relative references."""
        wanted = [(reference, reference) for reference in dict.fromkeys(references)]
        return list(self._gather(wanted).values())

    def _gather(self, wanted: Sequence[tuple[K, str]]) -> dict[K, Reading]:
        """Runs searches side by side; what has not come when the budget ends is not retrieved."""
        gathered: dict[K, Reading] = {}
        pool = ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="fhir")
        try:
            running: list[tuple[K, Future[Reading]]] = [(key, pool.submit(self._pages, url)) for key, url in wanted]
            wait([future for _, future in running], timeout=max(0.0, self._until - time.monotonic()))
            for key, future in running:
                reading = future.result() if future.done() else failed("time ran out")
                if key in gathered:
                    gathered[key] = _together(gathered[key], reading)
                else:
                    gathered[key] = reading
        finally:
            # Threads that still wait for a slow server end with their own timeouts; the answer does not wait.
            pool.shutdown(wait=False, cancel_futures=True)
        return gathered

    def close(self) -> None:
        """Lets go of the connections."""
        self._over.set()
        self._session.close()

    def _pages(self, url: str) -> Reading:
        """All pages of one search, up to the cap; loops and pages elsewhere end it as incomplete."""
        whole = Reading()
        seen: set[str] = set()
        page_url: str | None = urljoin(self._base, url)
        while page_url is not None:
            if page_url in seen or len(seen) >= self._max_pages:
                whole.mark_partial("the pages of the answer loop or are too many")
                break
            if not self._is_own(page_url):
                whole.mark_partial("a page lies on another server")
                break
            seen.add(page_url)
            page = self._get(page_url)
            if page.status is Status.FAILED and len(seen) == 1:
                return page
            whole.add(page)
            page_url = urljoin(page_url, page.next_url) if page.next_url else None
        return whole

    def _is_own(self, url: str) -> bool:
        mine, other = urlsplit(self._base), urlsplit(url)
        return (mine.scheme, mine.netloc.casefold()) == (other.scheme, other.netloc.casefold())

    def _get(self, url: str) -> Reading:
        left = self._until - time.monotonic()
        if left <= 0 or self._over.is_set():
            return failed("time ran out")
        try:
            answer = self._session.get(url, timeout=(min(_CONNECT_SECONDS, left), left), allow_redirects=False)
        except requests.Timeout:
            return failed("the FHIR server did not answer in time")
        except requests.RequestException as error:
            log.info("FHIR search failed: %s", type(error).__name__)
            return failed("the FHIR server could not be reached")
        if answer.status_code != 200:
            return failed(f"the FHIR server answered {answer.status_code}")
        return read(answer.content)


def _together(one: Reading, other: Reading) -> Reading:
    """Two searches for one topic: both failed is failed, one failed is incomplete."""
    if one.status is Status.FAILED and other.status is Status.FAILED:
        return one
    if one.status is Status.FAILED:
        one, other = other, one
    one.add(other)
    return one


def open_client(
    server: str, token: str, patient_id: str, as_of: date, seconds: float, max_pages: int = 20
) -> FhirClient:
    """A client for the server and token of one call."""
    return FhirClient(server, token, patient_id, as_of, seconds=seconds, max_pages=max_pages)
