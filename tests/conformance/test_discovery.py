"""The discovery document against sections A and B of the checklist."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cds_service.facts import Topic
from cds_service.settings import Settings
from cds_service.web import create_app
from tests.conformance.crd.checker import check_crd_discovery, check_legacy_discovery


@pytest.fixture(scope="module")
def body() -> Any:
    reply = create_app(Settings()).test_client().get("/cds-services")
    assert (reply.status_code, reply.mimetype) == (200, "application/json")
    return reply.get_json()


def test_document_conforms(body: Any) -> None:
    """Requirements 2, 4 to 8, 10, 13, 15 to 22, 26 to 36, and bug-log 12, bug-log 14: tokens and pipes."""
    assert check_crd_discovery(body) == []


def test_document_for_clients_of_cds_hooks_2_0_conforms() -> None:
    """Requirement 37: the CRD services again, with plain tokens; the ids are those of the main document."""
    reply = create_app(Settings()).test_client().get("/crd-2.0/cds-services")
    assert reply.status_code == 200
    assert check_legacy_discovery(reply.get_json()) == []
    assert [s["id"] for s in reply.get_json()["services"]] == [
        "crd-order-sign",
        "crd-order-select",
        "crd-order-dispatch",
    ]


def test_options_are_worded_alike_at_plain_services_too(body: Any) -> None:
    """Requirement 21."""
    listed = [s["extension"]["davinci-crd.configuration-options"] for s in body["services"]]
    by_code = {o["code"]: o for options in listed for o in options}
    assert all(by_code[o["code"]] == o for options in listed for o in options)


def test_address_is_exactly_cds_services() -> None:
    """Requirement 1: the exact path by GET; a final slash is tolerated."""
    client = create_app(Settings()).test_client()
    assert client.get("/cds-services").status_code == 200
    assert client.get("/cds-services/").status_code == 200


def test_prefetch_keys_are_the_contracts(body: Any) -> None:
    """Every plain service asks for every topic, under the names of the contract."""
    for service in body["services"]:
        if service["id"].startswith("crd-"):
            continue
        assert list(service["prefetch"]) == [topic.value for topic in Topic]


def test_every_listed_service_answers(body: Any) -> None:
    """Requirement 5: no id of the document is a 404."""
    client = create_app(Settings()).test_client()
    for service in body["services"]:
        assert client.post(f"/cds-services/{service['id']}", json={}).status_code == 400


def test_templates_use_widely_implemented_parameters(body: Any) -> None:
    """Requirement 35: parameters of US Core searches, paging and sorting only."""
    known = {"patient", "status", "code", "_sort", "_count"}
    for template in body["services"][0]["prefetch"].values():
        assert set(parse_qs(urlsplit(template).query)) <= known


def test_no_query_key_is_repeated(body: Any) -> None:
    """Clients collapse repeated keys: each stands once."""
    for template in body["services"][0]["prefetch"].values():
        keys = [pair.split("=")[0] for pair in urlsplit(template).query.split("&") if pair]
        assert len(keys) == len(set(keys))
