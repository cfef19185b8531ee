"""The report's page in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_report import fill, run, variables
from tests.store.samples import call_record, feedback_record

__all__ = ["variables"]


def written(variables: dict[str, str], folder: Path) -> str:
    """The address of a report on twelve orders, one of which was overridden."""
    calls = [call_record() for _ in range(12)]
    fill(variables, *calls, feedback_record(calls[0].cards[0]["uuid"], outcome="overridden", override_code="elsewhere"))
    assert run(variables, str(folder)).exit_code == 0
    return (folder / "report.html").as_uri()


def test_the_page_stands_alone_and_shows_its_plots(variables: dict[str, str], tmp_path: Path, browser: Any) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(written(variables, tmp_path / "out"))
    assert page.locator("h1").inner_text().startswith("Insulin pump orders")
    assert page.locator(".headline").inner_text() == "12 orders; none was ready at first signing."
    assert page.locator("section").count() == 7
    plots = page.locator("figure > svg")
    assert plots.count() >= 2
    for i in range(plots.count()):
        assert plots.nth(i).bounding_box()["width"] > 300
        assert plots.nth(i).locator("rect").count() > 0
        assert "table below" in plots.nth(i).get_attribute("aria-label")
    assert page.locator("#feedback ~ .rolling tbody tr").inner_text().split("\t") == [
        "needs documentation",
        "0",
        "<11",
        "elsewhere <11",
    ]
    for link in page.locator(".csv a").all():
        assert (tmp_path / "out" / link.get_attribute("href")).exists()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_the_page_fits_and_its_headline_is_in_view(
    variables: dict[str, str], tmp_path: Path, browser: Any, width: int, height: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(written(variables, tmp_path / "out"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".headline").bounding_box()["y"] < 300
    context.close()


def test_on_paper_tables_stand_as_tables(variables: dict[str, str], tmp_path: Path, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(written(variables, tmp_path / "out"))
    page.emulate_media(media="print")
    row = page.locator("#outcomes ~ .rolling tbody tr").first
    assert len({round(cell.bounding_box()["y"]) for cell in row.locator("th, td").all()}) == 1
    assert not page.locator(".csv").first.is_visible()
    assert page.locator("#outcomes ~ .rolling thead").is_visible()
    context.close()
