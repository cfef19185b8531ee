"""Small web servers on loopback: one that serves key sets, and a trap that nobody may touch."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Reply = tuple[int, dict[str, str], bytes]


class Site:
    """A server whose answers are made by a function of the path; it remembers what it was asked."""

    def __init__(self, answer: Callable[[str], Reply]) -> None:
        asked: list[tuple[str, dict[str, str]]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.path, dict(self.headers)))
                status, headers, body = answer(self.path)
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.asked = asked
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._http.server_port

    @property
    def url(self) -> str:
        """Its root."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def serving(document: Any, wait: float = 0.0) -> Callable[[str], Reply]:
    """Every path answers with a document, after a while."""

    def answer(_: str) -> Reply:
        time.sleep(wait)
        return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()

    return answer


def redirecting(target: str) -> Callable[[str], Reply]:
    """Every path leads elsewhere."""
    return lambda _: (302, {"Location": target}, b"")
