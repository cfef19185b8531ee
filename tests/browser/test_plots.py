"""Plots in a real browser: text of at least 12 pixels, on any screen, and no label on another, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import cds_service.web
from cds_service.engine.plain_text import day_text
from cds_service.facts import Chart, SensorReading
from tests.browser.shots import shot
from tests.web.plots.test_chart_plots import (
    AS_OF,
    FIRST,
    PARAMETERS,
    chart_plots,
    hba1c,
    insulin,
    sensor_month,
    stick,
)

pytestmark = pytest.mark.real

STYLE = (Path(cds_service.web.__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
# Two labels whose boxes share more than this many pixels each way are on each other.
TOUCH = 1.5
LEAST = 12
_TEXTS = """() => [...document.querySelectorAll("figure")].map(figure => ({
  name: figure.dataset.name,
  edge: figure.getBoundingClientRect(),
  texts: [...figure.querySelectorAll("svg.plot > text")]
    .filter(text => getComputedStyle(text).display !== "none" && text.textContent.trim())
    .map(text => {
      const box = text.getBoundingClientRect(), style = getComputedStyle(text);
      return {words: text.textContent, x: box.x, y: box.y, right: box.right, bottom: box.bottom,
              size: parseFloat(style.fontSize), color: style.fill};
    }),
}))"""


def _tests(many: int, every: int = 1) -> tuple[Any, ...]:
    days = [FIRST + timedelta(days=n) for n in range(0, 30, every)]
    return tuple(stick(each, 60 * hour + 15, 90 + 37 * hour % 260) for each in days for hour in range(many))


# The awkward ones: values close to each other and to the line, at the edges, hundreds at once, names without end.
CHARTS: dict[str, Chart] = {
    "one result on the line, today": Chart(hba1c=(hba1c(AS_OF.isoformat(), 7.0),)),
    "results above the line at the right": Chart(
        hba1c=tuple(hba1c(f"2026-{month:02d}-20", 7.0 + month / 50) for month in range(5, 12))
    ),
    "many results close together": Chart(
        hba1c=tuple(hba1c(f"2026-{month:02d}-{at:02d}", 6.8 + at / 20) for month in range(1, 11) for at in (1, 9, 17))
    ),
    "results with comparators": Chart(
        hba1c=tuple(
            hba1c(when, value, sign)
            for when, value, sign in (
                ("2026-11-01", 14.0, ">"),
                ("2026-11-05", 14.0, ">"),
                ("2026-11-09", 4.0, "<"),
                ("2025-01-02", 4.0, "<"),
            )
        )
    ),
    "results without a day": Chart(hba1c=(hba1c("2026-05-01", 8.1, until="2026-05-31"), hba1c("2026-06-01", 8.2))),
    "exactly four tests a day": Chart(self_tests=_tests(4)),
    "one test": Chart(self_tests=_tests(1, 30)),
    "twenty tests a day": Chart(self_tests=_tests(20)),
    "a sensor for a month": Chart(sensor=sensor_month()),
    "a sensor beside finger-sticks": Chart(sensor=sensor_month(), self_tests=_tests(4)),
    "readings at the ends of the day": Chart(
        self_tests=(stick(FIRST, 0, 20), stick(FIRST, 1439, 600, ">"), stick(FIRST, 720, 200)),
        sensor=(SensorReading(FIRST, 3, 400),),
    ),
    "twelve insulins with long names": Chart(
        insulin=tuple(
            insulin(f"{'Insulin glargine recombinant analog ' * 3}{n}", 1, f"2026-{n % 10 + 1:02d}-01", most=n + 1)
            for n in range(12)
        )
    ),
    "one insulin since last week": Chart(insulin=(insulin("lispro", 4, (AS_OF - timedelta(days=6)).isoformat()),)),
    "an insulin of a single day": Chart(insulin=(insulin("lispro", 3, "2026-03-01", "2026-03-01"),)),
    "a regimen with a gap": Chart(
        insulin=(insulin("lispro", 3, "2025-01-01", "2026-02-01"), insulin("lispro", 3, "2026-02-20"))
    ),
}


def _page_of_plots() -> str:
    figures = "".join(
        f'<figure data-name="{name}: {each.section}"><figcaption>{name}</figcaption>{each.svg}</figure>'
        for name, chart in CHARTS.items()
        for each in chart_plots(chart, AS_OF, PARAMETERS)
    )
    return f"<!doctype html><html lang=en><title>Plots</title><style>{STYLE}</style><main class=wide>{figures}</main>"


@pytest.fixture(name="page", scope="module")
def _page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.set_content(_page_of_plots())
    yield page
    page.close()


def _overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    across = min(one["right"], other["right"]) - max(one["x"], other["x"])
    down = min(one["bottom"], other["bottom"]) - max(one["y"], other["y"])
    return across > TOUCH and down > TOUCH


@pytest.mark.parametrize("width", [320, 390, 768, 1100])
def test_no_label_lies_on_another_or_outside_and_none_is_small(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    found = page.evaluate(_TEXTS)
    assert len(found) > len(CHARTS)
    faults = []
    for figure in found:
        texts, edge = figure["texts"], figure["edge"]
        faults += [f"{figure['name']}: {t['words']!r} is small" for t in texts if t["size"] < LEAST]
        faults += [
            f"{figure['name']}: {t['words']!r} leaves the figure"
            for t in texts
            if t["x"] < edge["x"] - 1 or t["right"] > edge["x"] + edge["width"] + 1
        ]
        faults += [
            f"{figure['name']}: {one['words']!r} lies on {other['words']!r}"
            for at, one in enumerate(texts)
            for other in texts[at + 1 :]
            if _overlap(one, other)
        ]
    shot(page, f"plots-{width}")
    assert faults == []


def test_labels_follow_the_colors_of_the_page_in_the_dark_and_in_print(page: Any) -> None:
    def colors(**media: str) -> set[str]:
        page.emulate_media(**media)
        return {text["color"] for figure in page.evaluate(_TEXTS) for text in figure["texts"]}

    light, dark = colors(media="screen", color_scheme="light"), colors(media="screen", color_scheme="dark")
    assert (len(light), len(dark)) == (1, 1)
    assert light != dark
    assert colors(media="print", color_scheme="dark") == light, "paper is white whatever the screen"
    page.emulate_media(media="screen", color_scheme="light")


def test_a_month_of_readings_has_its_numbers_beside_it() -> None:
    (plot,) = (p for p in chart_plots(CHARTS["exactly four tests a day"], AS_OF, PARAMETERS) if p.section == "D.I.G")
    assert [row[1] for row in plot.rows] == ["4"] * 30
    assert plot.rows[0][0] == day_text(FIRST)
