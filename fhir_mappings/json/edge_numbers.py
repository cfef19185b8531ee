"""JSON numbers that neither int64 nor float holds (1e400, 5,000 digits): replaced by null; the rest is kept.

Used only after decoding failed, since it goes through a document token by token.
"""

from __future__ import annotations

import math
import re
from typing import TypeVar

import msgspec

DecodeError = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
T = TypeVar("T")
# A string, whatever stands in it, or a number.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|-?\d[0-9.eE+-]*', re.DOTALL)
# What 64 bits hold without doubt.
_MOST_DIGITS = 18


def decode_without_edge_numbers(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw) -> T | None:
    """Decodes a value; if that fails, decodes it again with such numbers as null. None when it still does not fit."""
    try:
        return decoder.decode(raw)
    except DecodeError:
        pass
    cleaned, count = without_edge_numbers(raw)
    try:
        return decoder.decode(cleaned) if count else None
    except DecodeError:
        return None


def without_edge_numbers(raw: bytes | msgspec.Raw) -> tuple[bytes, int]:
    """The JSON with `null` for each number out of range, and how many there were."""
    data, count = bytes(raw), 0

    def null_if_out_of_range(match: re.Match[bytes]) -> bytes:
        nonlocal count
        token = match[0]
        if token[:1] == b'"' or not _is_out_of_range(token):
            return token
        count += 1
        return b"null"

    return _TOKEN.sub(null_if_out_of_range, data), count


def _is_out_of_range(token: bytes) -> bool:
    if len(token) <= _MOST_DIGITS and b"e" not in token and b"E" not in token:
        return False
    try:
        number = float(token)
    except ValueError:
        return False  # no number: left to whoever decodes it
    if number == 0:
        return any(digit in b"123456789" for digit in re.split(rb"[eE]", token)[0])
    whole = token.lstrip(b"-").isdigit()
    return not math.isfinite(number) or (whole and len(token.lstrip(b"-")) > _MOST_DIGITS)
