"""What the demo's EHR says of itself before anybody signs in."""

from __future__ import annotations

from typing import Any

import pytest
import responses

from cds_service.demo.ehr.server import DemoEhr, EhrOptions
from tests.demo.ehr.visits import FHIR, ISS, ROOT, Visit


def test_smart_configuration_names_the_endpoints_and_what_is_served(visit: Visit) -> None:
    told = visit.get(".well-known/smart-configuration")
    assert told.mimetype == "application/json"
    found = told.get_json()
    assert found["issuer"] == ISS
    assert found["authorization_endpoint"] == f"{ROOT}/authorize"
    assert found["token_endpoint"] == f"{ROOT}/token"
    assert found["jwks_uri"] == f"{ROOT}/keys"
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["grant_types_supported"] == ["authorization_code"]
    assert {"none", "client_secret_basic", "private_key_jwt"} == set(found["token_endpoint_auth_methods_supported"])
    assert set(found["capabilities"]) >= {
        "launch-ehr",
        "launch-standalone",
        "client-public",
        "client-confidential-symmetric",
        "client-confidential-asymmetric",
        "sso-openid-connect",
        "context-ehr-patient",
        "permission-patient",
        "permission-user",
        "permission-v1",
        "permission-v2",
    }
    assert {"openid", "fhirUser", "launch", "launch/patient"} <= set(found["scopes_supported"])


@pytest.mark.parametrize(("syntax", "there", "missing"), [("v1", "v1", "v2"), ("v2", "v2", "v1")])
def test_the_capabilities_name_the_syntax_of_scopes_that_is_known(syntax: Any, there: str, missing: str) -> None:
    found = Visit(EhrOptions(scopes=syntax)).get(".well-known/smart-configuration").get_json()
    assert f"permission-{there}" in found["capabilities"]
    assert f"permission-{missing}" not in found["capabilities"]
    forms = {"v1": "patient/*.read", "v2": "patient/*.cruds"}
    assert forms[there] in found["scopes_supported"]
    assert forms[missing] not in found["scopes_supported"]


def test_openid_configuration_is_of_the_same_issuer(visit: Visit) -> None:
    found = visit.get(".well-known/openid-configuration").get_json()
    assert (found["issuer"], found["jwks_uri"]) == (ISS, f"{ROOT}/keys")
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]


def test_the_key_set_holds_public_parts_only(visit: Visit) -> None:
    (key,) = visit.browser.get("/demo/ehr/keys").get_json()["keys"]
    assert key["kid"]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)


@pytest.mark.parametrize("well_known", [True, False])
def test_metadata_names_the_endpoints_for_everyone(fhir: responses.RequestsMock, well_known: bool) -> None:
    statement = {"resourceType": "CapabilityStatement", "url": f"{FHIR}/metadata", "rest": [{"mode": "server"}]}
    fhir.get(f"{FHIR}/metadata", json=statement)
    visit = Visit(EhrOptions(well_known=well_known))
    found = visit.get("metadata").get_json()
    security = found["rest"][0]["security"]
    (told,) = security["extension"]
    assert told["url"] == "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    uris = {each["url"]: each["valueUri"] for each in told["extension"]}
    assert uris == {"authorize": f"{ROOT}/authorize", "token": f"{ROOT}/token"}
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    assert found["url"] == f"{ISS}/metadata"
    assert visit.get(".well-known/smart-configuration").status_code == (200 if well_known else 404)


def test_its_address_is_the_base_url_that_it_is_given() -> None:
    ehr = DemoEhr(FHIR, "/elsewhere/", base_url="https://demo.example.invalid/")
    assert ehr.iss() == "https://demo.example.invalid/elsewhere/fhir"
