"""The pages in a real browser: without JavaScript, by keyboard, on a phone, and by deep link."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cds_service.demo.charts import all_charts

pytestmark = pytest.mark.real

DESKTOP = {"width": 1200, "height": 900}
PHONE = {"width": 375, "height": 812}
PLACES = ["/demo", "/demo/signed/own", "/demo/service", "/demo/feedback", "/policy/MP-MM-1316"]
CHART = all_charts()["meter-download-of-20-days"]
Open = Callable[..., Any]


@pytest.fixture(name="open_page")
def _open_page(browser: Any, site: str) -> Iterator[Open]:
    """Opens pages without JavaScript; no page may say anything on the console."""
    contexts, complaints = [], []

    def open_page(path: str, viewport: dict[str, int] = DESKTOP) -> Any:
        context = browser.new_context(viewport=viewport, java_script_enabled=False)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto(f"{site}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def _sign(page: Any) -> None:
    """Presses the button, and waits for the page with the answer."""
    page.get_by_role("button", name="Sign the order", exact=True).click()
    page.wait_for_url("**#card")


def _tab_to(page: Any, selector: str, most: int = 60) -> Any:
    """Presses Tab until an element that fits has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.locator(f"{selector}:focus")
        if focused.count():
            return focused
    raise AssertionError(f"{selector} is not reached by {most} tabs")


def test_a_visitor_goes_from_the_list_to_the_card_without_javascript(open_page: Open) -> None:
    page = open_page("/demo")
    page.get_by_role("link", name=CHART.title).click()
    assert page.get_by_role("heading", level=1).inner_text() == CHART.title
    assert page.get_by_text(CHART.story).is_visible()
    _sign(page)
    card = page.get_by_role("article")
    assert card.locator(".indicator").inner_text().endswith("Warning")
    assert "needs documentation" in card.get_by_role("heading", level=3).inner_text()
    assert "D.I.G" in card.inner_text()
    table = page.get_by_role("table", name="Medical necessity (D.I)")
    assert not table.is_visible()
    page.locator("summary", has_text="Every criterion").click()
    assert table.is_visible()
    for name in ("The request as JSON", "The response as JSON"):
        shown = page.get_by_role("region", name=name)
        assert not shown.is_visible()
        page.locator("summary", has_text=name).click()
        assert shown.is_visible()
    card.get_by_role("link", name="MP-MM-1316 D.I.G").click()
    page.wait_for_url("**/policy/MP-MM-1316#D.I.G")


def test_an_order_without_a_card_says_so(open_page: Open) -> None:
    page = open_page("/demo/medicaid-coverage")
    _sign(page)
    assert page.get_by_text("No card.").is_visible()
    assert page.get_by_role("article").count() == 0


def test_the_whole_path_can_be_walked_by_keyboard(open_page: Open) -> None:
    page = open_page("/demo")
    page.keyboard.press("Tab")
    skip = page.locator("a.skip:focus")
    assert skip.bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    _tab_to(page, f'a[href="/demo/{CHART.id}"]')
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/demo/{CHART.id}")
    _tab_to(page, "button.big")
    page.keyboard.press("Enter")
    page.wait_for_url("**#card")
    link = _tab_to(page, ".card .links a")
    assert link.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/policy/MP-MM-1316#D.I.G")


@pytest.mark.parametrize("path", [*PLACES, *(f"/demo/{name}" for name in all_charts())], ids=lambda path: path[1:])
def test_nothing_scrolls_sideways_on_a_phone(open_page: Open, path: str) -> None:
    page = open_page(path, PHONE)
    if page.get_by_role("button", name="Sign the order", exact=True).count():
        _sign(page)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths == [PHONE["width"], PHONE["width"]]


def test_tables_stay_tables_for_screen_readers_on_a_phone(open_page: Open) -> None:
    page = open_page(f"/demo/{CHART.id}", PHONE)
    _sign(page)
    page.locator("summary", has_text="Every criterion").click()
    table = page.get_by_role("table", name="Medical necessity (D.I)")
    assert table.get_by_role("columnheader").count() == 4
    assert table.get_by_role("rowheader").count() == 17
    assert table.get_by_role("row", name="D.I.G ").get_by_role("cell").count() == 3


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_deep_link_shows_its_section_and_marks_it(open_page: Open, viewport: dict[str, int]) -> None:
    page = open_page("/policy/MP-MM-1316#D.I.F", viewport)
    section, other = page.locator('[id="D.I.F"]'), page.locator('[id="D.I.G"]')
    top = section.bounding_box()["y"]
    assert 0 <= top < viewport["height"] / 2
    background = "element => getComputedStyle(element).backgroundColor"
    assert section.evaluate(background) != other.evaluate(background)
