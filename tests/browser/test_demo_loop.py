"""The demo as a visitor goes through it: one order, from its first card to an answer that counts, and everything else
that can be done with it on the way.

The plain demo, with no FHIR server beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.demo.pages import create_demo
from cds_service.settings import Settings
from tests import support
from tests.browser.serving import free_port, served
from tests.browser.shots import shot

pytestmark = pytest.mark.real

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1200, "height": 900}
# Within the last 12 months (D.I.D), as a date field takes it.
RECENT = (support.today() - timedelta(days=60)).isoformat()
EDUCATOR = "R. Example, CDCES"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The plain demo at the address that apps are sent back to."""
    port, folder = free_port(), tmp_path_factory.mktemp("demo")
    url = f"http://127.0.0.1:{port}"
    app = create_demo(Settings(public_url=url, database_url=f"sqlite:///{folder}/demo.db"))
    with served(app, port) as started:
        yield started


def open_page(browser: Any, viewport: dict[str, int], script: bool) -> Any:
    context = browser.new_context(viewport=viewport, java_script_enabled=script)
    if script:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: page.complaints.append(said.text) if "Policy" in said.text else None)
    page.on("request", lambda asked: page.complaints.append(asked.url) if not _is_own(asked.url) else None)
    return page


def _is_own(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "http://localhost:", "data:,"))


def press(page: Any, name: str, then: str) -> None:
    page.get_by_role("button", name=name).first.click()
    page.wait_for_url(then)


def editor(page: Any) -> Any:
    field = page.get_by_label("The request, a CDS Hooks call")
    if not field.is_visible():
        page.locator("summary", has_text="Change the request").click()
    return field


@pytest.mark.parametrize(
    ("viewport", "script"), [(DESKTOP, True), (PHONE, False)], ids=["desktop-script", "phone-no-script"]
)
def test_an_order_goes_from_its_first_card_to_approval(
    browser: Any, address: str, viewport: dict[str, int], script: bool
) -> None:
    page = open_page(browser, viewport, script)
    # By another name of this machine: the sign-in has to end at the public one.
    page.goto(f"{address.replace('127.0.0.1', 'localhost')}/demo")
    button = page.get_by_role("button")
    assert button.count() == 1
    assert button.bounding_box()["y"] + button.bounding_box()["height"] <= viewport["height"]
    press(page, "Sign a sample order", "**#card")
    first = page.get_by_role("article").get_by_role("heading", level=3).inner_text()
    assert "needs documentation" in first

    _change_the_request(page)
    press(page, "Order diabetes self-management education", "**#drafts")
    assert page.locator("#drafts").get_by_text("added by the suggestion").is_visible()
    page.locator("summary", has_text="Go on without it").click()
    page.get_by_label("Comment").fill("The class begins on Monday")
    page.locator("input[name=reason]").first.check()
    press(page, "Send the reason", "**#told")
    assert "The class begins on Monday" in page.locator("#told").inner_text()
    shot(page, f"demo-signed-{viewport['width']}")
    signed = page.url.partition("#")[0]

    page.get_by_role("link", name="See it with all feedback").click()
    assert page.get_by_role("cell", name="The class begins on Monday").first.is_visible()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open the report").click()
    assert "Insulin pump orders" in opened.value.get_by_role("heading", level=1).inner_text()
    opened.value.close()
    page.goto(signed)

    _answer_and_come_back(page)
    assert page.url.partition("#")[0].endswith(signed.rpartition("/")[2])
    assert page.get_by_text("You signed an answer since this card was shown").is_visible()
    press(page, "Sign the order again", "**#card")
    last = page.get_by_role("article").get_by_role("heading", level=3).inner_text()
    assert "likely approved" in last
    page.goto(f"{address}/demo/education-too-old")
    press(page, "Take it back", "**/education-too-old")
    assert page.complaints == []
    page.context.close()


def _change_the_request(page: Any) -> None:
    """Mistypes, reads where, mends it, and sends the same request once more."""
    field = editor(page)
    text = field.input_value()
    lines = text.split("\n")
    field.fill("\n".join([*lines[:2], lines[2].replace('"', "", 1), *lines[3:]]))
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("alert").wait_for()
    assert "Line 3, column 3" in page.get_by_role("alert").inner_text()
    field = editor(page)
    field.fill(text.replace("E0784", "E0787", 1))
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url("**#card")
    assert "E0787" in page.locator("#drafts").inner_text()
    editor(page).fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url("**#card")
    assert "E0784" in page.locator("#drafts").inner_text()


def _answer_and_come_back(page: Any) -> None:
    """Follows the card's link, answers what is open, and goes back to the order by the bar at the bottom."""
    press(page, "Answer the open questions", "**/smart/documentation")
    page.get_by_label("When was the comprehensive").fill(RECENT)
    page.get_by_label("Who taught it").fill(EDUCATOR)
    with page.expect_response(lambda answer: "/smart/documentation" in answer.url and answer.status == 200):
        page.get_by_role("button", name=re.compile("Sign and send")).first.click()
    page.wait_for_load_state()
    page.locator("main:not(:has(#statement button:disabled))").wait_for()
    page.get_by_role("link", name="go back to the order").click()
    page.wait_for_url("**/demo/signed/**")


def test_json_is_searched_folded_and_copied_by_script(browser: Any, address: str) -> None:
    page = open_page(browser, DESKTOP, True)
    page.goto(f"{address}/demo/education-too-old")
    page.locator("summary", has_text="The request as JSON").click()
    shown = page.get_by_role("region", name="The request as JSON")
    tools = page.locator("[data-tools=request-json]")
    assert not shown.get_by_text('"authoredOn"').first.is_visible()
    tools.get_by_role("searchbox").fill("authoredon")
    tools.get_by_role("searchbox").press("Enter")
    assert shown.get_by_text('"authoredOn"').first.is_visible()
    assert re.fullmatch(r"\d+ of \d+", tools.get_by_role("status").inner_text())
    assert page.locator(".json details[open]").count() < page.locator(".json details").count()
    tools.get_by_role("button", name="Unfold all").click()
    assert page.locator(".json details:not([open])").count() == 0
    tools.get_by_role("searchbox").fill("nowhere in it")
    assert tools.get_by_role("status").inner_text() == "nothing found"
    page.locator("summary", has_text="curl").click()
    page.get_by_role("button", name="Copy as curl").click()
    page.get_by_text("Copied").wait_for()
    assert page.locator("#curl").inner_text().strip().startswith(f"curl -s {address}/cds-services/")
    assert page.complaints == []
    page.context.close()


def test_a_file_is_uploaded_and_can_be_answered_like_a_sample(browser: Any, address: str, tmp_path: Path) -> None:
    page = open_page(browser, DESKTOP, False)
    page.goto(f"{address}/demo/meter-download-of-20-days")
    text = editor(page).input_value()
    file = tmp_path / "mine.json"
    file.write_text(text.replace("sample-patient-09", "somebody"), encoding="utf-8")
    page.goto(f"{address}/demo")
    page.get_by_role("link", name="Your own request").click()
    page.get_by_label("A JSON file").set_input_files(file)
    press(page, "Upload and send", "**#card")
    assert page.get_by_role("heading", level=1).inner_text() == "Your own request"
    press(page, "Answer the open questions", "**/smart/documentation")
    assert "Needs documentation" in page.locator("main").inner_text()
    page.context.close()


def test_the_start_page_is_searched_and_its_references_unfold(browser: Any, address: str) -> None:
    page = open_page(browser, DESKTOP, True)
    page.goto(f"{address}/demo/service")
    page.locator("summary", has_text="/cds-services/crd-order-sign").first.click()
    page.get_by_role("link", name="HookResponse").first.click()
    page.locator("#schema-HookResponse").get_by_role("link", name="Card").click()
    assert page.locator("#schema-Card").get_by_text("overrideReasons").is_visible()
    page.get_by_label("Search the interface").fill("acceptedSuggestions")
    assert page.locator("#schema-FeedbackEntry").get_by_text("acceptedSuggestions").is_visible()
    assert page.complaints == []
    page.context.close()
