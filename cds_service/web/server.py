"""Runs an application under gunicorn, and says where once it accepts connections."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker
from prometheus_client.multiprocess import mark_process_dead

from cds_service.web.http import read_timeout

_THREADS = 16
# Longer than proxies keep an idle connection (60 s is usual), so that it is they who close it.
_KEEP_ALIVE_SECONDS = 75
_MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


class Refused(click.ClickException):
    """The server cannot start: one line on standard error, exit code 2."""

    exit_code = 2


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """A worker whose patience ends: a client that sends its request drop by drop does not hold a thread."""

    seconds = 10.0

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Ends at once. The pool is left to the interpreter: the signal may have come while its lock was held."""
        super(ThreadWorker, self).handle_quit(sig, frame)

    def handle(self, conn: Any) -> Any:
        """A connection with something to read: the head of a request."""
        read_timeout.watch(conn.sock, self.seconds)
        try:
            return super().handle(conn)
        finally:
            read_timeout.arrived(conn.sock)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """A request whose head has arrived: its body has as long again; the application says when it is here."""
        read_timeout.watch(conn.sock, self.seconds)
        conn.sock.settimeout(2 * self.seconds)
        return super().handle_request(req, conn)


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, make_app: Callable[[], Any], options: dict[str, Any]) -> None:
        self._make_app = make_app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._make_app()


def run(
    make_app: Callable[[str], Any],
    host: str,
    port: int,
    workers: int,
    words: str,
    path: str = "",
    warning: str = "",
    seconds: float = 10.0,
    on_exit: Callable[[], None] = lambda: None,
) -> None:
    """Serves until it is stopped; `make_app` is handed the base URL. Port 0 takes a free one.

    Prints one line with the URL when connections are accepted, and the warning on standard error. Each worker that
    ends finishes its calls first, then runs `on_exit`. `seconds`: the time that a request's head, and then its body,
    may take to arrive.
    """
    PatientWorker.seconds = seconds
    listener = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listener.getsockname()[1]}"
    options = {
        "bind": f"fd://{listener.fileno()}",
        "workers": workers,
        "threads": _THREADS,
        "keepalive": _KEEP_ALIVE_SECONDS,
        "worker_class": PatientWorker,
        "accesslog": None,
        "loglevel": "warning",
        "timeout": 60,
        "graceful_timeout": 10,
        "when_ready": lambda _server: _announce(f"{words} {url}{path}", warning),
        "post_worker_init": lambda _worker: settle(),
        "worker_exit": lambda _server, _worker: on_exit(),
        "child_exit": lambda _server, worker: _forget_metrics(worker.pid),
    }
    _Server(partial(make_app, url), options).run()


def settle() -> None:
    """What is loaded by now stays for good: the collector need not look at it again with every large call."""
    gc.collect()
    gc.freeze()


def _announce(words: str, warning: str) -> None:
    if warning:
        click.echo(warning, err=True)
    click.echo(words)


def _forget_metrics(pid: int) -> None:
    if os.environ.get(_MULTIPROCESS):
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise Refused(f"cannot bind {host}:{port}: {error.strerror or error}") from None
    return listener
