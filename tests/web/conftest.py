"""One demo with its EHR and a real FHIR server for the tests of a module; each leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.smart_app.clinic import Clinic, Visitor, open_clinic


@pytest.fixture(scope="module", name="house")
def _house() -> Iterator[Clinic]:
    with open_clinic() as opened:
        yield opened


@pytest.fixture(name="clinic")
def _clinic(house: Clinic) -> Iterator[Clinic]:
    yield house
    house.tidy()


@pytest.fixture(name="visitor")
def _visitor(clinic: Clinic) -> Visitor:
    return Visitor(clinic)
