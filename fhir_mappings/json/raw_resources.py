"""Resources of an answer as their original bytes, for data that goes back to the client unchanged."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.json.views import RawEntry, RawObject

_untyped = msgspec.json.Decoder(RawObject)
_entries = msgspec.json.Decoder(list[RawEntry])


def raw_resources(data: bytes | msgspec.Raw) -> Iterator[tuple[str, bytes]]:
    """`Type/id` and bytes of every resource in an answer: a resource, or the entries of a Bundle. Others are skipped.

    Null, other JSON and resources without an id yield nothing.
    """
    try:
        head = _untyped.decode(data)
        if head.resourceType == "Bundle" and head.entry:
            for entry in _entries.decode(head.entry):
                if entry.resource:
                    yield from raw_resources(entry.resource)
        elif isinstance(head.resourceType, str) and isinstance(head.id, str) and head.id:
            yield f"{head.resourceType}/{head.id}", bytes(data)
    except DecodeError:
        return
