"""JSON as people edit it: numbers keep their digits, short parts stay on a line, a fault has a line and a column."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fhir_mappings.json.json_shape import TooDeep, TooDense, check_shape

MOST_DEPTH = 100
_WIDTH = 110
_INDENT = "  "
_LONGEST_EXCERPT = 120
# What Python's decoder says, and what helps.
_HELP = {
    "Expecting ',' delimiter": "a comma is missing here, or a bracket is closed that was not opened",
    "Expecting ':' delimiter": "a colon is missing after the name",
    "Expecting property name enclosed in double quotes": "a name in double quotes is expected: is the comma before it "
    "one too many?",
    "Illegal trailing comma before end of object": "the comma before the closing brace is one too many",
    "Illegal trailing comma before end of array": "the comma before the closing bracket is one too many",
    "Expecting value": "a value is expected: a text in double quotes, a number, true, false, null, { or [",
    "Unterminated string starting at": "the text that begins here has no closing quote",
    "Invalid control character at": "a text holds a line break or a tab: write \\n or \\t",
    "Invalid \\escape": "a backslash in a text is written twice: \\\\",
    "Extra data": "there is more after the end of the JSON",
}


class Number(str):
    """A number as it was written: 7.10 stays 7.10."""

    __slots__ = ()


@dataclass(eq=False)
class JsonFault(Exception):
    """JSON that cannot be read. `line` and `column` count from 1; 0 where the fault is in no single place.

    `offset`: how many characters stand before it. `excerpt`: the line at fault, shortened; `excerpt_column`: the place
    in it, from 1.
    """

    message: str
    line: int = 0
    column: int = 0
    offset: int = 0
    excerpt: str = ""
    excerpt_column: int = 0

    def __str__(self) -> str:
        """The place and what helps, in one sentence."""
        return f"Line {self.line}, column {self.column}: {self.message}" if self.line else self.message


def parsed(text: str) -> Any:
    """The value of a JSON text, with numbers as `Number`. JsonFault when it is none, or nests too deep."""
    try:
        check_shape(text.encode("utf-8", "surrogatepass"), MOST_DEPTH)
    except TooDeep:
        raise JsonFault(f"The JSON nests deeper than {MOST_DEPTH} levels: no FHIR resource does") from None
    except TooDense:
        raise JsonFault("The JSON holds more values than FHIR of its size does") from None
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _fault(text, error.pos, _HELP.get(error.msg.removesuffix(":"), error.msg)) from None
    except _NoNumber as error:
        place = max(text.find(error.args[0]), 0)
        raise _fault(text, place, f"{error.args[0]} is no number in JSON") from None


class _NoNumber(ValueError):
    """NaN or Infinity, which Python's decoder takes and JSON does not have."""


def _refuse_constant(name: str) -> Any:
    raise _NoNumber(name)


def _fault(text: str, offset: int, message: str) -> JsonFault:
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line = text[start : end if end >= 0 else len(text)]
    left = max(0, offset - start - _LONGEST_EXCERPT // 2)
    return JsonFault(
        message,
        text.count("\n", 0, offset) + 1,
        offset - start + 1,
        offset,
        line[left : left + _LONGEST_EXCERPT],
        offset - start - left + 1,
    )


def pretty(value: Any, depth: int = 0) -> str:
    """JSON with an indent, in which what fits on a line stands on one."""
    inline = one_line(value, _WIDTH - len(_INDENT) * depth)
    if inline is not None:
        return inline
    inner, outer = "\n" + _INDENT * (depth + 1), "\n" + _INDENT * depth
    if isinstance(value, dict):
        members = (f"{inner}{quoted(name)}: {pretty(member, depth + 1)}" for name, member in value.items())
        return "{" + ",".join(members) + outer + "}"
    return "[" + ",".join(f"{inner}{pretty(item, depth + 1)}" for item in value) + outer + "]"


def one_line(value: Any, most: int) -> str | None:
    """A value on one line; None when that takes more than `most` characters and the value has parts."""
    if isinstance(value, dict):
        parts, brackets = ([name, member] for name, member in value.items()), "{}"
    elif isinstance(value, list):
        parts, brackets = ([item] for item in value), "[]"
    else:
        return scalar(value)
    texts: list[str] = []
    left = most - len(brackets)
    for part in parts:
        inner = one_line(part[-1], left)
        if inner is None:
            return None
        text = f"{quoted(part[0])}: {inner}" if len(part) > 1 else inner
        left -= len(text) + 2
        if left < -2:
            return None
        texts.append(text)
    return brackets[0] + ", ".join(texts) + brackets[1]


def scalar(value: Any) -> str:
    """A value without parts as JSON."""
    return str(value) if isinstance(value, Number) else quoted(value)


def quoted(value: Any) -> str:
    """JSON of a text, a number, true, false or null."""
    return json.dumps(value, ensure_ascii=False)
