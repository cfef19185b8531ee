"""How deep JSON nests and how many values it holds, before anything decodes it.

What a decoder makes of JSON is many times its bytes where values are short: FHIR has a value for each 18 bytes or
more, the worst JSON one for each byte. The text is looked at in pieces, so that this takes no memory of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

_PIECE = 32_768
# The characters that matter, each as one mark: a quote as a digit, and the others as kinds of blanks.
_QUOTE, _OPENING, _CLOSING, _COMMA = b"0", b" ", b"\t", b"\n"
_MARKS = bytes.maketrans(b'"{[}],', _QUOTE + 2 * _OPENING + 2 * _CLOSING + _COMMA)
_REST = bytes(code for code in range(256) if chr(code) not in '{}[],"')
# The densest FHIR that was seen, without a blank in it, has a value for each 18 bytes.
BYTES_A_VALUE = 10
# Small answers may be denser: they cost little.
VALUES_IN_ANY_CASE = 5_000
# Bytes of one element that is read whole, such as contained resources, an extension, or the answers to a form.
MOST_ELEMENT_BYTES = 250_000
# Insurances of one member.
MOST_COVERAGES = 1_000


class TooDeep(ValueError):
    """JSON that nests deeper than the limit."""


class TooDense(ValueError):
    """JSON that holds more values than FHIR of its size does."""


def most_values(size: int) -> int:
    """How many values JSON of so many bytes may hold."""
    return VALUES_IN_ANY_CASE + size // BYTES_A_VALUE


def check_shape(body: bytes, most_depth: int) -> None:
    """TooDeep or TooDense for JSON that costs more than its bytes are worth. What is no JSON may pass."""
    most, values, depth = most_values(len(body)), 0, 0
    for brackets, commas in _outside_of_strings(body, kept=b""):
        opening = brackets.count(_OPENING)
        values += opening + commas
        if depth + opening > most_depth:
            _refuse_depth(brackets, depth, most_depth)
        depth += 2 * opening - len(brackets)
    # Commas of texts were counted as well: that takes less time, and decides nearly all bodies.
    if values > most:
        _refuse_values(body, most)


def _refuse_values(body: bytes, most: int) -> None:
    """TooDense when more values stand outside of strings than may."""
    values = 0
    for marks, _ in _outside_of_strings(body, kept=_COMMA):
        values += len(marks) - marks.count(_CLOSING)
        if values > most:
            raise TooDense


def _outside_of_strings(body: bytes, kept: bytes) -> Iterator[tuple[bytes, int]]:
    """The brackets that stand outside of strings, piece by piece; and how many commas stand in the piece anywhere.

    With the comma `kept`, those outside of strings stand among the brackets.
    """
    in_string = False
    for piece in _without_escapes(body):
        all_marks = piece.translate(_MARKS, _REST)
        without_commas = all_marks.translate(None, _COMMA)
        marks = all_marks if kept else without_commas
        outside = marks.translate(None, _QUOTE)
        quotes = len(marks) - len(outside)
        ends_in_string = in_string ^ (quotes % 2 == 1)
        if not _strings_are_empty(_QUOTE * in_string + marks + _QUOTE * ends_in_string):
            outside = b"".join(marks.replace(2 * _QUOTE, b"").split(_QUOTE)[int(in_string) :: 2])
        in_string = ends_in_string
        yield outside, len(all_marks) - len(without_commas)


def _strings_are_empty(marks: bytes) -> bool:
    """Whether no mark stands between the quotes of a string.

    A reader of hexadecimal digits finds that out faster than a search for each pair of quotes: quotes are its digits,
    which have to come in pairs, and the other marks are blanks, which may stand between pairs and not within one.
    """
    try:
        bytes.fromhex(marks.decode("ascii"))
    except ValueError:
        return False
    return True


def _without_escapes(body: bytes) -> Iterator[bytes]:
    """The text in pieces, without escaped backslashes and quotes."""
    held = b""
    for start in range(0, len(body), _PIECE):
        piece, held = held + body[start : start + _PIECE], b""
        if b"\\" in piece:
            if (len(piece) - len(piece.rstrip(b"\\"))) % 2:  # what the last one escapes is in the next piece
                piece, held = piece[:-1], b"\\"
            piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
        yield piece


def _refuse_depth(brackets: bytes, depth: int, most: int) -> None:
    """TooDeep when one of the brackets nests too deep: they are walked, in strides while none can be."""
    stride = max(1, most * 5 // 4)
    for start in range(0, len(brackets), stride):
        end = min(start + stride, len(brackets))
        opening = brackets.count(_OPENING, start, end)
        if depth + opening > most and _deepest(brackets[start:end], depth) > most:
            raise TooDeep
        depth += 2 * opening - (end - start)


def _deepest(brackets: bytes, depth: int) -> int:
    return max(accumulate((1 if each in _OPENING else -1 for each in brackets), initial=depth))
