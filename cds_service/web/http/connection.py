"""A client's connection, with the limits that gunicorn's ASGI connection lacks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from gunicorn.asgi.protocol import ASGIProtocol
from werkzeug.http import HTTP_STATUS_CODES

from cds_service.hooks.messages import as_json
from cds_service.web.http.errors import operation_outcome

_MESSAGES = {
    414: ("the address of the request is too long", "too-long"),
    431: ("the request's headers are too many or too long", "too-long"),
    501: ("this transfer coding is not supported: send the body plain or in chunks", "not-supported"),
    500: ("the service failed on this request", "exception"),
}
_BROKEN = ("the request is not valid HTTP", "structure")


class Connection(ASGIProtocol):  # type: ignore[misc]
    """A connection that is closed when the head of its first request arrives, or its answer is read, too slowly.

    For later heads gunicorn's own keep-alive time is the limit.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Registers the connection with its worker."""
        super().connection_made(transport)
        self._opened_at = time.monotonic()
        self._unsent, self._unsent_since = 0, self._opened_at
        self.worker.register(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Removes the connection from its worker's list."""
        self.worker.unregister(self)
        super().connection_lost(exc)

    def eof_received(self) -> bool:
        """The client sends no more: a request that arrived whole is still answered, then the connection closes."""
        self._keepalive = 0
        receiver = self._body_receiver
        if receiver is None:
            return False
        if not receiver._complete:
            receiver.signal_disconnect()
        return True

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return bool(self._awaiting_request)

    def is_overdue(self, now: float, seconds: float) -> bool:
        """Whether its first head, or the reading of an answer, has taken longer than so many seconds."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent or not unsent:
            self._unsent, self._unsent_since = unsent, now
        waits_for_first = self.is_idle and self.req_count <= 1
        return now - (self._opened_at if waits_for_first else self._unsent_since) > seconds

    def close_now(self) -> None:
        """Closes it without waiting for the client to read what is unsent."""
        self._keepalive_timeout()
        self.transport.abort()

    def _close_transport(self) -> None:
        """Closes the socket even where the client is gone: gunicorn stops when it cannot announce the end."""
        super()._close_transport()
        if self.transport is not None:
            self.transport.close()

    def _send_error_response(self, status: int, message: str, extra_headers: Iterable[tuple[str, str]] = ()) -> None:
        """Answers a request that is not valid HTTP. gunicorn's own message may quote the request; this one does not."""
        outcome = as_json(operation_outcome(*_MESSAGES.get(status, _BROKEN)))
        own = (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(outcome))),
            ("Connection", "close"),
        )
        lines = [f"HTTP/1.1 {status} {HTTP_STATUS_CODES[status]}"]
        lines += [f"{name}: {value}" for name, value in (*own, *extra_headers)]
        self._safe_write("\r\n".join([*lines, "", ""]).encode("latin-1") + outcome)
