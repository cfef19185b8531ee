"""A saved chart: a FHIR Bundle, a list of resources, one resource a line, or a prefetch object, read into resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from cds_service.engine.wording import counted
from cds_service.errors import NotJson
from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.json.local_references import replace_references
from fhir_mappings.json.syntax_error import syntax_error

JSON = dict[str, Any]
_OUTCOME = "OperationOutcome"
# Of a request in a batch that failed: nobody knows which part of the chart it was for.
_NOT_ANSWERED = {"severity": "error", "code": "incomplete", "diagnostics": "a request of the batch failed"}
_DEEPEST = 4  # a batch holds searchsets, and those hold resources
# Numbers keep the digits that they came with.
_decoder = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Chart:
    """The resources of a saved chart.

    `next_url`: of the pages behind the saved one, None where it is the last. `missing`: how many results the server
    had beside those that were saved. `outcomes`: its messages, as entries: they may say that something was held back.
    `prefetch`: a saved prefetch object as it is, None for every other chart.
    """

    resources: tuple[JSON, ...]
    next_url: str | None = None
    missing: int = 0
    outcomes: tuple[JSON, ...] = ()
    prefetch: JSON | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing says that there may be more of it."""
        return self.next_url is None and not self.missing and not self.outcomes and self.prefetch is None

    @property
    def description(self) -> str:
        """What it holds, in words: `1 Patient, 12 Observations`."""
        counts = Counter(each["resourceType"] for each in self.resources).most_common(4)
        named = [counted(count, name) for name, count in counts]
        more = len({each["resourceType"] for each in self.resources}) - len(counts)
        return ", ".join([*named, *([f"{more} more types"] if more else [])])


def read_saved_chart(document: bytes) -> Chart | None:
    """The chart that a document holds; None for a hook request and for anything else. NotJson with line and column."""
    document = document.removeprefix(b"\xef\xbb\xbf")
    try:
        value = _decoder.decode(document)
    except DecodeError as error:
        chart = _lines(document)
        if chart is None:
            raise NotJson(f"it is no JSON: {syntax_error(document, error)}") from None
        return chart
    if isinstance(value, dict) and ("hook" in value or "hookInstance" in value):
        return None
    if isinstance(value, dict) and "resourceType" not in value:
        return _saved_prefetch(value)
    return _chart(list(_entries(value, _DEEPEST)), _next_url(value), _missing(value))


def _saved_prefetch(value: JSON) -> Chart | None:
    """A prefetch object: resources and Bundles under keys. It says itself what was read, and stays as it is."""
    entries = [entry for each in value.values() for entry in _entries(each, _DEEPEST - 1)]
    chart = _chart(entries, None, 0)
    return replace(chart, prefetch=value) if chart is not None else None


def _chart(entries: Sequence[JSON], next_url: str | None, missing: int) -> Chart | None:
    """The chart of some entries; None where there are no resources among them."""
    told = tuple(each for each in entries if each["resource"]["resourceType"] == _OUTCOME)
    resources = _with_names(each for each in entries if each["resource"]["resourceType"] != _OUTCOME)
    return Chart(resources, next_url, missing, told) if resources else None


def _lines(document: bytes) -> Chart | None:
    """One resource a line, as in a Bulk Data export; None where the first line is none."""
    try:
        values = [_decoder.decode(line) for line in document.splitlines() if line.strip()]
    except DecodeError:
        return None
    return _chart([entry for value in values for entry in _entries(value, _DEEPEST)], None, 0)


def _entries(value: Any, depth: int) -> Iterator[JSON]:
    """Entries of a Bundle, however its Bundles are nested; resources by themselves as entries without a fullUrl."""
    if depth and isinstance(value, list):
        for each in value:
            yield from _entries(each, depth - 1)
    elif depth and isinstance(value, dict):
        kind = value.get("resourceType")
        if kind == "Bundle":
            for entry in value.get("entry") or () if isinstance(value.get("entry"), list | None) else ():
                yield from _entry(entry, depth)
        elif isinstance(kind, str):
            yield {"resource": value}


def _entry(entry: Any, depth: int) -> Iterator[JSON]:
    """What an entry holds; of a request in a batch that failed, the server's message."""
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if resource is None and _failed(entry):
        yield {"resource": {"resourceType": _OUTCOME, "issue": [_NOT_ANSWERED]}}
    if isinstance(resource, dict) and resource.get("resourceType") not in (None, "Bundle"):
        yield from ({**each, "fullUrl": entry.get("fullUrl")} for each in _entries(resource, depth - 1))
    elif resource is not None:
        yield from _entries(resource, depth - 1)


def _with_names(entries: Iterable[JSON]) -> tuple[JSON, ...]:
    """The resources, each with an id and once; references that name them by fullUrl are `Type/id`."""
    names: dict[str, str] = {}
    resources: dict[str, JSON] = {}
    for at, entry in enumerate(entries):
        resource, url = entry["resource"], entry.get("fullUrl")
        if not isinstance(resource.get("id"), str) or not resource["id"]:
            resource["id"] = _id_of(url, at)
        name = f"{resource['resourceType']}/{resource['id']}"
        if isinstance(url, str) and url:
            names[url] = name
        resources[name] = resource
    found = list(resources.values())
    replace_references(found, names)
    return tuple(found)


def _id_of(url: Any, at: int) -> str:
    """The UUID of a fullUrl, else one from the place in the Bundle."""
    try:
        return str(UUID(str(url).removeprefix("urn:uuid:")))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, f"{url}#{at}"))


def _failed(entry: Any) -> bool:
    response = entry.get("response") if isinstance(entry, dict) else None
    status = response.get("status") if isinstance(response, dict) else None
    return isinstance(status, str) and not status.startswith("2")


def _next_url(value: Any) -> str | None:
    links = value.get("link") if isinstance(value, dict) else None
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return None


def _missing(value: Any) -> int:
    """By how many the total of a search exceeds the matches that were saved."""
    total, entries = (value.get(name) for name in ("total", "entry")) if isinstance(value, dict) else (None, None)
    if not isinstance(total, int) or not isinstance(entries, list):
        return 0
    modes = [(e.get("search") or {}).get("mode", "match") for e in entries if isinstance(e, dict)]
    return max(0, total - modes.count("match"))
