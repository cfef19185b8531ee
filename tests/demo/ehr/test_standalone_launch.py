"""An app that is started on its own: the person chooses a patient."""

from __future__ import annotations

from html import unescape

import pytest
import requests
import responses
from joserfc import jwt
from joserfc.jwk import KeySet

from cds_service.demo.ehr.server import EhrOptions
from tests.demo.ehr.visits import CLIENTS, FHIR, ISS, USER, Visit, _Form, bundle, outcome, returned

STANDALONE = "launch/patient openid fhirUser patient/*.rs"
PATIENTS = bundle(
    {"resourceType": "Patient", "id": "p1", "name": [{"family": "Bauer", "given": ["Ina", "M"]}]},
    {"resourceType": "Patient", "id": "p2"},
    {"resourceType": "Patient", "id": "p3", "name": [{"text": "Abel & Co"}]},
)


def test_without_a_launch_the_person_chooses_a_patient(fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Patient", json=PATIENTS)
    visit = Visit(EhrOptions(clients=CLIENTS, patient_names={"p2": "Type 1 with a pump"}, standalone_user=USER))
    page = visit.page(scope=STANDALONE)
    text = unescape(page.get_data(as_text=True))
    assert _Form(text).options == ["", "p3", "p1", "p2"], "in the order of their names"
    for words in ("Abel & Co", "Ina M Bauer", "Type 1 with a pump"):
        assert words in text
    token = visit.redeem(returned(visit.decide(page, patient="p2"))["code"]).get_json()
    assert token["patient"] == "p2"
    assert token["scope"] == STANDALONE
    keys = KeySet.import_key_set(visit.browser.get("/demo/ehr/keys").get_json())
    assert jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims["fhirUser"] == f"{ISS}/{USER}"


@pytest.mark.parametrize("chosen", ["", "p9"])
def test_without_a_choice_there_is_no_code(visit: Visit, fhir: responses.RequestsMock, chosen: str) -> None:
    fhir.get(f"{FHIR}/Patient", json=PATIENTS)
    again = visit.decide(visit.page(scope=STANDALONE), patient=chosen)
    assert again.status_code == 200
    assert "Choose a patient first" in again.get_data(as_text=True)
    assert "code" in returned(visit.decide(again, patient="p1"))
    assert returned(visit.decide(again, "deny"))["error"] == "access_denied"


@pytest.mark.parametrize("scope", ["patient/*.rs", "launch launch/patient patient/*.rs"])
def test_patient_scopes_without_a_launch_need_a_patient(visit: Visit, fhir: responses.RequestsMock, scope: str) -> None:
    fhir.get(f"{FHIR}/Patient", json=PATIENTS)
    assert len(_Form(visit.page(scope=scope, launch=...).get_data(as_text=True)).options) == 4


def test_user_scopes_alone_need_no_patient(visit: Visit) -> None:
    assert "patient" not in visit.token(scope="openid fhirUser user/*.rs")


def test_patients_that_cannot_be_read_are_said(visit: Visit, fhir: responses.RequestsMock) -> None:
    fhir.get(f"{FHIR}/Patient", body=requests.ConnectionError())
    outcome(visit.page(scope=STANDALONE), 502)
