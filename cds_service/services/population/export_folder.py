"""The files of a Bulk Data export: which hold resources of which type, which tell of deletions, errors and progress."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cds_service.errors import BadSetting
from fhir_mappings.json.views import KNOWN_TYPES

_MOST_FILES = 200_000
_MOST_MANIFEST_BYTES = 50_000_000
_BY_FOLDED = {name.casefold(): name for name in KNOWN_TYPES}
_TYPE = re.compile(r"[A-Z][A-Za-z]+")
ENDINGS = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")
GZIP = b"\x1f\x8b"


class Kind(StrEnum):
    """What a file of an export is."""

    RESOURCES = "resources"
    DELETED = "deleted"
    ERRORS = "errors"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One file with lines. `name`: its path in the folder; `named_type`: the type that its name says, if any."""

    name: str
    path: str
    size: int
    modified: int
    compressed: bool
    kind: Kind
    named_type: str | None


@dataclass(slots=True)
class Manifest:
    """What a server or a client's log says of one export: its time, its types, how many lines each file has.

    `counts_by_type`: lines that were downloaded, of a log. `complete`: to the end, and without errors.
    """

    name: str
    transaction_time: str = ""
    server: str | None = None
    requested: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    counts_by_type: dict[str, int] = field(default_factory=dict)
    complete: bool = True

    @property
    def folder(self) -> str:
        """The folder of the export that it is about, as file names begin; empty for the whole."""
        return self.name.partition(" ")[0].rpartition("/")[0]


@dataclass(slots=True)
class ExportFolder:
    """The files of a folder in the order of their names, and what manifests and logs say of them."""

    path: Path
    files: list[ExportFile] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def of_kind(self, kind: Kind) -> list[ExportFile]:
        """Files of one kind."""
        return [file for file in self.files if file.kind is kind]

    @property
    def size(self) -> int:
        """Bytes of the files that hold resources, compressed ones as they lie there."""
        return sum(file.size for file in self.of_kind(Kind.RESOURCES))


def read_export_folder(path: Path) -> ExportFolder:
    """The export in a folder and the folders below it. BadSetting when it cannot be read, or holds no lines."""
    if not path.is_dir():
        raise BadSetting(f"{path} is no folder: name the folder that the export was downloaded to")
    folder = ExportFolder(path)
    try:
        paths = sorted((each for each in path.rglob("*") if each.is_file()), key=lambda each: each.as_posix())
    except OSError as error:
        raise BadSetting(f"{path} cannot be read ({error.strerror})") from None
    if len(paths) > _MOST_FILES:
        raise BadSetting(f"{path} holds more than {_MOST_FILES} files: name the folder of one export")
    seen: set[Path] = set()
    for each in sorted(paths, key=Path.is_symlink):
        # Export clients keep runs in folders of their own, with links beside them to the files that count.
        real = each.resolve()
        if real not in seen:
            seen.add(real)
            _add_file(folder, each)
    folder.files.sort(key=lambda file: file.name)
    if not folder.of_kind(Kind.RESOURCES):
        raise BadSetting(f"{path} holds no NDJSON file such as Patient.ndjson or Patient.000.ndjson.gz")
    return folder


def _add_file(folder: ExportFolder, path: Path) -> None:
    name = path.relative_to(folder.path).as_posix()
    folded = path.name.casefold()
    try:
        if folded.endswith(".json"):
            _add_manifest(folder, path, name)
        elif folded.startswith("log.") and folded.endswith(ENDINGS):
            folder.manifests += _manifests_of_log(path, name)
        elif folded.endswith(ENDINGS):
            folder.files.append(_file(path, name))
        else:
            folder.ignored.append(name)
    except OSError as error:
        folder.problems.append((name, f"the file cannot be read ({error.strerror})"))
        if folded.endswith(ENDINGS):
            folder.files.append(ExportFile(name, str(path), 0, 0, False, Kind.RESOURCES, type_in_name(path.name)))


def _file(path: Path, name: str) -> ExportFile:
    with path.open("rb") as file:
        compressed = file.read(2) == GZIP
    stat = path.stat()
    return ExportFile(
        name, str(path), stat.st_size, stat.st_mtime_ns, compressed, kind_of(name), type_in_name(path.name)
    )


def kind_of(name: str) -> Kind:
    """Exports keep deletions and errors in folders of their own, or in files that say so."""
    parts = {part for piece in name.casefold().split("/") for part in re.split(r"[._-]", piece)}
    if "deleted" in parts or "deletions" in parts:
        return Kind.DELETED
    if parts & {"error", "errors", "outcome", "outcomes", "operationoutcome"}:
        return Kind.ERRORS
    return Kind.RESOURCES


def type_in_name(name: str) -> str | None:
    """The FHIR type that a file's name says: `Condition.000.ndjson`, `1.Condition.ndjson`, `condition-2.ndjson`."""
    parts = re.split(r"[._\- ]", name)
    known = next((_BY_FOLDED[part.casefold()] for part in parts if part.casefold() in _BY_FOLDED), None)
    return known or next((part for part in parts if _TYPE.fullmatch(part)), None)


# ---------------------------------------------------------------- what the server said


def _add_manifest(folder: ExportFolder, path: Path, name: str) -> None:
    if path.stat().st_size > _MOST_MANIFEST_BYTES:
        folder.ignored.append(name)
        return
    body = json_object(path.read_bytes())
    if "transactionTime" not in body:
        folder.ignored.append(name)
        return
    folder.manifests.append(manifest_in(body, name))


def json_object(text: str | bytes) -> dict[str, Any]:
    """A JSON object; empty for what is none."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def manifest_in(body: dict[str, Any], name: str) -> Manifest:
    """A manifest of either edition: `error` became `outcome`, and `request` went."""
    found = Manifest(name, str(body.get("transactionTime") or ""))
    request = body.get("request")
    if isinstance(request, str):
        found.server, found.requested = _of_request(request)
    for output in _list(body.get("output")):
        count, url = output.get("count"), output.get("url")
        if isinstance(url, str) and isinstance(count, int):
            found.counts[url.rsplit("/", 1)[-1].split("?", 1)[0]] = count
    links = [link.get("relation") for link in _list(body.get("link"))]
    found.complete = "next" not in links and not _list(body.get("error")) and not _list(body.get("outcome"))
    return found


def _of_request(request: str) -> tuple[str | None, tuple[str, ...]]:
    """The server's base URL and the types that were asked for."""
    address, _, query = request.partition("?")
    base = re.sub(r"/(?:Group/[^/]+/|Patient/)?\$export$", "", address)
    server = base.rstrip("/").lower() if base != address and base.startswith(("http://", "https://")) else None
    types = re.findall(r"(?:^|&)_type=([^&]*)", query)
    return server, tuple(name for each in types for name in re.split(r",|%2C", each, flags=re.IGNORECASE) if name)


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _manifests_of_log(path: Path, name: str) -> Iterator[Manifest]:
    """What a log of an export client says: one export after the other, each complete once its end is written."""
    exports: dict[str, Manifest] = {}
    types: dict[str, str] = {}
    for line in _log_lines(path):
        entry = json_object(line)
        if not entry:
            continue
        key = str(entry.get("exportId") or "")
        found = exports.setdefault(key, Manifest(f"{name} {key}".strip(), complete=False))
        details = entry.get("eventDetail")
        details = details if isinstance(details, dict) else {}
        if entry.get("eventId") == "kickoff" and isinstance(details.get("exportUrl"), str):
            found.server, found.requested = _of_request(details["exportUrl"])
        elif entry.get("eventId") == "status_complete":
            found.transaction_time = str(details.get("transactionTime") or "")
        elif entry.get("eventId") == "download_request" and details.get("itemType") in (None, "output"):
            types[str(details.get("fileUrl"))] = str(details.get("resourceType"))
        elif entry.get("eventId") == "download_complete" and isinstance(details.get("resourceCount"), int):
            kind = types.get(str(details.get("fileUrl")), "")
            found.counts_by_type[kind] = found.counts_by_type.get(kind, 0) + details["resourceCount"]
        elif entry.get("eventId") == "export_complete":
            found.complete = True
        elif entry.get("eventId") in ("status_error", "download_error", "manifest_error", "kickoff_error"):
            found.complete = False
    yield from exports.values()


def _log_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        compressed = file.read(2) == GZIP
    if path.stat().st_size > _MOST_MANIFEST_BYTES:
        return
    try:
        yield from (gzip.decompress(path.read_bytes()) if compressed else path.read_bytes()).splitlines()
    except (EOFError, zlib.error):
        return
