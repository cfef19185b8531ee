"""Patients that were merged into others: a first look at the Patient lines, before any line is placed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cds_service.services.population.export_folder import ExportFile
from cds_service.services.population.export_lines_reader import LineCount, lines_of
from fhir_mappings.json.export_lines import ID, head_of, replaced_by, replaces
from fhir_mappings.json.views import KNOWN_TYPES


def merged_patients(files: Iterable[ExportFile]) -> dict[str, str]:
    """By id, the member that a patient was merged into in the end. Files that cannot be read are left to others."""
    links: dict[str, str] = {}
    for file in files:
        if file.named_type == "Patient" or file.named_type not in KNOWN_TYPES:
            try:
                for _, line in lines_of(file.path, file.compressed, 0, None, LineCount()):
                    if line is not None and b"replace" in line:
                        _take(line, links)
            except OSError:
                continue
    return {old: last for old in sorted(links) if (last := _last(old, links)) != old}


def _take(line: bytes, links: dict[str, str]) -> None:
    head = head_of(line)
    if head is None or head.resourceType != "Patient" or not head.id:
        return
    pairs = [(head.id, replaced_by(line)), *((old, head.id) for old in replaces(line))]
    for old, new in pairs:
        if new and old != new and ID.fullmatch(old) and ID.fullmatch(new):
            links[old] = min(new, links.get(old, new))


def _last(old: str, links: Mapping[str, str]) -> str:
    """The end of a chain of merges; of a circle its first id by name."""
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
