"""Settings of the whole run."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# Every run tries the same examples, so that a red run is red for everybody; `--hypothesis-profile=search` looks for
# new ones.
settings.register_profile("default", database=None, print_blob=True, derandomize=True)
settings.register_profile("search", database=None, print_blob=True)
settings.load_profile("default")

REQUIRE_ALL = os.environ.get("PUMP_CDS_REQUIRE_ALL") == "1"


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no PUMP_CDS_ variable of the machine that they run on, but for the one that requires all parts."""
    for name in list(os.environ):
        if name.startswith("PUMP_CDS_") and name != "PUMP_CDS_REQUIRE_ALL":
            monkeypatch.delenv(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Where everything is required, a skip is a failure."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, though every part is required: {report.longrepr}"
    return report
