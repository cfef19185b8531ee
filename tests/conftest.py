"""Settings of the whole run."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from cds_service.store.store import close_stores

# Every run tries the same examples, so that a red run is red for everybody; `--hypothesis-profile=search` looks for
# new ones.
settings.register_profile("default", database=None, print_blob=True, derandomize=True)
settings.register_profile("search", database=None, print_blob=True)
settings.load_profile("default")

REQUIRE_ALL = os.environ.get("PUMP_TESTS_REQUIRE_ALL") == "1"


def pytest_collection_finish() -> None:
    """What is imported and collected by now stays: the collector need not look at it again while a test is timed."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def small_collections() -> None:
    """What earlier modules hold is not looked at by the garbage collector again: in a process that has grown to a
    gigabyte, one full collection takes longer than the computing time of a call."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def data_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is stored by default is stored in a folder of the run, never in the user's own."""
    folder = str(tmp_path_factory.mktemp("data"))
    before = os.environ.get("XDG_DATA_HOME")
    os.environ["XDG_DATA_HOME"] = folder
    yield
    close_stores()
    if before is None:
        del os.environ["XDG_DATA_HOME"]
    else:
        os.environ["XDG_DATA_HOME"] = before


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no setting of the machine that they run on; what only tests read begins with PUMP_TESTS_.

    Nor its terminal's width: a shell that exports COLUMNS wraps what commands print.
    """
    monkeypatch.delenv("COLUMNS", raising=False)
    for name in list(os.environ):
        if name.startswith("PUMP_CDS_"):
            monkeypatch.delenv(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Where everything is required, a skip is a failure."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, though every part is required: {report.longrepr}"
    return report
