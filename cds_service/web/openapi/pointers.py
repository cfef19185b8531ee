"""Pointers to the schemas of the OpenAPI document."""

from __future__ import annotations

from typing import Any

TEMPLATE = "#/components/schemas/{name}"


def ref(name: str) -> dict[str, Any]:
    """A pointer to a schema of the document, by its name."""
    return {"$ref": TEMPLATE.format(name=name)}
