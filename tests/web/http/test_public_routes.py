"""Every route is closed unless it stands in the one list of public routes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from flask import Flask
from werkzeug.routing import Rule

from cds_service.settings import Settings
from cds_service.web import create_app
from cds_service.web.http.public_routes import is_public
from tests.trust import tokens

# What the contract calls public, written out here a second time: the list itself cannot be its own witness.
PUBLIC = {
    ("GET", "/"),
    ("GET", "/static/<path:filename>"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/fhir/metadata"),
    ("GET", "/fhir/.well-known/smart-configuration"),
    ("POST", "/token"),
    ("POST", "/smart/documentation"),
}
READ = "/fhir/<kind>/<identity>"
KINDS = ("Questionnaire", "ValueSet", "CodeSystem", "Library")


@pytest.fixture(name="app")
def _app(tmp_path: Path) -> Flask:
    """A service that authenticates its callers."""
    settings = Settings(
        public_url=tokens.PUBLIC_URL, trusted_clients=str(tokens.clients_file(tmp_path)), database_url="off"
    )
    return create_app(settings)


def is_public_by_contract(method: str, rule: str) -> bool:
    """The contract's words on a rule of the URL map."""
    return (method, rule) in PUBLIC or (method == "GET" and rule.startswith(("/policy/", "/smart/")))


def calls(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Method, rule and a path of every route, `GET` of FHIR resources aside."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            if rule.rule != READ:
                yield method, rule.rule, path_of(rule)


def path_of(rule: Rule) -> str:
    """A path that a rule serves."""
    built = rule.build(dict.fromkeys(rule.arguments, "x"))
    assert built is not None
    return built[1]


def test_no_route_is_open_that_the_contract_does_not_call_public(app: Flask) -> None:
    """Walks the URL map: without a token a route answers 401, or the contract says that it is public."""
    seen = set()
    for method, rule, path in calls(app):
        reply = app.test_client().open(path, method=method)
        refused = reply.status_code == 401 and "WWW-Authenticate" in reply.headers
        assert refused is not is_public_by_contract(method, rule), (method, rule)
        seen.add((method, rule))
    assert seen >= PUBLIC, "the walk reaches what it is about"


@pytest.mark.parametrize("kind", KINDS)
def test_definitions_are_read_by_anybody(app: Flask, kind: str) -> None:
    assert app.test_client().get(f"/fhir/{kind}/x").status_code == 404


@pytest.mark.parametrize("kind", ["Patient", "QuestionnaireResponse", "Observation", "Questionnairex"])
def test_resources_of_other_types_are_read_by_nobody_without_a_token(app: Flask, kind: str) -> None:
    assert app.test_client().get(f"/fhir/{kind}/x").status_code == 401


@pytest.mark.parametrize("path", ["/fhir/new", "/fhir/Questionnaire/new", "/new", "/cds/new", "/metrics/new"])
def test_a_new_route_is_closed_until_somebody_lists_it(app: Flask, path: str) -> None:
    app.add_url_rule(path, "new", lambda: "secret", methods=["GET", "POST", "PUT", "DELETE"])
    for method in ("POST", "PUT", "DELETE"):
        assert app.test_client().open(path, method=method).status_code == 401, method
    listed = path.startswith("/fhir/Questionnaire/")
    assert (app.test_client().get(path).status_code == 401) is not listed


def test_what_a_path_is_called_does_not_open_it(app: Flask) -> None:
    """Only the path as the router reads it counts."""
    client = app.test_client()
    for path in (
        "/smart/../cds-services",
        "/smart/..%2fcds-services",
        "//cds-services",
        "/cds-services;/smart/launch",
        "/CDS-SERVICES",
        "/crd-2.0/cds-services/",
        "/healthz/",
        "/healthz/../cds-services",
    ):
        # As a server hands it over: a client would take what stands behind two slashes for a host.
        answer = client.get("/", environ_overrides={"PATH_INFO": unquote(path)})
        assert answer.status_code in (401, 404), path
    assert client.get("/cds-services?x=/healthz").status_code == 401
    assert client.head("/cds-services").status_code == 401


def test_automatic_options_are_all_that_is_answered_without_a_token(app: Flask) -> None:
    """A route with an OPTIONS of its own would be open."""
    for rule in app.url_map.iter_rules():
        assert rule.provide_automatic_options, rule


def test_the_list_reads_a_path_as_a_whole() -> None:
    assert is_public("GET", "/policy/MP-MM-1316")
    assert is_public("HEAD", "/healthz")
    assert not is_public("GET", "/policy")
    assert not is_public("POST", "/fhir/Questionnaire/$questionnaire-package")
    assert not is_public("POST", "/healthz")
    assert not is_public("GET", "/healthz\n")
