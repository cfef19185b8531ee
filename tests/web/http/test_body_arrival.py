"""Reading bodies in the event loop: within a size, a time and an amount of memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from cds_service.errors import TooSlow, Unavailable
from cds_service.web.http.body_arrival import Arrival, BodyReader
from tests.support import awaited


def _part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def _receiving(messages: Iterable[dict[str, Any]]) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Hands out the messages at once, and then nothing any more."""
    left = iter(messages)

    async def receive() -> dict[str, Any]:
        for message in left:
            return message
        await asyncio.sleep(60)
        raise AssertionError("a body was waited for without end")

    return receive


def _read(reader: BodyReader, *messages: dict[str, Any], declared: int = 0) -> Arrival:
    return awaited(reader.read(_receiving(messages), declared))


def test_a_whole_body_is_put_together() -> None:
    arrival = _read(BodyReader(10, 1, 20), _part(b"abc", True), _part(b"def", True), _part(b"", False))
    assert (arrival.is_whole, arrival.stream().read()) == (True, b"abcdef")


def test_a_body_of_exactly_the_most_is_whole_and_one_byte_more_is_not() -> None:
    assert _read(BodyReader(4, 1, 20), _part(b"abcd", False)).is_whole
    over = _read(BodyReader(4, 1, 20), _part(b"abcd", True), _part(b"e", True))
    assert (over.is_whole, over.refusal, over.stream().read(5)) == (False, None, b"abcde")


def test_a_body_that_is_too_long_by_its_own_word_is_not_read() -> None:
    arrival = _read(BodyReader(4, 0.01, 20), declared=5)
    assert (arrival.is_whole, arrival.refusal, arrival.stream().read()) == (False, None, b"")


def test_a_body_that_stays_away_is_refused_in_time_and_what_came_is_dropped() -> None:
    reader = BodyReader(10, 0.05, 20)
    arrival = _read(reader, _part(b"abc", True))
    assert (arrival.is_whole, arrival.parts, reader._held) == (False, [], 0)
    with pytest.raises(TooSlow, match="in time"):
        arrival.stream().read(11)


def test_a_client_that_goes_away_is_refused() -> None:
    arrival = _read(BodyReader(10, 1, 20), _part(b"abc", True), {"type": "http.disconnect"})
    with pytest.raises(TooSlow, match="whole"):
        arrival.stream().read(11)


def test_when_bodies_need_too_much_memory_the_oldest_unfinished_one_is_given_up() -> None:
    """Three of 4 bytes stall, 10 bytes may be held: the first goes, and a body that comes whole is served."""

    async def attacked() -> tuple[list[asyncio.Task[Arrival]], Arrival, BodyReader]:
        reader = BodyReader(4, 5, 10)
        stalled = []
        for _ in range(3):
            stalled.append(asyncio.create_task(reader.read(_receiving([_part(b"abcd", True)]), 0)))
            await asyncio.sleep(0.01)
        honest = await reader.read(_receiving([_part(b"ok", False)]), 0)
        done, left = await asyncio.wait(stalled, timeout=0.05)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        assert done == {stalled[0]}
        return stalled, honest, reader

    stalled, honest, _ = awaited(attacked())
    assert honest.is_whole
    with pytest.raises(Unavailable, match="more bodies"):
        stalled[0].result().stream().read(5)


def test_a_body_that_alone_needs_too_much_memory_is_given_up() -> None:
    arrival = _read(BodyReader(100, 5, 10), *[_part(b"abcd", True)] * 5)
    assert isinstance(arrival.refusal, Unavailable)


def test_an_answered_body_makes_room() -> None:
    reader = BodyReader(10, 1, 20)
    for _ in range(10):
        arrival = _read(reader, _part(b"abcdefgh", False))
        assert arrival.is_whole
        reader.release(arrival)
    assert reader._held == 0
