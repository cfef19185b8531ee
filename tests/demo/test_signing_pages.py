"""A signed order in the demo: suggestions, reasons, feedback, report, and requests that are changed and sent again."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.demo.charts import all_charts
from cds_service.demo.pages import FIRST, create_demo
from cds_service.demo.send import call_of, state, text_of
from cds_service.demo.signings import Signing
from cds_service.settings import Settings

EXCLUDED = "patient-on-dialysis"


@pytest.fixture(name="client")
def _client(tmp_path: Path) -> FlaskClient:
    return create_demo(Settings(database_url=f"sqlite:///{tmp_path}/demo.db")).test_client()


def signed(client: FlaskClient, chart_id: str = FIRST) -> tuple[str, Signing]:
    """The address of a signed order, and what the demo keeps of it."""
    address = client.post(f"/demo/{chart_id}").headers["Location"].partition("#")[0]
    return address, kept(client, address)


def kept(client: FlaskClient, address: str) -> Signing:
    with client.application.app_context():
        found = state().signings.get(address.rpartition("/")[2])
    assert found is not None
    return found


def sample(client: FlaskClient, change: Callable[[dict[str, Any]], None] = lambda _call: None) -> str:
    """The text of a sample's call, changed."""
    with client.application.app_context():
        call = call_of(all_charts()[FIRST])
    call = json.loads(text_of(call))
    change(call)
    return json.dumps(call, indent=1)


def text_on(response: TestResponse) -> str:
    return html.unescape(response.get_data(as_text=True))


# ---------------------------------------------------------------- suggestions


def test_an_accepted_suggestion_is_in_the_draft_orders_in_the_feedback_and_in_the_next_call(
    client: FlaskClient,
) -> None:
    address, signing = signed(client)
    (offer,) = signing.cards[0]["suggestions"]
    before = len(signing.drafts.drafts)
    answer = client.post(f"{address}/accept", data={"suggestion": offer["uuid"]})
    assert answer.headers["Location"] == f"{address}#drafts"
    assert [draft.origin for draft in signing.drafts.drafts] == ["sent"] * before + ["suggested"]
    added = signing.drafts.drafts[-1]
    assert "G0108" in added.label
    page = text_on(client.get(address))
    assert f"Accepted: {offer['label']}" in page
    assert "added by the suggestion" in page
    (feedback,) = signing.feedback
    assert feedback.status == 200
    (entry,) = feedback.body["feedback"]
    assert entry["card"] == signing.cards[0]["uuid"]
    assert (entry["outcome"], entry["acceptedSuggestions"]) == ("accepted", [{"id": offer["uuid"]}])
    again = client.post(f"{address}/again").headers["Location"].partition("#")[0]
    sent = kept(client, again).request["context"]["draftOrders"]["entry"]
    assert [each["resource"]["resourceType"] for each in sent] == ["DeviceRequest", "ServiceRequest"]
    assert sent[-1]["resource"]["id"] == added.resource["id"]


def test_a_suggestion_counts_once_and_only_on_its_own_order(client: FlaskClient) -> None:
    address, signing = signed(client)
    (offer,) = signing.cards[0]["suggestions"]
    for _ in range(2):
        client.post(f"{address}/accept", data={"suggestion": offer["uuid"]})
    assert len(signing.drafts.drafts) == 2
    assert len(signing.feedback) == 1
    other, _ = signed(client, EXCLUDED)
    assert client.post(f"{other}/accept", data={"suggestion": offer["uuid"]}).status_code == 400


def test_an_excluded_order_is_removed_by_its_suggestion(client: FlaskClient) -> None:
    address, signing = signed(client, EXCLUDED)
    offers = [offer for card in signing.cards for offer in card["suggestions"]]
    remove = next(offer for offer in offers if offer["actions"][0]["type"] == "delete")
    client.post(f"{address}/accept", data={"suggestion": remove["uuid"]})
    assert [draft.origin for draft in signing.drafts.drafts] == ["removed"]
    assert signing.drafts.entries() == []
    assert "removed by the suggestion" in text_on(client.get(address))


# ---------------------------------------------------------------- reasons, feedback, report


def test_a_reason_is_in_the_feedback_in_the_store_and_in_the_report(client: FlaskClient) -> None:
    address, signing = signed(client)
    (card,) = signing.cards
    reason = card["overrideReasons"][0]
    data = {"card": card["uuid"], "reason": reason["code"], "comment": "Fax <b>follows</b>"}
    assert client.post(f"{address}/override", data=data).headers["Location"] == f"{address}#told"
    (entry,) = signing.feedback[0].body["feedback"]
    assert entry["outcome"] == "overridden"
    assert entry["overrideReason"] == {
        "reason": {"code": reason["code"], "system": reason["system"]},
        "userComment": "Fax <b>follows</b>",
    }
    page = client.get(address).get_data(as_text=True)
    assert f"Went on without it: {reason['display']}" in html.unescape(page)
    assert "Fax &lt;b&gt;follows&lt;/b&gt;" in page
    listed = text_on(client.get("/demo/feedback"))
    assert "Fax <b>follows</b>" in listed
    assert "Went on without it" in listed
    report = client.get("/demo/report/report.html")
    assert report.status_code == 200
    assert "style-src 'unsafe-inline'" in report.headers["Content-Security-Policy"]
    assert "script-src" not in report.headers["Content-Security-Policy"]
    assert reason["code"].split("-")[0] in text_on(report).lower()


def test_every_table_of_the_report_can_be_had_as_csv(client: FlaskClient) -> None:
    signed(client)
    names = set(re.findall(r"[a-z]+\.csv", client.get("/demo/report/none").get_json()["issue"][0]["diagnostics"]))
    assert names
    for name in names:
        answer = client.get(f"/demo/report/{name}")
        assert (answer.status_code, answer.mimetype) == (200, "text/csv")


def test_a_reason_that_the_card_does_not_offer_is_refused(client: FlaskClient) -> None:
    address, signing = signed(client)
    for data in ({"card": signing.cards[0]["uuid"], "reason": "because"}, {"card": "x", "reason": "self-pay"}):
        assert client.post(f"{address}/override", data=data).status_code == 400
    assert signing.feedback == []


def test_without_a_store_the_pages_say_that_nothing_is_kept() -> None:
    client = create_demo(Settings(database_url="off")).test_client()
    assert "Nothing is stored" in text_on(client.get("/demo/feedback"))
    assert client.get("/demo/report/report.html").status_code == 404


# ---------------------------------------------------------------- changed requests


def test_a_changed_request_is_sent_as_it_was_typed(client: FlaskClient) -> None:
    def renew(call: dict[str, Any]) -> None:
        for entry in call["prefetch"]["education"]["entry"]:
            entry["resource"]["performedDateTime"] = call["context"]["draftOrders"]["entry"][0]["resource"][
                "authoredOn"
            ]

    text = sample(client, renew)
    answer = client.post("/demo/signed/send", data={"request": text, "chart": FIRST})
    address = answer.headers["Location"].partition("#")[0]
    assert kept(client, address).text == text
    assert kept(client, address).determinations[0]["outcome"] == "likely-approved"
    assert all_charts()[FIRST].title in text_on(client.get(address))


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ('{\n "hook": "order-sign",\n "context": {"userId" 1}\n}', "Line 3, column 23"),
        ('{\r\n "hook": oder-sign\r\n}', "Line 2, column 10"),
        ('{"a": "b', "Line 1, column 7"),
        ('{"a": 1}\n}', "Line 2, column 1"),
        ('{"a": NaN}', "Line 1, column 7"),
    ],
)
def test_bad_json_says_line_and_column_and_loses_nothing(client: FlaskClient, typed: str, place: str) -> None:
    answer = client.post("/demo/signed/send", data={"request": typed, "chart": FIRST})
    assert answer.status_code == 422
    page = text_on(answer)
    assert f"Nothing was sent. {place}" in re.sub(r"<[^>]+>", "", page)
    assert typed.replace("\r\n", "\n") in page
    assert f'value="{FIRST}"' in page


@pytest.mark.parametrize("typed", ["", "  \n", "[" * 5000, "[]", "null", '"x"', "{}", '{"hook": 7}'])
def test_what_is_no_request_is_refused_in_words(client: FlaskClient, typed: str) -> None:
    answer = client.post("/demo/signed/send", data={"request": typed}, follow_redirects=True)
    page = text_on(answer)
    assert "Nothing was sent" in page or "The service refused the call" in page


@pytest.mark.parametrize(
    "change",
    [
        {"context": []},
        {"context": {"draftOrders": {"entry": [1, {"resource": 2}, {"resource": {"id": []}}]}}},
        {"prefetch": [1]},
        {"prefetch": {"conditions": 3, "glucose": [], "devices": {"resourceType": "Bundle", "entry": 4}}},
        {"context": {"patientId": {"a": 1}, "userId": [], "draftOrders": None}},
        {"hook": "order-select"},
        {"hook": "order-dispatch"},
        {"fhirServer": "https://ehr.example.invalid/fhir"},
    ],
    ids=lambda change: json.dumps(change)[:40],
)
def test_requests_of_any_shape_have_a_page(client: FlaskClient, change: dict[str, Any]) -> None:
    text = sample(client, lambda call: call.update(change))
    answer = client.post("/demo/signed/send", data={"request": text}, follow_redirects=True)
    assert answer.status_code == 200
    address = answer.request.path
    assert client.post(f"{address}/again").status_code == 303


def test_a_request_that_the_service_refuses_names_the_field_and_opens_the_editor(client: FlaskClient) -> None:
    text = sample(client, lambda call: call.pop("context"))
    page = text_on(client.post("/demo/signed/send", data={"request": text}, follow_redirects=True))
    assert "The service refused the call (HTTP 400)" in page
    assert "Field: <code>context" in page
    assert '<details class="panel" id="edit" open>' in page


def test_numbers_keep_their_digits_when_the_order_is_signed_again(client: FlaskClient) -> None:
    text = sample(client).replace('"value": 8.2', '"value": 8.20')
    assert "8.20" in text
    address = client.post("/demo/signed/send", data={"request": text}).headers["Location"].partition("#")[0]
    (offer,) = kept(client, address).cards[0]["suggestions"]
    client.post(f"{address}/accept", data={"suggestion": offer["uuid"]})
    again = client.post(f"{address}/again").headers["Location"].partition("#")[0]
    assert '"value": 8.20' in kept(client, again).text
    assert "suggested-1" in kept(client, again).text


# ---------------------------------------------------------------- files


def upload(client: FlaskClient, data: bytes) -> TestResponse:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="request.json"\r\n\r\n'
    body = head + data + b"\r\n--x--\r\n"
    return client.post("/demo/signed/upload", data=body, content_type="multipart/form-data; boundary=x")


def test_a_file_is_sent(client: FlaskClient) -> None:
    text = sample(client)
    answer = upload(client, b"\xef\xbb\xbf" + text.encode())
    assert answer.status_code == 303
    address = answer.headers["Location"].partition("#")[0]
    assert kept(client, address).text == text
    assert "Your own request" in text_on(client.get(address))


def test_a_file_larger_than_a_forms_usual_fields_is_sent(client: FlaskClient) -> None:
    text = sample(client) + " " * 1_000_000
    address = upload(client, text.encode()).headers["Location"]
    assert "--data-binary @request.json" in text_on(client.get(address))
    assert client.post("/demo/signed/send", data={"request": text}).status_code == 303


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "No file was chosen"),
        (b"\xff\xfe{", "no text in UTF-8"),
        (b'{\n"hook": }', "Line 2, column 9"),
    ],
)
def test_a_file_that_cannot_be_sent_says_why(client: FlaskClient, data: bytes, said: str) -> None:
    answer = upload(client, data)
    assert answer.status_code == 422
    assert said in text_on(answer)


@pytest.mark.parametrize("form", ["bundle", "lines", "list"])
def test_a_chart_becomes_a_request_for_a_pump(client: FlaskClient, form: str) -> None:
    prefetch = json.loads(sample(client))["prefetch"]
    values = [value for value in prefetch.values() if value]
    resources = [each["resource"] for value in values for each in value.get("entry", [{"resource": value}])]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}
    text = {
        "bundle": json.dumps(bundle),
        "lines": "\n".join(json.dumps(each) for each in resources),
        "list": json.dumps(resources, indent=1),
    }[form]
    address = upload(client, text.encode()).headers["Location"].partition("#")[0]
    signing = kept(client, address)
    assert [draft.label for draft in signing.drafts.drafts] == ["E0784"]
    assert signing.determinations[0]["outcome"] == "needs-documentation"
    page = text_on(client.get(address))
    assert "Your file is a chart (" in page
    assert "order for a pump (E0784) was made for it" in page


def test_resources_that_make_no_request_say_what_is_missing(client: FlaskClient) -> None:
    answer = upload(client, b'{"resourceType": "Condition", "id": "c1"}')
    assert answer.status_code == 422
    assert "the chart holds no Patient" in text_on(answer)


def test_a_file_beyond_the_limit_is_refused(client: FlaskClient) -> None:
    answer = upload(client, b" " * 7_000_000)
    assert answer.status_code == 413
    assert "over 6 MB" in answer.get_json()["issue"][0]["diagnostics"]


# ---------------------------------------------------------------- answers that were signed


def test_a_signed_answer_is_in_the_next_call_until_it_is_taken_back(client: FlaskClient) -> None:
    address, signing = signed(client)
    assert "You signed an answer" not in text_on(client.get(address))
    with client.application.app_context():
        charts = state().charts
        assert charts is not None
        charts.write(signing.patient, {"resourceType": "QuestionnaireResponse", "status": "completed"})
    assert "You signed an answer since this card was shown" in text_on(client.get(address))
    again = client.post(f"{address}/again").headers["Location"].partition("#")[0]
    assert "You signed an answer" not in text_on(client.get(again))
    held = kept(client, again).request["prefetch"]["attestations"]["entry"]
    assert [each["resource"]["id"] for each in held][-1] == "signed-answer-1"
    once_more = client.post(f"{again}/again").headers["Location"].partition("#")[0]
    assert kept(client, once_more).request == kept(client, again).request
    assert "You have signed 1 answer about this patient" in text_on(client.get(f"/demo/{FIRST}"))
    client.post(f"/demo/{FIRST}/forget")
    assert "You have signed" not in text_on(client.get(f"/demo/{FIRST}"))


def test_the_link_leads_to_the_address_that_the_sign_in_ends_at(tmp_path: Path) -> None:
    public = "http://127.0.0.1:8099"
    client = create_demo(Settings(public_url=public, database_url="off")).test_client()
    address, _ = signed(client)
    where = client.post(f"{address}/launch", data={"appContext": "{}"}).headers["Location"]
    assert unquote(where).startswith(f"{public}/smart/launch?iss={public}/demo/ehr/fhir&launch=")
    assert public in client.get(address).headers["Content-Security-Policy"]


def test_an_order_that_is_no_longer_kept_says_so(client: FlaskClient) -> None:
    assert "sign the order again" in client.get("/demo/signed/none").get_json()["issue"][0]["diagnostics"]
    first, _ = signed(client)
    for _ in range(60):
        client.post("/demo/signed/send", data={"request": "{}"})
    assert client.get(first).status_code == 404
