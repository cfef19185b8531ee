"""What a server says about its own answer: OperationOutcome issues, weighed by the table in server_messages.toml.

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
    """What an issue says of the answer that it came with; of several the greatest counts."""

    EMPTY = 0
    WHOLE = 1
    NOTED = 2
    INCOMPLETE = 3
    FAILED = 4
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class Heard:
    """One issue as it was understood; `says` is our sentence about it, never the server's own text."""

    level: Level
    says: str
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
    """What says that results are missing, and what makes a sentence harmless."""
    words = table()["words"]
    return re.compile("|".join(words["missing"])), re.compile("|".join(words["harmless"]))


def hear(issue: Issue, section: str | None = None) -> Heard:
    """What one issue says of an answer to the search for this part of the chart."""
    row = next(filter(None, map(_row, (issue.details.coding or ()) if issue.details else ())), None)
    if row is not None:
        if row["means"] == "withheld":
            return _withheld(row["says"], issue.diagnostics, section, known=True)
        level = Level.NOTED if row["means"] == "whole" else Level[row["means"].upper()]
        return Heard(level, row["says"], known=True)
    if _NOT_AUTHORIZED.search(cut(issue.diagnostics or "")) and _names(issue.diagnostics):
        return _withheld("The EHR withholds a part", issue.diagnostics, section)
    return _by_type(issue)


def worst(heard: Iterable[Heard]) -> Heard | None:
    """The one that counts, of several issues; None of none."""
    return max(heard, key=lambda each: each.level, default=None)


def nothing_found(issues: Sequence[Issue]) -> bool:
    """Whether an OperationOutcome in place of a searchset only says that there are no results."""
    heard = [hear(issue) for issue in issues]
    return any(h.level is Level.EMPTY for h in heard) and all(h.level <= Level.NOTED for h in heard)


def types_of(section: str | None) -> Collection[str]:
    """The types of resource that a part of the chart is read from; none for an answer to no search of ours.

    A part that the table does not have is a kind of result that only some policies ask for.
    """
    names: list[str] = table()["types"].get(section, ["Observation"]) if section is not None else []
    return names


def parameters_named(issues: Iterable[Issue], names: Iterable[str]) -> set[str]:
    """Which of these search parameters the issues speak of."""
    text = " ".join(_text_of(issue) for issue in issues)
    return {name for name in names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)}


def _row(coding: Coding) -> dict[str, str] | None:
    """The table's row for a coding of the vendor's error codes, whatever environment it is of."""
    known = table()["vendor_system"]
    system = (coding.system or "").strip().casefold()
    if system[:1].isdigit():
        system = f"urn:oid:{system}"
    ours = system.startswith(known["start"]) and system.endswith(known["end"])
    return _rows().get((coding.code or "").strip()) if ours else None


def _names(diagnostics: str | None) -> list[tuple[str, str]]:
    """Types and names of the parts that were left out."""
    return [(kind, name.casefold().strip()) for kind, name in _NAMED.findall(cut(diagnostics or ""))]


def _withheld(says: str, diagnostics: str | None, section: str | None, known: bool = False) -> Heard:
    """A part was left out: it counts when it is what the search was for, or when nobody says which it is."""
    rules = table()["withheld"]
    names = _names(diagnostics)
    text = cut(diagnostics or "").casefold()
    if not names:
        elsewhere = any(word in text for word in rules["elsewhere"])
        return Heard(Level.NOTED, rules["says"], known) if elsewhere else Heard(Level.INCOMPLETE, says, known)
    asked = [name for kind, name in names if _was_asked_for(kind, name, section)]
    if asked:
        return Heard(Level.INCOMPLETE, f"{says} that was asked for", known)
    elsewhere = any(word in text for word in rules["elsewhere"])
    return Heard(Level.NOTED, rules["says"] if elsewhere else f"{says} that was not asked for", known)


def _was_asked_for(kind: str, name: str, section: str | None) -> bool:
    rules = table()["withheld"]
    types = types_of(section)
    if any(word in name for word in rules["elsewhere"]) or (types and kind not in types):
        return False
    besides: list[str] = rules["besides"].get(section, []) if section is not None else []
    return not any(name.startswith(word) for word in besides)


def _by_type(issue: Issue) -> Heard:
    """Of other vendors, and of codes that the table does not hold: FHIR's issue type, severity and words."""
    rules = table()["issue"]
    code = (issue.code or "").strip().casefold()
    grave = (issue.severity or "").strip().casefold() in ("error", "fatal")
    if code in rules["missing"]:
        return Heard(Level.FAILED, "The server says that results may be missing")
    if grave:
        return Heard(Level.REFUSED if code in rules["refused"] else Level.FAILED, "The server reports an error")
    # `suppressed` is itself one of the words that say that something was left out.
    text = f"{code}; {_text_of(issue)}" if code == "suppressed" else _text_of(issue)
    if _says_missing(text):
        return Heard(Level.INCOMPLETE, "The server says that results may be missing")
    shown = code if re.fullmatch(r"[a-z-]{1,30}", code) else "unstated"
    return Heard(Level.NOTED, f"The server added a remark of the kind '{shown}' to an answer")


def _text_of(issue: Issue) -> str:
    details = issue.details
    displays = [coding.display for coding in details.coding or ()] if details else []
    texts = (issue.diagnostics, details.text if details else None, *displays)
    return cut("; ".join(" ".join(cut(text).split()) for text in texts if text))


def _says_missing(text: str) -> bool:
    missing, harmless = _patterns()
    sentences = [sentence.strip() for sentence in _SENTENCES.split(text.casefold())]
    excused = any(map(harmless.search, sentences))
    lacking = [each for each in sentences if missing.search(each) and not harmless.search(each)]
    # FHIR's bare code says less than a sentence that explains it.
    return lacking != ["suppressed"] if excused and lacking else bool(lacking)
