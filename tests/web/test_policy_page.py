"""The policy page: an anchor per section, every reading and parameter, and nothing that cards link to is missing."""

import html
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from cds_service.demo.charts import all_charts
from cds_service.demo.pages import SERVICE, create_demo
from cds_service.policies import mp_mm_1316
from cds_service.settings import Settings
from cds_service.web import create_app
from cds_service.web.policy_page import depth_of, shown

ADDRESS = "/policy/MP-MM-1316"


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
    for section in mp_mm_1316.SECTIONS:
        assert _ids(page).count(section) == 1
        assert f'href="#{section}"' in page
    assert len(_ids(page)) == len(set(_ids(page)))


def test_every_section_says_its_words_and_how_it_is_read(page: str) -> None:
    for name, section in mp_mm_1316.SECTIONS.items():
        part = _part(page, name)
        assert section.title in part
        assert section.says in part
        assert ("How it is read." in part) == (name in mp_mm_1316.UNITS)
        assert ("Not modelled." in part) == (section.why_not is not None)
        if name in mp_mm_1316.UNITS:
            assert mp_mm_1316.UNITS[name].interpretation in part
        if section.why_not:
            assert section.why_not in part


def test_every_rule_and_parameter_stands_under_a_section_of_the_page(page: str) -> None:
    assert set(mp_mm_1316.UNITS) <= set(mp_mm_1316.SECTIONS)
    for name, parameter in mp_mm_1316.PARAMETERS.items():
        part = _part(page, parameter.section)
        for dated in parameter.values:
            for text in (name, parameter.says, parameter.unit, parameter.source, dated.start.isoformat()):
                assert text in part
            assert f">{html.escape(shown(dated.value))}</td>" in page


def test_the_head_says_what_the_page_is(page: str) -> None:
    head = page[: page.index('id="A"')]
    for words in (
        mp_mm_1316.PAYER,
        mp_mm_1316.POLICY_ID,
        mp_mm_1316.TITLE,
        mp_mm_1316.VERSIONS[-1].isoformat(),
        "Our words, not the policy's text",
        "never decides",
    ):
        assert words in html.unescape(head)


def test_headings_follow_the_nesting() -> None:
    assert [depth_of(section) for section in ("A", "D.I", "D.I.A", "D.I.A.1", "D.III.C.5.a")] == [1, 1, 2, 3, 4]


def test_values_are_shown_for_people() -> None:
    assert [shown(v) for v in (False, True, 7.0, 0.5, 30, ["GA", "IN"])] == ["no", "yes", "7", "0.5", "30", "GA, IN"]


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
