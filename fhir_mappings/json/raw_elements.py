"""Elements that views keep raw, read where they count: one malformed entry of a list never costs the others."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from fhir_mappings.json.edge_numbers import DecodeError
from fhir_mappings.json.json_shape import MOST_ELEMENT_BYTES

T = TypeVar("T")
# No list of a real result is longer; what follows is not read.
_MOST = 100
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    return decoder


def element(raw: bytes | msgspec.Raw, kind: type[T]) -> T | None:
    """A raw element as a view; None when it is missing, of another shape, or longer than any real one."""
    if not raw or len(raw) > MOST_ELEMENT_BYTES:
        return None
    try:
        found: T = _decoder(kind).decode(raw)
    except DecodeError:
        return None
    return found


def entries(raw: bytes | msgspec.Raw, kind: type[T]) -> list[T]:
    """The entries of a raw list that fit a view; one that stands alone, without a list around it, counts as well.

    Of a list that is longer than any real one nothing is read.
    """
    if not raw or len(raw) > MOST_ELEMENT_BYTES:
        return []
    try:
        items = _raw_list.decode(raw)
    except DecodeError:
        items = [msgspec.Raw(bytes(raw))]
    decoder, found = _decoder(kind), list[T]()
    for item in items[:_MOST]:
        try:
            found.append(decoder.decode(item))
        except DecodeError:
            continue
    return found
