"""JSON bytes to views: tolerant, resource by resource. What could not be read is reported, never dropped in silence.

The quick way decodes a whole answer at once. Only when something in it does not fit is it read entry by entry, so
that one malformed resource never costs the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec

from fhir_mappings.json import long_values
from fhir_mappings.json.clinical_views import Observation, Resource
from fhir_mappings.json.edge_numbers import DecodeError, forgiving
from fhir_mappings.json.object_members import MembersDecoder, is_null, raw_members
from fhir_mappings.json.search_result import Located, SearchResult, Status, failed
from fhir_mappings.json.server_messages import nothing_found
from fhir_mappings.json.views import KNOWN_TYPES, AnyResource, Bundle, Entry, Loose, OperationOutcome, RawEntry

_typed = msgspec.json.Decoder(AnyResource, float_hook=Decimal)
_typed_members: MembersDecoder[AnyResource | None] = MembersDecoder(AnyResource | None, Decimal)
_loose = msgspec.json.Decoder(Loose)
_raw_entry = msgspec.json.Decoder(RawEntry)
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder(Any)

_MAX_DEPTH = 4
_MOST_NAMED = 100  # malformed entries of one answer; the rest is counted
# What an entry may hold that is no match of a search, and has to be looked at.
_NO_MATCH = frozenset({Bundle, OperationOutcome, type(None)})
_resource_of, _response_of = attrgetter("resource"), attrgetter("response")


def read(data: bytes | msgspec.Raw) -> SearchResult:
    """Reads an answer: a resource, any Bundle, a bare list, a batch entry around one of them, or null.

    An OperationOutcome or rubbish is a failed answer: never an error, and never "nothing there".
    """
    if is_null(data):
        return SearchResult()
    try:
        whole = _typed.decode(data)
    except DecodeError:
        return long_values.without_long_elements(_read_loosely(bytes(data), 0), len(data))
    return long_values.without_long_elements(_read_typed(whole, None), len(data))


def read_members(data: bytes | msgspec.Raw) -> dict[str, SearchResult]:
    """The same for each member of a prefetch: in one pass where everything fits."""
    try:
        whole = _typed_members.decode(data, "prefetch")
    except DecodeError as error:
        long_values.refuse_long_list(error, "prefetch")
        return {key: read(value) for key, value in raw_members.decode(data, "prefetch").items()}
    return {key: SearchResult() if value is None else _read_typed(value, None) for key, value in whole.items()}


def _read_typed(resource: Resource, full_url: str | None) -> SearchResult:
    if isinstance(resource, OperationOutcome):
        return _in_place_of_data(resource)
    if not isinstance(resource, Bundle):
        return SearchResult(Status.READ, resources=[(resource, full_url)])
    reading = SearchResult()
    entries = resource.entry or []
    kinds = set(map(type, map(_resource_of, entries)))
    if kinds.isdisjoint(_NO_MATCH) and not any(map(_response_of, entries)):
        reading.resources = _located(entries)
        _conclude(reading, resource, len(entries))
        return reading
    matches = 0
    for entry in entries:
        inner = entry.resource
        if entry.response is not None and (entry.response.status or "")[:1] in ("4", "5"):
            reading.mark_partial("a request of the batch went wrong")
        if inner is None:
            continue
        if isinstance(inner, OperationOutcome):
            _heed(inner, reading)
        elif isinstance(inner, Bundle):
            reading.add_inner(_read_typed(inner, entry.fullUrl))
        else:
            matches += 1
            reading.resources.append((inner, entry.fullUrl))
    _conclude(reading, resource, matches)
    return reading


def _located(entries: list[Entry]) -> list[Located]:
    """Resources with their fullUrls. An Observation goes by its id where it has one: of thousands of them the
    addresses are let go."""
    return [
        (entry.resource, None if type(entry.resource) is Observation and entry.resource.id else entry.fullUrl)
        for entry in entries
        if entry.resource is not None
    ]


def _conclude(reading: SearchResult, bundle: Bundle, matches: int) -> None:
    if reading.resources and reading.status is Status.EMPTY:
        reading.status = Status.READ
    for link in bundle.link or ():
        if link.relation == "next" and link.url:
            reading.next_url = link.url
        elif link.relation == "self":
            reading.self_url = link.url
    reading.counted += matches
    if bundle.type in (None, "searchset"):
        reading.total = bundle.total


def _in_place_of_data(outcome: OperationOutcome) -> SearchResult:
    """What an OperationOutcome says that came alone: that there are no results, else that the search failed."""
    issues = outcome.issue or []
    if nothing_found(issues):
        return SearchResult(issues=issues)
    reading = SearchResult(issues=issues).checked()
    return replace(reading, status=Status.FAILED, why=reading.why or "the EHR sent an error in place of data")


def _heed(outcome: OperationOutcome, reading: SearchResult) -> None:
    for issue in outcome.issue or ():
        if issue.code == "not-supported" and issue.diagnostics:
            reading.ignored.append(" ".join(issue.diagnostics.split())[:100])
        reading.issues.append(issue)


def _read_loosely(data: bytes, depth: int) -> SearchResult:
    """Entry by entry, for what does not fit at once."""
    text = data.lstrip()
    if text[:4] == b"null" and text.strip() == b"null":
        return SearchResult()
    if depth > _MAX_DEPTH:
        return failed("what the EHR sent is nested too deep")
    try:
        if text[:1] == b"[":
            return _read_list(_raw_list.decode(data), depth)
    except DecodeError:
        return failed("what the EHR sent is not a FHIR resource")
    loose = _header(data)
    if loose is None:
        return failed("what the EHR sent is not a FHIR resource")
    if loose.resourceType == "Bundle":
        return _read_bundle(loose, depth)
    if isinstance(loose.resourceType, str):
        return _read_single(data, loose)
    if loose.resource:
        if _went_wrong(loose.response):
            return failed("the EHR reports an error")
        return _read_loosely(bytes(loose.resource), depth + 1)
    return failed("what the EHR sent is not a FHIR resource")


def _went_wrong(response: bytes | msgspec.Raw) -> bool:
    status = _plain(response).get("status") if isinstance(_plain(response), dict) else None
    return isinstance(status, str) and status[:1] in ("4", "5")


def _read_bundle(loose: Loose, depth: int) -> SearchResult:
    entries: list[msgspec.Raw] = []
    if loose.entry and not is_null(loose.entry):
        try:
            entries = _raw_list.decode(loose.entry)
        except DecodeError:
            return failed("Bundle.entry is no list")
    reading = _read_list(entries, depth)
    link = _plain(loose.link) if loose.link else None
    for each in link if isinstance(link, list) else ():
        if isinstance(each, dict) and isinstance(each.get("url"), str):
            if each.get("relation") == "next":
                reading.next_url = each["url"]
            elif each.get("relation") == "self":
                reading.self_url = each["url"]
    total = loose.total if isinstance(loose.total, int) and not isinstance(loose.total, bool) else None
    reading.counted = len(reading.resources) + len(reading.set_aside) + reading.passed_over
    reading.total = total
    return reading


def _read_list(entries: list[msgspec.Raw], depth: int) -> SearchResult:
    reading, unnamed = SearchResult(), 0
    for index, raw in enumerate(entries):
        full_url, body, went_wrong = _unwrap(raw)
        if went_wrong:
            reading.mark_partial("a request of the batch went wrong")
        if body is None:
            continue
        try:
            resource = _typed.decode(body)
            if isinstance(resource, OperationOutcome):
                _heed(resource, reading)
                continue
            one = _read_typed(resource, full_url)
        except DecodeError as error:
            one = salvage(bytes(body), index, error, depth)
        reading.resources.extend((resource, url or full_url) for resource, url in one.resources)
        named = one.set_aside[: max(0, _MOST_NAMED - len(reading.set_aside))]
        reading.set_aside.extend(named)
        unnamed += len(one.set_aside) - len(named)
        reading.passed_over += one.passed_over
        reading.issues += one.issues
        reading.remarks += one.remarks
        reading.damaged |= one.damaged
        if one.next_url is not None:
            if reading.next_url is not None:
                reading.mark_partial("several bundles of the answer have more pages")
            reading.next_url = one.next_url
        if one.status in (Status.PARTIAL, Status.FAILED):
            reading.mark_partial(one.why)
    if unnamed:
        reading.passed_over += unnamed
        reading.remarks.append(f"{unnamed} more entries of an answer were set aside")
    if reading.set_aside and not reading.resources:
        return SearchResult(Status.FAILED, "nothing in the answer could be read", [], reading.set_aside)
    if reading.status is Status.EMPTY and reading.resources:
        reading.status = Status.READ
    return reading


def _unwrap(raw: msgspec.Raw) -> tuple[str | None, bytes | msgspec.Raw | None, bool]:
    """A list's element: an entry around a resource, or the resource itself; and whether it reports an error."""
    try:
        entry = _raw_entry.decode(raw)
    except DecodeError:
        return None, raw, False
    url = entry.fullUrl if isinstance(entry.fullUrl, str) else None
    wrong = bool(entry.response) and _went_wrong(entry.response)
    if entry.resource:
        return url, None if is_null(entry.resource) else entry.resource, wrong
    head = _header(raw)
    return url, raw if head is not None and isinstance(head.resourceType, str) else None, wrong


def salvage(body: bytes, index: int, error: BaseException, depth: int) -> SearchResult:
    """What becomes of an entry that does not fit: another type is passed over, a malformed one is named."""
    head = _header(body)
    if head is None or not isinstance(head.resourceType, str):
        return SearchResult(Status.READ, set_aside=[f"entry {index} is no resource"])
    if head.resourceType == "Bundle":
        return _read_loosely(body, depth + 1)
    return _read_single(body, head, error)


def _read_single(data: bytes, head: Loose, error: BaseException | None = None) -> SearchResult:
    if head.resourceType not in KNOWN_TYPES:
        return (
            SearchResult(Status.READ, passed_over=1)
            if error
            else failed(f"a {str(head.resourceType)[:40]} is not what was asked for")
        )
    if error is None:
        try:
            return _read_typed(_typed.decode(data), None)
        except DecodeError as caught:
            error = caught
    if head.resourceType == "OperationOutcome":
        return failed("the EHR sent an error in place of data")
    name = f"{head.resourceType}/{head.id}" if isinstance(head.id, str) else f"a {head.resourceType} without id"
    path = long_values.path_in(error).removeprefix(".") or "its JSON"
    if (too_long := long_values.set_aside_for_length(error, name[:80], head.resourceType)) is not None:
        return too_long
    resource = forgiving(_typed, data)
    if resource is not None:
        reading = _read_typed(resource, None)
        reading.remarks.append(f"{name[:80]}: {path} is a number at the edge of its type, and was set aside")
    else:
        reading = SearchResult(Status.READ, set_aside=[f"{name[:80]} was set aside: {path} is malformed"])
    reading.damaged.add(head.resourceType)
    return reading


def _header(data: bytes | msgspec.Raw) -> Loose | None:
    return forgiving(_loose, data)


def _plain(raw: bytes | msgspec.Raw) -> Any:
    return forgiving(_any, raw)


def plain(raw: bytes | msgspec.Raw) -> Any:
    """A raw field as plain JSON values; None when it is missing or no JSON."""
    long_values.refuse_long_element(raw)
    return _plain(raw) if raw else None


def contained(raw: bytes | msgspec.Raw) -> Iterator[tuple[str, Resource]]:
    """Contained resources by their `#id`; malformed ones are passed over."""
    long_values.refuse_long_element(raw)
    if not raw:
        return
    reading = _read_loosely(bytes(raw), 0)
    for resource, _ in reading.resources:
        if resource.id:
            yield f"#{resource.id.lstrip('#')}", resource
