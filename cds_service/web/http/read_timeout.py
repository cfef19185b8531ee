"""Minds how long requests take to arrive: one thread a process, and a list of sockets with the time they have."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

_LOOK_SECONDS = 0.25
_until: dict[socket.socket, float] = {}
_guard = threading.Lock()
_minding = False


def watch(sock: socket.socket, seconds: float) -> None:
    """What comes through this socket has to be here within so many seconds, or nothing more is read of it."""
    global _minding
    _until[sock] = time.monotonic() + seconds
    with _guard:
        if not _minding:
            threading.Thread(target=_mind, name="patience", daemon=True).start()
            _minding = True


def arrived(sock: socket.socket | None) -> None:
    """It is here; a socket that nobody watches is let be."""
    if sock is not None:
        _until.pop(sock, None)


def _mind() -> None:
    while True:
        time.sleep(_LOOK_SECONDS)
        now = time.monotonic()
        for sock, until in list(_until.items()):
            if now > until and _until.pop(sock, None) is not None:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RD)
