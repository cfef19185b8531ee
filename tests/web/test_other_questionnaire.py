"""The DTR side with two policies in use: routes, packages and the OpenAPI document follow the registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service.policies import registry
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.settings import Settings
from cds_service.web import create_app
from cds_service.web.openapi.document import document
from tests.policies.other_payer import COVERAGE, OTHER
from tests.services.crd import crd_call, information
from tests.support import JSON, bundle

URL = "https://cds.example.invalid"


@pytest.fixture(autouse=True)
def _held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "POLICIES", (POLICY, OTHER))


def _settings(folder: Path, policies: str = "MP-MM-1316,OTHER-1") -> Settings:
    spool = str(folder / "spool")
    return Settings(public_url=URL, policies=policies, database_url=f"sqlite:///{folder}/s.sqlite3", spool_folder=spool)


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return create_app(_settings(tmp_path)).test_client()


def _items(node: JSON) -> Iterator[JSON]:
    for item in node.get("item", ()):
        yield item
        yield from _items(item)


SERVED = [
    "Questionnaire/mp-mm-1316",
    "Questionnaire/other-1",
    "ValueSet/mp-mm-1316-replacement-reason",
    "ValueSet/mp-mm-1316-figure-source",
    "ValueSet/other-1-pump-reason",
    "CodeSystem/mp-mm-1316-replacement-reason",
    "CodeSystem/mp-mm-1316-figure-source",
    "CodeSystem/other-1-pump-reason",
    "CodeSystem/override-reason",
    "Library/mp-mm-1316-prepopulation",
    "Library/mp-mm-1316-conversions",
]


@pytest.mark.parametrize("path", SERVED)
def test_what_each_policy_brings_is_served_under_its_own_address(client: FlaskClient, path: str) -> None:
    reply = client.get(f"/fhir/{path}")
    assert reply.status_code == 200
    resource = json.loads(reply.data)
    assert f"{resource['resourceType']}/{resource['id']}" == path
    assert resource["url"] == f"{URL}/fhir/{path}"


def test_what_belongs_to_no_policy_in_use_is_not_served(tmp_path: Path) -> None:
    client = create_app(_settings(tmp_path, "OTHER-1")).test_client()
    reached = {path: client.get(f"/fhir/{path}").status_code for path in SERVED}
    own = {path for path, status in reached.items() if status == 200}
    assert own == {path for path in SERVED if "mp-mm-1316" not in path}


def test_what_is_served_is_in_the_openapi_document(tmp_path: Path) -> None:
    paths = document(_settings(tmp_path))["paths"]
    held = {path.removeprefix("/fhir/") for path in paths if path.startswith("/fhir/") and "get" in paths[path]}
    assert held - {"metadata", ".well-known/smart-configuration"} == set(SERVED)
    (form,) = paths["/smart/documentation"]["post"]["requestBody"]["content"].values()
    assert {"D.I.C", "T.1.team", "T.2.days", "save"} <= set(form["schema"]["properties"])


@pytest.mark.parametrize(
    ("statements", "required"),
    [
        # The chart's statement to MP-MM-1316's questionnaire already says that the team is expert.
        ({}, {"T.2.why"}),
        ({"attestations": None}, {"T.1.team", "T.2.why"}),
    ],
    ids=["stated elsewhere", "not stated"],
)
def test_an_assertion_of_the_other_policy_leads_to_its_questionnaire(
    client: FlaskClient, statements: JSON, required: set[str]
) -> None:
    """From signing to the package: the order is held against the policy that governs the member's coverage."""
    body = client.post(
        "/cds-services/crd-order-sign", json=crd_call(coverage=bundle(COVERAGE), **statements)
    ).get_json()
    assert client.application.config["STORE"].recorder.flush()
    found = information(body)
    assert found["questionnaire"] == [f"{URL}/fhir/Questionnaire/other-1|2.0.0"]
    context = {"name": "context", "valueString": found["coverage-assertion-id"][0]}
    answer = client.post(
        "/fhir/Questionnaire/$questionnaire-package", json={"resourceType": "Parameters", "parameter": [context]}
    )
    assert answer.status_code == 200
    (parameter,) = json.loads(answer.data)["parameter"]
    asked = parameter["resource"]["entry"][0]["resource"]
    assert asked["id"] == "other-1"
    assert {item["linkId"] for item in _items(asked) if item.get("required")} == required
