"""An app at the demo's EHR with a real FHIR server behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

from cds_service.demo.ehr.server import DemoEhr
from cds_service.demo.live import running_sandbox
from cds_service.demo.sandbox_server import is_installed
from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.browser.serving import served
from tests.demo.ehr.visits import CALLBACK, JSON, VERIFIER, _Form, written_response
from tests.integration.charts import unavailable


@pytest.fixture(scope="module")
def live() -> Iterator[tuple[str, DemoEhr]]:
    """The EHR before the sandbox's FHIR server, served on a port of its own."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    with running_sandbox(support.today()) as sandbox:
        ehr = DemoEhr(sandbox.base_url)
        app = create_app(Settings(database_url="off"))
        app.register_blueprint(ehr.blueprint)
        with served(app) as address:
            yield address, ehr


def _session(address: str, scope: str, **more: Any) -> tuple[OAuth2Session, JSON]:
    """An app of Authlib's, signed in by pressing Allow; its session and its token."""
    found = requests.get(f"{address}/demo/ehr/fhir/.well-known/smart-configuration", timeout=10).json()
    session = OAuth2Session(
        "insulin-pump-cds",
        redirect_uri=CALLBACK,
        scope=scope,
        code_challenge_method="S256",
        token_endpoint_auth_method="none",
    )
    patient = more.pop("patient", None)
    url, _ = session.create_authorization_url(
        found["authorization_endpoint"], code_verifier=VERIFIER, aud=found["issuer"], **more
    )
    form = _Form(requests.get(url, timeout=10).text)
    data = dict(form.fields) | {"decision": "allow"} | ({"patient": patient} if patient else {})
    back = requests.post(f"{address}{form.action}", data=data, allow_redirects=False, timeout=10)
    token = session.fetch_token(
        found["token_endpoint"], authorization_response=back.headers["Location"], code_verifier=VERIFIER
    )
    return session, dict(token)


@pytest.mark.real
def test_an_app_reads_a_chart_page_by_page_and_no_other(live: tuple[str, DemoEhr]) -> None:
    address, ehr = live
    iss = f"{address}/demo/ehr/fhir"
    launch = ehr.begin_launch("sample-patient-01", "Practitioner/sample-practitioner-01", "app-context")
    session, token = _session(address, "launch openid fhirUser patient/*.rs user/Practitioner.rs", launch=launch)
    with session:
        assert (token["patient"], token["appContext"]) == ("sample-patient-01", "app-context")
        fetched = KeySet.import_key_set(requests.get(f"{address}/demo/ehr/keys", timeout=10).json())
        user = jwt.decode(token["id_token"], fetched, algorithms=["RS256"]).claims["fhirUser"]
        assert user == f"{iss}/Practitioner/sample-practitioner-01"
        assert session.get(user).json()["resourceType"] == "Practitioner"
        assert session.get(f"{iss}/Patient/sample-patient-01").json()["id"] == "sample-patient-01"
        seen: list[str] = []
        url: str | None = f"{iss}/Observation?patient=sample-patient-01&_count=50"
        total = session.get(url).json()["total"]
        while url is not None:
            assert url.startswith(iss)
            page = session.get(url).json()
            seen += [entry["resource"]["id"] for entry in page["entry"]]
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        assert len(seen) == len(set(seen)) == total > 50
        for other in ("Patient/sample-patient-02", "Observation?patient=sample-patient-02", "Observation/2-lab-1"):
            assert session.get(f"{iss}/{other}").status_code == 403


@pytest.mark.real
@pytest.mark.parametrize("number", ["01", "02"])
def test_a_search_that_the_real_server_does_not_narrow_is_narrowed_here(live: tuple[str, DemoEhr], number: str) -> None:
    """The sandbox's server knows no patient parameter of QuestionnaireResponse, and answers with those of all."""
    address, ehr = live
    launch = ehr.begin_launch(f"sample-patient-{number}", "Practitioner/sample-practitioner-01")
    session, _ = _session(address, "launch patient/*.rs", launch=launch)
    with session:
        url = f"{address}/demo/ehr/fhir/QuestionnaireResponse?patient=sample-patient-{number}&_count=100"
        found = [entry["resource"] for entry in session.get(url).json().get("entry", ())]
        subjects = [each["subject"]["reference"] for each in found if each["resourceType"] != "OperationOutcome"]
        assert set(subjects) == ({"Patient/sample-patient-02"} if number == "02" else set())


@pytest.mark.real
def test_an_app_on_its_own_chooses_a_chart_and_writes_to_it(live: tuple[str, DemoEhr]) -> None:
    address, _ = live
    iss = f"{address}/demo/ehr/fhir"
    scope = "launch/patient patient/QuestionnaireResponse.cruds"
    session, token = _session(address, scope, patient="sample-patient-03")
    with session:
        assert token["patient"] == "sample-patient-03"
        body = written_response("sample-patient-03", status="completed")
        written = session.post(f"{iss}/QuestionnaireResponse", json=body)
        assert written.status_code == 201
        assert re.match(rf"{re.escape(iss)}/QuestionnaireResponse/[^/]+", written.headers["Location"])
        identity = written.json()["id"]
        assert session.get(written.headers["Location"]).json()["id"] == identity
        changed = written_response("sample-patient-03", status="amended", id=identity)
        assert session.put(f"{iss}/QuestionnaireResponse/{identity}", json=changed).status_code == 200
        assert session.get(f"{iss}/QuestionnaireResponse/{identity}").json()["status"] == "amended"
        found = session.get(f"{iss}/QuestionnaireResponse?patient=sample-patient-03&_count=100").json()
        assert identity in {entry["resource"]["id"] for entry in found["entry"]}
        assert session.get(f"{iss}/Observation?patient=sample-patient-03").status_code == 403


@pytest.mark.real
def test_the_real_servers_statement_names_the_endpoints(live: tuple[str, DemoEhr]) -> None:
    address, _ = live
    statement = requests.get(f"{address}/demo/ehr/fhir/metadata", timeout=10).json()
    assert statement["fhirVersion"] == "4.0.1"
    assert all(rest["security"]["extension"] for rest in statement["rest"])
