"""Runs searches and reads concurrently, and collects what has arrived when the time budget ends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from cds_service.ehr.answers import search_note
from fhir_mappings.common.free_text import recording_into_this_call
from fhir_mappings.json.search_result import SearchNote, SearchResult, Status, failed, merged

K = TypeVar("K")
OUT_OF_TIME = "time ran out"
# How long a call waits for the first page of a search that nothing depends on: mostly it is the only page.
FIRST_PAGE_SECONDS = 1.0
NOT_NEEDED = "not waited for: nothing that is open depends on it"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """One search or read of a part of the chart.

    `waits` False: the call may be answered before it is done. `otherwise`: the remark when it fails.
    """

    name: str
    run: Callable[[], SearchResult]
    optional: bool = False
    waits: bool = True
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Running(Generic[K]):
    """A started task. `so_far`: what it has read; `first_page`: set when the first page is there, or at the end."""

    key: K
    task: Task
    future: Future[SearchResult]
    so_far: list[SearchResult] = field(default_factory=list)
    first_page: threading.Event = field(default_factory=threading.Event)


def _set(event: threading.Event, _done: Future[SearchResult]) -> None:
    event.set()


class _Progress(threading.local):
    """Where the task of this thread puts what it has read so far."""

    so_far: list[SearchResult]
    first_page: threading.Event


class TaskRunner:
    """Runs tasks in threads. `left`: seconds of the call's budget; `side_by_side`: tasks at once."""

    def __init__(self, left: Callable[[], float], side_by_side: int) -> None:
        """Nothing runs yet."""
        self._left = left
        self._side_by_side = side_by_side
        self._progress = _Progress()
        self.log: list[SearchNote] = []

    def start(self, wanted: Sequence[tuple[K, Task]]) -> list[Running[K]]:
        """Starts tasks."""
        if not wanted:
            return []
        pool = ThreadPoolExecutor(min(self._side_by_side, len(wanted)), thread_name_prefix="fhir")
        running = []
        for key, task in wanted:
            so_far, first = list[SearchResult](), threading.Event()
            future = pool.submit(recording_into_this_call(self._run_timed), str(key), task, so_far, first)
            future.add_done_callback(partial(_set, first))
            running.append(Running(key, task, future, so_far, first))
        pool.shutdown(wait=False)
        return running

    def collect(self, running: Sequence[Running[K]], *, waiting: bool = True) -> dict[K, SearchResult]:
        """What the tasks have read, by key: all of it, or, with `waiting` False or at the budget's end, what has come.

        With `waiting` False each first page still has FIRST_PAGE_SECONDS to arrive.
        """
        results: dict[K, SearchResult] = {}
        if not waiting:
            until = time.monotonic() + min(self._left(), FIRST_PAGE_SECONDS)
            for one in running:
                one.first_page.wait(max(0.0, until - time.monotonic()))
        wait([one.future for one in running], timeout=self._left() if waiting else 0)
        why = OUT_OF_TIME if waiting else NOT_NEEDED
        for one in running:
            one.future.cancel()
            finished = one.future.done() and not one.future.cancelled()
            result = one.future.result() if finished else self._unfinished(one, why)
            if one.task.otherwise and result.status is Status.FAILED and one.key in results:
                results[one.key].remarks.append(one.task.otherwise)
            results[one.key] = merged(results.get(one.key), result, one.task.optional)
        return results

    def report_progress(self, result: SearchResult, *, more: bool) -> None:
        """Records what the task of this thread has read so far. `more`: further pages follow."""
        self._progress.so_far[:] = [result]
        if more:
            self._progress.first_page.set()

    def _run_timed(self, key: str, task: Task, so_far: list[SearchResult], first_page: threading.Event) -> SearchResult:
        began = time.monotonic()
        self._progress.so_far, self._progress.first_page = so_far, first_page
        try:
            result = task.run()
        except Exception as error:  # one search never fails another, whatever a server sends
            log.error("a FHIR search broke: %s", type(error).__name__)
            result = failed("the answer of the FHIR server could not be read")
        milliseconds = (time.monotonic() - began) * 1000
        result.given = 0
        self.log.append(search_note(key, task.name, result, f"{milliseconds:.0f} ms"))
        return result

    def _unfinished(self, running: Running[K], why: str) -> SearchResult:
        """The pages that an unfinished task has read so far, as an incomplete result."""
        result, so_far = failed(why), running.so_far
        if so_far and so_far[-1].resources:
            result = SearchResult(
                Status.PARTIAL, result.why, list(so_far[-1].resources), pages=so_far[-1].pages, given=0
            )
        self.log.append(search_note(str(running.key), running.task.name, result, "not finished"))
        return result
