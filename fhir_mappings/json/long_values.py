"""Bounds on lists and raw elements within a resource, since overlong ones would cost far more than others.

In a request they are refused with the limit; in fetched data they are set aside, since the caller cannot fix it.
"""

from __future__ import annotations

import re
from functools import cache

import msgspec

from cds_service.errors import TooLarge
from fhir_mappings.common.datatypes import NOTHING
from fhir_mappings.json.clinical_views import RESULT_ELEMENTS, Resource
from fhir_mappings.json.json_shape import MOST_ELEMENT_BYTES
from fhir_mappings.json.search_result import SearchResult, Status

# How msgspec words that a list is longer than its type allows.
_TOO_LONG = re.compile(r"of length <= (\d+)")


def path_in(error: BaseException) -> str:
    """Where in the JSON a decoder stopped, such as `.code.coding`; empty where it does not say."""
    where = str(error).rsplit(" - at `", 1)
    return where[1].strip("`").lstrip("$").removeprefix("[...]") if len(where) == 2 else ""


def _most_allowed(error: BaseException) -> int | None:
    """How many entries a list may have, where a decoder stopped at one that has more; None for other errors."""
    found = _TOO_LONG.search(str(error)) if isinstance(error, msgspec.ValidationError) else None
    return int(found[1]) if found else None


def refuse_long_list(error: BaseException, place: str) -> None:
    """TooLarge when a decoder stopped at a list that is too long. `place`: the path of what it decoded."""
    most = _most_allowed(error)
    if most is not None:
        path = f"{place}{path_in(error)}"
        raise TooLarge(f"{path} has more than {most} entries: send the resource without what it does not need", path)


def set_aside_for_length(error: BaseException, name: str, kind: str) -> SearchResult | None:
    """An answer without the resource in which a decoder stopped at a list that is too long; None for other errors."""
    most = _most_allowed(error)
    if most is None:
        return None
    words = f"{name} was set aside: {path_in(error).removeprefix('.')} has more than {most} entries"
    return SearchResult(Status.PARTIAL, words, set_aside=[words], damaged={kind})


def refuse_long_element(raw: bytes | msgspec.Raw) -> None:
    """TooLarge for an element that is larger than any that a rule reads."""
    if len(raw) > MOST_ELEMENT_BYTES:
        raise TooLarge(
            f"an element (contained, extension, identifier, category, item or the like) has more than"
            f" {MOST_ELEMENT_BYTES} bytes: send it without what it does not need"
        )


def without_long_elements(result: SearchResult, size: int) -> SearchResult:
    """An answer of so many bytes, incomplete when a resource of it had such an element, and without that resource."""
    if size > MOST_ELEMENT_BYTES:
        kept = [located for located in result.resources if not _has_long_element(located[0])]
        if len(kept) < len(result.resources):
            result.resources = kept
            result.mark_partial(f"a resource has an element of more than {MOST_ELEMENT_BYTES} bytes")
    return result


def _has_long_element(resource: Resource) -> bool:
    return any(len(getattr(resource, name)) > MOST_ELEMENT_BYTES for name in _raw_elements(type(resource)))


@cache
def _raw_elements(kind: type[Resource]) -> tuple[str, ...]:
    names = (field.name for field in msgspec.structs.fields(kind) if field.default == NOTHING)
    return tuple(name for name in names if name not in RESULT_ELEMENTS)
