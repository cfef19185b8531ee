"""The same chart gives the same determination, whichever keys come with the call and whichever are read live."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.demo.charts import all_charts
from cds_service.demo.live import all_resources, resources_in, with_unique_ids
from cds_service.facts import ChartSection
from cds_service.services.answer_hook import EXTENSION
from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.integration.charts import unavailable
from tests.integration.sekmet import FhirServer, is_installed
from tests.support import JSON

pytestmark = pytest.mark.real

SIGN = "/cds-services/insulin-pump-order-sign"
TOKEN = "token-of-this-module"
KEYS = [section.value for section in ChartSection]
EVERYTHING_MET = "everything-met"
# Its prefetch holds an error in place of the readings; a server would hold either the readings or none.
FAILED_PREFETCH = "glucose-not-retrieved"
CHARTS = [EVERYTHING_MET, *(name for name in all_charts() if name != FAILED_PREFETCH)]


def _whole(name: str) -> JSON:
    """The call with every key in it."""
    return support.call() if name == EVERYTHING_MET else with_unique_ids(all_charts()[name], support.today())


def _held() -> list[JSON]:
    base = support.call()["prefetch"].values()
    return [*all_resources(support.today()), *(each for value in base if value for each in resources_in(value))]


@pytest.fixture(scope="module", params=["open", "bearer"])
def server(request: pytest.FixtureRequest) -> Iterator[FhirServer]:
    """Start a server with all these charts: one that is open to all, and one that wants a token."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    with FhirServer(TOKEN if request.param == "bearer" else None) as started:
        assert started.load(_held()).refused == []
        started.analyze()
        yield started


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(Settings(deadline_seconds=30)).test_client()


def _without(call: JSON, keys: list[str], server: FhirServer) -> JSON:
    """The call without some keys, which are to be read from the server."""
    call = copy.deepcopy(call) | {"fhirServer": server.base_url}
    for key in keys:
        del call["prefetch"][key]
    if server.token:
        call["fhirAuthorization"] = {
            "access_token": server.token,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "user/*.read",
            "subject": "insulin-pump-cds",
        }
    return call


def comparable(body: JSON) -> list[JSON]:
    """Determinations without what may tell one way of reading from another: notes, and where evidence came from."""
    found: list[JSON] = body["extension"][EXTENSION]
    for determination in found:
        determination.pop("notes", None)
        for evidence in _all(determination, "evidence"):
            for item in evidence:
                item.pop("source", None)
    return found


def _judged(client: FlaskClient, call: JSON) -> list[JSON]:
    reply = client.post(SIGN, json=call)
    assert reply.status_code == 200, reply.data
    return comparable(reply.get_json())


def _all(node: Any, name: str) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _all(item, name)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == name:
                yield value
            yield from _all(value, name)


@pytest.mark.parametrize("name", CHARTS)
def test_by_prefetch_by_fetch_and_by_any_mixture(server: FhirServer, client: FlaskClient, name: str) -> None:
    """All keys fetched; each key alone fetched; and random sets of keys, each with the others given."""
    whole = _whole(name)
    by_prefetch = _judged(client, whole)
    chance = random.Random(name)
    mixtures = [chance.sample(KEYS, size) for size in range(2, len(KEYS), 3)]
    for keys in (KEYS, *([key] for key in KEYS), *mixtures):
        assert _judged(client, _without(whole, keys, server)) == by_prefetch, keys


def test_the_order_of_what_the_server_holds_changes_nothing(server: FhirServer, client: FlaskClient) -> None:
    """Prefetched bundles turned round, the same as the server's newest first."""
    whole = _whole(EVERYTHING_MET)
    turned = copy.deepcopy(whole)
    for value in turned["prefetch"].values():
        if value and value["resourceType"] == "Bundle":
            value["entry"].reverse()
    assert _judged(client, turned) == _judged(client, whole) == _judged(client, _without(whole, KEYS, server))


@pytest.mark.parametrize("server", ["bearer"], indirect=True)
def test_without_its_token_a_secured_server_gives_nothing_and_nothing_is_guessed(
    server: FhirServer, client: FlaskClient
) -> None:
    (found,) = _judged(client, _without(_whole(EVERYTHING_MET), KEYS, server) | {"fhirAuthorization": None})
    assert found["outcome"] == "needs-documentation"
    assert {each.get("gap") for each in found["criteria"] if each["id"] not in ("D.I.B", "D.I.C", "D.I.E")} == {
        "not-retrieved"
    }
