"""Decodes FHIR JSON into views, resource by resource; what cannot be read is reported, never dropped silently.

A whole answer is decoded at once. Only when something in it does not fit is it read entry by entry, so
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
from fhir_mappings.json.edge_numbers import DecodeError, decode_without_edge_numbers
from fhir_mappings.json.object_members import MembersDecoder, is_null, raw_members
from fhir_mappings.json.search_result import Located, SearchResult, Status, failed
from fhir_mappings.json.server_messages import nothing_found
from fhir_mappings.json.views import KNOWN_TYPES, AnyResource, Bundle, Entry, OperationOutcome, RawEntry, RawObject

_typed = msgspec.json.Decoder(AnyResource, float_hook=Decimal)
_typed_members: MembersDecoder[AnyResource | None] = MembersDecoder(AnyResource | None, Decimal)
_untyped = msgspec.json.Decoder(RawObject)
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

    An OperationOutcome or anything that is not FHIR gives a failed result: no exception, and not an empty result.
    """
    if is_null(data):
        return SearchResult()
    try:
        whole = _typed.decode(data)
    except DecodeError:
        return long_values.without_long_elements(_read_entry_by_entry(bytes(data), 0), len(data))
    return long_values.without_long_elements(_read_typed(whole, None), len(data))


def read_members(data: bytes | msgspec.Raw) -> dict[str, SearchResult]:
    """Reads each member of a prefetch object as `read` does, in one pass where everything fits."""
    try:
        whole = _typed_members.decode(data, "prefetch")
    except DecodeError as error:
        long_values.refuse_long_list(error, "prefetch")
        return {key: read(value) for key, value in raw_members.decode(data, "prefetch").items()}
    return {key: SearchResult() if value is None else _read_typed(value, None) for key, value in whole.items()}


def _read_typed(resource: Resource, full_url: str | None) -> SearchResult:
    if isinstance(resource, OperationOutcome):
        return _read_outcome_alone(resource)
    if not isinstance(resource, Bundle):
        return SearchResult(Status.READ, resources=[(resource, full_url)])
    result = SearchResult()
    entries = resource.entry or []
    kinds = set(map(type, map(_resource_of, entries)))
    if kinds.isdisjoint(_NO_MATCH) and not any(map(_response_of, entries)):
        result.resources = _with_full_urls(entries)
        _set_outcome(result, resource, len(entries))
        return result
    matches = 0
    for entry in entries:
        inner = entry.resource
        if entry.response is not None and (entry.response.status or "")[:1] in ("4", "5"):
            result.mark_partial("a request of the batch went wrong")
        if inner is None:
            continue
        if isinstance(inner, OperationOutcome):
            _apply_issues(inner, result)
        elif isinstance(inner, Bundle):
            result.add_inner(_read_typed(inner, entry.fullUrl))
        else:
            matches += 1
            result.resources.append((inner, entry.fullUrl))
    _set_outcome(result, resource, matches)
    return result


def _with_full_urls(entries: list[Entry]) -> list[Located]:
    """Resources with their fullUrls. Observations that have an id keep no fullUrl: there may be thousands, and the
    URLs would fill memory."""
    return [
        (entry.resource, None if type(entry.resource) is Observation and entry.resource.id else entry.fullUrl)
        for entry in entries
        if entry.resource is not None
    ]


def _set_outcome(result: SearchResult, bundle: Bundle, matches: int) -> None:
    if result.resources and result.status is Status.EMPTY:
        result.status = Status.READ
    for link in bundle.link or ():
        if link.relation == "next" and link.url:
            result.next_url = link.url
        elif link.relation == "self":
            result.self_url = link.url
    result.counted += matches
    if bundle.type in (None, "searchset"):
        result.total = bundle.total


def _read_outcome_alone(outcome: OperationOutcome) -> SearchResult:
    """The result for an OperationOutcome in place of data: empty when it only says so, else failed."""
    issues = outcome.issue or []
    if nothing_found(issues):
        return SearchResult(issues=issues)
    result = SearchResult(issues=issues).checked()
    return replace(result, status=Status.FAILED, why=result.why or "the EHR sent an error in place of data")


def _apply_issues(outcome: OperationOutcome, result: SearchResult) -> None:
    for issue in outcome.issue or ():
        if issue.code == "not-supported" and issue.diagnostics:
            result.ignored.append(" ".join(issue.diagnostics.split())[:100])
        result.issues.append(issue)


def _read_entry_by_entry(data: bytes, depth: int) -> SearchResult:
    """Reads an answer that could not be decoded at once, entry by entry."""
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
    untyped = _decode_untyped(data)
    if untyped is None:
        return failed("what the EHR sent is not a FHIR resource")
    if untyped.resourceType == "Bundle":
        return _read_bundle(untyped, depth)
    if isinstance(untyped.resourceType, str):
        return _read_single(data, untyped)
    if untyped.resource:
        if _is_error_response(untyped.response):
            return failed("the EHR reports an error")
        return _read_entry_by_entry(bytes(untyped.resource), depth + 1)
    return failed("what the EHR sent is not a FHIR resource")


def _is_error_response(response: bytes | msgspec.Raw) -> bool:
    status = _plain(response).get("status") if isinstance(_plain(response), dict) else None
    return isinstance(status, str) and status[:1] in ("4", "5")


def _read_bundle(untyped: RawObject, depth: int) -> SearchResult:
    entries: list[msgspec.Raw] = []
    if untyped.entry and not is_null(untyped.entry):
        try:
            entries = _raw_list.decode(untyped.entry)
        except DecodeError:
            return failed("Bundle.entry is no list")
    result = _read_list(entries, depth)
    link = _plain(untyped.link) if untyped.link else None
    for each in link if isinstance(link, list) else ():
        if isinstance(each, dict) and isinstance(each.get("url"), str):
            if each.get("relation") == "next":
                result.next_url = each["url"]
            elif each.get("relation") == "self":
                result.self_url = each["url"]
    total = untyped.total if isinstance(untyped.total, int) and not isinstance(untyped.total, bool) else None
    result.counted = len(result.resources) + len(result.set_aside) + result.passed_over
    result.total = total
    return result


def _read_list(entries: list[msgspec.Raw], depth: int) -> SearchResult:
    result, unnamed = SearchResult(), 0
    for index, raw in enumerate(entries):
        full_url, body, is_error = _unwrap(raw)
        if is_error:
            result.mark_partial("a request of the batch went wrong")
        if body is None:
            continue
        try:
            resource = _typed.decode(body)
            if isinstance(resource, OperationOutcome):
                _apply_issues(resource, result)
                continue
            entry_result = _read_typed(resource, full_url)
        except DecodeError as error:
            entry_result = read_unfitting_entry(bytes(body), index, error, depth)
        result.resources.extend((resource, url or full_url) for resource, url in entry_result.resources)
        named = entry_result.set_aside[: max(0, _MOST_NAMED - len(result.set_aside))]
        result.set_aside.extend(named)
        unnamed += len(entry_result.set_aside) - len(named)
        result.passed_over += entry_result.passed_over
        result.issues += entry_result.issues
        result.remarks += entry_result.remarks
        result.damaged |= entry_result.damaged
        if entry_result.next_url is not None:
            if result.next_url is not None:
                result.mark_partial("several bundles of the answer have more pages")
            result.next_url = entry_result.next_url
        if entry_result.status in (Status.PARTIAL, Status.FAILED):
            result.mark_partial(entry_result.why)
    if unnamed:
        result.passed_over += unnamed
        result.remarks.append(f"{unnamed} more entries of an answer were set aside")
    if result.set_aside and not result.resources:
        return SearchResult(Status.FAILED, "nothing in the answer could be read", [], result.set_aside)
    if result.status is Status.EMPTY and result.resources:
        result.status = Status.READ
    return result


def _unwrap(raw: msgspec.Raw) -> tuple[str | None, bytes | msgspec.Raw | None, bool]:
    """A list's element: an entry around a resource, or the resource itself; and whether it reports an error."""
    try:
        entry = _raw_entry.decode(raw)
    except DecodeError:
        return None, raw, False
    url = entry.fullUrl if isinstance(entry.fullUrl, str) else None
    is_error = bool(entry.response) and _is_error_response(entry.response)
    if entry.resource:
        return url, None if is_null(entry.resource) else entry.resource, is_error
    head = _decode_untyped(raw)
    return url, raw if head is not None and isinstance(head.resourceType, str) else None, is_error


def read_unfitting_entry(body: bytes, index: int, error: BaseException, depth: int) -> SearchResult:
    """The result for an entry that did not decode: unknown types are skipped, malformed resources are named."""
    head = _decode_untyped(body)
    if head is None or not isinstance(head.resourceType, str):
        return SearchResult(Status.READ, set_aside=[f"entry {index} is no resource"])
    if head.resourceType == "Bundle":
        return _read_entry_by_entry(body, depth + 1)
    return _read_single(body, head, error)


def _read_single(data: bytes, head: RawObject, error: BaseException | None = None) -> SearchResult:
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
    resource = decode_without_edge_numbers(_typed, data)
    if resource is not None:
        result = _read_typed(resource, None)
        result.remarks.append(f"{name[:80]}: {path} is a number at the edge of its type, and was set aside")
    else:
        result = SearchResult(Status.READ, set_aside=[f"{name[:80]} was set aside: {path} is malformed"])
    result.damaged.add(head.resourceType)
    return result


def _decode_untyped(data: bytes | msgspec.Raw) -> RawObject | None:
    return decode_without_edge_numbers(_untyped, data)


def _plain(raw: bytes | msgspec.Raw) -> Any:
    return decode_without_edge_numbers(_any, raw)


def plain(raw: bytes | msgspec.Raw) -> Any:
    """A raw field as plain JSON values; None when it is missing or no JSON."""
    long_values.refuse_long_element(raw)
    return _plain(raw) if raw else None


def contained(raw: bytes | msgspec.Raw) -> Iterator[tuple[str, Resource]]:
    """Contained resources by their `#id`; malformed ones are passed over."""
    long_values.refuse_long_element(raw)
    if not raw:
        return
    result = _read_entry_by_entry(bytes(raw), 0)
    for resource, _ in result.resources:
        if resource.id:
            yield f"#{resource.id.lstrip('#')}", resource
