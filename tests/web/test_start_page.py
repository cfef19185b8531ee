"""The start page: what is served here, and where."""

from __future__ import annotations

import html
import re

import pytest
from flask.testing import FlaskClient

from cds_service.demo.pages import create_demo
from cds_service.hooks.discovery import BASES
from cds_service.policies import registry
from cds_service.settings import Settings
from cds_service.web import create_app
from tests.toy_policy import POLICY as TOY

SETTINGS = Settings(database_url="off")


@pytest.fixture(name="client")
def _client() -> FlaskClient:
    return create_app(SETTINGS).test_client()


def test_every_service_is_listed_at_every_address(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    for base in BASES:
        for service in base.services():
            assert f"<code>{base.path}/cds-services/{service.id}</code>" in page


def test_every_link_leads_somewhere(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    links = [link for link in re.findall(r'href="(/[^"]*)"', page) if not link.startswith("/static/")]
    assert {"/openapi.json", "/healthz", "/readyz", "/metrics", "/policy/MP-MM-1316"} <= set(links)
    assert {client.get(link).status_code for link in links} == {200}


def test_a_policy_that_is_held_and_not_in_use_is_listed_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "POLICIES", (*registry.POLICIES, TOY))
    page = create_app(SETTINGS).test_client().get("/").get_data(as_text=True)
    assert "Toy Health TOY-1</a>, Toy pump policy (not in use)" in page
    assert "CareSource MP-MM-1316</a>, Insulin Infusion Pump</li>" in page


def test_a_request_without_a_path_is_not_redirected_to_the_host_that_it_names(client: FlaskClient) -> None:
    answer = client.get("/", environ_overrides={"PATH_INFO": ""}, headers={"Host": "evil.example.invalid"})
    assert (answer.status_code, "Location" in answer.headers) == (200, False)


def test_the_demo_begins_with_its_charts() -> None:
    reply = create_demo(SETTINGS).test_client().get("/")
    assert (reply.status_code, reply.headers["Location"]) == (302, "/demo")


def test_the_page_says_whether_the_service_is_ready_as_readyz_does(client: FlaskClient) -> None:
    assert ">Ready<" in client.get("/").get_data(as_text=True)
    client.application.config["KEYS_MISSING"] = lambda: ["north-clinic"]
    page = client.get("/").get_data(as_text=True)
    assert ">Not ready<" in page
    assert "<li>keys: north-clinic</li>" in page
    assert client.get("/readyz").get_data(as_text=True) == "keys: north-clinic\n"


def test_the_page_shows_each_discovery_document_and_loads_nothing_of_other_hosts(client: FlaskClient) -> None:
    answer = client.get("/")
    page = answer.get_data(as_text=True)
    for base in BASES:
        found = client.get(f"{base.path}/cds-services").get_json()["services"]
        assert all(f'"{each["id"]}"' in html.unescape(page) for each in found)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/json.js" defer>']
    assert all(link.startswith("/") for link in re.findall(r'<link rel="stylesheet" href="([^"]*)"', page))
    assert " style=" not in page
