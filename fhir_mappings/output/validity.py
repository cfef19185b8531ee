"""Validates outgoing resources against their FHIR R4 models."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from fhir_mappings.json.edge_numbers import DecodeError


def first_fault(raw: bytes | msgspec.Raw) -> str | None:
    """The path of the first missing or malformed element (`resource` for the whole); None for a valid resource.

    Unknown members are tolerated, since they do not make the known ones invalid. So are ids with an
    underscore, which some servers give. A null or an empty value is a fault: FHIR's JSON has neither.
    """
    try:
        resource = msgspec.json.decode(raw)
    except DecodeError:
        return "resource"
    if not isinstance(resource, dict):
        return "resource"
    return next(_empty_values(resource, ""), None) or _model_fault(resource)


def _empty_values(value: Any, path: str, holder: Any = None, name: str = "") -> Iterator[str]:
    if value is None or value in ("", [], {}):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _empty_values(item, f"{path}.{key}" if path else key, value, key)
    elif isinstance(value, list):
        # FHIR pairs a list with its `_twin` of extensions, and fills gaps of the one with null.
        twin = holder.get(name[1:] if name.startswith("_") else f"_{name}") if isinstance(holder, dict) else None
        for index, item in enumerate(value):
            if not (item is None and isinstance(twin, list)):
                yield from _empty_values(item, f"{path}[{index}]")


def _model_fault(resource: dict[str, Any]) -> str | None:
    # The models are slow to import, and most calls have nothing to send out.
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        model = get_fhir_model_class(str(resource.get("resourceType")))
        model.model_validate(resource)
    except ValidationError as error:
        faults = [fault for fault in error.errors(include_url=False, include_input=False) if not _is_tolerated(fault)]
        if faults:
            return _path(faults[0]["loc"])
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return "resource"  # how the models report types and shapes that they do not know
    return next((name for name in _LIFE_CYCLE if _is_odd_code(model, name, resource.get(name))), None)


# Elements whose codes are FHIR's own; the models take any.
_LIFE_CYCLE = ("status", "intent", "priority")


def _is_odd_code(model: Any, name: str, code: Any) -> bool:
    allowed = _codes(model, name)
    return bool(allowed) and code is not None and code not in allowed


@cache
def _codes(model: Any, name: str) -> tuple[str, ...]:
    """The codes that a model allows for an element; none where it allows any."""
    field = model.model_fields.get(name)
    allowed = ((field.json_schema_extra or {}).get("enum_values") or ()) if field is not None else ()
    # A plus in the models' list stands for a list that is longer than what they print.
    return () if "+" in allowed else tuple(allowed)


def _is_tolerated(fault: Any) -> bool:
    if fault["type"] == "extra_forbidden":
        return True
    return bool(fault["loc"]) and fault["loc"][-1] == "id" and fault["type"] == "string_pattern_mismatch"


def _path(location: tuple[str | int, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.lstrip(".") or "resource"
