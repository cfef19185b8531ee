"""Bytes → views: every shape of an answer, what is lost and what is said about it."""

from __future__ import annotations

import copy
import json
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.json.fhir_json import KNOWN_TYPES, contained, plain, read, read_members
from fhir_mappings.json.search_result import SearchResult, Status
from tests import support
from tests.fhir_mappings.builders import JSON

LAB = support.observation("a1", "4548-4", 8.1, "%", "2026-10-01")
OTHER = support.observation("a2", "4548-4", 7.4, "%", "2026-07-01")
BROKEN = LAB | {"id": "broken", "code": 17}


def answer(value: Any) -> SearchResult:
    """What an answer of this JSON reads as."""
    return read(json.dumps(value).encode()).checked()


MEMBERS: JSON = {
    "nothing": None,
    "one": LAB,
    "empty": support.bundle(),
    "some": support.bundle(LAB, OTHER),
    "a list": [LAB, OTHER],
    "broken in part": support.bundle(LAB, BROKEN),
    "broken": BROKEN,
    "an error": {"resourceType": "OperationOutcome"},
    "rubbish": 7,
    "unknown": {"resourceType": "Immunization", "id": "i1"},
}


@pytest.mark.parametrize("count", [1, 2, len(MEMBERS)])
def test_members_read_together_read_as_each_does_alone(count: int) -> None:
    """Whether everything fits, as in the first four, or one malformed member has all of them read one by one."""
    for names in combinations(MEMBERS, count):
        sent = {name: MEMBERS[name] for name in names}
        found = read_members(json.dumps(sent).encode())
        assert found == {name: read(json.dumps(value).encode()) for name, value in sent.items()}


def ids(reading: SearchResult) -> list[str | None]:
    """Ids of what was read, in order."""
    return [resource.id for resource, _ in reading.resources]


def outcome(severity: str, code: str) -> JSON:
    """An OperationOutcome with one issue."""
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}


def searchset(*resources: JSON, **members: Any) -> JSON:
    """A searchset with further members."""
    return support.bundle(*resources) | members


SHAPES = {
    "one resource": LAB,
    "searchset": searchset(LAB),
    "searchset with its total": searchset(LAB, total=1),
    "collection": searchset(LAB, type="collection"),
    "bundle without type": {"resourceType": "Bundle", "entry": [{"resource": LAB}]},
    "bare list of resources": [LAB],
    "bare list of entries": [{"resource": LAB, "fullUrl": "urn:uuid:1"}],
    "list with a bundle": [searchset(LAB)],
    "batch entry around a resource": {"resource": LAB, "response": {"status": "200 OK"}},
    "batch entry around a bundle": {"resource": searchset(LAB), "response": {"status": "200 OK"}},
    "bundle in a bundle": searchset(searchset(LAB), type="batch-response"),
    "entry that is null beside it": {"resourceType": "Bundle", "type": "searchset", "entry": [{}, {"resource": LAB}]},
    "resource that is null beside it": {"resourceType": "Bundle", "entry": [{"resource": None}, {"resource": LAB}]},
    "a type that nobody reads beside it": searchset({"resourceType": "Basic", "id": "b"}, LAB),
    "a type that FHIR does not know": searchset({"resourceType": "Nonsense", "id": 7, "code": []}, LAB),
    "fields that FHIR does not know": searchset(LAB | {"foo": 1, "_effectiveDateTime": {"extension": []}}),
}


@pytest.mark.parametrize("value", SHAPES.values(), ids=SHAPES.keys())
def test_shape_with_one_result(value: Any) -> None:
    reading = answer(value)
    assert (reading.status, ids(reading), reading.set_aside) == (Status.READ, ["a1"], [])


EMPTY = {
    "null": None,
    "empty list": [],
    "no entry": {"resourceType": "Bundle", "type": "searchset", "total": 0},
    "empty entry": {"resourceType": "Bundle", "type": "searchset", "entry": []},
    "null entry": {"resourceType": "Bundle", "type": "searchset", "entry": None},
    "total only": {"resourceType": "Bundle", "total": 0},
    "list of an empty bundle": [{"resourceType": "Bundle", "type": "searchset", "total": 0}],
}


@pytest.mark.parametrize("value", EMPTY.values(), ids=EMPTY.keys())
def test_asked_and_nothing_there(value: Any) -> None:
    reading = answer(value)
    assert (reading.status, ids(reading)) == (Status.EMPTY, [])


FAILED = {
    "nothing": b"",
    "spaces": b"  ",
    "HTML in JSON": b'{"resource":"<html>500</html>"}',
    "HTML": b"<html>500</html>",
    "text": b'"x"',
    "number": b"17",
    "true": b"true",
    "cut off": b'{"resourceType":"Bundle","entry":[{"res',
    "no resourceType": b'{"id":"a1"}',
    "OperationOutcome": json.dumps(outcome("error", "forbidden")).encode(),
    "batch entry that went wrong": b'{"resource":{"resourceType":"Bundle"},"response":{"status":"403 Forbidden"}}',
    "batch entry that went wrong, without resource": b'{"response":{"status":"500"}}',
    "entry that is no list": b'{"resourceType":"Bundle","entry":"none"}',
    "only broken resources": json.dumps(support.bundle(BROKEN)).encode(),
    "latin-1": '{"resourceType":"Observation","id":"ä"}'.encode("latin-1"),
    "deep list": b"[" * 100_000,
    "deep object": b'{"entry":' * 100_000,
    "deep bundle": b'{"resourceType":"Bundle","entry":[{"resource":' * 2_000,
}


@pytest.mark.parametrize("data", FAILED.values(), ids=FAILED.keys())
def test_what_cannot_be_read_has_failed_and_is_never_nothing_there(data: bytes) -> None:
    reading = read(data)
    assert reading.status is Status.FAILED
    assert reading.why


def test_bundles_within_bundles_end_somewhere() -> None:
    nested: JSON = searchset(LAB)
    for _ in range(60):
        nested = searchset(nested)
    answer(nested)
    nested["entry"].append({"resource": BROKEN})
    assert answer(nested).status in Status


# ---------------------------------------------------------------- one malformed resource

MALFORMED = {
    "code is a number": ("code", 17),
    "code is a list": ("code", [LAB["code"]]),
    "subject is text": ("subject", "Patient/p1"),
    "value is a list": ("valueQuantity", [1]),
    "value's number is an object": ("valueQuantity", {"value": {}}),
    "status is a number": ("status", 1),
    "id is a number": ("id", 1),
    "date is a number": ("effectiveDateTime", 20261001),
}


@pytest.mark.parametrize(("field", "value"), MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_malformed_resource_never_costs_the_others(field: str, value: Any, place: int) -> None:
    resources = [LAB, OTHER]
    resources.insert(place, LAB | {"id": "broken", field: value})
    reading = answer(support.bundle(*resources))
    assert ids(reading) == ["a1", "a2"]
    assert len(reading.set_aside) == 1
    assert "Observation" in reading.set_aside[0]
    assert reading.status is Status.READ


def test_a_malformed_resource_keeps_the_full_urls_of_the_others() -> None:
    entries = [{"fullUrl": "urn:uuid:1", "resource": LAB}, {"resource": BROKEN}, {"fullUrl": 7, "resource": OTHER}]
    reading = answer({"resourceType": "Bundle", "entry": entries})
    assert [url for _, url in reading.resources] == ["urn:uuid:1", None]
    assert ids(reading) == ["a1", "a2"]


def test_forty_good_and_one_with_an_odd_field() -> None:
    many = [LAB | {"id": f"g{n}"} for n in range(40)]
    reading = answer(support.bundle(*many, LAB | {"id": "a_b", "foo": 1, "method": 3}))
    assert len(reading.resources) == 40
    assert len(reading.set_aside) == 1


# ---------------------------------------------------------------- what may be missing

OUTCOMES = {
    "a parameter was ignored": (outcome("warning", "not-supported"), Status.READ),
    "an information": (outcome("information", "informational"), Status.READ),
    "results may be missing": (outcome("warning", "incomplete"), Status.PARTIAL),
    "suppressed": (outcome("information", "suppressed"), Status.PARTIAL),
    "too costly": (outcome("warning", "too-costly"), Status.PARTIAL),
    "an error": (outcome("error", "not-supported"), Status.PARTIAL),
    "fatal": (outcome("fatal", "exception"), Status.PARTIAL),
    "no issue": ({"resourceType": "OperationOutcome"}, Status.READ),
}


@pytest.mark.parametrize(("entry", "status"), OUTCOMES.values(), ids=OUTCOMES.keys())
@pytest.mark.parametrize("beside", [[], [BROKEN]], ids=["quick", "entry by entry"])
def test_an_outcome_among_the_results(entry: JSON, status: Status, beside: list[JSON]) -> None:
    reading = answer(support.bundle(entry, LAB, *beside))
    assert (reading.status, ids(reading)) == (status, ["a1"])


@pytest.mark.parametrize(
    "beside", [[], [outcome("information", "informational")], [BROKEN]], ids=["alone", "an outcome", "a broken one"]
)
def test_fewer_results_than_the_total_is_partial(beside: list[JSON]) -> None:
    # An OperationOutcome is no result: one of two is missing whatever stands beside it.
    total = 2 + (BROKEN in beside)
    assert answer(searchset(LAB, *beside, total=total)).status is Status.PARTIAL


def test_an_outcome_is_no_result_beside_a_malformed_resource() -> None:
    # Total 3: LAB and BROKEN came, the third did not.
    reading = answer(searchset(LAB, BROKEN, outcome("information", "informational"), total=3))
    assert reading.status is Status.PARTIAL


@pytest.mark.parametrize("beside", [[], [BROKEN]], ids=["quick", "entry by entry"])
def test_a_next_link_is_kept(beside: list[JSON]) -> None:
    links = [{"relation": "self", "url": "?a"}, {"relation": "next", "url": "?page=2"}]
    reading = answer(searchset(LAB, *beside, link=links, total=50))
    assert reading.next_url == "?page=2"
    assert reading.status is Status.READ


NESTED_NEXT = searchset(LAB, link=[{"relation": "next", "url": "?page=2"}])


@pytest.mark.parametrize(
    "value",
    [[NESTED_NEXT], searchset(NESTED_NEXT, type="batch-response"), {"resource": NESTED_NEXT}],
    ids=["list", "bundle", "batch entry"],
)
def test_a_next_page_of_an_inner_bundle_is_followed_or_said_to_be_missing(value: Any) -> None:
    reading = answer(value)
    assert reading.next_url == "?page=2" or reading.status is Status.PARTIAL


@pytest.mark.parametrize(
    "beside",
    [[], [{"resource": LAB}], [{"resource": LAB}, {"resource": BROKEN}]],
    ids=["alone", "a good one", "a good and a broken one"],
)
def test_a_batch_entry_that_went_wrong_is_not_nothing_there(beside: list[JSON]) -> None:
    entries = [{"response": {"status": "403 Forbidden"}}, *beside]
    reading = answer({"resourceType": "Bundle", "type": "batch-response", "entry": entries})
    assert reading.status in (Status.PARTIAL, Status.FAILED)


def test_pages_add_up() -> None:
    whole = answer(searchset(LAB))
    whole.add(answer(searchset(OTHER)))
    assert (whole.status, ids(whole)) == (Status.READ, ["a1", "a2"])
    whole.add(read(b"<html>"))
    assert (whole.status, ids(whole)) == (Status.PARTIAL, ["a1", "a2"])


# ---------------------------------------------------------------- raw fields


def test_contained_resources_by_their_id() -> None:
    raw = json.dumps([{"resourceType": "Medication", "id": "m1"}, {"resourceType": "Device", "id": "#d1"}, 7]).encode()
    assert sorted(key for key, _ in contained(raw)) == ["#d1", "#m1"]
    assert list(contained(b"")) == []
    assert list(contained(b'"x"')) == []


def test_plain_json() -> None:
    assert plain(b'{"a":1}') == {"a": 1}
    assert plain(b"{") is None
    assert plain(b"") is None


# ---------------------------------------------------------------- nothing raises

MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
)
KEYS = st.sampled_from(["resourceType", "id", "entry", "resource", "response", "link", "total", "code", "x"])
VALUES = st.recursive(
    st.one_of(SCALARS, st.sampled_from(sorted(KNOWN_TYPES))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=10,
)


@MANY
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert read(data).status in Status


@MANY
@given(VALUES)
def test_any_json(value: Any) -> None:
    assert answer(value).status in Status


@MANY
@given(st.sampled_from(sorted(LAB)), VALUES, st.booleans())
def test_a_good_answer_with_anything_in_one_place(field: str, value: Any, nested: bool) -> None:
    changed = copy.deepcopy(LAB) | {field: value}
    bundle = support.bundle(OTHER, changed)
    reading = answer(support.bundle(bundle) if nested else bundle)
    assert "a2" in ids(reading)
    # Whatever was read can be made a chart of, without raising.
    ChartReader({}, [], "p1", None, "America/New_York", [reading]).chart()
