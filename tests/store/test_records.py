"""What is kept of a call, and what is not: values of the chart stay out, and responses are sealed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet

from cds_service.errors import BadSetting
from cds_service.hooks.discovery import SERVICES
from cds_service.hooks.messages import as_json, read_root
from cds_service.services.answer_hook import EXTENSION, answer_call
from cds_service.services.record_call import call_record
from cds_service.store.encryption import Seal
from cds_service.store.records import CallRecord, input_digest, stored_cards
from cds_service.store.store import check_store
from tests.services.crd import crd_call
from tests.support import JSON, NOON, SETTINGS, bundle, call, observation

KEY, OTHER = Fernet.generate_key().decode(), Fernet.generate_key().decode()
SECRET = "Zebulon-4711"


def _request() -> JSON:
    """A call whose chart holds words that are nowhere else."""
    request = crd_call(
        hba1c=bundle(observation("a1", "4548-4", 8.123, "%", "2026-10-01")), glucose=bundle(), education=bundle()
    )
    request["prefetch"]["requester"]["qualification"] = [{"code": {"text": SECRET}}]
    return request


def _kept(request: JSON, service: str, *, values: bool = False, key: str = "") -> tuple[CallRecord, JSON]:
    hooked = {**request, "hook": SERVICES[service].hook}
    answered = answer_call(json.dumps(hooked).encode(), SERVICES[service], SETTINGS, NOON, None)
    body = as_json(answered.response)
    return call_record(answered, "hospital", NOON, 1.5, Seal(key), body, values), json.loads(body)


def _findings(node: Any) -> Iterator[JSON]:
    """Every object of a determination, however deep."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _findings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _findings(value)


@pytest.mark.parametrize("service", ["crd-order-sign", "insulin-pump-order-sign"])
@pytest.mark.parametrize("request_of", [_request, crd_call])
def test_references_are_kept_and_values_are_not(service: str, request_of: Any) -> None:
    record, response = _kept(request_of(), service)
    told = response["extension"][EXTENSION]
    text = record.as_json().decode()
    shown = [each for each in _findings(told) if "explanation" in each]
    assert shown
    for finding in shown:
        assert finding["explanation"] not in text
        for evidence in finding.get("evidence", ()):
            assert evidence["reference"] in text
    for kept in _findings(record.determinations):
        assert not {"explanation", "remarks", "closes", "value", "date"} & set(kept)
    assert SECRET not in text
    assert "8.123" not in text


def test_values_are_kept_where_they_are_asked_for() -> None:
    record, response = _kept(_request(), "crd-order-sign", values=True)
    stored = json.loads(record.as_json())["determinations"]
    assert [{name: value for name, value in each.items() if name != "orderId"} for each in stored] == (
        response["extension"][EXTENSION]
    )


def test_an_order_is_told_from_others_by_its_patient_and_reference_alone() -> None:
    """With another coverage it is the same order, and one that no policy speaks about is known again as well."""
    elsewhere = crd_call()
    elsewhere["prefetch"]["coverage"] = bundle()
    other = crd_call()
    other["context"]["draftOrders"]["entry"][0]["resource"]["codeCodeableConcept"]["coding"][0]["code"] = "E0607"
    someone_else = crd_call()
    someone_else["context"]["patientId"] = someone_else["prefetch"]["patient"]["id"] = "p2"
    ids = []
    for request in (crd_call(), elsewhere, other, someone_else):
        record, _ = _kept(request, "insulin-pump-order-sign")
        [determination] = record.determinations
        ids.append(determination["orderId"])
    assert ids[0] == ids[1] == ids[2] != ids[3]


def test_what_a_record_tells_of_its_call() -> None:
    record, response = _kept(_request(), "crd-order-sign")
    kept = json.loads(record.as_json())
    assert (kept["service"], kept["hook"], kept["client"], kept["live"]) == (
        "crd-order-sign", "order-sign", "hospital", False,
    )  # fmt: skip
    assert kept["hook_instance"] == _request()["hookInstance"]
    assert kept["received_at"] == "2026-11-20T17:00:00+00:00"
    assert [card["uuid"] for card in kept["cards"]] == [card["uuid"] for card in response["cards"]]
    assert {card["order_reference"] for card in kept["cards"]} == {"DeviceRequest/pump-1"}


@pytest.mark.parametrize("service", ["crd-order-sign", "insulin-pump-order-sign"])
def test_of_a_card_its_suggestions_are_kept_and_none_of_its_text(service: str) -> None:
    _, response = _kept(_request(), service)
    (kept, *_rest) = stored_cards(response["cards"])
    (card, *_rest) = response["cards"]
    assert kept["suggestions"] == {each["uuid"]: each["label"] for each in card.get("suggestions", ())}
    assert set(kept) == {"uuid", "order_reference", "policy_id", "topic", "suggestions"}


# ---------------------------------------------------------------- digest


def _digest(request: JSON) -> str:
    return input_digest(read_root(json.dumps(request).encode()))


def test_a_token_changes_nothing_in_the_digest() -> None:
    token = {"access_token": SECRET, "token_type": "Bearer", "scope": "user/*.read", "subject": "cds"}
    assert _digest({**call(), "fhirAuthorization": token}) == _digest(call())


def test_the_order_of_members_changes_nothing_in_the_digest() -> None:
    assert _digest(dict(reversed(call().items()))) == _digest(call())


def _changed() -> Iterator[JSON]:
    base = call()
    for name in base:
        yield {key: value for key, value in base.items() if key != name}
    for name in base["prefetch"]:
        request = copy.deepcopy(base)
        del request["prefetch"][name]
        yield request
    yield base | {"fhirServer": "https://ehr.example.invalid"}
    yield base | {"hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2eb"}
    yield base | {"extension": {}}
    yield base | {"fhirauthorization": {}}


def test_whatever_else_changes_changes_the_digest() -> None:
    found = [_digest(request) for request in _changed()]
    assert len({_digest(call()), *found}) == len(found) + 1


def test_members_do_not_run_into_each_other() -> None:
    one = input_digest(read_root(b'{"a": 1, "b": 2}'))
    assert one != input_digest(read_root(b'{"a": 12, "b": 2}'))
    assert one != input_digest(read_root(b'{"ab": 1, "b": 2}'))


# ---------------------------------------------------------------- sealing


def test_without_a_key_no_response_is_kept() -> None:
    assert _kept(_request(), "crd-order-sign")[0].response is None
    assert Seal(" , ").encrypt(b"x") is None
    assert Seal("").decrypt(b"x") is None


def test_a_response_opens_with_its_key_alone() -> None:
    record, response = _kept(_request(), "crd-order-sign", key=KEY)
    assert record.response is not None
    assert SECRET not in record.response
    opened = Seal(KEY).decrypt(record.response.encode())
    assert opened is not None
    assert json.loads(opened) == response
    assert Seal(OTHER).decrypt(record.response.encode()) is None
    assert Seal("").decrypt(record.response.encode()) is None


def test_keys_rotate() -> None:
    old = Seal(KEY).encrypt(b"old")
    both = Seal(f"{OTHER}, {KEY}")
    new = both.encrypt(b"new")
    assert old is not None
    assert new is not None
    assert (both.decrypt(old.encode()), both.decrypt(new.encode())) == (b"old", b"new")
    assert Seal(OTHER).decrypt(new.encode()) == b"new"
    assert Seal(KEY).decrypt(new.encode()) is None


@pytest.mark.parametrize(
    "key",
    ["short", "é" * 32, KEY[:-4], f"{KEY},short", "!" * 44],
    ids=["short", "not-ascii", "cut", "one-of-two", "no-base64"],
)
def test_a_key_that_is_none_is_named_and_not_shown(key: str) -> None:
    from cds_service.settings import replaced

    with pytest.raises(BadSetting, match="PUMP_CDS_STORE_KEY") as caught:
        check_store(replaced(SETTINGS, store_key=key, database_url="off"))
    assert key not in str(caught.value)
