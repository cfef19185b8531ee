"""The demo: every sample chart goes through the real hook and ends as it says; pages are safe to show."""

import html
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from flask.testing import FlaskClient

from cds_service.demo import pages, signing_pages
from cds_service.demo.charts import DemoChart, all_charts, charts_for, shifted
from cds_service.demo.pages import create_demo
from cds_service.demo.send import SERVICE
from cds_service.demo.view import card_view
from cds_service.engine.determination import GROUPS
from cds_service.facts import ChartSection
from cds_service.hooks.discovery import ORDER_SIGN
from cds_service.policies.registry import POLICIES
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.settings import Settings
from cds_service.trust.servers import ServerRule
from fhir_mappings.output.coverage_information import URL

CHARTS = list(all_charts().values())
PAIR = "one-chart-two-plans"
# Ends of months, leap days and years: where windows of calendar months are longest and shortest.
DAYS = [
    date(2026, 11, 24),
    date(2026, 12, 31),
    date(2027, 3, 1),
    date(2027, 5, 31),
    date(2027, 8, 31),
    date(2028, 2, 29),
    date(2028, 8, 29),
    date(2031, 1, 1),
]


@pytest.fixture(name="client")
def _client() -> FlaskClient:
    return create_demo(Settings()).test_client()


def _check(chart: DemoChart, response: dict[str, Any], expect: dict[str, Any] | None = None) -> None:
    expect = expect or chart.expect
    (judged,) = response["extension"][EXTENSION]
    assert judged["outcome"] == expect["outcome"]
    assert [card["indicator"] for card in response["cards"]] == [i for i in [expect["indicator"]] if i]
    found = {
        finding["id"]: finding
        for group in ("criteria", "exclusions", "replacement")
        for each in judged.get(group, ())
        for finding in (each, *each.get("parts", ()))
    }
    for section, expected in expect["findings"].items():
        assert expected in (found[section]["truth"], found[section].get("gap")), found[section]


def _ids(chart: DemoChart) -> str:
    return chart.id


# ---------------------------------------------------------------- the charts


def test_there_are_enough_charts_of_every_outcome() -> None:
    assert len(CHARTS) >= 14
    outcomes = {chart.expect["outcome"] for chart in CHARTS}
    assert outcomes == {"likely-approved", "needs-documentation", "excluded", "not-applicable"}


@pytest.mark.parametrize("chart", CHARTS, ids=_ids)
def test_a_chart_fires_the_hook_and_ends_as_it_says(client: FlaskClient, chart: DemoChart) -> None:
    response = client.post(SERVICE, json=chart.call_on(datetime.now(UTC).date()))
    assert response.status_code == 200
    _check(chart, response.get_json())


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("chart", CHARTS, ids=_ids)
def test_a_chart_never_goes_stale(chart: DemoChart, day: date) -> None:
    noon = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
    body = json.dumps(chart.call_on(day)).encode()
    _check(chart, answer(body, ORDER_SIGN, Settings(), noon, None))


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_one_chart_has_the_answer_of_each_plan_under_its_own_policy(day: date) -> None:
    """CareSource: education of 18 months ago is too old, a sensor is for a reviewer. Medicare's NCD 280.14: education
    without a limit, a sensor is testing, and a positive antibody proves low insulin production once and for ever."""
    chart = all_charts()[PAIR]
    noon = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
    settings = Settings(policies="MP-MM-1316,L33794")
    expected = [(chart.policy, chart.expect), *((each.policy, each.expect) for each in chart.other_plans)]
    for (policy, expect), (_, call) in zip(expected, chart.calls_on(day), strict=True):
        response = answer(json.dumps(call).encode(), ORDER_SIGN, settings, noon, None)
        assert response["extension"][EXTENSION][0]["policy"]["id"] == policy
        assert response["extension"][EXTENSION][0]["coverage"] == "governed"
        _check(chart, response, expect)


def test_the_cards_of_two_plans_stand_side_by_side_and_each_can_be_acted_on(client: FlaskClient) -> None:
    first = client.post(f"/demo/{PAIR}").headers["Location"].partition("#")[0]
    page = client.get(first).get_data(as_text=True)
    cards = page[page.index('id="card"') : page.index('id="drafts"')]
    assert cards.index("With CareSource Marketplace") < cards.index("With Medicare Part B")
    (other,) = set(re.findall(r'href="(/demo/signed/[^"/]+)"', cards)) - {"/demo/signed/own"}
    assert other != first
    assert "Draft orders in the EHR with Medicare Part B" in client.get(other).get_data(as_text=True)
    again = client.post(f"{other}/again").headers["Location"].partition("#")[0]
    page = client.get(again).get_data(as_text=True)
    assert page.index("With CareSource Marketplace") < page.index("With Medicare Part B")
    assert "Draft orders in the EHR with Medicare Part B" in page


def test_a_chart_of_two_plans_is_shown_where_both_policies_are_in_use() -> None:
    assert PAIR in charts_for(["MP-MM-1316", "L33794"])
    assert PAIR not in charts_for(["MP-MM-1316"])
    assert PAIR not in charts_for(["L33794"])
    assert PAIR not in charts_for(["MP-MM-1316", "L33794"], on_server=True)
    one = create_demo(Settings(policies="L33794")).test_client()
    assert one.get(f"/demo/{PAIR}").status_code == 404
    assert "Two plans" not in one.get("/demo").get_data(as_text=True)


@pytest.mark.parametrize("chart", CHARTS, ids=_ids)
def test_a_chart_is_valid_fhir_with_all_prefetch_keys_and_nobodys_name(chart: DemoChart) -> None:
    prefetch = chart.request["prefetch"]
    more = {kind.key for policy in POLICIES for kind in policy.results} if chart.other_plans else set()
    assert {section.value for section in ChartSection} <= set(prefetch) <= {*ChartSection, *more}
    for resource in (*filter(None, prefetch.values()), chart.request["context"]["draftOrders"]):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    for key, kind in (("patient", "Patient"), ("requester", "Clinician")):
        assert prefetch[key]["id"].startswith("sample-")
        assert prefetch[key]["name"] == [{"text": f"Sample {kind} {chart.place}"}]


def test_charts_have_their_own_place_title_and_patient() -> None:
    for values in (
        [chart.place for chart in CHARTS],
        [chart.title for chart in CHARTS],
        [chart.request["context"]["patientId"] for chart in CHARTS],
        [chart.request["hookInstance"] for chart in CHARTS],
    ):
        assert len(set(values)) == len(CHARTS)


def test_shifting_moves_dates_and_dateTimes_and_nothing_else() -> None:
    stored = {
        "authoredOn": "2026-11-24",
        "taken": ["2026-10-31T23:55:00-05:00", "2026-11-30T12:00:00Z"],
        "kept": "2026-04-20",
        "year": "2026-11",
        "text": "seen on 2026-11-24",
        "id": "20261124",
        "value": 7.0,
        "nothing": None,
    }
    assert shifted(stored, 2, frozenset({"2026-04-20"})) == stored | {
        "authoredOn": "2026-11-26",
        "taken": ["2026-11-02T23:55:00-05:00", "2026-12-02T12:00:00Z"],
    }
    assert shifted(shifted(stored, 400), -400) == stored


# ---------------------------------------------------------------- the pages


class _Attributes(HTMLParser):
    """Collects ids and addresses, and tells when an element that must not be there is."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "src", "action"):
                self.addresses.append(value or "")
            assert not name.startswith("on"), f"{name} on <{tag}>"
            assert name != "style", f"style on <{tag}>"


def _read(page: str) -> _Attributes:
    parser = _Attributes()
    parser.feed(page)
    assert len(parser.ids) == len(set(parser.ids))
    assert not parser.tags & {"img", "iframe", "style", "object"}
    assert set(re.findall(r"<script[^>]*>", page)) <= {'<script src="/static/json.js" defer>'}
    assert all(address.startswith(("/", "#", "data:,")) for address in parser.addresses), parser.addresses
    return parser


def _request_on(page: str) -> str:
    """The request as the editor of the page holds it."""
    shown = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert shown
    return html.unescape(shown[1])


def test_the_root_leads_to_the_demo(client: FlaskClient) -> None:
    response = client.get("/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/demo"


def test_the_list_names_every_chart_with_its_story(client: FlaskClient) -> None:
    page = client.get("/demo").get_data(as_text=True)
    addresses = _read(page).addresses
    for chart in CHARTS:
        assert f"/demo/{chart.id}" in addresses
        assert str(html.escape(chart.story, quote=False)).replace("'", "&#39;") in page


@pytest.mark.parametrize("chart", CHARTS, ids=_ids)
def test_the_page_of_a_chart_shows_the_card_and_every_finding(client: FlaskClient, chart: DemoChart) -> None:
    before = client.get(f"/demo/{chart.id}").get_data(as_text=True)
    assert "Sign the order" in before
    assert "What the clinician sees" not in before
    _read(before)
    after = client.post(f"/demo/{chart.id}", follow_redirects=True).get_data(as_text=True)
    _read(after)
    text = html.unescape(after)
    response = client.post(SERVICE, data=_request_on(after), content_type="application/json").get_json()
    if not response["cards"]:
        assert "No card." in text
    for card in response["cards"]:
        assert card["summary"] in text
        assert all(offer["label"] in text for offer in card.get("suggestions", ()))
        assert all(link["label"] in text for link in card["links"])
        assert all(reason["display"] in text for reason in card.get("overrideReasons", ()))
    for judged in response["extension"][EXTENSION]:
        findings = [finding for group in GROUPS for finding in judged.get(group, ())]
        for finding in [each for top in findings for each in (top, *top.get("parts", ()))]:
            assert finding["explanation"] in text
            assert finding.get("closes", "") in text
        assert all(note in text for note in judged.get("notes", ()))
    assert '"hook": "order-sign"' in text
    assert f"curl -s http://127.0.0.1:8080{SERVICE}" in text
    for action in response["systemActions"]:
        (parts,) = (e["extension"] for e in action["resource"]["extension"] if e["url"] == URL)
        assert all(part["valueCodeableConcept"]["text"] in text for part in parts if part["url"] == "reason")


def test_chart_values_are_shown_as_they_are_and_never_as_markup(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = "<script>alert(1)</script> **bold** [x](javascript:alert(2)) ![y](https://example.invalid/y.png)"
    chart = all_charts()["type-2-without-insulin"]
    request = json.loads(json.dumps(chart.request))
    condition = request["prefetch"]["conditions"]["entry"][0]["resource"]
    condition["code"]["coding"][0] = {"system": "urn:local", "code": "T2", "display": attack}
    condition["code"]["text"] = attack
    order = request["context"]["draftOrders"]["entry"][0]["resource"]
    order["codeCodeableConcept"]["coding"][0].update(code="pump", display=f"Insulin pump {attack}", system="urn:local")
    attacked = {chart.id: replace(chart, title=attack, request=request)}
    for module in (pages, signing_pages):
        monkeypatch.setattr(module, "shown_charts", lambda: attacked)
    signed = client.post(f"/demo/{chart.id}", follow_redirects=True)
    for page in (client.get("/demo"), client.get(f"/demo/{chart.id}"), signed):
        text = page.get_data(as_text=True)
        _read(text)
        assert "&lt;script&gt;" in text
    assert "Insulin pump &lt;script&gt;" in text[text.index('id="drafts"') : text.index('id="why-1"')]


def test_a_card_may_use_markdown_but_no_html_image_or_bare_link(client: FlaskClient) -> None:
    card = {
        "summary": "s",
        "indicator": "critical",
        "detail": "**b** <b>x</b> https://example.invalid ![y](https://example.invalid/y)\n\n| a |\n|---|\n| ~~b~~ |",
        "source": {"label": "l", "url": "http://127.0.0.1:8080/policy"},
        "links": [{"label": "other host", "url": "http://127.0.0.1:80801/", "type": "absolute"}],
    }
    with client.application.app_context():
        view = card_view(card)
    assert "<strong>b</strong> &lt;b&gt;x&lt;/b&gt; https://example.invalid" in view["html"]
    assert "<td><s>b</s></td>" in view["html"]
    assert "<img" not in view["html"]
    assert view["source"]["url"] == "/policy"
    assert view["links"][0]["url"] == "http://127.0.0.1:80801/"


def test_an_unknown_chart_is_an_operation_outcome(client: FlaskClient) -> None:
    for response in (client.get("/demo/nobody"), client.post("/demo/nobody")):
        assert response.status_code == 404
        outcome = response.get_json()
        assert outcome["resourceType"] == "OperationOutcome"
        assert outcome["issue"][0]["code"] == "not-found"


def test_the_first_screen_says_what_this_is_and_has_one_button(client: FlaskClient) -> None:
    page = client.get("/demo").get_data(as_text=True)
    assert re.findall(r"<button[^>]*>(.*?)</button>", page) == ["Sign a sample order"]
    assert page.index("<h1") < page.index("this service reads the chart") < page.index("<button") < page.index("<h2")
    assert client.post(re.findall(r'action="([^"]*)"', page)[0]).status_code == 303


def test_pages_may_load_their_own_stylesheets_and_script_only(client: FlaskClient) -> None:
    response = client.get("/demo/education-too-old")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]*)"', response.get_data(as_text=True))
    assert sheets == ["/static/style.css", "/static/json.css", "/demo/static/demo.css"]
    for address in sheets:
        with client.get(address) as sheet:
            assert sheet.mimetype == "text/css"
            assert not re.search(r"url\(|@import|https?:", sheet.get_data(as_text=True))


def test_the_service_behind_the_demo_has_its_start_page_there(client: FlaskClient) -> None:
    response = client.get("/demo/service")
    assert "/cds-services/crd-order-sign" in response.get_data(as_text=True)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_the_demo_opens_no_connection_whatever_a_call_asks_for(client: FlaskClient) -> None:
    assert client.application.config["SOURCES"](ServerRule(others=True)) is None
    call = all_charts()["type-1-with-meter-download"].call_on(datetime.now(UTC).date())
    del call["prefetch"]["glucose"]
    response = client.post(SERVICE, json=call | {"fhirServer": "https://ehr.example.invalid/fhir"}).get_json()
    found = {each["id"]: each for each in response["extension"][EXTENSION][0]["criteria"]}
    assert found["D.I.G"]["gap"] == "not-retrieved"
