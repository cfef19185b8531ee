"""Patients that were merged into others, read from the Patient lines before lines are sorted by member."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fhir_mappings.json.export_lines import ID, head_of, replaced_by, replaces
from fhir_mappings.json.views import KNOWN_TYPES

Link = tuple[str, str]


def may_hold_patients(named_type: str | None) -> bool:
    """Whether a file may hold Patient lines, by the type that its name says."""
    return named_type == "Patient" or named_type not in KNOWN_TYPES


def links_in(line: bytes) -> Iterator[Link]:
    """Which patients a line says were merged: the old id and the new one."""
    if b"replace" not in line:
        return
    head = head_of(line)
    if head is None or head.resourceType != "Patient" or not head.id:
        return
    for old, new in [(head.id, replaced_by(line)), *((old, head.id) for old in replaces(line))]:
        if new and old != new and ID.fullmatch(old) and ID.fullmatch(new):
            yield old, new


def merged_patients(links: Iterable[Link]) -> dict[str, str]:
    """By id, the member that a patient was merged into in the end."""
    known: dict[str, str] = {}
    for old, new in links:
        known[old] = min(new, known.get(old, new))
    return {old: last for old in sorted(known) if (last := _final_id(old, known)) != old}


def _final_id(old: str, links: Mapping[str, str]) -> str:
    """The last id of a chain of merges; of a circular chain the id that sorts first."""
    seen = [old]
    while (following := links.get(seen[-1])) is not None:
        if following in seen:
            return min(seen[seen.index(following) :])
        seen.append(following)
    return seen[-1]


def merged_into(merged: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """By member, the ids of those that were merged into it."""
    found: dict[str, list[str]] = {}
    for old, new in merged.items():
        found.setdefault(new, []).append(old)
    return {new: tuple(sorted(olds)) for new, olds in found.items()}
