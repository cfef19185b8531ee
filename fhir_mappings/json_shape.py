"""How deep JSON nests and how many values it holds, before anything decodes it.

What a decoder makes of JSON is many times its bytes where values are short: FHIR has a value for each 18 bytes or
more, the worst JSON one for each byte. The text is looked at in pieces, so that this takes no memory of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from cds_service.errors import TooLarge

_PIECE = 65_536
_REST = bytes(code for code in range(256) if chr(code) not in '{}[],"')
_CURLY = bytes.maketrans(b"[]", b"{}")
# The densest FHIR that was seen, without a blank in it, has a value for each 18 bytes.
BYTES_A_VALUE = 10
# Small answers may be denser: they cost little.
VALUES_IN_ANY_CASE = 5_000
# Keys of a prefetch: discovery names a dozen, and clients send a few more of their own.
MOST_KEYS = 1_000


class TooDeep(ValueError):
    """JSON that nests deeper than it may."""


class TooDense(ValueError):
    """JSON that holds more values than FHIR of its size does."""


def most_values(size: int) -> int:
    """How many values JSON of so many bytes may hold."""
    return VALUES_IN_ANY_CASE + size // BYTES_A_VALUE


def few_keys(prefetch: dict[str, Any]) -> dict[str, Any]:
    """The same prefetch; TooLarge when it has more keys than any client sends."""
    if len(prefetch) > MOST_KEYS:
        raise TooLarge(f"prefetch has more than {MOST_KEYS} keys: send those that discovery names", "prefetch")
    return prefetch


def check_shape(body: bytes, most_depth: int) -> None:
    """TooDeep or TooDense for JSON that costs more than its bytes are worth. What is no JSON may pass."""
    most, values, depth = most_values(len(body)), 0, 0
    for piece in _outside_of_strings(body):
        brackets = piece.translate(_CURLY, b",")
        opening = brackets.count(b"{")
        values += opening + len(piece) - len(brackets)
        if values > most:
            raise TooDense
        if depth + opening > most_depth:
            _refuse_depth(brackets, depth, most_depth)
        depth += 2 * opening - len(brackets)


def _outside_of_strings(body: bytes) -> Iterator[bytes]:
    """The brackets and commas that stand outside of strings, piece by piece."""
    in_string, held = False, b""
    for start in range(0, len(body), _PIECE):
        piece, held = held + body[start : start + _PIECE], b""
        if b"\\" in piece:
            if (len(piece) - len(piece.rstrip(b"\\"))) % 2:  # what the last one escapes is in the next piece
                piece, held = piece[:-1], b"\\"
            piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
        # Most strings hold no bracket: what is left of them are two quotes.
        piece = piece.translate(None, _REST).replace(b'""', b"")
        if in_string or b'"' in piece:
            parts = piece.split(b'"')
            piece = b"".join(parts[int(in_string) :: 2])
            in_string ^= len(parts) % 2 == 0
        yield piece


def _refuse_depth(brackets: bytes, depth: int, most: int) -> None:
    """TooDeep when one of the brackets nests too deep: they are walked, in strides while none can be."""
    stride = max(1, most * 5 // 4)
    for start in range(0, len(brackets), stride):
        end = min(start + stride, len(brackets))
        opening = brackets.count(b"{", start, end)
        if depth + opening > most and _deepest(brackets[start:end], depth) > most:
            raise TooDeep
        depth += 2 * opening - (end - start)


def _deepest(brackets: bytes, depth: int) -> int:
    return max(accumulate((1 if each in b"{" else -1 for each in brackets), initial=depth))
