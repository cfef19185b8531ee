"""How things are measured: both sides of a ratio alternately, medians of many; servers and processes of their own."""

from __future__ import annotations

import http.client
import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import Any

SERVICE = "/cds-services/insulin-pump-order-sign"
SECONDS = 60


def alternately(
    one: Callable[[], Any], other: Callable[[], Any], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """Medians in seconds of two things that are done in turns, after two rounds that do not count.

    `clock`: `time.thread_time` where nothing is waited for, since a busy machine takes longer and computes the same.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 2):
        for kept, work in zip(times, (one, other), strict=True):
            began = clock()
            work()
            if turn > 1:
                kept.append(clock() - began)
    return median(times[0]), median(times[1])


def cpu_seconds(work: Callable[[], Any], times: int) -> list[float]:
    """Seconds of CPU that this thread needs for each of so many calls."""
    seconds: list[float] = []
    for _ in range(times):
        began = time.thread_time_ns()
        work()
        seconds.append((time.thread_time_ns() - began) / 1e9)
    return seconds


def caller(app: Any) -> Callable[[bytes], bytes]:
    """A whole WSGI call of a body, with no client library around it."""

    def call(body: bytes) -> bytes:
        said: list[str] = []
        reply = app(_environ(body), lambda status, _headers, _error=None: said.append(status))
        try:
            answer = b"".join(reply)
        finally:
            reply.close()
        assert said[0].startswith("200"), said[0]
        return answer

    return call


def _environ(body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": SERVICE,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


@contextmanager
def running(command: list[str], environment: Mapping[str, str]) -> Iterator[int]:
    """A server process that prints its URL when it accepts connections; gives its port, and ends it."""
    with subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield int(line.rsplit(":", 1)[1].split("/", 1)[0])
        finally:
            process.terminate()


def rate(port: int, body: bytes, seconds: float, path: str = SERVICE, clients: int = 4) -> float:
    """Calls a second that several clients, each on one connection, get answered."""
    counts = [0] * clients
    until = time.perf_counter() + seconds

    def work(index: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        while time.perf_counter() < until:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            counts[index] += 1
        connection.close()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)
