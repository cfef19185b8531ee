"""No list and no element of a resource is read that is longer than any real one."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from cds_service.errors import TooLarge
from fhir_mappings.common.datatypes import MOST_ENTRIES, MOST_PAYERS
from fhir_mappings.json.fhir_json import contained, plain, read, read_members
from fhir_mappings.json.json_shape import MOST_ELEMENT_BYTES
from fhir_mappings.json.search_result import Status
from fhir_mappings.json.views import AnyResource, Bundle

LONG = "x" * MOST_ELEMENT_BYTES


def _condition(codings: int, **members: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": "c1", "code": {"coding": [{"code": "x"}] * codings}, **members}


def _bundle(*found: dict[str, Any]) -> bytes:
    return json.dumps({"resourceType": "Bundle", "entry": [{"resource": each} for each in found]}).encode()


def _lists_without_limit(kind: Any, seen: set[Any]) -> Iterator[str]:
    """Lists that a Struct holds, however deep, whose length its type does not limit."""
    if kind in seen or not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return
    seen.add(kind)
    for name, hint in get_type_hints(kind, include_extras=True).items():
        for part in get_args(hint) if isinstance(hint, types.UnionType) or get_args(hint) else (hint,):
            inner = get_args(part)
            if getattr(part, "__origin__", None) is list:
                yield f"{kind.__name__}.{name}"
            for each in (part, *inner, *(deep for one in inner for deep in get_args(one))):
                yield from _lists_without_limit(each, seen)


def test_no_list_of_a_resource_is_without_a_limit() -> None:
    seen: set[Any] = set()
    found = {name for kind in AnyResource.__args__ for name in _lists_without_limit(kind, seen)}
    assert found == {"Bundle.entry"}
    assert len(seen) > 30


@pytest.mark.parametrize("members", [{}, {"bare": None}])
def test_a_prefetched_list_over_the_limit_is_refused_by_its_path(members: dict[str, Any]) -> None:
    good, long = _bundle(_condition(MOST_ENTRIES)), json.loads(_bundle(_condition(1), _condition(MOST_ENTRIES + 1)))
    assert read(good).status is Status.READ
    with pytest.raises(TooLarge) as refused:
        read_members(json.dumps({"conditions": long, **members}).encode())
    assert refused.value.field == "prefetch.entry[1].resource.code.coding"
    assert f"has more than {MOST_ENTRIES} entries" in refused.value.message


def test_payers_have_a_limit_of_their_own() -> None:
    coverage = {"resourceType": "Coverage", "payor": [{"display": "a"}] * (MOST_PAYERS + 1)}
    with pytest.raises(TooLarge, match=f"payor has more than {MOST_PAYERS} entries"):
        read_members(json.dumps({"coverage": coverage}).encode())


def test_a_fetched_resource_with_a_list_over_the_limit_is_set_aside_and_the_answer_is_incomplete() -> None:
    found = read(_bundle(_condition(1) | {"id": "c0"}, _condition(MOST_ENTRIES + 1)))
    assert [resource.id for resource, _ in found.resources] == ["c0"]
    assert found.status is Status.PARTIAL
    assert found.set_aside == [f"Condition/c1 was set aside: code.coding has more than {MOST_ENTRIES} entries"]
    assert found.why == found.set_aside[0]


def test_a_fetched_resource_with_an_element_over_the_limit_is_set_aside_and_the_answer_is_incomplete() -> None:
    found = read(_bundle(_condition(1) | {"id": "c0"}, _condition(1, category=[{"text": LONG}])))
    assert [resource.id for resource, _ in found.resources] == ["c0"]
    assert found.status is Status.PARTIAL
    assert f"an element of more than {MOST_ELEMENT_BYTES} bytes" in found.why


def test_a_fetched_element_that_no_rule_reads_may_be_long() -> None:
    found = read(_bundle(_condition(1, note=[{"text": LONG}])))
    assert (len(found.resources), found.status) == (1, Status.READ)


def test_an_element_over_the_limit_is_never_decoded() -> None:
    at_limit = b'"' + b"x" * (MOST_ELEMENT_BYTES - 2) + b'"'
    assert plain(at_limit) == "x" * (MOST_ELEMENT_BYTES - 2)
    for reader in (plain, lambda raw: list(contained(raw))):
        with pytest.raises(TooLarge, match=f"more than {MOST_ELEMENT_BYTES} bytes"):
            reader(at_limit + b" ")


def test_bundles_may_have_any_number_of_entries() -> None:
    assert len(read(_bundle(*[_condition(1)] * (MOST_ENTRIES + 1))).resources) == MOST_ENTRIES + 1
    assert Bundle in AnyResource.__args__
