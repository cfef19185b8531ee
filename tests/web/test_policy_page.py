"""The policy page: an anchor per section, every reading and parameter, and nothing that cards link to is missing."""

import html
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from cds_service.demo.charts import all_charts
from cds_service.demo.pages import SERVICE, create_demo
from cds_service.engine.parameters import DatedValue
from cds_service.engine.policy import Policy, Section, Version
from cds_service.engine.wording import shown
from cds_service.policies import registry
from cds_service.policies.registry import policy_named
from cds_service.settings import Settings
from cds_service.web import create_app
from cds_service.web.policy_page import depth_of

ADDRESS = "/policy/MP-MM-1316"
POLICY = policy_named("MP-MM-1316")
assert POLICY is not None
# The text that is held begins on 2026-05-01; nothing of it has changed since.
FIRST = POLICY.on(date(2026, 5, 1))


@pytest.fixture(name="page", scope="module")
def _page() -> str:
    return create_app(Settings()).test_client().get(ADDRESS).get_data(as_text=True)


@pytest.fixture(name="demo", scope="module")
def _demo() -> FlaskClient:
    return create_demo(Settings()).test_client()


def _ids(page: str) -> list[str]:
    return re.findall(r'\bid="([^"]+)"', page)


def _part(page: str, section: str) -> str:
    """The text of one section."""
    start = page.index(f'<section id="{section}"')
    return " ".join(html.unescape(page[start : page.index("</section>", start)]).split())


def test_every_section_has_one_anchor_and_a_place_in_the_contents(page: str) -> None:
    for section in FIRST.sections:
        assert _ids(page).count(section) == 1
        assert f'href="#{section}"' in page
    assert len(_ids(page)) == len(set(_ids(page)))


def test_every_section_says_its_words_and_how_it_is_read(page: str) -> None:
    for name, section in FIRST.sections.items():
        part = _part(page, name)
        assert section.title in part
        assert section.says in part
        assert ("How it is read." in part) == (name in FIRST.rules)
        assert ("Not modelled." in part) == (section.why_not is not None)
        if name in FIRST.rules:
            assert FIRST.interpretation(name) in part
        if section.why_not:
            assert section.why_not in part


def written(day: date) -> str:
    """As the page writes a day: on one line."""
    return f"{day:%b}\u00a0{day.day},\u00a0{day.year}"


def test_every_rule_and_parameter_stands_under_a_section_of_the_page(page: str) -> None:
    assert set(FIRST.rules) <= set(FIRST.sections)
    for name, parameter in POLICY.parameters.items():
        part = _part(page, parameter.section)
        for dated in parameter.values:
            for text in (
                name,
                parameter.says_of(dated),
                parameter.unit,
                parameter.source_of(dated),
                written(dated.start).replace("\u00a0", " "),
            ):
                assert text in part
            assert f">{html.escape(shown(dated.value))}</td>" in page


def test_the_head_says_what_the_page_is(page: str) -> None:
    head = page[: page.index('id="A"')]
    for words in (
        POLICY.payer,
        POLICY.id,
        POLICY.title,
        "May\u00a01,\u00a02026",
        "Our words, not the policy's text",
        "never decides",
    ):
        assert words in html.unescape(head)


def test_headings_follow_the_nesting() -> None:
    assert [depth_of(section) for section in ("A", "D.I", "D.I.A", "D.I.A.1", "D.III.C.5.a")] == [1, 1, 2, 3, 4]


# A later text: one number changes a year after the first, and one section begins then.
LATER = date(2027, 5, 1)


def _with_a_later_text() -> Policy:
    injections = POLICY.parameters["regimen_injections"]
    changed = replace(injections, values=(*injections.values, DatedValue(LATER, 4)))
    asks = replace(POLICY.sections["D.I.F"], says="At least {regimen_injections} injections a day.")
    return replace(
        POLICY,
        versions=(*POLICY.versions, Version(LATER, "the text of a test")),
        parameters={**POLICY.parameters, "regimen_injections": changed},
        sections={
            **POLICY.sections,
            "D.I.F": asks,
            "F": Section("F", "Added later", "A section of the later text.", start=LATER),
        },
    )


def _read_on(day: date, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(registry, "POLICIES", (_with_a_later_text(),))
    return create_app(Settings(policies="MP-MM-1316")).test_client().get(f"{ADDRESS}?on={day}").get_data(as_text=True)


def test_a_page_shows_the_text_of_its_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """D.I.F asks for 3 injections a day until 2027-04-30 and for 4 from then on; F begins on that day."""
    before, after = (_read_on(day, monkeypatch) for day in (LATER - timedelta(days=1), LATER))
    for page, injections, version in ((before, 3, "May\u00a01,\u00a02026"), (after, 4, "May\u00a01,\u00a02027")):
        assert f"At least {injections} injections a day." in _part(page, "D.I.F")
        assert f"the version of {version}" in page
        # Both values stand there with their dates, and the one that does not hold says so.
        assert _part(page, "D.I.F").count("not on ") == 1
    assert "Not in the text on that day" in before and '<section id="F"' not in before
    assert f'href="{ADDRESS}?on=2027-05-01#F"' in before
    assert '<section id="F"' in after and "Not in the text on that day" not in after


def test_every_version_is_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    page = _read_on(LATER, monkeypatch)
    for start in ("2026-05-01", "2027-05-01"):
        assert f'href="{ADDRESS}?on={start}"' in page


def test_before_the_first_version_the_page_says_that_none_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    page = _read_on(date(2026, 4, 30), monkeypatch)
    assert "no version is in force on that day" in page
    assert _part(page, "D.I.A")


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/policy/MP-MM-9999", 404, "it holds MP-MM-1316"),
        (f"{ADDRESS}?on=tomorrow", 400, "such as 2026-05-01"),
        (f"{ADDRESS}?on=", 400, "such as 2026-05-01"),
        (f"{ADDRESS}?on=2026-13-01", 400, "such as 2026-05-01"),
    ],
)
def test_what_is_not_held_is_refused_with_what_is(address: str, status: int, words: str) -> None:
    answer = create_app(Settings(policies="MP-MM-1316")).test_client().get(address)
    assert answer.status_code == status
    assert words in answer.get_json()["issue"][0]["diagnostics"]


def test_only_the_demo_links_to_sample_charts(page: str, demo: FlaskClient) -> None:
    assert "/demo" not in page
    assert 'href="/demo"' in demo.get(ADDRESS).get_data(as_text=True)


def test_links_in_cards_lead_to_anchors_that_exist(page: str, demo: FlaskClient) -> None:
    anchors = set(_ids(page))
    followed = 0
    for chart in all_charts().values():
        response = demo.post(SERVICE, json=chart.call_on(datetime.now(UTC).date())).get_json()
        for card in response["cards"]:
            for link in (card["source"], *(each for each in card["links"] if each["type"] == "absolute")):
                address = urlsplit(link["url"])
                assert address.path == ADDRESS
                assert not address.fragment or address.fragment in anchors
                followed += bool(address.fragment)
    assert followed > 10
