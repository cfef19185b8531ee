"""Searches and reads that run side by side, and what of them has come when the budget ends."""

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
from fhir_mappings.common.free_text import noticed_by_this_call
from fhir_mappings.json.search_result import SearchNote, SearchResult, Status, failed, together

K = TypeVar("K")
OUT_OF_TIME = "time ran out"
# The first page of what nothing depends on gets so long: it mostly is the only one.
FIRST_PAGE_SECONDS = 1.0
NOT_NEEDED = "not waited for: nothing that is open depends on it"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """One search or read of a part of the chart.

    `waits` False: an answer may go out before it is done. `otherwise`: what is remarked of the part when it fails.
    """

    name: str
    run: Callable[[], SearchResult]
    optional: bool = False
    waits: bool = True
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Running(Generic[K]):
    """A task that has begun. `so_far`: what it has read; `first_page`: set when more pages follow, or at the end."""

    key: K
    task: Task
    future: Future[SearchResult]
    so_far: list[SearchResult] = field(default_factory=list)
    first_page: threading.Event = field(default_factory=threading.Event)


def _set(event: threading.Event, _done: Future[SearchResult]) -> None:
    event.set()


class _Progress(threading.local):
    """Where the task that runs in this thread leaves what it has read so far."""

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
        """Begins tasks."""
        if not wanted:
            return []
        pool = ThreadPoolExecutor(min(self._side_by_side, len(wanted)), thread_name_prefix="fhir")
        begun = []
        for key, task in wanted:
            so_far, first = list[SearchResult](), threading.Event()
            future = pool.submit(noticed_by_this_call(self._timed), str(key), task, so_far, first)
            future.add_done_callback(partial(_set, first))
            begun.append(Running(key, task, future, so_far, first))
        pool.shutdown(wait=False)
        return begun

    def collect(self, running: Sequence[Running[K]], *, waiting: bool = True) -> dict[K, SearchResult]:
        """What the tasks read, by key: all of it, or what has come when the budget ends or nobody waits.

        Where nobody waits, a first page still gets a moment to come.
        """
        gathered: dict[K, SearchResult] = {}
        if not waiting:
            until = time.monotonic() + min(self._left(), FIRST_PAGE_SECONDS)
            for each in running:
                each.first_page.wait(max(0.0, until - time.monotonic()))
        wait([each.future for each in running], timeout=self._left() if waiting else 0)
        why = OUT_OF_TIME if waiting else NOT_NEEDED
        for each in running:
            each.future.cancel()
            finished = each.future.done() and not each.future.cancelled()
            reading = each.future.result() if finished else self._unfinished(each, why)
            if each.task.otherwise and reading.status is Status.FAILED and each.key in gathered:
                gathered[each.key].remarks.append(each.task.otherwise)
            gathered[each.key] = together(gathered.get(each.key), reading, each.task.optional)
        return gathered

    def keep(self, reading: SearchResult, *, more: bool) -> None:
        """Remembers what the task of this thread has read so far. `more`: further pages follow."""
        self._progress.so_far[:] = [reading]
        if more:
            self._progress.first_page.set()

    def _timed(self, key: str, task: Task, so_far: list[SearchResult], first_page: threading.Event) -> SearchResult:
        began = time.monotonic()
        self._progress.so_far, self._progress.first_page = so_far, first_page
        try:
            reading = task.run()
        except Exception as error:  # one search never costs another, whatever a server sends
            log.error("a FHIR search broke: %s", type(error).__name__)
            reading = failed("the answer of the FHIR server could not be read")
        milliseconds = (time.monotonic() - began) * 1000
        reading.given = 0
        self.log.append(search_note(key, task.name, reading, f"{milliseconds:.0f} ms"))
        return reading

    def _unfinished(self, running: Running[K], why: str) -> SearchResult:
        """What a task that is not finished has read: its pages so far, as an incomplete answer."""
        reading, so_far = failed(why), running.so_far
        if so_far and so_far[-1].resources:
            reading = SearchResult(
                Status.PARTIAL, reading.why, list(so_far[-1].resources), pages=so_far[-1].pages, given=0
            )
        self.log.append(search_note(str(running.key), running.task.name, reading, "not finished"))
        return reading
