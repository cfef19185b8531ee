"""Runs the application under gunicorn, and prints its URL once it accepts connections."""

from __future__ import annotations

import gc
import os
import resource
import socket
import time
from collections.abc import Callable
from typing import Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.workers import gasgi
from prometheus_client.multiprocess import mark_process_dead

from cds_service.web.http.connection import Connection
from cds_service.web.http.threaded_wsgi import ThreadedWsgi

# gunicorn's ASGI worker makes its connections of the class under this name; no setting names another.
gasgi.ASGIProtocol = Connection
# Longer than proxies keep an idle connection (usually 60 s), so that the proxy closes it.
_KEEP_ALIVE_SECONDS = 75
# How long a stopping worker waits for calls under way, and gunicorn for the worker, which then writes its last records.
_STOP_SECONDS, _STOP_WORKER_SECONDS = 10, 15
_STOP_ARRIVAL_SECONDS = 2.0
_MOST_CONNECTIONS = 1000
_MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"


class Refused(click.ClickException):
    """The server cannot start: one line on standard error, exit code 2."""

    exit_code = 2


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]
    """gunicorn's ASGI worker, which also closes connections that wait too long, and idle ones when it has to stop."""

    seconds = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As gunicorn calls it."""
        super().__init__(*args, **kwargs)
        self._connections: dict[Connection, None] = {}

    def register(self, connection: Connection) -> None:
        """A new connection; when there are too many, the one that has been idle longest is closed."""
        self._connections[connection] = None
        if len(self._connections) > self.cfg.worker_connections:
            next((other for other in self._connections if other.is_idle), connection).close_now()

    def unregister(self, connection: Connection) -> None:
        """A connection that has ended."""
        self._connections.pop(connection, None)

    def notify(self) -> None:
        """Runs every second: tells gunicorn that the worker lives, and closes connections that wait too long."""
        super().notify()
        now = time.monotonic()
        for connection in list(self._connections):
            if connection.is_overdue(now, self.seconds):
                connection.close_now()

    def handle_exit_signal(self) -> None:
        """Stops accepting connections. Requests under way are answered; one that is arriving has a short time."""
        super().handle_exit_signal()
        self.loop.call_later(_STOP_ARRIVAL_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        for connection in list(self._connections):
            if connection.is_idle:
                connection.close_now()


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, make_app: Callable[[], ThreadedWsgi], options: dict[str, Any]) -> None:
        self._make_app = make_app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> ThreadedWsgi:
        return self._make_app()


def run(
    make_app: Callable[[str], Any],
    host: str,
    port: int,
    workers: int,
    announcement: str,
    path: str = "",
    warning: str = "",
    seconds: float = 10.0,
    most_bytes: int = 10_000_000,
    on_exit: Callable[[], None] = lambda: None,
) -> None:
    """Serves until it is stopped. `make_app` gets the base URL. Port 0 takes a free port.

    When connections are accepted, prints one line with the announcement and the URL, and the warning on standard
    error. A worker that ends finishes its calls, then runs `on_exit`. `seconds`: the time that a request's head, and
    then its body of at most `most_bytes`, may take to arrive.
    """
    Worker.seconds = seconds
    listener = _listen(host, port)
    url_host = f"[{host}]" if ":" in host else host
    url = f"http://{url_host}:{listener.getsockname()[1]}"
    options = {
        "bind": f"fd://{listener.fileno()}",
        "workers": workers,
        "worker_class": Worker,
        "worker_connections": _most_connections(),
        "keepalive": _KEEP_ALIVE_SECONDS,
        "asgi_lifespan": "off",
        # The parts that are tested, whatever else is installed.
        "asgi_loop": "asyncio",
        "http_parser": "python",
        "accesslog": None,
        "loglevel": "warning",
        "timeout": 60,
        "graceful_timeout": _STOP_WORKER_SECONDS,
        "when_ready": lambda _server: _announce(f"{announcement} {url}{path}", warning),
        "post_worker_init": _prepare,
        "worker_exit": lambda _server, _worker: on_exit(),
        "child_exit": lambda _server, worker: _forget_metrics(worker.pid),
    }
    _Server(lambda: ThreadedWsgi(make_app(url), most_bytes, seconds), options).run()


def _prepare(worker: Worker) -> None:
    worker.cfg.set("graceful_timeout", _STOP_SECONDS)
    freeze_loaded_objects()


def _most_connections() -> int:
    """Connections per worker: half of the files that a process may open; the rest is for its own outgoing calls."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CONNECTIONS if allowed == resource.RLIM_INFINITY else min(_MOST_CONNECTIONS, allowed // 2)


def freeze_loaded_objects() -> None:
    """Excludes the objects of start-up from garbage collection (gc.freeze), which would scan them in large calls."""
    gc.collect()
    gc.freeze()


def _announce(text: str, warning: str) -> None:
    if warning:
        click.echo(warning, err=True)
    click.echo(text)


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
