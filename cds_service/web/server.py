"""Runs an application under gunicorn, and says where once it accepts connections."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from gunicorn.app.base import BaseApplication

_THREADS = 8


class Refused(click.ClickException):
    """The server cannot start: one line on standard error, exit code 2."""

    exit_code = 2


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


def run(make_app: Callable[[str], Any], host: str, port: int, workers: int, words: str, path: str = "") -> None:
    """Serves until it is stopped; `make_app` is handed the base URL. Port 0 takes a free one.

    Prints one line with the URL when connections are accepted.
    """
    listener = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listener.getsockname()[1]}"
    options = {
        "bind": f"fd://{listener.fileno()}",
        "workers": workers,
        "threads": _THREADS,
        "worker_class": "gthread",
        "accesslog": None,
        "loglevel": "warning",
        "timeout": 60,
        "graceful_timeout": 10,
        "when_ready": lambda _server: click.echo(f"{words} {url}{path}"),
    }
    _Server(partial(make_app, url), options).run()


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
