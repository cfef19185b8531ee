"""No object of a request is read with more keys than any client sends."""

from __future__ import annotations

import json
import tracemalloc

import msgspec
import pytest

from cds_service.errors import TooLarge
from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.json.object_members import MOST_KEYS, MembersDecoder, raw_members


def _object(keys: int, value: str = "1") -> bytes:
    return json.dumps({f"key-{number}": value for number in range(keys)}).encode()


@pytest.mark.parametrize("value", ["1", "x" * 1_000])
def test_one_key_too_many_is_refused_in_small_objects_and_in_large_ones(value: str) -> None:
    assert len(raw_members.decode(_object(MOST_KEYS, value), "prefetch")) == MOST_KEYS
    with pytest.raises(TooLarge) as refused:
        raw_members.decode(_object(MOST_KEYS + 1, value), "prefetch")
    assert refused.value.field == "prefetch"
    assert refused.value.message.startswith(f"prefetch has more than {MOST_KEYS} keys")


@pytest.mark.parametrize("value", ["1", "x" * 1_000])
def test_keys_and_values_of_large_objects_are_those_of_small_ones(value: str) -> None:
    found = raw_members.decode(_object(500, value), "context")
    assert {key: msgspec.json.decode(raw) for key, raw in found.items()} == json.loads(_object(500, value))
    texts: MembersDecoder[str] = MembersDecoder(str)
    assert texts.decode(_object(500, value), "context") == json.loads(_object(500, value))


@pytest.mark.parametrize("rest", [b"", b" " * 200_000])
def test_what_is_no_object_is_refused_as_before(rest: bytes) -> None:
    for body in (b"[]", b"1", b"{", b'{"a":}'):
        with pytest.raises(DecodeError):
            raw_members.decode(body + rest, "context")


def test_a_million_keys_are_not_kept_until_they_are_counted() -> None:
    body = b"{" + b",".join(b'"k%07d":1' % number for number in range(500_000)) + b"}"
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            raw_members.decode(body, "")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
