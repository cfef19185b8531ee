"""The OpenAPI document for people: its operations in groups, and its schemas as tables of members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

JSON = Mapping[str, Any]
_SCHEMAS = "#/components/schemas/"
_METHODS = ("get", "post", "put", "delete")
# Longer lists of values are shortened.
_MOST_VALUES = 12
# Addresses that a sign-in leads to: opened alone they only refuse.
_SIGN_IN = "SMART app"
_TITLES = {
    "discovery": "Discovery",
    "hooks": "CDS Hooks",
    "feedback": "Feedback on cards",
    "documentation": "Documentation (DTR)",
    "SMART app": "SMART app and access tokens",
    "policy": "Policies",
    "operations": "FHIR resources, health and this description",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object, or a parameter. `type`: in words, with links to schemas."""

    name: str
    type: Markup
    required: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent or answered.

    `status`: empty for what is sent. `members`: of an object that has no name of its own.
    """

    status: str
    description: str
    media: str
    type: Markup
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `can_be_opened`: a browser can show it by following a link."""

    path: str
    method: str
    summary: str
    description: str
    access: str
    parameters: tuple[Member, ...]
    requests: tuple[Body, ...]
    responses: tuple[Body, ...]
    can_be_opened: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Operations of one kind."""

    title: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """A named schema. `type`: of one that is no object; `members`: of an object."""

    name: str
    description: str
    type: Markup
    members: tuple[Member, ...]


def groups_of(document: JSON) -> list[Group]:
    """The operations by their tag, in the order in which tags first occur."""
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                tag = next(iter(operation.get("tags", ())), "")
                by_tag.setdefault(tag, []).append(_operation(path, method, operation))
    return [Group(_TITLES.get(tag, tag), tuple(operations)) for tag, operations in by_tag.items()]


def schemas_of(document: JSON) -> list[Schema]:
    """The named schemas, in the order of the document."""
    return [
        Schema(name, str(schema.get("description", "")), type_of(schema), tuple(_members(schema)))
        for name, schema in document["components"]["schemas"].items()
    ]


def _operation(path: str, method: str, operation: JSON) -> Operation:
    parameters = tuple(_parameter(each) for each in operation.get("parameters", ()))
    needs_more = any(each.required for each in parameters) or _SIGN_IN in operation.get("tags", ())
    return Operation(
        path,
        method.upper(),
        str(operation.get("summary", "")),
        str(operation.get("description", "")),
        _access(operation.get("security")),
        parameters,
        tuple(_bodies("", operation.get("requestBody", {}))),
        tuple(body for status, reply in operation["responses"].items() for body in _bodies(status, reply)),
        method == "get" and not needs_more,
    )


def _access(security: Any) -> str:
    if not security:
        return "Open to everybody"
    if {} in security:
        return "A token where callers are authenticated"
    return "A token"


def _parameter(parameter: JSON) -> Member:
    note = " ".join(filter(None, (f"in the {parameter['in']}", str(parameter.get("description", "")))))
    return Member(parameter["name"], type_of(parameter.get("schema", {})), bool(parameter.get("required")), note)


def _bodies(status: str, holder: JSON) -> Iterator[Body]:
    description = str(holder.get("description", ""))
    content = holder.get("content", {})
    if status and not content:
        yield Body(status, description, "", Markup(""))
    for media, held in content.items():
        schema = held.get("schema", {})
        members = () if "$ref" in schema else tuple(_members(schema))
        yield Body(status, description, media, type_of(schema), members)


def _members(schema: JSON) -> Iterator[Member]:
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        yield Member(name, type_of(member), name in required, str(member.get("description", "")))


def type_of(schema: Any) -> Markup:
    """What a schema allows, in words; a named schema is a link to it."""
    if not isinstance(schema, Mapping) or not schema:
        return Markup("anything")
    if "$ref" in schema:
        return _reference(schema["$ref"])
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return (Markup(" and ") if name == "allOf" else Markup(" or ")).join(
                dict.fromkeys(type_of(each) for each in schema[name])
            )
    if "const" in schema:
        return _value(schema["const"])
    if "enum" in schema:
        values = [_value(each) for each in schema["enum"][:_MOST_VALUES]]
        more = len(schema["enum"]) - len(values)
        return Markup(", ").join(values) + (f" and {more} more" if more else "")
    return _plain(schema)


def _plain(schema: JSON) -> Markup:
    kind = schema.get("type", "anything")
    kinds = kind if isinstance(kind, list) else [kind]
    if "array" in kinds:
        return Markup("list of {}").format(type_of(schema.get("items", {})))
    if "object" in kinds and not schema.get("properties") and isinstance(schema.get("additionalProperties"), Mapping):
        return Markup("object whose members are {}").format(type_of(schema["additionalProperties"]))
    words = " or ".join(map(str, kinds))
    form = schema.get("format")
    return escape(f"{words} ({form})" if form else words)


def _value(value: Any) -> Markup:
    return Markup("<code>{}</code>").format("null" if value is None else value)


def _reference(target: str) -> Markup:
    name = target.removeprefix(_SCHEMAS)
    return Markup('<a href="#schema-{}">{}</a>').format(name, name)
