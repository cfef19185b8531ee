"""Tasks of a run, done one after the other in this process or by several at a time."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, Protocol

from cds_service.errors import ServiceError

# Collections of garbage are rarer: what is read of a member is let go with the member.
_GARBAGE = 50_000
_worker: Any = None


class WorkerLost(ServiceError):
    """A process of the run was killed, as happens when memory runs out. What was done is kept."""


class Worker(Protocol):
    """Does tasks; one for each process."""

    def run(self, task: Any) -> Any:
        """Does one task."""
        ...


def each_done(tasks: Iterable[Any], make: Any, arguments: tuple[Any, ...], workers: int) -> Iterator[Any]:
    """What the tasks give, as they end. `make(*arguments)` makes the worker of each process.

    WorkerLost when a process was killed. What a task raises is raised here.
    """
    if workers == 1:
        worker = make(*arguments)
        for task in tasks:
            yield worker.run(task)
        return
    context = multiprocessing.get_context("spawn")
    waiting = iter(tasks)
    with ProcessPoolExecutor(workers, context, _start, (make, arguments)) as pool:
        try:
            running: set[Future[Any]] = {pool.submit(_run, task) for task in islice(waiting, workers * 2)}
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
                running |= {pool.submit(_run, task) for task in islice(waiting, len(ended))}
        except BrokenProcessPool:
            raise WorkerLost(
                "a process of the run was killed, perhaps for want of memory: run the same command again to go on, with"
                " fewer workers or a smaller --memory if it was"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _start(make: Any, arguments: tuple[Any, ...]) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who runs the command ends its processes
    _worker = make(*arguments)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)


def _run(task: Any) -> Any:
    return _worker.run(task)
