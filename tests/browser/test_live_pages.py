"""The demo on its FHIR server, in a real browser: what a visitor is told of where the chart came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.demo.live import running_sandbox
from cds_service.demo.pages import create_demo
from cds_service.demo.sandbox_server import is_installed
from cds_service.settings import Settings
from tests import support
from tests.browser.conftest import unavailable
from tests.browser.serving import served

pytestmark = pytest.mark.real

PHONE = {"width": 375, "height": 812}


@pytest.fixture(scope="module")
def live_site() -> Iterator[str]:
    """Serve the demo with its FHIR server, and give its address."""
    if not is_installed():
        unavailable("sekmet-fhir is not installed")
    with running_sandbox(support.today()) as sandbox, served(create_demo(Settings(), sandbox)) as address:
        yield address


def test_a_visitor_sees_what_was_read_and_where(browser: Any, live_site: str) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_site}/demo")
    assert page.get_by_text("The charts are on a FHIR server on this machine").is_visible()
    page.get_by_role("link", name="Type 1 diabetes with a full meter download").click()
    assert page.get_by_role("heading", name="What the FHIR server holds").is_visible()
    page.get_by_role("button", name="Sign the order", exact=True).click()
    page.wait_for_url("**#card")
    assert "likely approved" in page.get_by_role("article").inner_text()
    assert page.get_by_role("heading", name="What was read from the FHIR server").is_visible()
    assert page.get_by_text("Searched Observation for glucose: complete").first.is_visible()
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths == [PHONE["width"], PHONE["width"]]
    context.close()
