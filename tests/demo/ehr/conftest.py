"""A visit to the demo's EHR, and the FHIR server behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import responses

from tests.demo.ehr.visits import Visit


@pytest.fixture
def visit() -> Visit:
    return Visit()


@pytest.fixture
def fhir() -> Iterator[responses.RequestsMock]:
    """The real server's part, answered by each test."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock
