"""Deleted resources of an export, as transaction Bundles with DELETE entries name them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cds_service.services.population.export_folder import Manifest
from fhir_mappings.common.references import local

# By reference, the instant up to which versions are deleted; empty: all of them.
Deletions = dict[str, str]


def deletions_in(
    lines: Iterable[tuple[str, int, bytes]], manifests: Iterable[Manifest], server: str | None
) -> Deletions:
    """What the lines of files of deletions name. `lines`: file, number, line.

    A deletion applies up to the time of its export: a newer version was created again afterward.
    """
    times = {each.folder: each.transaction_time for each in manifests}
    found: Deletions = {}
    for file, _, line in lines:
        folder = file.rpartition("/")[0]
        time = times.get(folder) or times.get(folder.rpartition("/")[0], "")
        for reference in _deleted(_json(line) or {}, server):
            found[reference] = _later(found.get(reference), time)
    return found


def _json(line: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(line)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _deleted(body: dict[str, Any], server: str | None) -> Iterator[str]:
    entries = body.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict) and request.get("method") == "DELETE" and isinstance(request.get("url"), str):
            yield local(request["url"], server) or request["url"]


def _later(one: str | None, other: str) -> str:
    """Of two instants the later; one without an end stays so."""
    return other if one is None else "" if not one or not other else max(one, other)


def is_deleted(deletions: Mapping[str, str], reference: str, updated: str | None) -> bool:
    """Whether a version of a resource is gone: not when it was made after the deletion."""
    time = deletions.get(reference)
    if time is None:
        return False
    until, own = instant(time), instant(updated)
    return until is None or own is None or own <= until


def instant(text: str | None) -> datetime | None:
    """An instant; None for what is none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
