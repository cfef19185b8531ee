"""axe-core in a real browser: faults of accessibility that a machine can find.

The pages allow no script, so axe needs a context of its own: `browser.new_context(bypass_csp=True)`, JavaScript on.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

PACKAGE = "axe-core@4.14.1"
SECONDS = 120
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
IMPACTS = ("serious", "critical")
_RUN = """async tags => (await axe.run(document, {
  runOnly: {type: "tag", values: tags}, resultTypes: ["violations"],
})).violations"""


@pytest.fixture(scope="session")
def axe() -> None:
    """Get axe-core before the first page is looked at; a test that calls `faults` asks for it."""
    from tests.browser.conftest import unavailable  # here, as conftest imports this fixture

    if shutil.which("npm") is None:
        unavailable("no axe-core: npm is not there")
    try:
        source()
    except (subprocess.SubprocessError, OSError) as error:
        unavailable(f"no axe-core: npm could not install {PACKAGE} ({type(error).__name__})")


@cache
def source() -> str:
    """The script, installed from npm once a run.

    Raises SubprocessError when npm fails or takes too long, OSError when the script is not where it belongs.
    """
    with TemporaryDirectory() as folder:
        quiet = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
        command = ["npm", "install", *quiet, "--prefix", folder, PACKAGE]
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
        return (Path(folder) / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def faults(page: Any, impacts: tuple[str, ...] = IMPACTS) -> list[str]:
    """What axe finds on a Playwright page as it is shown now, one line for each element: rule, selector, help.

    WCAG 2.0, 2.1 and 2.2 at A and AA, and axe's best practice. `impacts`: which of axe's grades count.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(source())
    return [
        f"{rule['id']} at {_selector(node['target'])}: {rule['help']}"
        for rule in page.evaluate(_RUN, TAGS)
        for node in rule["nodes"]
        if node["impact"] in impacts
    ]


def _selector(target: list[Any]) -> str:
    """The way to an element; axe gives one step for each frame, and a list for each shadow root."""
    return " ".join(step if isinstance(step, str) else " ".join(step) for step in target)
