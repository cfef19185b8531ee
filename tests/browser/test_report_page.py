"""The report's page in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.test_report import fill, run, variables
from tests.store.samples import call_record, feedback_record

__all__ = ["variables"]


def test_the_page_stands_alone_and_shows_its_plots(variables: dict[str, str], tmp_path: Path, browser: Any) -> None:
    page = browser.new_page()
    one = call_record()
    fill(variables, one, feedback_record(one.cards[0]["uuid"], outcome="overridden", override_code="elsewhere"))
    assert run(variables, str(tmp_path / "out")).exit_code == 0
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "out" / "report.html").as_uri())
    assert page.locator("h1").inner_text().startswith("Insulin pump orders")
    assert page.locator("section").count() == 6
    plots = page.locator("figure > svg")
    assert plots.count() >= 4
    for i in range(plots.count()):
        assert plots.nth(i).bounding_box()["width"] > 300
        assert plots.nth(i).locator("rect").count() > 0
        assert "table below" in plots.nth(i).get_attribute("aria-label")
    assert page.locator("#feedback ~ .rolling tbody tr").inner_text().split("\t") == [
        "needs-documentation",
        "0",
        "1",
        "elsewhere 1",
    ]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.close()
