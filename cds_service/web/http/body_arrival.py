"""Reads request bodies in the event loop, with limits of size and time for each, and of memory for all together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Any, cast

from cds_service.errors import BadRequest, TooSlow, Unavailable

Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(eq=False, slots=True)
class Arrival:
    """The received part of one body. With `refusal` set, the rest is not read and the received part is dropped."""

    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    is_whole: bool = False
    refusal: BadRequest | None = None

    def stream(self) -> IO[bytes]:
        """The body as an application reads it; reading a refused one raises the refusal."""
        if self.refusal is not None:
            return cast("IO[bytes]", _RefusedBody(self.refusal))
        whole = b"".join(self.parts)
        self.parts.clear()
        return BytesIO(whole)


class _RefusedBody:
    def __init__(self, refusal: BadRequest) -> None:
        self._refusal = refusal

    def read(self, _size: int = -1) -> bytes:
        raise self._refusal


class BodyReader:
    """Reads the bodies of one worker process; only its event loop may call it."""

    def __init__(self, most_bytes: int, seconds: float, most_held: int) -> None:
        """`most_bytes`: limit of one body. `most_held`: limit for all bodies that are not answered yet."""
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._most_held = most_held
        self._held = 0
        self._unfinished: dict[Arrival, asyncio.Timeout] = {}

    async def read(self, receive: Receive, declared_length: int) -> Arrival:
        """Reads the body of one request; call `release` once the request is answered.

        It stops reading past `most_bytes`, at once where the declared length is over it: the application refuses such
        bodies.
        """
        arrival = Arrival()
        if declared_length > self._most_bytes:
            return arrival
        try:
            async with asyncio.timeout(self._seconds) as limit:
                self._unfinished[arrival] = limit
                while not (arrival.is_whole or arrival.refusal or arrival.size > self._most_bytes):
                    self._add(arrival, await receive())
        except TimeoutError:
            self._drop(arrival, TooSlow("the body did not arrive in time"))
        except ConnectionError:
            self._drop(arrival, TooSlow("the body did not arrive whole"))
        finally:
            self._unfinished.pop(arrival, None)
        if arrival.refusal:
            self._drop(arrival, arrival.refusal)
        return arrival

    def release(self, arrival: Arrival) -> None:
        """Stops counting a body as held, after its request was answered."""
        self._held -= arrival.size
        arrival.size = 0

    def _add(self, arrival: Arrival, message: dict[str, Any]) -> None:
        if message["type"] != "http.request":
            raise ConnectionError
        part = message.get("body", b"")
        arrival.parts.append(part)
        arrival.size += len(part)
        arrival.is_whole = not message.get("more_body", False)
        self._held += len(part)
        if self._held > self._most_held:
            self._refuse_oldest()

    def _refuse_oldest(self) -> None:
        """Refuses the oldest unfinished body: a client of usual speed ends long before its body is the oldest."""
        oldest = next(iter(self._unfinished))
        oldest.refusal = Unavailable("more bodies are arriving than the service can hold: send it again")
        self._unfinished.pop(oldest).reschedule(0)

    def _drop(self, arrival: Arrival, refusal: BadRequest) -> None:
        self.release(arrival)
        arrival.parts.clear()
        arrival.is_whole = False
        arrival.refusal = arrival.refusal or refusal
