"""The OpenAPI document says what the application serves: every route, nothing beside, and schemas that hold."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import MethodNotAllowed

from cds_service.demo.charts import DemoChart, all_charts
from cds_service.hooks.discovery import SERVICES
from cds_service.services.answer_hook import EXTENSION
from cds_service.settings import Settings
from cds_service.web import create_app
from cds_service.web.backend_services.capabilities import GRANT
from cds_service.web.openapi.document import document
from tests import support
from tests.services.crd import crd_call
from tests.support import JSON

PUBLIC = "https://cds.example.invalid/pump"
DOCUMENT = document(Settings(public_url=PUBLIC))
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
# Of Flask itself: its files, and the methods that it answers beside each route's own.
UNTOLD_ENDPOINTS, UNTOLD_METHODS = {"static"}, {"HEAD", "OPTIONS"}
# What somebody is told who comes to SMART's addresses out of nowhere.
SIGNED_OUT = {
    ("/smart/launch", "get"): 400,
    ("/smart/callback", "get"): 400,
    ("/smart/documentation", "get"): 403,
    ("/smart/documentation", "post"): 401,
    # Tokens are given where callers are authenticated.
    ("/fhir/.well-known/smart-configuration", "get"): 404,
    ("/token", "post"): 404,
}
CARD = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Settings(public_url=PUBLIC, database_url="off"))


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def _schema(path: str, status: str | None = None) -> jsonschema_rs.Validator:
    """The schema of what is posted to a path, or of what it replies."""
    operation = DOCUMENT["paths"][path].get("post") or DOCUMENT["paths"][path]["get"]
    told = operation["requestBody"] if status is None else operation["responses"][status]
    (content,) = told["content"].values()
    return jsonschema_rs.Draft202012Validator({**content["schema"], "components": DOCUMENT["components"]})


def test_every_route_is_in_the_document(app: Flask) -> None:
    adapter = app.url_map.bind("localhost")
    told = {(adapter.match(path, method.upper())[0], method.upper()) for path, method in OPERATIONS}
    served = {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in UNTOLD_ENDPOINTS
        for method in (rule.methods or set()) - UNTOLD_METHODS
    }
    assert told == served


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_of_the_document_is_served(client: FlaskClient, path: str, method: str) -> None:
    reply = client.open(path, method=method.upper(), data=b"" if method == "post" else None)
    assert reply.status_code == SIGNED_OUT.get((path, method), 200 if method == "get" else 400)
    assert reply.mimetype in DOCUMENT["paths"][path][method]["responses"][str(reply.status_code)]["content"]
    with pytest.raises(MethodNotAllowed):
        client.application.url_map.bind("localhost").match(path, "DELETE")


def test_every_service_has_a_hook_and_feedback_at_its_addresses() -> None:
    wanted = {f"/cds-services/{name}" for name in SERVICES}
    wanted |= {f"/crd-2.0/cds-services/{service.id}" for service in SERVICES.values() if service.crd}
    wanted |= {f"/plain/cds-services/{service.id}" for service in SERVICES.values() if not service.crd}
    wanted |= {f"{path}/feedback" for path in wanted}
    assert {path for path, method in OPERATIONS if method == "post" and "cds-services" in path} == wanted


def test_the_document_is_served_for_the_public_address(client: FlaskClient) -> None:
    reply = client.get("/openapi.json")
    assert reply.mimetype == "application/json"
    assert reply.get_json() == json.loads(json.dumps(DOCUMENT))
    assert reply.get_json()["servers"] == [{"url": PUBLIC}]


def test_the_document_is_valid_openapi() -> None:
    loaded = schemathesis.openapi.from_dict(json.loads(json.dumps(DOCUMENT)))
    loaded.validate()
    assert len([found.ok() for found in loaded.get_all_operations()]) == len(OPERATIONS)


def test_names_of_operations_are_unique() -> None:
    names = [DOCUMENT["paths"][path][method]["operationId"] for path, method in OPERATIONS]
    assert len(set(names)) == len(names)


def _good(path: str) -> JSON:
    """A good call for the service at a path."""
    service = SERVICES[path.rsplit("/", 1)[-1]]
    request: dict[str, Any] = (crd_call() if service.crd else support.call()) | {"hook": service.hook}
    if service.hook == "order-select":
        request["context"]["selections"] = ["DeviceRequest/pump-1"]
    if service.hook == "order-dispatch":
        orders = {"dispatchedOrders": ["DeviceRequest/pump-1"], "performer": "Organization/o1"}
        request["context"] = {"patientId": "p1", **orders}
    return request


HOOKS = [
    path
    for path, method in OPERATIONS
    if method == "post" and "cds-services" in path and not path.endswith("/feedback")
]


@pytest.mark.parametrize("path", HOOKS)
def test_a_good_call_and_its_answer_fit_the_schemas(client: FlaskClient, path: str) -> None:
    request = _good(path)
    _schema(path).validate(request)
    reply = client.post(path, json=request)
    _schema(path, str(reply.status_code)).validate(reply.get_json())
    assert reply.status_code == 200 or "dispatch" in path


@pytest.mark.parametrize("chart", all_charts().values(), ids=lambda chart: chart.id)
def test_answers_to_the_sample_charts_fit_the_schema(client: FlaskClient, chart: DemoChart) -> None:
    path = "/cds-services/insulin-pump-order-sign"
    answer = client.post(path, json=chart.request).get_json()
    _schema(path, "200").validate(answer)
    assert answer["extension"][EXTENSION]


@pytest.mark.parametrize(
    "place",
    [
        ("outcome",),
        ("coverage",),
        ("policy",),
        ("assertionId",),
        ("criteria", 0, "truth"),
        ("criteria", 0, "basis"),
        ("exclusions", 0, "gap"),
        ("criteria", 7, "parts", 0, "truth"),
    ],
)
def test_a_determination_with_a_value_that_it_cannot_have_does_not_fit(
    client: FlaskClient, place: tuple[str | int, ...]
) -> None:
    path = "/cds-services/insulin-pump-order-sign"
    answer = client.post(path, json=_good(path)).get_json()
    *steps, member = place
    part = answer["extension"][EXTENSION][0]
    for step in steps:
        part = part[step]
    _schema(path, "200").validate(answer)
    part[member] = "perhaps"
    assert not _schema(path, "200").is_valid(answer)


def test_a_token_is_asked_for_with_what_the_endpoint_takes() -> None:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"grant_type": GRANT, "client_assertion_type": kind, "client_assertion": "a.b.c"}
    _schema("/token").validate(form)
    for member in form:
        assert not _schema("/token").is_valid({name: value for name, value in form.items() if name != member})
    assert not _schema("/token").is_valid(form | {"grant_type": "authorization_code"})


@pytest.mark.parametrize("path", HOOKS)
@pytest.mark.parametrize("missing", ["hook", "hookInstance", "context"])
def test_what_the_schema_requires_the_service_requires(client: FlaskClient, path: str, missing: str) -> None:
    request = _good(path)
    del request[missing]
    assert not _schema(path).is_valid(request)
    reply = client.post(path, json=request)
    assert reply.status_code in (400, 422)
    _schema(path, str(reply.status_code)).validate(reply.get_json())


@pytest.mark.parametrize("path", [f"{path}/feedback" for path in HOOKS])
def test_feedback_and_its_answer_fit_the_schemas(client: FlaskClient, path: str) -> None:
    entry = {"card": CARD, "outcome": "accepted", "acceptedSuggestions": [{"id": "s1"}]}
    told = {"feedback": [entry | {"outcomeTimestamp": "2026-11-25T10:00:00Z"}]}
    _schema(path).validate(told)
    _schema(path, "200").validate(client.post(path, json=told).get_json())


def test_discovery_fits_its_schema(client: FlaskClient) -> None:
    for root in ("", "/crd-2.0", "/plain"):
        path = f"{root}/cds-services"
        _schema(path, "200").validate(client.get(path).get_json())
