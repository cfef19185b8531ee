"""Interprets OperationOutcome issues of FHIR servers by the table in server_messages.toml.


The vendor's code in `issue.details` decides where it is known, else `issue.code` with `severity` and the words.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import Any

from fhir_mappings.common.datatypes import Coding
from fhir_mappings.common.free_text import cut
from fhir_mappings.json.views import OperationOutcome

Issue = OperationOutcome.Issue
_SENTENCES = re.compile(r"[.;\n]")
# "Client not authorized for Condition - Encounter Diagnosis." The name is cut by the sentence's end.
_NAMED = re.compile(r"\b([A-Z][A-Za-z]{3,40}) ?[-\u2013] ?([A-Za-z][^.;\n]{0,80})")
_NOT_AUTHORIZED = re.compile(r"not (?:been )?authorized for", re.IGNORECASE)


class Level(IntEnum):
    """What an issue says about the answer that it came with; of several issues the highest level counts."""

    EMPTY = 0
    WHOLE = 1
    NOTED = 2
    INCOMPLETE = 3
    FAILED = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class IssueMeaning:
    """What one issue means for its answer. `sentence`: ours about it, never the server's own text."""

    level: Level
    sentence: str
    known: bool = False


@cache
def table() -> dict[str, Any]:
    """The table as it stands in the file."""
    return tomllib.loads(resources.files(__package__).joinpath("server_messages.toml").read_text("utf-8"))


@cache
def _rows() -> dict[str, dict[str, str]]:
    return {row["code"]: row for row in table()["code"]}


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of sentences that say that results are missing, and of sentences that are harmless all the same."""
    patterns = table()["words"]
    return re.compile("|".join(patterns["missing"])), re.compile("|".join(patterns["harmless"]))


def interpret(issue: Issue, section: str | None = None) -> IssueMeaning:
    """What one issue says of an answer to the search for this part of the chart."""
    row = next(filter(None, map(_row, (issue.details.coding or ()) if issue.details else ())), None)
    if row is not None:
        if row["means"] == "withheld":
            return _withheld(row["says"], issue.diagnostics, section, known=True)
        level = Level.NOTED if row["means"] == "whole" else Level[row["means"].upper()]
        return IssueMeaning(level, row["says"], known=True)
    if _NOT_AUTHORIZED.search(cut(issue.diagnostics or "")) and _names(issue.diagnostics):
        return _withheld("The EHR withholds a part", issue.diagnostics, section)
    return _by_type(issue)


def most_severe(meanings: Iterable[IssueMeaning]) -> IssueMeaning | None:
    """The meaning with the highest level; None when there are no meanings."""
    return max(meanings, key=lambda meaning: meaning.level, default=None)


def nothing_found(issues: Sequence[Issue]) -> bool:
    """Whether an OperationOutcome in place of a searchset only says that there are no results."""
    levels = [interpret(issue).level for issue in issues]
    return Level.EMPTY in levels and all(level <= Level.NOTED for level in levels)


def types_of(section: str | None) -> Collection[str]:
    """Resource types that a chart section is read from; none for an answer that was not one of our searches.

    A section that the table does not have is a kind of result that only some policies ask for.
    """
    names: list[str] = table()["types"].get(section, ["Observation"]) if section is not None else []
    return names


def parameters_named(issues: Iterable[Issue], names: Iterable[str]) -> set[str]:
    """Which of these search parameters the issues speak of."""
    text = " ".join(_text_of(issue) for issue in issues)
    return {name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)}


def _row(coding: Coding) -> dict[str, str] | None:
    """The table's row for a coding of the vendor's error codes, in any environment of the vendor."""
    vendor_system = table()["vendor_system"]
    system = (coding.system or "").strip().casefold()
    if system[:1].isdigit():
        system = f"urn:oid:{system}"
    is_vendors = system.startswith(vendor_system["start"]) and system.endswith(vendor_system["end"])
    return _rows().get((coding.code or "").strip()) if is_vendors else None


def _names(diagnostics: str | None) -> list[tuple[str, str]]:
    """Types and names of the parts that were left out."""
    return [(kind, name.casefold().strip()) for kind, name in _NAMED.findall(cut(diagnostics or ""))]


def _withheld(says: str, diagnostics: str | None, section: str | None, known: bool = False) -> IssueMeaning:
    """A part was left out: the answer is incomplete when the search was for it, or when no part is named."""
    rules = table()["withheld"]
    names = _names(diagnostics)
    text = cut(diagnostics or "").casefold()
    elsewhere = any(word in text for word in rules["elsewhere"])
    if not names:
        level, sentence = (Level.NOTED, rules["says"]) if elsewhere else (Level.INCOMPLETE, says)
        return IssueMeaning(level, sentence, known)
    asked_for = [name for kind, name in names if _was_asked_for(kind, name, section)]
    if asked_for:
        return IssueMeaning(Level.INCOMPLETE, f"{says} that was asked for", known)
    return IssueMeaning(Level.NOTED, rules["says"] if elsewhere else f"{says} that was not asked for", known)


def _was_asked_for(kind: str, name: str, section: str | None) -> bool:
    rules = table()["withheld"]
    types = types_of(section)
    if any(word in name for word in rules["elsewhere"]) or (types and kind not in types):
        return False
    besides: list[str] = rules["besides"].get(section, []) if section is not None else []
    return not any(name.startswith(word) for word in besides)


def _by_type(issue: Issue) -> IssueMeaning:
    """The meaning by FHIR's issue type, severity and text: for other vendors, and for codes that the table lacks."""
    rules = table()["issue"]
    code = (issue.code or "").strip().casefold()
    is_error = (issue.severity or "").strip().casefold() in ("error", "fatal")
    if code in rules["missing"]:
        return IssueMeaning(Level.FAILED, "The server says that results may be missing")
    if is_error:
        return IssueMeaning(Level.REFUSED if code in rules["refused"] else Level.FAILED, "The server reports an error")
    # `suppressed` is itself one of the words that say that something was left out.
    text = f"{code}; {_text_of(issue)}" if code == "suppressed" else _text_of(issue)
    if _says_missing(text):
        return IssueMeaning(Level.INCOMPLETE, "The server says that results may be missing")
    shown = code if re.fullmatch(r"[a-z-]{1,30}", code) else "unstated"
    return IssueMeaning(Level.NOTED, f"The server added a remark of the kind '{shown}' to an answer")


def _text_of(issue: Issue) -> str:
    details = issue.details
    displays = [coding.display for coding in details.coding or ()] if details else []
    texts = (issue.diagnostics, details.text if details else None, *displays)
    return cut("; ".join(" ".join(cut(text).split()) for text in texts if text))


def _says_missing(text: str) -> bool:
    missing, harmless = _patterns()
    sentences = [sentence.strip() for sentence in _SENTENCES.split(text.casefold())]
    has_harmless = any(map(harmless.search, sentences))
    missing_sentences = [s for s in sentences if missing.search(s) and not harmless.search(s)]
    # FHIR's bare code says less than a sentence that explains it.
    return missing_sentences != ["suppressed"] if has_harmless and missing_sentences else bool(missing_sentences)
