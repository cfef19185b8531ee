"""The discovery document against sections A and B of the checklist."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cds_service.facts import ChartSection
from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.conformance.checker import check_discovery
from tests.conformance.crd.checker import check_crd_discovery, check_legacy_discovery
from tests.services.crd import crd_call


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


PLAIN = ["insulin-pump-order-sign", "insulin-pump-order-select"]
CRD = ["crd-order-sign", "crd-order-select", "crd-order-dispatch"]


def test_crd_services_come_first(body: Any) -> None:
    """A client that takes the first service of a hook, as the public test kit does, gets CRD's."""
    assert [service["id"] for service in body["services"]] == [*CRD, *PLAIN]
    firsts = {service["hook"]: service["id"] for service in reversed(body["services"])}
    assert firsts == {"order-sign": CRD[0], "order-select": CRD[1], "order-dispatch": CRD[2]}


def test_a_base_of_their_own_offers_the_plain_services_alone(body: Any) -> None:
    client = create_app(Settings()).test_client()
    reply = client.get("/plain/cds-services")
    assert (reply.status_code, reply.mimetype) == (200, "application/json")
    assert check_discovery(reply.get_json()) == []
    assert reply.get_json()["services"] == [service for service in body["services"] if service["id"] in PLAIN]
    call = support.call(education=None)
    for name in PLAIN:
        request = call | {"hook": name.removeprefix("insulin-pump-")}
        request["context"]["selections"] = ["DeviceRequest/pump-1"]
        here, there = (client.post(f"{root}/cds-services/{name}", json=request) for root in ("/plain", ""))
        assert here.status_code == there.status_code == 200
        assert [card["summary"] for card in here.get_json()["cards"]] == [
            c["summary"] for c in there.get_json()["cards"]
        ]
        assert client.post(f"/plain/cds-services/{name}/feedback", json={}).status_code == 400
    for name in (*CRD, "nobody"):
        refused = client.post(f"/plain/cds-services/{name}", json=crd_call())
        assert refused.status_code == 404
        assert "/plain/cds-services" in refused.get_json()["issue"][0]["diagnostics"]
        assert client.post(f"/plain/cds-services/{name}/feedback", json={}).status_code == 404


def test_every_description_says_which_services_to_subscribe_to(body: Any) -> None:
    """Two families on one order give every message twice."""
    for service in body["services"]:
        assert "to the CRD services or to the plain ones, not to both" in service["description"]
        assert ("Da Vinci CRD" in service["description"]) is (service["id"] in CRD)
        assert ("Plain CDS Hooks" in service["description"]) is (service["id"] in PLAIN)


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
    """Every plain service asks for every section, under the names of the contract."""
    for service in body["services"]:
        if service["id"].startswith("crd-"):
            continue
        own = ["cPeptide", "antibodies", "weight", "creatinine", "visits"]
        keys = list(service["prefetch"])
        assert keys[: len(ChartSection)] == [section.value for section in ChartSection]
        assert set(own) <= set(keys[len(ChartSection) :])


def test_every_listed_service_answers(body: Any) -> None:
    """Requirement 5: no id of the document is a 404."""
    client = create_app(Settings()).test_client()
    for service in body["services"]:
        assert client.post(f"/cds-services/{service['id']}", json={}).status_code == 400


def _plain(body: Any) -> Any:
    return next(service for service in body["services"] if service["id"] == "insulin-pump-order-sign")


def test_templates_use_widely_implemented_parameters(body: Any) -> None:
    """Requirement 35: parameters of US Core searches, paging and sorting only."""
    known = {"patient", "status", "code", "_sort", "_count"}
    for template in _plain(body)["prefetch"].values():
        assert set(parse_qs(urlsplit(template).query)) <= known


def test_no_query_key_is_repeated(body: Any) -> None:
    """Clients collapse repeated keys: each stands once."""
    for template in _plain(body)["prefetch"].values():
        keys = [pair.split("=")[0] for pair in urlsplit(template).query.split("&") if pair]
        assert len(keys) == len(set(keys))
