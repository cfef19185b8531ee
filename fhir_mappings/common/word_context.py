"""Whether words that name a concept say that the patient has it now: negation, other people, the future.

A negator reaches forward to the next comma, semicolon, "but" or "with"; words of family or of a donor reach to the
semicolon or the end. Some negators stand behind what they negate ("ESRD ruled out"). "History of" keeps a concept.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from importlib.resources import files

from fhir_mappings.common.free_text import cut

_BOUNDARY = re.compile(r"[,;]|\bbut\b|\bwith\b|\.(?: |$)")
_CLAUSE_END = re.compile(r";")


def _any_of(words: Iterable[str]) -> str:
    return "|".join(words)


_LISTS = tomllib.loads(files(__package__).joinpath("word_context.toml").read_text(encoding="utf-8"))
_PEOPLE_WORDS = _any_of(_LISTS["people"])
_NEGATED_BEFORE = re.compile(rf"\b(?:{_any_of(_LISTS['before'])})\b")
_NEGATED_AFTER = re.compile(rf"^[ :()-]{{0,3}}(?:(?:was|is|has been|were|are) )?(?:{_any_of(_LISTS['behind'])})\b")
_PRE = re.compile(r"\bpre[ -]?$")
_PEOPLE = re.compile(rf"\b(?:{_any_of(_LISTS['family'])}|{_PEOPLE_WORDS})\b")
_PEOPLE_AFTER = re.compile(
    rf"^[ ,:-]{{0,3}}\(?(?:in|of) (?:(?:a|an|the|his|her|their|patient's) )?(?:{_PEOPLE_WORDS}|family)\b"
    rf"|^ ?\((?:{_PEOPLE_WORDS})\)"
)
_HISTORY = re.compile(rf"\b(?:{_any_of(_LISTS['history'])})\b")


def folded(text: str) -> str:
    """Text as the patterns read it: cut, lower case, single blanks, without the brackets of IMO's names."""
    return " ".join(cut(text).casefold().replace("\u2019", "'").replace("_", " ").split())


def present_mentions(pattern: re.Pattern[str], text: str, own: Collection[str] = ()) -> Iterator[re.Match[str]]:
    """The matches in folded text that are said of the patient and not negated.

    `own`: negators that belong to the concept itself, such as "education" for diabetes education.
    """
    for match in pattern.finditer(text):
        end = match.end()
        while end < len(text) and text[end].isalpha():  # the rest of a word that a stem began
            end += 1
        if not _is_negated(text, match.start(), end, own):
            yield match


def is_history(text: str) -> bool:
    """Whether folded text speaks of the past."""
    return bool(_HISTORY.search(text))


def _is_negated(text: str, start: int, end: int, own: Collection[str]) -> bool:
    before = text[:start]
    if _PRE.search(before):
        return True
    clause = before[_last_end(_CLAUSE_END, before) :]
    if _PEOPLE.search(clause):
        return True
    segment = before[_last_end(_BOUNDARY, before) :]
    if any(match[0] not in own for match in _NEGATED_BEFORE.finditer(segment)):
        return True
    behind = text[end : end + 60]
    if _PEOPLE_AFTER.match(behind):
        return True
    said = _NEGATED_AFTER.match(behind)
    return said is not None and not any(word in said[0] for word in own)


def _last_end(pattern: re.Pattern[str], text: str) -> int:
    """Where the last match ends; 0 when there is none."""
    last = 0
    for match in pattern.finditer(text):
        last = match.end()
    return last
