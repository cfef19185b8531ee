"""A toy policy of another payer beside the shipped one, through all that a policy gets: no line is changed for it.

The toy (tests/toy_policy) is of Toy Health Medicaid and asks for a body weight of 10 kg in the last 60 days (W.1), a
statement on a glucose log (W.2) and no implanted device (W.3).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from cds_service.cli import main
from cds_service.demo.live import Sandbox
from cds_service.demo.pages import create_demo
from cds_service.demo.sandbox_server import FhirServer, is_installed
from cds_service.facts import ChartSection
from cds_service.policies import registry
from cds_service.services.answer_hook import EXTENSION
from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.browser.serving import free_port, served
from tests.ehr.hostile_server import HostileServer, refuse
from tests.integration.charts import unavailable
from tests.services.crd import PAYER, coverage, determination, information
from tests.support import JSON, PATIENT, bundle, observation, order
from tests.toy_policy import POLICY as TOY
from tests.web.smart_app.clinic import Clinic, Visitor, answers_of

ROOT = Path(__file__).parents[1]
BOTH = Settings(public_url="https://cds.example.invalid", policies="MP-MM-1316,TOY-1", database_url="off")
PLAIN, CRD = "insulin-pump-order-sign", "crd-order-sign"
YES, NO = {"valueBoolean": True}, {"valueBoolean": False}
TOY_MEMBER = coverage(
    payor=[{"display": "Toy Health", "identifier": {"system": PAYER["identifier"]["system"], "value": "toy"}}],
    **{"class": [{"type": {"text": "plan"}, "value": "1", "name": "Toy Health Medicaid"}]},
)


@pytest.fixture(autouse=True)
def _toy_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "POLICIES", (*registry.POLICIES, TOY))


@pytest.fixture(name="client")
def _client() -> FlaskClient:
    return create_app(BOTH).test_client()


def _ago(days: int) -> str:
    """A day in every zone of the country's past, far from the toy's limits of 60 and 90 days."""
    return (support.today() - timedelta(days=days)).isoformat()


def _statement(**answers: JSON) -> JSON:
    """A response to the toy's questionnaire, signed three days ago."""
    items = [{"linkId": link.replace("_", "."), "answer": [value]} for link, value in answers.items()]
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "qr-toy",
        "questionnaire": "https://cds.example.invalid/fhir/Questionnaire/toy-1|2.0.0",
        "status": "completed",
        "subject": PATIENT,
        "authored": _ago(3),
        "item": items,
    }


def _call(member: JSON, hook: str = "order-sign", code: str = "E0784", **prefetch: Any) -> JSON:
    """A call about an order of two days ago with the whole chart given: nothing there but what is named."""
    ordered = order(code=code, authoredOn=_ago(2))
    home = {"resourceType": "Patient", "id": "p1", "address": [{"use": "home", "state": "OH"}]}
    given: JSON = dict.fromkeys([section.value for section in ChartSection])
    given |= {"patient": home, "coverage": bundle(member), **prefetch}
    return support.call(ordered) | {"hook": hook, "prefetch": given}


def _answered(client: FlaskClient, call: JSON, service: str = PLAIN) -> JSON:
    reply = client.post(f"/cds-services/{service}", json=call)
    assert reply.status_code == 200, reply.get_data(as_text=True)
    body: JSON = reply.get_json()
    return body


def _weight(kilograms: float = 72.5, unit: str = "kg") -> JSON:
    return bundle(observation("w1", "29463-7", kilograms, unit, _ago(10)))


def _findings(judged: JSON) -> dict[str, str]:
    return {finding["id"]: finding["truth"] for group in ("criteria", "exclusions") for finding in judged[group]}


# ---------------------------------------------------------------- discovery


def test_discovery_speaks_for_both_policies(client: FlaskClient) -> None:
    services = {service["id"]: service for service in client.get("/cds-services").get_json()["services"]}
    plain, crd = services[PLAIN], services[CRD]
    assert plain["title"] == "Insulin pump coverage (CareSource MP-MM-1316 and Toy Health TOY-1)"
    assert "CareSource Marketplace or Toy Health Medicaid will approve it" in plain["description"]
    assert "medical policy MP-MM-1316 or TOY-1" in crd["description"]
    assert "Coverage of CareSource or Toy Health" in crd["usageRequirements"]
    assert list(plain["prefetch"]) == [*(section.value for section in ChartSection), "weight"]
    query = parse_qs(urlsplit(plain["prefetch"]["weight"]).query)
    assert (query["code"], query["patient"]) == (["29463-7"], ["{{context.patientId}}"])
    assert "weight" not in crd["prefetch"]


def test_without_the_toy_in_use_nothing_speaks_of_it() -> None:
    client = create_app(Settings(database_url="off")).test_client()
    assert "Toy" not in client.get("/cds-services").get_data(as_text=True)
    (judged,) = _answered(client, _call(TOY_MEMBER, weight=_weight()))["extension"][EXTENSION]
    assert (judged["policy"]["id"], judged["coverage"]) == ("MP-MM-1316", "not-governed")


def test_the_description_of_the_interface_has_both(client: FlaskClient) -> None:
    found = client.get("/openapi.json").get_json()
    assert found["info"]["summary"].endswith("under CareSource MP-MM-1316 and Toy Health TOY-1")
    assert {"/policy/MP-MM-1316", "/policy/TOY-1"} <= set(found["paths"])
    body = found["paths"][f"/cds-services/{PLAIN}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "weight" in body["properties"]["prefetch"]["properties"]


# ---------------------------------------------------------------- hooks, cards, coverage-information


@pytest.mark.parametrize("service", [PLAIN, CRD])
def test_each_member_is_judged_by_the_policy_of_the_plan(client: FlaskClient, service: str) -> None:
    toy = determination(_answered(client, _call(TOY_MEMBER, weight=_weight()), service))
    ours = determination(_answered(client, _call(coverage(), weight=_weight()), service))
    assert (toy["policy"], toy["coverage"]) == ({"id": "TOY-1", "version": "2025-01-01"}, "governed")
    assert _findings(toy) == {"W.1": "met", "W.2": "unknown", "W.3": "not-met"}
    assert (ours["policy"]["id"], ours["coverage"]) == ("MP-MM-1316", "governed")
    assert [finding["id"] for finding in ours["criteria"]] == [f"D.I.{letter}" for letter in "ABCDEFGHI"]


@pytest.mark.parametrize(
    ("prefetch", "truth", "words"),
    [
        ({"weight": None}, "unknown", "No body weight of the last 60 days"),
        ({}, "unknown", "No body weight of the last 60 days"),
        ({"weight": _weight}, "met", "Weighs 72.5 kg"),
        # 22 pounds of 0.45359237 kg are 9.97903214 kg, 23 are 10.43262451 kg.
        ({"weight": lambda: _weight(22, "[lb_av]")}, "not-met", "Weighs 22 [lb_av] (9.979 kg)"),
        ({"weight": lambda: _weight(23, "[lb_av]")}, "met", "Weighs 23 [lb_av] (10.43 kg)"),
        ({"egfr": _weight}, "met", "Weighs 72.5 kg"),
        ({"myOwnKey": _weight}, "met", "Weighs 72.5 kg"),
        ({"weight": lambda: {"resourceType": "OperationOutcome", "issue": []}}, "unknown", "Body weights"),
    ],
)
def test_a_kind_of_fact_that_only_the_toy_knows_is_read(
    client: FlaskClient, prefetch: dict[str, Any], truth: str, words: str
) -> None:
    given = {key: make() if callable(make) else make for key, make in prefetch.items()}
    judged = determination(_answered(client, _call(TOY_MEMBER, **given)))
    finding = judged["criteria"][0]
    assert (finding["id"], finding["truth"]) == ("W.1", truth)
    assert words in finding["explanation"]
    if prefetch.get("weight") and words == "Body weights":
        assert finding["gap"] == "not-retrieved"


def test_the_card_is_in_the_words_of_the_toy(client: FlaskClient) -> None:
    (card,) = _answered(client, _call(TOY_MEMBER))["cards"]
    assert card["summary"].startswith("Toy pump")
    assert "add a body weight of the last 60 days" in card["summary"]
    assert "**W.1 Body weight**" in card["detail"]
    assert "**W.2 Glucose log**" in card["detail"]
    assert "D.I" not in json.dumps(card)
    links = [card["source"]["url"], *(link["url"] for link in card["links"] if link["type"] == "absolute")]
    assert all(urlsplit(link).path in ("/policy/TOY-1", "/fhir/Questionnaire/toy-1") for link in links)


def test_an_exclusion_of_the_toy_refuses(client: FlaskClient) -> None:
    implanted = _answered(client, _call(TOY_MEMBER, code="E0783", weight=_weight()))
    judged = determination(implanted)
    assert (judged["outcome"], _findings(judged)["W.3"]) == ("excluded", "met")
    assert "W.3" in json.dumps(implanted["cards"])


def test_what_the_chart_lacks_of_the_toy_is_in_coverage_information(client: FlaskClient) -> None:
    found = information(_answered(client, _call(TOY_MEMBER, weight=_weight()), CRD))
    assert found["questionnaire"] == ["https://cds.example.invalid/fhir/Questionnaire/toy-1|2.0.0"]
    assert "D.I" not in json.dumps(found)


@pytest.mark.parametrize("service", [PLAIN, CRD])
def test_a_statement_on_the_toys_questionnaire_closes_its_criterion(client: FlaskClient, service: str) -> None:
    signed = {"weight": _weight(), "attestations": bundle(_statement(W_2=YES))}
    judged = determination(_answered(client, _call(TOY_MEMBER, **signed), service))
    assert (judged["outcome"], judged["criteria"][1]["basis"]) == ("likely-approved", "attested")
    ours = determination(_answered(client, _call(coverage(), **signed), service))
    assert ours["outcome"] == "needs-documentation"


def test_a_code_of_another_payer_is_refused_by_crd(client: FlaskClient) -> None:
    other = coverage(payor=[{"display": "Elsewhere Health", "identifier": PAYER["identifier"]}])
    reply = client.post(f"/cds-services/{CRD}", json=_call(other))
    assert reply.status_code >= 400
    assert "CareSource or Toy Health" in reply.get_json()["issue"][0]["diagnostics"]


# ---------------------------------------------------------------- read from a FHIR server


def _live(named: str, *held: JSON) -> tuple[JSON, HostileServer]:
    """The determination of a call without prefetch, under the policies of a setting, and the server that was asked."""
    with HostileServer(*(entry["resource"] for entry in held)) as server:
        call = _call(TOY_MEMBER) | {"fhirServer": server.url}
        del call["prefetch"]
        client = create_app(Settings(policies=named, database_url="off", fhir_servers=server.url)).test_client()
        return determination(_answered(client, call)), server


def _held() -> list[JSON]:
    home = {"resourceType": "Patient", "id": "p1", "address": [{"use": "home", "state": "OH"}]}
    return [{"resource": home}, {"resource": TOY_MEMBER}, *_weight()["entry"], {"resource": _statement(W_2=YES)}]


def test_only_what_the_policies_in_use_depend_on_is_searched_for() -> None:
    judged, server = _live("TOY-1", *_held())
    assert judged["outcome"] == "likely-approved"
    (search,) = server.asked_for("Observation")
    assert search.values("code") == ["29463-7"]
    kinds = {asked.kind for asked in server.asked}
    assert {"Patient", "Coverage", "QuestionnaireResponse"} <= kinds
    assert not kinds & {"Condition", "Procedure", "Encounter", "Device", "MedicationRequest", "CareTeam"}


def test_beside_another_policy_its_results_have_one_search_of_their_own() -> None:
    judged, server = _live(BOTH.policies, *_held())
    assert judged["outcome"] == "likely-approved"
    assert len(server.asked_for("Observation", code="29463-7")) == 1
    assert server.asked_for("Condition")
    notes = [note for note in judged["notes"] if note.startswith("Searched Observation for weight")]
    assert len(notes) == 1 and "complete, 1 page, 1 resource" in notes[0]


def test_a_search_that_failed_says_what_of_the_toy_it_feeds() -> None:
    with HostileServer(*(entry["resource"] for entry in _held())) as server:
        server.on("Observation", refuse(500))
        call = _call(TOY_MEMBER) | {"fhirServer": server.url}
        del call["prefetch"]
        client = create_app(Settings(policies="TOY-1", database_url="off", fhir_servers=server.url)).test_client()
        answer = _answered(client, call)
    finding = determination(answer)["criteria"][0]
    assert (finding["truth"], finding["gap"]) == ("unknown", "not-retrieved")
    assert "body weights" in finding["explanation"].casefold()
    (card,) = answer["cards"]
    assert "**W.1 Body weight**: Body weights could not be read in full" in card["detail"]


# ---------------------------------------------------------------- the questionnaire package


def _package(client: FlaskClient, member: JSON) -> list[JSON]:
    """The questionnaires of the package for an order under a coverage."""
    parameters = [{"name": "order", "resource": order()}, {"name": "coverage", "resource": member}]
    body = {"resourceType": "Parameters", "parameter": parameters}
    reply = client.post("/fhir/Questionnaire/$questionnaire-package", json=body)
    assert reply.status_code == 200, reply.get_data(as_text=True)
    packages = [parameter["resource"] for parameter in reply.get_json()["parameter"]]
    held = [entry["resource"] for package in packages for entry in package["entry"]]
    return [resource for resource in held if resource["resourceType"] == "Questionnaire"]


def test_a_package_asks_what_the_policy_of_the_plan_asks(client: FlaskClient) -> None:
    (questionnaire,) = _package(client, TOY_MEMBER)
    assert (questionnaire["id"], questionnaire["version"]) == ("toy-1", "2.0.0")
    assert _link_ids(questionnaire["item"]) == ["W.2"]
    (ours,) = _package(client, coverage())
    assert ours["id"] == "mp-mm-1316"
    assert "W.2" not in _link_ids(ours["item"])


def _link_ids(items: list[JSON]) -> list[str]:
    """LinkIds of the questions: of items that have a type of answer."""
    found = [item["linkId"] for item in items if item["type"] not in ("group", "display")]
    return found + [link for item in items for link in _link_ids(item.get("item", []))]


def test_the_questionnaire_of_the_toy_is_served(client: FlaskClient) -> None:
    found = client.get("/fhir/Questionnaire/toy-1")
    assert (found.status_code, found.get_json()["name"]) == (200, "ToyDocumentation")


# ---------------------------------------------------------------- the documentation page


@pytest.fixture(name="visitor")
def _visitor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    """A clinician before an EHR that holds the toy's member: a chart of a weight, and a pump order."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    resources = [entry["resource"] for entry in _held()[:-1]] + [order(authoredOn=_ago(2), status="active")]
    port = free_port()
    with FhirServer() as server:
        assert server.load(resources).refused == []
        sandbox = Sandbox(server.base_url, support.today())
        url = f"http://127.0.0.1:{port}"
        app = create_demo(Settings(public_url=url, database_url="off", policies=BOTH.policies), sandbox)
        with served(app, port) as address:
            yield Visitor(Clinic(address, sandbox, app))


@pytest.mark.real
def test_the_documentation_page_asks_and_answers_in_the_words_of_the_toy(visitor: Visitor) -> None:
    clinic = visitor.clinic
    launch = clinic.ehr.begin_launch("p1", "Practitioner/d1", None)
    launched = visitor.get(f"{clinic.address}/smart/launch?iss={clinic.iss}&launch={launch}")
    assert visitor.get(visitor.consent(launched.headers["Location"])).status_code == 303
    page = visitor.page()
    assert page.status == 200, page.text
    assert "Policy Toy Health TOY-1 , version of Jan 1, 2025" in page.text
    assert "What the policy asks (W.1)" in page.text
    assert "Weighs 72.5 kg" in page.text
    assert "Does the member keep a glucose log?" in page.text
    assert "D.I" not in page.text
    done = visitor.send(page, "W.2", W_2="yes")
    assert "Your statement is signed and in the EHR: Glucose log (W.2)" in done.text
    assert "Needs documentation before, now Likely approved" in done.text
    (statement,) = clinic.written()
    assert statement["questionnaire"].endswith("/fhir/Questionnaire/toy-1|2.0.0")
    assert answers_of(statement) == {"W.2": True}


# ---------------------------------------------------------------- pages and commands


def test_the_policy_has_its_page_and_its_place_in_the_menu(client: FlaskClient) -> None:
    page = client.get("/policy/TOY-1").get_data(as_text=True)
    assert "<h1>Toy pump policy</h1>" in page
    assert "A body weight of at least 10 kg in the last 60 days." in page
    assert "weight_window_days" in page
    for name in ("MP-MM-1316", "TOY-1"):
        assert f'href="/policy/{name}"' in page
    assert 'id="W.3"' in page and 'id="D.I"' not in page


def test_the_command_prints_the_toy() -> None:
    listed = CliRunner().invoke(main, ["policy", "--list"]).output.splitlines()
    assert listed[0] == "CareSource MP-MM-1316, Insulin Infusion Pump"
    assert listed[-1] == "Toy Health TOY-1, Toy pump policy"
    printed = CliRunner().invoke(main, ["policy", "W.1", "--policy", "TOY-1"]).output
    assert "least_weight_kg = 10 from 2025-01-01 (TOY-1 W.1) [kg]" in printed


# ---------------------------------------------------------------- store and report


@pytest.fixture(name="kept")
def _kept(tmp_path: Path) -> Iterator[tuple[Flask, dict[str, str]]]:
    """An application with a store that has answered a call of each member, and the settings of its commands."""
    variables = {
        "PUMP_CDS_DATABASE_URL": f"sqlite:///{tmp_path}/x.db",
        "PUMP_CDS_SPOOL_FOLDER": str(tmp_path / "spool"),
        "PUMP_CDS_POLICIES": BOTH.policies,
    }
    settings = Settings(
        policies=BOTH.policies,
        database_url=variables["PUMP_CDS_DATABASE_URL"],
        spool_folder=variables["PUMP_CDS_SPOOL_FOLDER"],
    )
    app = create_app(settings)
    for member in (TOY_MEMBER, coverage()):
        _answered(app.test_client(), _call(member))
    assert app.config["STORE"].recorder.flush(10)
    yield app, variables


def test_the_store_keeps_what_each_was_judged_by(kept: tuple[Flask, dict[str, str]]) -> None:
    rows = list(kept[0].config["STORE"].repository().determinations_since(None))
    assert sorted(row.body["policy"]["id"] for row in rows) == ["MP-MM-1316", "TOY-1"]


def test_the_report_tells_the_policies_apart(kept: tuple[Flask, dict[str, str]], tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["report", str(tmp_path / "out"), "--small-cells"], env=kept[1])
    assert done.exit_code == 0, done.output
    missing = (tmp_path / "out" / "missing.csv").read_text(encoding="utf-8")
    assert "W.2,TOY-1,Glucose log,Does the member keep a glucose log?,1" in missing.splitlines()
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "under CareSource MP-MM-1316 and Toy Health TOY-1" in page


# ---------------------------------------------------------------- nothing but its package


def test_nothing_outside_its_package_speaks_of_the_toy() -> None:
    for package in ("cds_service", "fhir_mappings"):
        for path in (ROOT / package).rglob("*.*"):
            if path.suffix in (".py", ".html", ".toml", ".json", ".js", ".css"):
                text = path.read_text(encoding="utf-8").casefold()
                assert "toy-1" not in text and "toy health" not in text and "toy_policy" not in text, path
