"""What the demo's EHR keeps: for how long, how much, and what nobody sees of it."""

from __future__ import annotations

import logging

import pytest
import responses

from cds_service.demo.ehr.grants import ExpiringStore
from tests.demo.ehr.visits import FHIR, SECRET, VERIFIER, Clock, Visit, observation


def test_old_things_and_too_many_things_are_dropped() -> None:
    clock = Clock()
    store: ExpiringStore[int] = ExpiringStore(clock, 60, most=3)
    names = [store.put(number) for number in range(5)]
    assert [store.get(name) for name in names] == [None, None, 2, 3, 4]
    assert len(store) == 3
    assert store.pop(names[4]) == 4
    assert store.pop(names[4]) is None
    clock.moved = 61
    assert store.get(names[3]) is None
    store.put(5)
    assert len(store) == 1
    assert len({len(name) for name in names}) == 1
    assert len(names[0]) >= 43, "256 bits"


def test_no_token_and_no_secret_is_shown_by_the_things_that_hold_them(visit: Visit) -> None:
    assert SECRET not in repr(visit.options)
    code = visit.code()
    assert code not in repr(visit.ehr._grants.codes.get(code))


def test_no_token_and_no_code_reaches_the_log(
    visit: Visit, fhir: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    fhir.get(f"{FHIR}/Observation/o1", json=observation("o1", "p1"))
    caplog.set_level(logging.DEBUG)
    launch = visit.launch()
    code = visit.code(launch=launch)
    token = visit.redeem(code).get_json()["access_token"]
    assert visit.get("Observation/o1", {"Authorization": f"Bearer {token}"}).status_code == 200
    assert not [word for word in (launch, code, token, VERIFIER) if word in caplog.text]
