"""Who the patient is, for the banner of a page: the one place where a name is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from fhir_mappings.json.edge_numbers import DecodeError

_members = msgspec.json.Decoder(dict[str, Any])
_OLD = ("old", "maiden")


@dataclass(frozen=True, slots=True)
class Demographics:
    """Name, birth date, sex and identifier in words; empty where the chart does not say. `read`: the Patient was."""

    read: bool = False
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    identifier: str = ""


def demographics_of(patient: bytes | None) -> Demographics:
    """The banner of a Patient as JSON; None for one that could not be read."""
    try:
        found = _members.decode(patient or b"null")
    except DecodeError:
        return Demographics()
    if found.get("resourceType") != "Patient":
        return Demographics()
    return Demographics(
        True,
        _name(_objects(found.get("name"))),
        _text(found.get("birthDate")),
        _text(found.get("gender")),
        _identifier(_objects(found.get("identifier"))),
    )


def name_in(person: bytes | None) -> str:
    """The name in a Practitioner or any other person's resource; empty when there is none."""
    try:
        found = _members.decode(person or b"null")
    except DecodeError:
        return ""
    return _name(_objects(found.get("name")))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: Any) -> Iterable[str]:
    return (_text(each) for each in value) if isinstance(value, list) else (_text(value),)


def _name(names: list[dict[str, Any]]) -> str:
    """The usual name, else the official one, else any that is not an old one."""
    rank = {"usual": 0, "official": 1}
    for name in sorted(names, key=lambda each: rank.get(_text(each.get("use")), 3 if each.get("use") in _OLD else 2)):
        parts = [*_texts(name.get("given")), *_texts(name.get("family")), *_texts(name.get("suffix"))]
        words = _text(name.get("text")) or " ".join(part for part in parts if part)
        if words:
            return words
    return ""


def _identifier(identifiers: list[dict[str, Any]]) -> str:
    """The medical record number, else the first identifier that is in use."""
    current = [each for each in identifiers if each.get("use") != "old" and _text(each.get("value"))]
    for each in sorted(current, key=lambda each: not _is_record_number(each)):
        return _text(each.get("value"))
    return ""


def _is_record_number(identifier: dict[str, Any]) -> bool:
    kind = identifier.get("type")
    codings = _objects(kind.get("coding")) if isinstance(kind, dict) else []
    return any(coding.get("code") == "MR" for coding in codings)
