"""Line, column and reason of a JSON syntax error, without quoting the document (it may hold patient data)."""

from __future__ import annotations

import re

import msgspec

_AT_BYTE = re.compile(r"(?:JSON is malformed: )?(.+) \(byte (\d+)\)")
_ENDS = "the document ends before it is complete"
_TRAILING = "trailing characters"
_NOT_UTF8 = "this is not UTF-8"


def syntax_error(document: bytes, error: Exception) -> str:
    """Line, column and reason of an error that decoding this document raised, as `line 3, column 7: trailing comma`."""
    if isinstance(error, UnicodeDecodeError):
        return _not_utf8(document)
    found = _AT_BYTE.fullmatch(str(error)) if isinstance(error, msgspec.DecodeError) else None
    if found is None:
        return f"{_place(document, len(document))}: {_ENDS}"
    at = int(found[2]) - (found[1] == _TRAILING)  # msgspec has read that character already
    if document[at : at + 1] > b"\x7f":  # outside of a text: it may be of another encoding
        return _not_utf8(document, f"{_place(document, at)}: {found[1]}")
    return f"{_place(document, at)}: {found[1]}"


def _not_utf8(document: bytes, otherwise: str = "") -> str:
    """The first byte that is not UTF-8; msgspec counts it from the start of its string."""
    try:
        document.decode()
    except UnicodeDecodeError as error:
        return f"{_place(document, error.start)}: {_NOT_UTF8}"
    return otherwise or f"{_place(document, 0)}: {_NOT_UTF8}"


def _place(document: bytes, at: int) -> str:
    """Both from 1; a column is a character, not a byte."""
    start = document.rfind(b"\n", 0, at) + 1
    column = len(document[start:at].decode(errors="replace")) + 1
    line = document.count(b"\n", 0, at) + 1
    return f"line {line}, column {column}"
