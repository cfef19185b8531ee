"""Which cards carry the link to the documentation page, and what it says to those who carry it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.hooks.discovery import SERVICES
from cds_service.hooks.messages import as_json
from cds_service.services.answer_hook import answer_call
from cds_service.services.app_links import AppLinks
from cds_service.settings import Settings
from cds_service.trust.clients import TrustedClient, TrustedClients
from cds_service.trust.sealed_context import LinkSeal
from cds_service.web.smart_app.servers import SmartServers
from tests.services.crd import coverage
from tests.support import JSON, NOON, SETTINGS, bundle, call, condition, order

PLAIN, CRD = "insulin-pump-order-sign", "crd-order-sign"
EHR, STRANGER = "https://ehr.example.invalid/r4", "https://stranger.example.invalid/r4"
TOKEN = "token-of-the-call"
OPEN = SmartServers(Settings(fhir_servers=EHR), TrustedClients())


def _cards(request: JSON, service: str = PLAIN, servers: SmartServers = OPEN) -> list[JSON]:
    links = AppLinks(SETTINGS.public_url, LinkSeal(["key"]), servers.may_launch)
    body = json.dumps(request).encode()
    found = answer_call(body, SERVICES[service], SETTINGS, NOON, None, app_links=links)
    cards: list[JSON] = json.loads(as_json(found.response))["cards"]
    return cards


def _smart(cards: list[JSON]) -> list[JSON]:
    return [link for card in cards for link in card.get("links", ()) if link["type"] == "smart"]


def _open_call(**more: Any) -> JSON:
    """A call whose card needs documentation: nobody stated what only a person can state."""
    return call(attestations=None) | more


def _server(server: str) -> JSON:
    return {
        "fhirServer": server,
        "fhirAuthorization": {
            "access_token": TOKEN,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.rs",
            "subject": "cds",
        },
    }


EXCLUDED = {"conditions": bundle(condition("c1", "E10.65"), condition("c2", "N18.6"), condition("c3", "Z99.2"))}


@pytest.mark.parametrize("request_", [_open_call(), call(**EXCLUDED)], ids=["needs-documentation", "excluded"])
def test_a_card_with_something_open_has_one_link_to_the_app(request_: JSON) -> None:
    (link,) = _smart(_cards(request_))
    assert link["url"] == f"{SETTINGS.public_url}/smart/launch"
    assert json.loads(link["appContext"])["order"] == "DeviceRequest/pump-1"


def test_each_of_two_orders_has_a_link_of_its_own() -> None:
    request = call(order("pump-1"), order("pump-2"), attestations=None)
    named = [json.loads(link["appContext"])["order"] for link in _smart(_cards(request))]
    assert named == ["DeviceRequest/pump-1", "DeviceRequest/pump-2"]


OLD = call(order(authoredOn="2020-01-01"), attestations=None)
MEDICAID = bundle(coverage(payor=[{"display": "CareSource"}], **{"class": [], "type": {"text": "Medicaid"}}))


@pytest.mark.parametrize(
    "request_",
    [call(), OLD, call(order(code="E0607"), attestations=None), call(coverage=MEDICAID, attestations=None)],
    ids=["likely-approved", "before the policy", "no pump", "another coverage"],
)
def test_where_nothing_is_asked_there_is_no_link(request_: JSON) -> None:
    assert _smart(_cards(request_)) == []


def test_a_trusted_server_has_the_link_and_another_has_none() -> None:
    assert len(_smart(_cards(_open_call(**_server(EHR))))) == 1
    strange = _cards(_open_call(**_server(STRANGER)))
    assert len(strange) == 1
    assert _smart(strange) == []


def test_with_callers_told_apart_the_servers_of_trusted_clients_have_the_link() -> None:
    clients = TrustedClients({"ehr": TrustedClient("ehr", "https://ehr.example.invalid", fhir_servers=(EHR,))})
    closed = SmartServers(Settings(trusted_clients="clients.toml", fhir_servers=STRANGER), clients)
    assert len(_smart(_cards(_open_call(**_server(EHR)), servers=closed))) == 1
    assert _smart(_cards(_open_call(**_server(STRANGER)), servers=closed)) == []


def test_crd_services_have_no_link() -> None:
    named = {"coverage": bundle(coverage(payor=[{"display": "CareSource", "identifier": {"value": "31114"}}]))}
    assert _smart(_cards(call(attestations=None, **named), CRD)) == []


def test_the_link_tells_no_token_and_no_patient() -> None:
    request = _open_call(**_server(EHR))
    made = request["context"]["draftOrders"]["entry"][0]["resource"]
    made["note"] = [{"text": "frequent hypoglycemia"}]
    (link,) = _smart(_cards(request))
    told = json.dumps(link)
    for word in (TOKEN, "Patient", "hypoglycemia", "E0784", "Practitioner"):
        assert word not in told
    assert "p1" not in json.loads(link["appContext"])


def test_only_smart_links_have_an_app_context() -> None:
    others = [link for card in _cards(_open_call()) for link in card["links"] if link["type"] == "absolute"]
    assert others
    assert [link for link in others if "appContext" in link] == []


def test_a_service_without_the_page_has_no_link() -> None:
    body = json.dumps(_open_call()).encode()
    cards = json.loads(as_json(answer_call(body, SERVICES[PLAIN], SETTINGS, NOON, None).response))["cards"]
    assert _smart(cards) == []


def test_a_bundle_with_an_empty_entry_is_answered() -> None:
    request = _open_call()
    request["context"]["draftOrders"]["entry"].append({"fullUrl": "urn:uuid:nothing"})
    assert len(_smart(_cards(request))) == 1
