"""The DTR side: the questionnaire as the contract has it, its choices, and its package for an order."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from flask.testing import FlaskClient

from cds_service.settings import Settings
from cds_service.web import create_app
from tests import support
from tests.conformance.checker import check_error
from tests.conformance.hl7_validator import validate, why_not
from tests.services.crd import crd_call, information
from tests.support import JSON, attestation, bundle, order
from tests.trust import tokens

PACKAGE = "/fhir/Questionnaire/$questionnaire-package"
URL = "https://cds.example.invalid"
CANONICAL = f"{URL}/fhir/Questionnaire/mp-mm-1316|1.0.0"
# linkId → type, as the contract fixes them.
CONTRACT = {
    "D.I.C": "boolean",
    "D.I.D.date": "date",
    "D.I.D.educator": "string",
    "D.I.E": "boolean",
    "D.I.F.injections": "integer",
    "D.I.F.since": "date",
    "D.I.F.adjusts": "boolean",
    "D.I.G.average": "decimal",
    "D.I.G.source": "choice",
    "D.I.G.through": "date",
    "D.I.H.2": "boolean",
    **{f"D.I.I.{n}": "boolean" for n in range(2, 7)},
    "D.II.A.2": "boolean",
    "D.II.B.1": "boolean",
    "D.III.replacement": "boolean",
    "D.III.reason": "choice",
    "D.III.assessment": "boolean",
}
REASONS = {
    "worn-out", "not-repairable", "needs-changed", "damaged", "warranty-expired", "misuse", "lost", "stolen",
}  # fmt: skip


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    settings = Settings(
        public_url=URL, database_url=f"sqlite:///{tmp_path}/s.sqlite3", spool_folder=str(tmp_path / "spool")
    )
    return create_app(settings).test_client()


def _items(node: JSON) -> Iterator[JSON]:
    for item in node.get("item", ()):
        yield item
        yield from _items(item)


def _get(client: FlaskClient, path: str) -> JSON:
    reply = client.get(path)
    assert (reply.status_code, reply.mimetype) == (200, "application/fhir+json")
    found: JSON = json.loads(reply.data)
    return found


def _questions(questionnaire: JSON) -> dict[str, JSON]:
    return {item["linkId"]: item for item in _items(questionnaire) if item["type"] not in ("group", "display")}


def test_every_question_of_the_contract_and_no_other(client: FlaskClient) -> None:
    found = _get(client, "/fhir/Questionnaire/mp-mm-1316")
    assert f"{found['url']}|{found['version']}" == CANONICAL
    assert {link: item["type"] for link, item in _questions(found).items()} == CONTRACT
    assert len({item["linkId"] for item in _items(found)}) == len(list(_items(found)))


def test_each_group_says_what_its_section_asks(client: FlaskClient) -> None:
    for group in _get(client, "/fhir/Questionnaire/mp-mm-1316")["item"]:
        (help_text,) = (item for item in group["item"] if item["type"] == "display")
        assert len(help_text["text"]) > 15
        assert group["prefix"] in group["linkId"]


def test_on_a_replacement_the_pump_criteria_are_not_asked(client: FlaskClient) -> None:
    found = _get(client, "/fhir/Questionnaire/mp-mm-1316")
    for group in found["item"]:
        rule = group.get("enableWhen")
        asks_always = group["prefix"] in ("D.II", "D.III")
        assert (rule is None) is asks_always
        if rule:
            # Asked while nobody said whether it is a replacement, too: `!=` needs an answer in R4.
            assert rule == [
                {"question": "D.III.replacement", "operator": "exists", "answerBoolean": False},
                {"question": "D.III.replacement", "operator": "=", "answerBoolean": False},
            ]
            assert group["enableBehavior"] == "any"
    questions = _questions(found)
    for link in ("D.III.reason", "D.III.assessment"):
        assert questions[link]["enableWhen"] == [
            {"question": "D.III.replacement", "operator": "=", "answerBoolean": True}
        ]
    assert "enableWhen" not in questions["D.III.replacement"]


def test_choices_are_a_value_set_over_codes_of_our_own(client: FlaskClient) -> None:
    question = _questions(_get(client, "/fhir/Questionnaire/mp-mm-1316"))["D.III.reason"]
    address, version = question["answerValueSet"].split("|")
    values = _get(client, address.removeprefix(URL))
    (include,) = values["compose"]["include"]
    codes = _get(client, include["system"].removeprefix(URL))
    assert (values["url"], values["version"]) == (address, version)
    assert {concept["code"] for concept in codes["concept"]} == REASONS


def test_prefill_reads_searches_that_the_questionnaire_declares(client: FlaskClient) -> None:
    """The FHIRPath beside the CQL reads variables of the group that it is in."""
    found, used = _get(client, "/fhir/Questionnaire/mp-mm-1316"), set()
    for group in found["item"]:
        declared = [e["valueExpression"] for e in group.get("extension", ()) if e["url"].endswith("/variable")]
        told = [e for i in _items(group) for e in i.get("extension", ()) if e["url"].endswith("initialExpression")]
        assert bool(declared) is bool(told)
        for expression in (e["valueExpression"]["extension"][0]["valueExpression"] for e in told):
            assert expression["language"] == "text/fhirpath"
            used |= {v["name"] for v in declared if f"%{v['name']}." in expression["expression"]}
    assert used == {"education", "selfTests"}


def test_the_library_that_the_questionnaire_names_is_served(client: FlaskClient) -> None:
    extensions = _get(client, "/fhir/Questionnaire/mp-mm-1316")["extension"]
    (address,) = (e["valueCanonical"] for e in extensions if e["url"].endswith("/cqf-library"))
    library = _get(client, address.removeprefix(URL))
    assert library["url"] == address
    assert [each["contentType"] for each in library["content"]] == ["text/cql", "application/elm+json"]
    for needed in library["relatedArtifact"]:
        assert _get(client, needed["resource"].removeprefix(URL))["url"] == needed["resource"]
    served = {each["type"] for each in _get(client, "/fhir/metadata")["rest"][0]["resource"]}
    assert served == {"Questionnaire", "ValueSet", "CodeSystem", "Library"}


def _resources(client: FlaskClient) -> list[JSON]:
    paths = (
        "metadata",
        "Questionnaire/mp-mm-1316",
        "ValueSet/mp-mm-1316-replacement-reason",
        "CodeSystem/mp-mm-1316-replacement-reason",
        "CodeSystem/override-reason",
        "Library/mp-mm-1316-prepopulation",
        "Library/mp-mm-1316-conversions",
    )
    found = [_get(client, f"/fhir/{path}") for path in paths]
    return [*found, _package(client, ("questionnaire", {"valueCanonical": CANONICAL}))]


def test_all_of_it_is_fhir(client: FlaskClient) -> None:
    for resource in _resources(client):
        get_fhir_model_class(resource["resourceType"]).model_validate(copy.deepcopy(resource))


@pytest.mark.real
def test_all_of_it_is_base_r4_to_the_hl7_validator(client: FlaskClient) -> None:
    if reason := why_not():
        pytest.skip(reason)
    assert [errors for errors in validate(_resources(client)) if errors] == []


def test_every_override_reason_of_a_card_has_its_code(client: FlaskClient) -> None:
    body = client.post("/cds-services/insulin-pump-order-sign", json=support.call(education=None)).get_json()
    reasons = body["cards"][0]["overrideReasons"]
    codes = _get(client, reasons[0]["system"].removeprefix(URL))
    assert {reason["code"] for reason in reasons} <= {concept["code"] for concept in codes["concept"]}


# ---------------------------------------------------------------- the package


def _post(client: FlaskClient, *parameters: tuple[str, JSON], **headers: str) -> Any:
    body = {"resourceType": "Parameters", "parameter": [{"name": name, **value} for name, value in parameters]}
    return client.post(PACKAGE, json=body, headers=headers)


def _package(client: FlaskClient, *parameters: tuple[str, JSON]) -> JSON:
    reply = _post(client, *parameters)
    assert reply.status_code == 200, reply.data
    found: JSON = json.loads(reply.data)
    (parameter,) = found["parameter"]
    assert parameter["name"] == "PackageBundle"
    return found


def _assert_draft(bundle: JSON, coverage: JSON) -> None:
    """DTR: one response to begin with, about this patient, order and coverage, that states nothing yet."""
    (draft,) = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "QuestionnaireResponse"]
    get_fhir_model_class("QuestionnaireResponse").model_validate(draft)
    assert (draft["status"], draft["questionnaire"]) == ("in-progress", f"{URL}/fhir/Questionnaire/mp-mm-1316|1.0.0")
    assert draft["subject"] == order()["subject"]
    assert "item" not in draft
    about = {e["valueReference"]["reference"] for e in draft["extension"] if e["url"].endswith("/qr-context")}
    assert about == {"DeviceRequest/pump-1", f"Coverage/{coverage['id']}"}


def _required(package: JSON) -> set[str]:
    entries = package["parameter"][0]["resource"]["entry"]
    questionnaire = entries[0]["resource"]
    assert [entry["resource"]["resourceType"] for entry in entries][:2] == ["Questionnaire", "ValueSet"]
    return {link for link, item in _questions(questionnaire).items() if item.get("required")}


USUAL = {
    "D.I.C", "D.I.D.date", "D.I.D.educator", "D.I.E", "D.I.F.injections", "D.I.F.since", "D.I.F.adjusts",
    "D.I.G.average", "D.III.reason",
}  # fmt: skip


@pytest.mark.parametrize("canonical", [CANONICAL, CANONICAL.split("|", maxsplit=1)[0]])
def test_by_canonical_the_usual_questions_are_required(client: FlaskClient, canonical: str) -> None:
    assert _required(_package(client, ("questionnaire", {"valueCanonical": canonical}))) == USUAL


def _judged(client: FlaskClient, request: JSON) -> JSON:
    body = client.post("/cds-services/crd-order-sign", json=request).get_json()
    assert client.application.config["STORE"].recorder.flush()
    found: JSON = information(body)
    return found


def test_by_context_only_what_the_gaps_need_is_required(client: FlaskClient) -> None:
    """The assertion id of the answer leads to the determination behind it."""
    found = _judged(client, crd_call(education=None, glucose=None))
    package = _package(client, ("context", {"valueString": found["coverage-assertion-id"][0]}))
    assert _required(package) == {"D.I.D.date", "D.I.D.educator", "D.I.G.average"}
    assert found["questionnaire"] == [CANONICAL]


def test_by_order_and_coverage_it_is_the_same(client: FlaskClient) -> None:
    request = crd_call(attestations=None)
    _judged(client, request)
    coverage = request["prefetch"]["coverage"]["entry"][0]["resource"]
    package = _package(client, ("order", {"resource": order()}), ("coverage", {"resource": coverage}))
    assert _required(package) == {"D.I.C", "D.I.E"}
    _assert_draft(package["parameter"][0]["resource"], coverage)
    unknown = _package(client, ("order", {"resource": order("pump-9")}), ("coverage", {"resource": coverage}))
    assert _required(unknown) == USUAL


def _draft(package: JSON) -> tuple[str, str]:
    """The id of a package's draft, and its address in the Bundle."""
    entries = package["parameter"][0]["resource"]["entry"]
    (found,) = (e for e in entries if e["resource"]["resourceType"] == "QuestionnaireResponse")
    return found["resource"]["id"], found["fullUrl"]


def test_every_draft_has_an_id_of_its_own(client: FlaskClient) -> None:
    """Two drafts that a client writes to its server under their ids do not take each other's place."""
    asked = ("order", {"resource": order()}), ("coverage", {"resource": {"resourceType": "Coverage", "id": "v1"}})
    drafts = [_draft(_package(client, *asked)) for _ in range(3)]
    assert len({identity for identity, _ in drafts}) == 3
    for identity, address in drafts:
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", identity)
        assert address == f"{URL}/fhir/QuestionnaireResponse/{identity}"


def test_the_newest_determination_counts(client: FlaskClient) -> None:
    _judged(client, crd_call(education=None))
    found = _judged(client, crd_call())
    package = _package(client, ("context", {"valueString": found["coverage-assertion-id"][0]}))
    assert _required(package) == set()


def test_on_the_replacement_path_its_reason_is_required(client: FlaskClient) -> None:
    said = {"attestations": bundle(attestation(D_III_replacement={"valueBoolean": True}))}
    found = _judged(client, crd_call(**said))
    package = _package(client, ("context", {"valueString": found["coverage-assertion-id"][0]}))
    assert _required(package) == {"D.III.reason"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([], 400),
        ({"resourceType": "Bundle"}, 400),
        ({"resourceType": "Parameters"}, 400),
        ({"resourceType": "Parameters", "parameter": {}}, 400),
        ({"resourceType": "Parameters", "parameter": [{"name": "coverage"}, 5]}, 400),
        ({"resourceType": "Parameters", "parameter": [{"name": "context", "valueString": "nobody"}]}, 404),
        ({"resourceType": "Parameters", "parameter": [{"name": "questionnaire", "valueCanonical": "http://x/y"}]}, 404),
    ],
)
def test_what_cannot_be_packaged_is_told(client: FlaskClient, body: Any, status: int) -> None:
    reply = client.post(PACKAGE, json=body)
    assert reply.status_code == status
    assert check_error(status, reply.content_type, reply.get_json()) == []


def test_other_resources_are_not_here(client: FlaskClient) -> None:
    for path in ("Questionnaire/other", "ValueSet/other", "Patient/p1", "Questionnaire/mp-mm-1316/x"):
        assert client.get(f"/fhir/{path}").status_code == 404


def test_one_client_does_not_learn_of_anothers_orders(tmp_path: Path) -> None:
    """With authentication the package needs a token, and an assertion is known to whom it was given."""
    path = tokens.clients_file(tmp_path)
    row = path.read_text(encoding="utf-8")
    other = row.replace("hospital", "clinic").replace(tokens.ISSUER, "https://clinic.example.invalid")
    path.write_text(row + other, encoding="utf-8")
    settings = Settings(
        public_url=URL,
        trusted_clients=str(path),
        database_url=f"sqlite:///{tmp_path}/s.sqlite3",
        spool_folder=str(tmp_path / "spool"),
    )
    client, service = create_app(settings).test_client(), "/cds-services/crd-order-sign"
    headers = {"Authorization": f"Bearer {tokens.signed(URL + service)}"}
    body = client.post(service, json=crd_call(education=None), headers=headers).get_json()
    assert client.application.config["STORE"].recorder.flush()
    context = ("context", {"valueString": information(body)["coverage-assertion-id"][0]})
    assert _post(client, context).status_code == 401
    for issuer, status in ((tokens.ISSUER, 200), ("https://clinic.example.invalid", 404)):
        token = tokens.signed(URL + PACKAGE, iss=issuer)
        assert _post(client, context, Authorization=f"Bearer {token}").status_code == status
    assert client.get("/fhir/Questionnaire/mp-mm-1316").status_code == 200


# ---------------------------------------------------------------- the loop

ANSWERS: dict[str, JSON] = {
    "boolean": {"valueBoolean": True},
    "date": {"valueDate": "2026-06-01"},
    "string": {"valueString": "A. Nurse, RN, CDCES"},
    "integer": {"valueInteger": 4},
    "decimal": {"valueDecimal": 4.5},
}
SINCE = {"D.I.F.since": {"valueDate": "2025-01-01"}}


def _answered(questionnaire: JSON) -> JSON:
    """A signed response that answers every required question, as a DTR client would write it."""
    required = {link: item for link, item in _questions(questionnaire).items() if item.get("required")}
    items = [{"linkId": k, "answer": [SINCE.get(k, ANSWERS.get(v["type"], {}))]} for k, v in required.items()]
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "qr-loop",
        "questionnaire": f"{questionnaire['url']}|{questionnaire['version']}",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "authored": "2026-11-19T10:00:00-05:00",
        "item": [{"linkId": "group", "item": items}],
    }


GAPS: list[JSON] = [
    {"education": None},
    {"glucose": None},
    {"insulin": None},
    {"attestations": None},
    {"education": None, "glucose": None, "insulin": None, "attestations": None},
]


@pytest.mark.parametrize("missing", GAPS, ids=lambda gaps: "+".join(gaps))
def test_what_is_asked_and_answered_makes_the_next_signing_likely_approved(client: FlaskClient, missing: JSON) -> None:
    """Sign, fetch the package of the assertion, answer what it requires, sign again."""
    first = crd_call(**missing)
    found = _judged(client, first)
    assert found["doc-needed"] == ["clinical"]
    package = _package(client, ("context", {"valueString": found["coverage-assertion-id"][0]}))
    response = _answered(package["parameter"][0]["resource"]["entry"][0]["resource"])
    kept = support.call()["prefetch"]["attestations"]
    said = bundle(response, *(e["resource"] for e in kept["entry"] if "attestations" not in missing))
    second = crd_call(**{**missing, "attestations": said})
    again = client.post("/cds-services/crd-order-sign", json=second).get_json()
    outcome = again["extension"]["com.insulin-pump-cds.determinations"][0]["outcome"]
    assert outcome == "likely-approved"
    assert "doc-needed" not in information(again)
