"""Pictures of pages for people to look at; made only when someone asks for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

FOLDER = os.environ.get("PUMP_TESTS_SHOTS")


def shot(page: Any, name: str) -> None:
    """Save the whole Playwright page as `name`.png in the folder that PUMP_TESTS_SHOTS names; without it do nothing."""
    if FOLDER:
        page.screenshot(path=Path(FOLDER) / f"{name}.png", full_page=True)
