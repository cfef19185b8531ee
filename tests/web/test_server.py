"""The worker: how it ends."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from cds_service.web.server import PatientWorker


@pytest.mark.parametrize("held", [False, True])
def test_a_worker_ends_at_once_wherever_the_signal_meets_it(held: bool) -> None:
    """Signals run in the main thread, which may be handing the pool a request and hold the pool's lock."""
    worker = PatientWorker.__new__(PatientWorker)
    worker.cfg = SimpleNamespace(worker_int=lambda _worker: None)
    worker.tpool = ThreadPoolExecutor(1)
    ended = threading.Event()

    def end() -> None:
        with pytest.raises(SystemExit):
            worker.handle_quit(signal.SIGQUIT, None)
        ended.set()

    lock = worker.tpool._shutdown_lock
    if held:
        lock.acquire()
    try:
        threading.Thread(target=end, daemon=True).start()
        assert ended.wait(5)
    finally:
        if held:
            lock.release()
