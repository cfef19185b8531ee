"""JSON objects by their keys, with no more keys than any client sends: each would cost twenty times its bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from cds_service.errors import TooLarge

T = TypeVar("T")
# Of the request, its context and its prefetch: the specification names a dozen, and clients send a few of their own.
MOST_KEYS = 1_000
# Objects below this size are counted once they are read.
_SMALL = 100_000
_counter = threading.local()
_NULL = b"null"  # what clients send for what holds nothing: common enough to be seen first


def is_null(raw: bytes | msgspec.Raw) -> bool:
    """Whether a value is JSON's null. Measured first: it may be megabytes, and `bytes` copies."""
    return memoryview(raw).nbytes == len(_NULL) and bytes(raw) == _NULL


class _Key(str):
    __slots__ = ()


class _TooManyKeys(Exception):
    pass


def _counted(_kind: type, key: Any) -> Any:
    """Called for each key while an object is read."""
    _counter.left -= 1
    if _counter.left < 0:
        raise _TooManyKeys
    return _Key(key)


class MembersDecoder(Generic[T]):
    """Reads a JSON object whose values are all of one type."""

    def __init__(self, kind: Any, float_hook: Callable[[str], Any] | None = None) -> None:
        """`kind`: of the values. `float_hook`: reads numbers with decimals where no type is given."""
        self._plain: msgspec.json.Decoder[dict[str, T]] = msgspec.json.Decoder(dict[str, kind], float_hook=float_hook)
        self._counting: msgspec.json.Decoder[dict[str, T]] = msgspec.json.Decoder(
            dict[_Key, kind], dec_hook=_counted, float_hook=float_hook
        )

    def decode(self, data: bytes | msgspec.Raw, place: str) -> dict[str, T]:
        """The values by their keys; TooLarge for too many of them. `place`: the object's path in the request."""
        if len(data) < _SMALL:
            found = self._plain.decode(data)
            if len(found) <= MOST_KEYS:
                return found
        else:
            _counter.left = MOST_KEYS
            try:
                return self._counting.decode(data)
            except _TooManyKeys:
                pass
        raise TooLarge(f"{place or 'the body'} has more than {MOST_KEYS} keys: send what it needs, and no more", place)


raw_members: MembersDecoder[msgspec.Raw] = MembersDecoder(msgspec.Raw)
