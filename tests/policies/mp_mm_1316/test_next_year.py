"""A text of MP-MM-1316 dated a year later: what each order is told is right on both sides of the date.

One chart, moved so that its order lies on the last day of the old text and on the first of the new one: 120 self-tests
in 30 days (4 a day), an HbA1c of 7.5 %, education 18 months ago.
"""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_service.engine.questionnaire_version import day_of_version, questionnaire_version
from cds_service.hooks.discovery import ORDER_SIGN
from cds_service.hooks.messages import as_json
from cds_service.policies import registry
from cds_service.services.answer_hook import EXTENSION, answer
from cds_service.services.package_questionnaire import questionnaire_package
from cds_service.settings import Settings
from cds_service.web import create_app
from tests.policies.mp_mm_1316.next_year import IN_BETWEEN, NEXT_YEAR, SECTION, START
from tests.support import DAY, JSON, SETTINGS, YES, attestation, bundle, call, education, observation

LAST_OLD = START - timedelta(days=1)
BEFORE_CHANGE = IN_BETWEEN - timedelta(days=1)
# Orders of 2026-11-20: 18 months before are 2025-05-20.
CHART = call(
    hba1c=bundle(observation("a1", "4548-4", 7.5, "%", "2026-07-01")),
    education=bundle(education("e1", "2025-05-20")),
)


@pytest.fixture(autouse=True)
def _held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "POLICIES", (NEXT_YEAR, *registry.POLICIES[1:]))


def _moved(request: JSON, day: date) -> bytes:
    """The call with every date moved, so that its order lies on a day."""
    moved = day - DAY
    text = json.dumps(request)
    return re.sub(r"\d{4}-\d\d-\d\d", lambda m: str(date.fromisoformat(m[0]) + moved), text).encode()


def _answered(day: date, request: JSON = CHART) -> JSON:
    noon = datetime.combine(day, time(12), ZoneInfo("America/New_York")).astimezone(UTC)
    response: JSON = json.loads(as_json(answer(_moved(request, day), ORDER_SIGN, SETTINGS, noon, None)))
    return response


def _determination(response: JSON) -> JSON:
    determination: JSON = response["extension"][EXTENSION][0]
    return determination


def _truths(response: JSON) -> dict[str, str]:
    return {finding["id"]: finding["truth"] for finding in _determination(response)["criteria"]}


def _sayings(response: JSON) -> str:
    """All that coverage-information says."""
    return json.dumps(response["systemActions"][0]["resource"]["extension"])


def test_the_version_is_that_of_the_day() -> None:
    versions = {day: _determination(_answered(day))["policy"]["version"] for day in (LAST_OLD, START)}
    assert versions == {LAST_OLD: "2026-05-01", START: "2027-05-01"}


def test_a_parameter_that_changes_in_between_makes_no_version() -> None:
    # From 2026-12-01 on an HbA1c older than 3 months is called old; this one is 142 days old on both days.
    before, after = (_answered(day) for day in (BEFORE_CHANGE, IN_BETWEEN))
    assert [_determination(response)["policy"]["version"] for response in (before, after)] == ["2026-05-01"] * 2
    assert "days old" not in before["cards"][0]["detail"]
    assert "The newest HbA1c is 142 days old" in after["cards"][0]["detail"]


def test_each_criterion_is_judged_by_the_numbers_of_its_day() -> None:
    before, after = (_truths(_answered(day)) for day in (LAST_OLD, START))
    changing = ("D.I.D", "D.I.G", "D.I.I", SECTION)
    assert {s: before.get(s) for s in changing} == {"D.I.D": "not-met", "D.I.G": "met", "D.I.I": "met", SECTION: None}
    assert {s: after[s] for s in changing} == {
        "D.I.D": "met",
        "D.I.G": "not-met",
        "D.I.I": "unknown",
        SECTION: "unknown",
    }
    assert {s: t for s, t in before.items() if s not in changing} == {
        s: t for s, t in after.items() if s not in changing
    }


OLD_PHRASES = ("before the last 12 months",)
NEW_PHRASES = (
    "not above 8 %",
    "a newer HbA1c above 8 %",
    "A statement on 6 visits a year",
)


def test_the_card_says_the_numbers_of_its_day() -> None:
    before, after = (_answered(day)["cards"][0]["detail"].replace("\u00a0", " ") for day in (LAST_OLD, START))
    assert [p for p in OLD_PHRASES if p not in before] == [p for p in NEW_PHRASES if p not in after] == []
    assert [p for p in NEW_PHRASES if p in before] == [p for p in OLD_PHRASES if p in after] == []
    assert "Apr 30, 2027. Predicted from CareSource MP-MM-1316" in before
    assert "May 1, 2027. Predicted from CareSource MP-MM-1316" in after


def test_the_title_asks_for_what_is_missing_on_its_day() -> None:
    before, after = (_answered(day)["cards"][0]["summary"] for day in (LAST_OLD, START))
    assert before.endswith("Next: renew the diabetes education, the last is too old (D.I.D)")
    assert after.endswith("Next: needs 5 self-tests a day; the meter shows 4.0 (D.I.G); 2 more")


def test_the_links_lead_to_the_text_of_the_day() -> None:
    before, after = (_answered(day)["cards"][0] for day in (LAST_OLD, START))
    page = "https://cds.example.invalid/policy/MP-MM-1316"
    # The text of 2027-04-30 reads so since 2026-12-01, when a number changed.
    assert [(link["label"], link["url"]) for link in before["links"]] == [
        ("MP-MM-1316 D.I.D Diabetes education", f"{page}?on=2026-12-01#D.I.D")
    ]
    assert [(link["label"], link["url"]) for link in after["links"]] == [
        ("MP-MM-1316 D.I.G Self-testing", f"{page}?on=2027-05-01#D.I.G"),
        ("MP-MM-1316 D.I.I Symptoms or conditions", f"{page}?on=2027-05-01#D.I.I"),
        ("MP-MM-1316 D.I.J Follow-up", f"{page}?on=2027-05-01#D.I.J"),
    ]


def test_an_order_is_suggested_only_where_it_would_close_a_gap_of_the_day() -> None:
    labels = {day: [s["label"] for s in _answered(day)["cards"][0].get("suggestions", [])] for day in (LAST_OLD, START)}
    # By the first text the education is too old, and the HbA1c decides but is called old since 2026-12-01; by the
    # second the education counts, and the HbA1c is too low.
    old = ["Order diabetes self-management education (D.I.D)", "Order an HbA1c (D.I.I.1)"]
    assert labels == {LAST_OLD: old, START: []}


def test_coverage_information_says_the_numbers_of_its_day() -> None:
    before, after = (_sayings(_answered(day)) for day in (LAST_OLD, START))
    assert "before the last 12 months" in before
    assert "#D.I.D" in before
    for phrase in ("not above 8 %", "A statement on 6 visits a year"):
        assert phrase in after
        assert phrase not in before
    assert "the last 12 months" not in after


def test_the_new_section_is_closed_by_its_question() -> None:
    answers = attestation(D_I_C=YES, D_I_E=YES, D_I_J=YES)
    said = _answered(START, CHART | {"prefetch": CHART["prefetch"] | {"attestations": bundle(answers)}})
    finding = next(f for f in _determination(said)["criteria"] if f["id"] == SECTION)
    assert (finding["truth"], finding["basis"]) == ("met", "attested")
    assert finding["explanation"].startswith("6 visits a year are kept (signed statement, ")


@pytest.mark.parametrize(("day", "asked"), [(LAST_OLD, False), (START, True)])
def test_what_is_not_read_names_the_sections_of_the_day(day: date, asked: bool) -> None:
    assert NEXT_YEAR.on(day).feeds_any(["attestations"], "D.I.C")
    assert (SECTION in NEXT_YEAR.on(day).rules) is asked
    assert (NEXT_YEAR.on(day).question(SECTION) is not None) is asked


@cache
def _client() -> Any:
    return create_app(Settings()).test_client()


def _page(day: date) -> str:
    return html.unescape(_client().get(f"/policy/MP-MM-1316?on={day}").get_data(as_text=True))


def test_the_policy_page_shows_the_text_of_the_day() -> None:
    before, after = _page(LAST_OLD), _page(START)
    for old, new in (
        ("tested glucose at least 4 times a day", "tested glucose at least 5 times a day"),
        ("program in the last 12 months", "program in the last 24 months"),
        ("HbA1c above 7 %.", "HbA1c above 8 %."),
        ("120 pass, 119 do not", "150 pass, 149 do not"),
        ("when all of D.I.A to D.I.I hold", "when all of D.I.A to D.I.J hold"),
        ("In force from May 1, 2026", "In force from May 1, 2027"),
    ):
        assert (old in before, new in before) == (True, False)
        assert (old in after, new in after) == (False, True)
    assert "Six visits a year are kept." in after
    assert "Only a statement says that 6 visits a year are kept." in after
    assert "Six visits a year are kept." not in before


def test_questions_and_their_help_are_those_of_the_day() -> None:
    before, after = ({g.section: g for g in NEXT_YEAR.on(day).question_groups} for day in (LAST_OLD, START))
    assert "then the reason decides, and D.I.C to D.I.I are not asked" in before["D.III"].help
    assert "then the reason decides, and D.I.C to D.I.J are not asked" in after["D.III"].help
    assert after[SECTION].title == "Follow-up at least 6 times a year"
    assert after[SECTION].questions[0].text == "Does the member keep 6 visits a year?"
    assert SECTION not in before


def test_the_questionnaire_has_another_version_where_it_reads_otherwise() -> None:
    """The number that changes on 2026-12-01 stands in no question: the questionnaire stays what it was."""
    versions = {day: questionnaire_version(NEXT_YEAR.on(day)) for day in (IN_BETWEEN, LAST_OLD, START)}
    assert versions == {IN_BETWEEN: "1.0.0", LAST_OLD: "1.0.0", START: "1.0.0-2027-05-01"}
    assert [day_of_version(NEXT_YEAR, version) for version in ("1.0.0", "1.0.0-2027-05-01", "9", "")] == [
        NEXT_YEAR.first_day(),
        START,
        None,
        None,
    ]


def _items(item: JSON) -> list[JSON]:
    return [inner for each in item.get("item", ()) for inner in (each, *_items(each))]


@pytest.mark.parametrize(
    ("day", "version", "help_of_replacement"),
    [
        (LAST_OLD, "1.0.0", "D.I.C to D.I.I are not asked"),
        (START, "1.0.0-2027-05-01", "D.I.C to D.I.J are not asked"),
    ],
)
def test_what_coverage_information_asks_for_is_the_questionnaire_of_its_day(
    day: date, version: str, help_of_replacement: str
) -> None:
    asked = next(
        element["valueCanonical"]
        for extension in _answered(day)["systemActions"][0]["resource"]["extension"]
        for element in extension["extension"]
        if element["url"] == "questionnaire"
    )
    assert asked == f"https://cds.example.invalid/fhir/Questionnaire/mp-mm-1316|{version}"
    # Asked for by that canonical, on whatever day, it is that text.
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "questionnaire", "valueCanonical": asked}]}
    for now in (datetime(2026, 6, 1, tzinfo=UTC), datetime(2028, 6, 1, tzinfo=UTC)):
        answer = questionnaire_package(json.dumps(parameters).encode(), SETTINGS, lambda _identity: None, now)
        questionnaire = answer["parameter"][0]["resource"]["entry"][0]["resource"]
        assert (questionnaire["version"], questionnaire["date"]) == (version, NEXT_YEAR.version_on(day))
        texts = {item["linkId"]: item["text"] for item in _items(questionnaire)}
        assert any(help_of_replacement in text for text in texts.values())
        assert (SECTION in texts) is (day == START)
