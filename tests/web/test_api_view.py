"""The OpenAPI document for people: nothing of it is left out."""

from __future__ import annotations

import re

import pytest

from cds_service.settings import Settings
from cds_service.web import create_app
from cds_service.web.api_view import groups_of, schemas_of, type_of
from cds_service.web.openapi.document import document

SETTINGS = Settings(database_url="off")
DOCUMENT = document(SETTINGS)


def test_every_operation_is_shown_once() -> None:
    shown = [(each.path, each.method.lower()) for group in groups_of(DOCUMENT) for each in group.operations]
    assert sorted(shown) == sorted((path, method) for path, methods in DOCUMENT["paths"].items() for method in methods)


def test_every_status_parameter_and_body_of_an_operation_is_shown() -> None:
    for group in groups_of(DOCUMENT):
        for operation in group.operations:
            described = DOCUMENT["paths"][operation.path][operation.method.lower()]
            assert list(dict.fromkeys(each.status for each in operation.responses)) == list(described["responses"])
            assert [each.name for each in operation.parameters] == [p["name"] for p in described.get("parameters", ())]
            assert [each.media for each in operation.requests] == list(
                described.get("requestBody", {}).get("content", ())
            )


def test_every_schema_has_its_members_and_every_reference_leads_to_one() -> None:
    schemas = {schema.name: schema for schema in schemas_of(DOCUMENT)}
    assert set(schemas) == set(DOCUMENT["components"]["schemas"])
    for name, described in DOCUMENT["components"]["schemas"].items():
        assert [member.name for member in schemas[name].members] == list(described.get("properties", ()))
    page = create_app(SETTINGS).test_client().get("/").get_data(as_text=True)
    targets = set(re.findall(r'href="#(schema-[^"]+)"', page))
    assert "schema-Card" in targets
    assert targets <= set(re.findall(r'id="(schema-[^"]+)"', page))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({}, "anything"),
        ({"type": "string", "format": "date-time"}, "string (date-time)"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"enum": ["a", "b"]}, "<code>a</code>, <code>b</code>"),
        ({"enum": list(range(20))}, " and 8 more"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Card"}}, 'list of <a href="#schema-Card">Card</a>'),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, "null or integer"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object whose members are string"),
        ({"const": "<b>"}, "<code>&lt;b&gt;</code>"),
        ({"type": "<b>"}, "&lt;b&gt;"),
    ],
)
def test_a_type_is_said_in_words(schema: dict[str, object], words: str) -> None:
    assert str(type_of(schema)).endswith(words)
