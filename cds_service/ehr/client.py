"""Reads missing parts of the chart from the EHR's FHIR server, concurrently and within the call's time budget.

A failure becomes a failed SearchResult; nothing is raised, and one failed search never affects another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from urllib.parse import urljoin

from cds_service.ehr import search_plan
from cds_service.ehr.answers import (
    asks_for_another_form,
    error_result,
    ignored_parameters,
    keep_undated,
    next_page_url,
)
from cds_service.ehr.scopes import Granted, Scopes, parse
from cds_service.ehr.search_plan import Read, Search, Variation
from cds_service.ehr.searches import searches_by_category, searches_for
from cds_service.ehr.tasks import Running, Task, TaskRunner
from cds_service.ehr.transport import MOST_BYTES, SIDE_BY_SIDE, AnyTransport, NoAnswer, Transport
from cds_service.facts import ResultKind
from cds_service.trust.servers import ServerRule
from fhir_mappings.json.fhir_json import read
from fhir_mappings.json.json_shape import TooDeep, TooDense, check_shape
from fhir_mappings.json.search_result import SearchNote, SearchResult, Status, failed, merged

# For the command line, whose user chooses the server.
ANYWHERE = ServerRule(others=True, loopback=True)

_MOST_DEPTH = 200
_TOO_LONG, _UNKNOWN = 414, (404, 405, 501)


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
        transport: AnyTransport | None = None,
    ) -> None:
        """`seconds`: what is left of the call's budget. Scopes bind only a token; open servers have none.

        `transport`: in place of connections to the server.
        """
        self._base = rule.base(server) + "/"
        self._patient_id = patient_id
        self.as_of = as_of
        self._max_pages = max_pages
        self._scopes = (scopes or Scopes()) if token else Scopes()
        self._transport = transport or Transport(self._base, token, seconds, rule, most_bytes)
        self._runner = TaskRunner(lambda: self._transport.left, SIDE_BY_SIDE)
        self._later: list[Running[str]] = []
        self.people: tuple[str, ...] = ()
        self.kinds: tuple[ResultKind, ...] = ()
        self.search_days: Mapping[str, int] = {}

    @property
    def log(self) -> list[SearchNote]:
        """Every search and read."""
        return self._runner.log

    def fetch(self, sections: Sequence[str], pages: Mapping[str, str] | None = None) -> Mapping[str, SearchResult]:
        """Reads these sections, and the further pages of others by their links, concurrently.

        Links to other servers are not followed. Sensor readings come in many pages: they are left to `rest`. Where a
        search by code finds nothing, one by category follows, which also finds results without a code.
        """
        wanted = [(section, task) for section in sections for task in self._tasks(section)]
        for section, url in (pages or {}).items():
            waits = section not in search_plan.LONG
            wanted.append((section, self._task("next pages", section, partial(self._pages, url), waits=waits)))
        self._later += self._runner.start([(section, task) for section, task in wanted if not task.waits])
        results = self._runner.collect(self._runner.start([(section, task) for section, task in wanted if task.waits]))
        self._search_by_category(results)
        return results

    @property
    def unfinished(self) -> frozenset[str]:
        """Parts of the chart that `fetch` did not wait for and that are not read to their end yet."""
        return frozenset(running.key for running in self._later if not running.future.done())

    def rest(self, *, waiting: bool) -> Mapping[str, SearchResult]:
        """What `fetch` did not wait for: all of it, or what has come so far."""
        later, self._later = self._later, []
        return self._runner.collect(later, waiting=waiting)

    def read_references(self, references: Iterable[str]) -> list[SearchResult]:
        """Reads single resources by their relative references, each once."""
        wanted = [(ref, self._read_task(Read(ref))) for ref in dict.fromkeys(references)]
        return list(self._runner.collect(self._runner.start(wanted)).values())

    def raw(self, reference: str) -> bytes | None:
        """A resource that was read by its reference, as it came; None when it could not be read."""
        answer = self._transport.cached_answer(urljoin(self._base, reference))
        return answer.body if answer is not None and answer.status == 200 else None

    def close(self) -> None:
        """Closes the connections; threads that still wait for an answer end."""
        self._transport.close()

    # ------------------------------------------------------------ what to run

    def _tasks(self, section: str) -> list[Task]:
        tasks = [
            self._read_task(resource, section)
            for resource in search_plan.reads_for(section, self._patient_id, self.people)
        ]
        for search in searches_for(section, self.kinds):
            values = search_plan.values_for(search, self._patient_id, self.as_of, self.search_days)
            for codes in search_plan.code_chunks(search, values):
                tasks.append(self._search_task(section, search, values, codes))
        return tasks

    def _search_task(self, section: str, search: Search, values: dict[str, str], codes: list[str]) -> Task:
        task = self._task(search.type, section, partial(self._search, section, search, values, codes))
        name = f"{search.type} {search.only}".strip()
        return replace(task, name=name, optional=search.optional, waits=search.waits, otherwise=search.otherwise)

    def _search_by_category(self, results: dict[str, SearchResult]) -> None:
        """Searches by category where the search by code found nothing; several sections may share one such search."""
        by_category = searches_by_category(self.kinds)
        empty = [section for section in by_category if section in results and results[section].status is Status.EMPTY]
        first: dict[Search, str] = {}
        for name in empty:
            first.setdefault(by_category[name], name)
        wanted = []
        for search, section in first.items():
            values = search_plan.values_for(search, self._patient_id, self.as_of, self.search_days)
            wanted.append((section, self._search_task(section, search, values, [])))
        for section, result in self._runner.collect(self._runner.start(wanted)).items():
            if result.resources:
                results[section] = merged(results[section], result, True)

    def _read_task(self, read: Read, section: str | None = None) -> Task:
        return replace(self._task(read.type, section, partial(self._read_one, read.url)), optional=read.optional)

    def _task(self, kind: str, section: str | None, run: Callable[[], SearchResult], *, waits: bool = True) -> Task:
        granted = self._scopes.granted(kind, section) if kind[:1].isupper() else Granted.ALL
        if granted is Granted.NOTHING:
            return Task(kind, lambda: failed(f"the token's scope does not grant {kind}"))

        def run_within_scope() -> SearchResult:
            result = run()
            if granted is Granted.PART and result.status is not Status.FAILED:
                result.mark_partial(f"the token's scope grants only part of {kind}")
            return result

        return Task(kind, run_within_scope, waits=waits)

    # ------------------------------------------------------------ how to run it

    def _read_one(self, url: str) -> SearchResult:

        return self._pages(url).checked()

    def _search(self, section: str, search: Search, values: dict[str, str], codes: list[str]) -> SearchResult:
        """Runs a search; when the server refuses it, tries the plan's variations one by one."""
        untried = list(search.variations)
        variation: Variation | None = None
        best: SearchResult | None = None
        while True:
            url = search.url(values, codes, variation)
            result = self._pages(url, search.pages).checked(section)
            if result.http_status == _TOO_LONG and len(codes) > 1:
                half = len(codes) // 2
                one, other = (self._search(section, search, values, part) for part in (codes[:half], codes[half:]))
                return merged(one, other, False) or result
            if variation is not None:
                result.ignored.append(f"asked {variation.why}")
                if variation.narrows and result.status is not Status.FAILED:
                    result.mark_partial(f"asked {variation.why}, which may miss some")
            result.ignored += [f"the server ignored {name}" for name in ignored_parameters(url, result)]
            if search.undated:
                keep_undated(result, url)
            if not asks_for_another_form(result):
                return result
            best = best or (result if result.resources else None)
            variation = search_plan.next_variation(untried, result.issues, unknown=result.http_status in _UNKNOWN)
            if variation is None:
                return best or result

    def _pages(self, url: str, most: int | None = None) -> SearchResult:
        """All pages of one search, up to the cap; a loop, or a page on another server, makes the result incomplete."""
        whole = SearchResult()

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
            self._runner.report_progress(whole, more=bool(page.next_url))
            page_url = next_page_url(page_url, page.next_url) if page.next_url else None
        return whole

    def _get(self, url: str) -> SearchResult:
        try:
            answer = self._transport.get(url)
        except NoAnswer as error:
            return failed(str(error))
        if answer.status != 200:
            return error_result(answer.status, answer.body)
        if answer.body.strip() in (b"", b"null"):
            # A client says "nothing there" with null; from a server it is no answer.
            return failed("the FHIR server sent no data")
        try:
            check_shape(answer.body, _MOST_DEPTH)
        except (TooDeep, TooDense):
            return failed("an answer of the FHIR server nests too deep or holds more values than FHIR does")
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
