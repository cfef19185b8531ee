"""Which resource types an export holds completely, for all or single members, and what the server reported."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from cds_service.services.population.export_folder import ExportFile, ExportFolder, Kind
from cds_service.services.population.partition import PartitionCounts
from cds_service.services.population.run_rules import RETRIEVED_TYPES

_TYPES = re.compile("|".join(rf"\b{name}\b" for name in sorted(RETRIEVED_TYPES, key=len, reverse=True)))
_PATIENTS = re.compile(r"\bPatient/([A-Za-z0-9._\-]{1,128})")
_BAD = ("error", "fatal")
_MOST_MEMBERS, _MOST_ERROR_BYTES = 10_000, 10_000
NO_FILE = "the export has no file of this type"
NOT_READ = "no line of the export's files of this type could be read"
AN_ERROR = "the export reports an error about this type"
SOME_ERROR = "the export reports an error that names no type"
CUT = "a file of this type ends before its end"
FEWER = "a file of this type has fewer lines than the server said"


@dataclass(slots=True)
class Completeness:
    """Types that were not retrieved or only in part, and why; the same for single members by id.

    `noted`: absent types that decide nothing, and remarks. `problems`: file and problem.
    """

    unread: dict[str, str] = field(default_factory=dict)
    partial: dict[str, str] = field(default_factory=dict)
    of_members: dict[str, dict[str, str]] = field(default_factory=dict)
    retrieved: dict[str, int] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    errors: int = 0


def completeness_of(
    folder: ExportFolder, counts: Sequence[PartitionCounts], error_lines: Iterable[bytes]
) -> Completeness:
    """Judges completeness by the files, manifests, logs, and the lines of the server's error files."""
    found = Completeness()
    lines = Counter[str]()
    for each in counts:
        lines.update(each.types)
    of_file = Counter[str]()
    for each in counts:
        of_file[each.file] += each.lines
    files = folder.of_kind(Kind.RESOURCES)
    named = {file.named_type for file in files}
    requested = {name for each in folder.manifests if each.complete for name in each.requested}
    found.retrieved = dict(sorted(lines.items())) | {n: 0 for n in sorted(filter(None, named)) if n not in lines}
    for name in RETRIEVED_TYPES:
        if name not in lines and name not in named and name not in requested:
            found.unread[name] = NO_FILE
        elif name not in lines and any(of_file[file.name] for file in files if file.named_type == name):
            found.unread[name] = NOT_READ
    _count_lines(folder, of_file, found)
    _mark_truncated_files(counts, files, found)
    outcomes = (text for each in counts for text in each.outcomes)
    told = (line[:_MOST_ERROR_BYTES].decode(errors="replace") for line in error_lines)
    _read_errors(chain(outcomes, told), found)
    return found


def _count_lines(folder: ExportFolder, of_file: Mapping[str, int], found: Completeness) -> None:
    """Lines beside what manifests say. Fewer ones leave the type incomplete."""
    said = {name: count for manifest in folder.manifests for name, count in manifest.counts.items()}
    for file in folder.of_kind(Kind.RESOURCES):
        count = said.get(file.name.rsplit("/", 1)[-1])
        if count is not None and count != of_file[file.name]:
            found.problems.append((file.name, f"the server said {count} lines, the file has {of_file[file.name]}"))
            if of_file[file.name] < count:
                _mark_partial(found, file.named_type, FEWER)
    for manifest in folder.manifests:
        for kind, count in sorted(manifest.counts_by_type.items()):
            files = [file.name for file in folder.of_kind(Kind.RESOURCES) if file.named_type == kind]
            lines = sum(of_file[name] for name in files if name.startswith(manifest.folder))
            if lines < count and kind:
                found.problems.append((manifest.name, f"{kind}: {count} lines were downloaded, the files have {lines}"))
                _mark_partial(found, kind, FEWER)
    missing = set(said) - {file.name.rsplit("/", 1)[-1] for file in folder.files}
    for name in sorted(missing) if len(missing) < len(said) else ():
        found.problems.append((name, "the server named this file, and the folder does not have it"))


def _mark_truncated_files(counts: Iterable[PartitionCounts], files: Iterable[ExportFile], found: Completeness) -> None:
    types = {file.name: file.named_type for file in files}
    for each in counts:
        if each.problem:
            found.problems.append((each.file, each.problem))
            _mark_partial(found, types.get(each.file), CUT)


def _mark_partial(found: Completeness, kind: str | None, why: str) -> None:
    """One type, or all where the file's name does not say which."""
    for name in RETRIEVED_TYPES if kind is None else (kind,):
        if name in RETRIEVED_TYPES and name not in found.unread:
            found.partial.setdefault(name, why)


def _read_errors(outcomes: Iterable[str], found: Completeness) -> None:
    """Errors make what they name incomplete; remarks and warnings are no failure."""
    for text in outcomes:
        for issue in _issues(text):
            if issue.get("severity") not in _BAD:
                continue
            found.errors += 1
            words = json.dumps(issue)
            types, members = set(_TYPES.findall(words)), sorted(set(_PATIENTS.findall(words)))
            why = AN_ERROR if types else SOME_ERROR
            if members and len(found.of_members) + len(members) <= _MOST_MEMBERS:
                for member in members:
                    own = found.of_members.setdefault(member, {})
                    own |= dict.fromkeys(sorted(types) or RETRIEVED_TYPES, why)
            else:
                for name in sorted(types) or RETRIEVED_TYPES:
                    _mark_partial(found, name, why)


def _issues(text: str) -> list[dict[str, Any]]:
    try:
        body = json.loads(text)
    except ValueError:
        return []
    issues = body.get("issue") if isinstance(body, dict) else None
    return [each for each in issues if isinstance(each, dict)] if isinstance(issues, list) else []
