"""Replaces references in FHIR JSON when the resources that they point to get other ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def replace_references(node: Any, names: Mapping[str, str]) -> None:
    """Replaces, in place, each reference that is a key of `names` by its value."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, dict):
            reference = each.get("reference")
            if isinstance(reference, str):
                each["reference"] = names.get(reference, reference)
            waiting.extend(value for value in each.values() if isinstance(value, dict | list))
