"""A real browser and the demo served on a free port, each started once for the whole run."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from cds_service.demo.pages import create_demo
from cds_service.settings import Settings
from tests.browser.axe import axe
from tests.browser.serving import served

__all__ = ["axe"]

CHROMIUM = Path("/usr/bin/chromium")
# Inside containers the sandbox cannot start; the rest keeps the browser from calling home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def unavailable(reason: str) -> NoReturn:
    """Skip the test for a part that is not here, or fail it when every part is required."""
    if os.environ.get("PUMP_TESTS_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start Debian's Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("playwright is not installed")
    if not CHROMIUM.exists():
        unavailable(f"no browser: {CHROMIUM} is not there")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Serve the demo, and give its address."""
    with served(create_demo(Settings())) as address:
        yield address
