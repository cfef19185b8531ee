"""What the service writes on an order, in words."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.demo.coverage_information import action_rows
from fhir_mappings.output.coverage_information import URL


def row_of(part: dict[str, Any]) -> tuple[str, str]:
    order = {"resourceType": "DeviceRequest", "id": "o1", "extension": [{"url": URL, "extension": [part]}]}
    (row,) = action_rows({"description": "d", "resource": order})["rows"]
    return tuple(row)


@pytest.mark.parametrize(
    ("part", "row"),
    [
        ({"url": "pa-needed", "valueCode": "auth-needed"}, ("Prior authorization", "needed")),
        ({"url": "covered", "valueCode": "not-covered"}, ("Covered", "not covered")),
        ({"url": "doc-needed", "valueCode": "clinical"}, ("Documentation needed", "clinical documentation")),
        ({"url": "date", "valueDate": "2026-11-29"}, ("Date", "Nov 29, 2026")),
        ({"url": "coverage", "valueReference": {"reference": "Coverage/c1"}}, ("Coverage", "Coverage/c1")),
        ({"url": "reason", "valueCodeableConcept": {"text": "why"}}, ("Reason", "why")),
        ({"url": "other", "valueString": "x"}, ("other", "x")),
    ],
)
def test_a_part_is_a_row_of_words(part: dict[str, Any], row: tuple[str, str]) -> None:
    assert row_of(part) == row
