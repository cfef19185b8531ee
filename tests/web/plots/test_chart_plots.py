"""Plots of a chart: what is in them, what their words and tables say, and how they are drawn."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from cds_service.concepts import Concept
from cds_service.engine.plot_data import PlotData
from cds_service.facts import (
    Chart,
    ChartSection,
    DeviceOrder,
    GlucoseReading,
    InsulinAction,
    InsulinOrder,
    LabResult,
    Record,
    Scope,
    SensorReading,
    Unusable,
    When,
)
from cds_service.policies.mp_mm_1316 import POLICY
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.plots.hours import percentiles
from cds_service.policies.rules.self_testing import tests_often_enough as self_tests_rule
from cds_service.web.plots.canvas import MARKERS
from cds_service.web.plots.draw import draw
from tests.policies.charts import parameters_on

AS_OF = date(2026, 11, 20)
PARAMETERS = parameters_on(AS_OF)
FIRST, LAST = date(2026, 10, 21), date(2026, 11, 19)  # the 30 days before AS_OF
ORDER = DeviceOrder("", "DeviceRequest", "", Scope.PUMP)


def day(iso: str) -> date:
    return date.fromisoformat(iso)


def hba1c(when: str | None, value: float | None, comparator: str = "", until: str = "", **members: Any) -> LabResult:
    """A result in % NGSP; with `until` its date is known only as a span."""
    at = When(day(when), day(until or when)) if when else None
    shown = members.pop("shown", f"{comparator}{value} %")
    reference = f"Observation/{when}-{value}"
    return LabResult(reference, at, frozenset(), "HbA1c", value=value, comparator=comparator, shown=shown, **members)


def stick(on: date, minute: int | None, mg_dl: int | None, comparator: str = "") -> GlucoseReading:
    return GlucoseReading(on, minute, mg_dl, False, f"Observation/{on}-{minute}", comparator)


def insulin(label: str, a_day: float | None, start: str | None, end: str | None = None, **members: Any) -> InsulinOrder:
    return InsulinOrder(
        reference=f"MedicationRequest/{label}-{start}",
        ingredient=members.pop("ingredient", label),
        label=label,
        action=InsulinAction.UNSTATED,
        start=day(start) if start else None,
        end=day(end) if end else None,
        certain=a_day or 0.0,
        possible=members.pop("most", a_day),
        **members,
    )


def sensor_month() -> tuple[SensorReading, ...]:
    """A reading every five minutes on each of the 30 days: 288 a day, 8,640 in all."""
    return tuple(
        SensorReading(FIRST + timedelta(days=n), minute, 70 + (minute + 7 * n) % 220)
        for n in range(30)
        for minute in range(0, 1440, 5)
    )


@dataclass(frozen=True)
class ChartPlot:
    """The data of a plot with its drawing."""

    data: PlotData

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    @property
    def svg(self) -> str:
        """The drawing with its legend."""
        return str(draw(self.data))


def chart_plots(chart: Chart, as_of: date, parameters: Mapping[str, Any]) -> list[ChartPlot]:
    """All plots of a chart."""
    return [ChartPlot(each) for each in POLICY.plots(Case(ORDER, chart, as_of, parameters))]


def plot(section: str, as_of: date = AS_OF, changed: dict[str, Any] | None = None, **chart: Any) -> ChartPlot | None:
    """The plot of one section of a chart, None where it is left out. `changed`: a plan's own parameters."""
    found = {each.section: each for each in chart_plots(Chart(**chart), as_of, {**PARAMETERS, **(changed or {})})}
    return found.get(section)


def drawn(section: str, **chart: Any) -> ChartPlot:
    """The plot of one section, which must be there and hold together."""
    found = plot(section, **chart)
    assert found is not None
    ElementTree.fromstring(f"<div>{found.svg}</div>")
    assert "nan" not in found.svg.lower()
    assert found.words.count(". ") <= 2 and found.words.endswith(".")
    assert found.rows and all(len(row) == len(found.columns) for row in found.rows)
    assert len(found.rows) <= 60
    return found


def written(plotted: ChartPlot) -> list[str]:
    """The texts in a drawing and its legend."""
    tree = ElementTree.fromstring(f"<div>{plotted.svg}</div>")
    return ["".join(each.itertext()) for each in tree.iter() if each.tag in ("text", "li")]


def shapes(plotted: ChartPlot) -> dict[str, str]:
    """The shape of the points by their look."""
    named = {MARKERS[name]: name for name in MARKERS}
    points = re.findall(r'<svg class="([\w ]+)" x="[\d.]+%" y="[\d.]+">(.*?)</svg>', plotted.svg)
    return {look: named[shape] for look, shape in points}


# ---------------------------------------------------------------- all of them


def everything() -> Chart:
    """A chart with something for each plot."""
    return Chart(
        hba1c=(hba1c("2026-03-01", 6.8), hba1c("2026-10-01", 8.1)),
        self_tests=tuple(stick(LAST, minute, 150) for minute in (120, 420, 720)),
        sensor=tuple(SensorReading(LAST, minute, 140) for minute in range(0, 600, 5)),
        insulin=(insulin("lispro", 3, "2026-01-05"), insulin("glargine", 1, "2026-01-05")),
    )


def test_an_empty_chart_has_no_plots() -> None:
    assert chart_plots(Chart(), AS_OF, PARAMETERS) == []


def test_the_plots_stand_in_the_order_of_the_policy() -> None:
    sections = [each.section for each in chart_plots(everything(), AS_OF, PARAMETERS)]
    assert sections == ["D.I.F", "D.I.G", "D.I.I.1", "D.I.I.4"]


def test_text_is_left_to_the_style_sheet_and_the_width_to_the_page() -> None:
    """No color, size or font stands in a drawing: in the dark, in print and on a phone the page decides."""
    for each in chart_plots(everything(), AS_OF, PARAMETERS):
        assert 'width="100%"' in each.svg
        assert (
            re.search(r"style=|font-|#[0-9a-f]{3,6}\b(?!\w*-)|viewBox", re.sub(r"url\(#[^)]*\)", "", each.svg)) is None
        )
        places = [float(x) for x in re.findall(r' x[12]?="([\d.-]+)%"', each.svg)]
        assert places and min(places) >= 0 and max(places) <= 100


def test_the_words_of_a_plot_are_its_text_alternative() -> None:
    for each in chart_plots(everything(), AS_OF, PARAMETERS):
        assert html.escape(each.words) in each.svg.replace("&#34;", "&quot;")


@pytest.mark.parametrize("many", [False, True])
def test_no_text_leaves_the_drawing_on_a_narrow_screen(many: bool) -> None:
    chart = Chart(self_tests=month_of_tests(each=15), sensor=sensor_month()) if many else everything()
    for each in chart_plots(chart, AS_OF, PARAMETERS):
        texts = re.findall(r'<text[^>]* x="([\d.]+)%" y="[\d.]+" text-anchor="(\w+)">(.*?)</text>', each.svg)
        assert len(texts) > 5
        for x, anchor, text in texts:
            width = 6.2 * len(html.unescape(text)) / 300 * 100  # percent of 300 pixels
            left = float(x) - {"start": 0, "middle": width / 2, "end": width}[anchor]
            assert left >= -2 and left + width <= 103, (text, anchor, x)


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", '"><img src=x>', "a & b"])
def test_a_name_in_the_chart_is_text_and_no_markup(label: str) -> None:
    svg = drawn("D.I.F", insulin=(insulin(label, 3, "2026-01-05"),)).svg
    assert "<script" not in svg and "<img" not in svg


def test_names_of_patterns_differ_from_plot_to_plot() -> None:
    names = [re.findall(r'pattern id="([^"]+)"', each.svg) for each in chart_plots(everything(), AS_OF, PARAMETERS)]
    assert len({name for each in names for name in each}) == sum(map(len, names)) > 0


def test_no_drawing_names_a_resource() -> None:
    for each in chart_plots(everything(), AS_OF, PARAMETERS):
        assert "Observation/" not in each.svg and "MedicationRequest/" not in each.svg


def test_the_same_chart_gives_the_same_bytes_in_any_thread() -> None:
    charts = [everything(), Chart(sensor=sensor_month()), Chart(insulin=(insulin("premix", 2, "2026-01-05"),))]
    alone = [chart_plots(chart, AS_OF, PARAMETERS) for chart in charts]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda n: chart_plots(charts[n % 3], AS_OF, PARAMETERS), range(16)))
    assert together == [alone[n % 3] for n in range(16)]


@pytest.mark.parametrize("section", [ChartSection.HBA1C, ChartSection.GLUCOSE, ChartSection.INSULIN])
def test_the_words_say_that_a_topic_was_not_read_whole(section: ChartSection) -> None:
    speaks = {
        ChartSection.HBA1C: {"D.I.I.1"},
        ChartSection.GLUCOSE: {"D.I.G", "D.I.I.4"},
        ChartSection.INSULIN: {"D.I.F"},
    }
    whole = everything()
    parts = {name: getattr(whole, name) for name in ("hba1c", "self_tests", "sensor", "insulin")}
    found = chart_plots(Chart(**parts, partial={section: "the server was slow"}), AS_OF, PARAMETERS)
    assert {each.section for each in found if "could not be read in full" in each.words} == speaks[section]


# ---------------------------------------------------------------- D.I.I.1


def test_hba1c_words_and_table() -> None:
    results = (hba1c("2025-01-10", 9.1), hba1c("2025-07-01", 6.8), hba1c("2026-02-01", 7.0), hba1c("2026-10-01", 8.1))
    found = drawn("D.I.I.1", hba1c=results)
    # 9.1 and 8.1 are above 7; 6.8 and 7.0 itself are not.
    assert found.words == (
        "4 HbA1c results in the two years before Nov 20, 2026, from 6.8 to 9.1 %. "
        "The newest is 8.1 % (Oct 1, 2026). 2 above the line of 7 %, 2 at or below it."
    )
    assert found.columns == ("date", "HbA1c, %", "against the line")
    assert found.rows[2:] == (("Feb 1, 2026", "7.0", "at or below"), ("Oct 1, 2026", "8.1", "above 7 %"))
    assert {"7 %", "9.1", "6.8", "7.0", "8.1", "above 7 %", "at or below 7 %"} <= set(written(found))
    assert shapes(found) == {"above": "triangle", "below": "circle"}


def test_hba1c_exactly_at_the_threshold_is_not_above() -> None:
    found = drawn("D.I.I.1", hba1c=(hba1c("2026-10-01", 7.0),))
    assert "0 above the line of 7 %, 1 at or below it" in found.words
    assert "above 7 %" not in written(found)
    just = drawn("D.I.I.1", hba1c=(hba1c("2026-10-01", 7.004),))
    assert "1 above the line" in just.words and just.rows == (("Oct 1, 2026", "7.004", "above 7 %"),)


def test_the_threshold_is_a_parameter() -> None:
    found = plot("D.I.I.1", hba1c=(hba1c("2026-10-01", 8.1),), changed={"hba1c_threshold": 8.5})
    assert found is not None and "0 above the line of 8.5 %, 1 at or below it" in found.words
    assert "8.5 %" in written(found)


def test_comparators_are_shown_and_may_leave_it_open() -> None:
    results = (hba1c("2025-01-10", 14, ">"), hba1c("2025-06-10", 5, "<"), hba1c("2026-03-10", 7.5, "<"))
    found = drawn("D.I.I.1", hba1c=results)
    assert "from <5 to >14 %" in found.words
    assert "1 above the line of 7 %, 1 at or below it, 1 may be either" in found.words
    assert {">14", "<5", "<7.5", "may be either"} <= set(written(found))


def test_a_comparator_is_shown_however_many_points_there_are() -> None:
    many = [hba1c(f"2026-10-{n:02d}", 8.0) for n in range(1, 29)]
    texts = written(drawn("D.I.I.1", hba1c=(*many[:14], hba1c("2026-10-14", 8, ">"), *many[14:])))
    assert ">8" in texts
    assert texts.count("8.0") < 28 + 2  # values are left out where they would lie on each other (two may be ticks)


@pytest.mark.parametrize(
    ("when", "inside"),
    [("2024-11-20", True), ("2024-11-19", False), ("2026-11-20", True), ("2026-11-21", False), (None, False)],
)
def test_hba1c_of_the_two_years_up_to_the_day(when: str | None, inside: bool) -> None:
    assert (plot("D.I.I.1", hba1c=(hba1c(when, 8.0),)) is not None) is inside


@pytest.mark.parametrize(
    "unusable",
    [
        hba1c("2026-09-01", None, unusable=Unusable.NO_VALUE),
        hba1c("2026-09-01", 80.0, unusable=Unusable.IMPLAUSIBLE),
        hba1c("2026-09-01", float("nan")),
        hba1c("2026-09-01", 8.0, pending=True),
        hba1c(None, 8.0),
    ],
)
def test_results_that_cannot_be_drawn_are_counted(unusable: LabResult) -> None:
    assert plot("D.I.I.1", hba1c=(unusable,)) is None
    found = drawn("D.I.I.1", hba1c=(unusable, hba1c("2026-10-01", 8.0)))
    assert len(found.rows) == 1
    assert "1 more result pending, undated or unusable, not drawn" in found.words


def test_a_newest_result_in_text_is_said_and_not_passed_over() -> None:
    text = hba1c("2026-11-01", None, unusable=Unusable.TEXT_ONLY, shown="about 8")
    found = drawn("D.I.I.1", hba1c=(hba1c("2026-10-01", 6.5), text))
    assert "The newest in the chart is not a number that can be drawn: about 8" in found.words


def test_a_result_of_a_month_or_a_year_is_a_span() -> None:
    month, year = hba1c("2026-03-01", 7.9, until="2026-03-31"), hba1c("2026-01-01", 8.8, until="2026-12-31")
    found = drawn("D.I.I.1", hba1c=(month, year))
    assert [row[0] for row in found.rows] == ["Mar 2026", "2026"]
    # The year reaches beyond the month, so either may be the newest.
    assert "The newest is 7.9 % (Mar 2026) or 8.8 % (2026)" in found.words
    assert "day not stated" in written(found)
    assert "day not stated" not in written(drawn("D.I.I.1", hba1c=(hba1c("2026-10-01", 8.0),)))


def test_a_span_that_began_before_the_two_years_is_drawn_within_them() -> None:
    assert drawn("D.I.I.1", hba1c=(hba1c("2024-01-01", 8.0, until="2024-12-31"),)).rows[0][0] == "2024"


def test_many_hba1c_results_are_summed_up_by_month() -> None:
    january = tuple(hba1c(f"2026-01-{n:02d}", 6.0 + n / 10) for n in range(1, 32))
    march = tuple(hba1c(f"2026-03-{n:02d}", 8.0) for n in range(1, 31))
    found = drawn("D.I.I.1", hba1c=january + march)
    # In January 6.1 to 9.1 on 31 days; above 7.0 from the 11th on.
    assert found.rows == (("Jan 2026", "31", "6.1", "9.1", "21"), ("Mar 2026", "30", "8.0", "8.0", "30"))


# ---------------------------------------------------------------- D.I.G


def month_of_tests(missing: tuple[str, ...] = (), each: int = 4) -> tuple[GlucoseReading, ...]:
    """So many self-tests on each day of the window, except the missing ones."""
    days = [FIRST + timedelta(days=n) for n in range(30)]
    return tuple(stick(d, 400 + 60 * n, 120) for d in days if d.isoformat() not in missing for n in range(each))


def test_self_tests_words_and_table() -> None:
    missing = ("2026-10-30", "2026-11-01", "2026-11-02", "2026-11-03")
    tests = (*month_of_tests(missing), stick(LAST, 900, 130), stick(FIRST, 900, 130))
    found = drawn("D.I.G", self_tests=tests)
    # 26 days of 4 and two more are 106; 106 / 30 = 3.53.
    assert found.words == (
        "106 self-tests on 26 of 30 days (Oct 21 to Nov 19, 2026), 3.5 a day on average. "
        "26 days at or above the line of 4 a day, 4 below it, from 0 to 5 a day; "
        "the newest day with data, Nov 19, 2026, has 5. "
        "No data on 4 days: Oct 30, 2026; Nov 1 to Nov 3, 2026."
    )
    assert found.columns == ("day", "self-tests") and len(found.rows) == 30
    assert found.rows[0] == ("Oct 21, 2026", "5") and found.rows[9] == ("Oct 30, 2026", "0")
    assert {"4 a day", "no data", "4 or more a day", "self-tests a day"} <= set(written(found))
    assert "fewer than 4 a day" not in written(found)


@pytest.mark.parametrize(("count", "average"), [(119, "3.9"), (120, "4.0"), (121, "4.0"), (1, "0.0")])
def test_the_average_is_cut_as_the_rule_cuts_it(count: int, average: str) -> None:
    chart = Chart(self_tests=month_of_tests(each=5)[:count])
    found = drawn("D.I.G", self_tests=chart.self_tests)
    assert f"{average} a day on average" in found.words
    case = Case(DeviceOrder("", "DeviceRequest", "", Scope.PUMP), chart, AS_OF, PARAMETERS)
    assert f"), {average} a day" in self_tests_rule(case).explanation


@pytest.mark.parametrize(
    ("on", "inside"), [(FIRST, True), (FIRST - timedelta(days=1), False), (LAST, True), (AS_OF, False)]
)
def test_only_the_thirty_days_before_the_day_count(on: date, inside: bool) -> None:
    assert (plot("D.I.G", self_tests=(stick(on, 60, 99),)) is not None) is inside
    assert (plot("D.I.I.4", self_tests=(stick(on, 60, 99),)) is not None) is inside


def test_one_self_test() -> None:
    found = drawn("D.I.G", self_tests=(stick(LAST, None, None),))
    assert found.words.startswith("1 self-test on 1 of 30 days")
    assert "No data on 29 days: Oct 21 to Nov 18, 2026" in found.words
    assert {"fewer than 4 a day", "no data"} <= set(written(found))
    assert "4 or more a day" not in written(found)


def test_a_month_without_a_gap_says_so_and_has_no_cross() -> None:
    found = drawn("D.I.G", self_tests=month_of_tests())
    assert "120 self-tests on 30 of 30 days" in found.words and "No day is without data" in found.words
    assert "30 days at or above the line of 4 a day, 0 below it, 4 a day" in found.words
    assert "no data" not in written(found)


def test_without_self_tests_the_days_of_sensor_wear_are_drawn_and_named_as_such() -> None:
    readings = tuple(r for r in sensor_month() if r.day not in (FIRST, LAST))
    found = drawn("D.I.G", sensor=readings)
    # 28 days of 288 readings are 8,064.
    assert "No self-tests; a sensor was worn on 28 of 30 days (Oct 21 to Nov 19, 2026)" in found.words
    assert "8,064 sensor readings, from 0 to 288 a day; they are not self-tests" in found.words
    assert "No data on 2 days: Oct 21, 2026; Nov 19, 2026" in found.words
    assert "not self-tests" in found.title
    assert "sensor readings, not self-tests" in written(found) and "4 a day" not in written(found)


def test_a_plan_that_counts_sensor_readings_is_named() -> None:
    found = plot("D.I.G", sensor=sensor_month(), changed={"cgm_counts_as_self_testing": True})
    assert found is not None and "they are counted as self-tests by this plan" in found.words
    assert "8,640 sensor readings, 288 a day" in found.words


def test_self_tests_come_before_sensor_readings() -> None:
    found = drawn("D.I.G", self_tests=(stick(LAST, 60, 99),), sensor=sensor_month())
    assert found.columns == ("day", "self-tests")


def test_a_longer_window_is_summed_up_by_month() -> None:
    found = plot("D.I.G", self_tests=month_of_tests(), changed={"self_test_window_days": 90})
    assert found is not None
    # 90 days before 2026-11-20 begin on 2026-08-22; 11 days of October and 19 of November have 4 each.
    assert found.rows == (("Aug 2026", "0"), ("Sep 2026", "0"), ("Oct 2026", "44"), ("Nov 2026", "76"))


# ---------------------------------------------------------------- D.I.I.4


def test_glucose_by_hour_words_and_table() -> None:
    tests = (
        stick(LAST, 119, 300),  # 01:59, before the early morning
        stick(LAST, 120, 201),  # 02:00, inside, above
        stick(LAST, 300, 200),  # 200 itself is not above
        stick(LAST, 479, 250),  # 07:59, inside, above
        stick(LAST, 480, 250),  # 08:00, outside
    )
    found = drawn("D.I.I.4", self_tests=tests, sensor=(SensorReading(LAST, 240, 90),))
    assert found.words == (
        "5 finger-sticks and 1 sensor reading with a time, Oct 21 to Nov 19, 2026, 90 to 300 mg/dL; "
        "the newest is 250 mg/dL (Nov 19, 2026 08:00). "
        "From 02:00 up to 08:00 there are 4, 2 of them above the line of 200 mg/dL."
    )
    assert found.rows[1] == ("Nov 19, 2026", "02:00", "finger-stick", "201", "yes")
    assert found.rows[2] == ("Nov 19, 2026", "04:00", "sensor reading", "90", "no")
    assert found.rows[3] == ("Nov 19, 2026", "05:00", "finger-stick", "200", "no")
    texts = set(written(found))
    assert {"finger-sticks", "sensor readings", "early morning, 02:00 to 08:00", "glucose, mg/dL"} <= texts
    assert shapes(found) == {"enough": "circle", "sensor": "triangle"}


def test_the_early_morning_and_its_level_are_parameters() -> None:
    changed = {"dawn_from_minute": 180, "dawn_until_minute": 420, "dawn_level": 180}
    found = plot("D.I.I.4", self_tests=(stick(LAST, 180, 181), stick(LAST, 420, 300)), changed=changed)
    assert found is not None
    assert "From 03:00 up to 07:00 there are 1, 1 of them above the line of 180 mg/dL" in found.words
    assert "early morning, 03:00 to 07:00" in written(found)


def test_readings_without_a_time_or_a_value_are_left_out() -> None:
    hidden = (stick(LAST, None, 300), stick(LAST, 300, None))
    assert plot("D.I.I.4", self_tests=hidden, sensor=(SensorReading(LAST, None, 90),)) is None
    found = drawn("D.I.I.4", self_tests=(*hidden, stick(LAST, 0, 90)))
    assert "1 finger-stick with a time" in found.words and "2 readings without a time or value left out" in found.words
    assert "mg/dL; the newest is 90 mg/dL (Nov 19, 2026 00:00)" in found.words


def test_a_meter_at_its_end_is_shown_with_its_comparator() -> None:
    found = drawn("D.I.I.4", self_tests=(stick(LAST, 300, 600, ">"), stick(LAST, 360, 20, "<")))
    assert "<20 to >600 mg/dL" in found.words
    assert found.rows[0][3:] == (">600", "yes")


def test_a_sensor_month_is_boxes_by_hour_and_small_and_fast() -> None:
    chart, spent = Chart(sensor=sensor_month(), self_tests=month_of_tests()), []
    for _ in range(3):
        began = time.thread_time()
        found = chart_plots(chart, AS_OF, PARAMETERS)
        spent.append(time.thread_time() - began)
    assert min(spent) < 2 * 0.3  # two plots
    assert all(len(each.svg.encode()) < 200_000 for each in found)
    hours = drawn("D.I.I.4", sensor=chart.sensor)
    # 12 readings an hour on 30 days are 360.
    assert [row[0] for row in hours.rows] == [f"{hour:02d}:00" for hour in range(24)]
    assert {row[2] for row in hours.rows} == {"360"}
    assert "Sensor readings are drawn as a box for each hour" in hours.words
    # 6 hours of 12 readings on 30 days
    assert "From 02:00 up to 08:00 there are 2,160" in hours.words
    above = sum(r.mg_dl > 200 for r in chart.sensor if r.minute is not None and r.mg_dl and 120 <= r.minute < 480)
    assert f"2,160, {above:,} of them above" in hours.words


def test_finger_sticks_stay_points_beside_the_boxes_of_a_sensor() -> None:
    found = drawn("D.I.I.4", self_tests=month_of_tests(), sensor=sensor_month())
    assert "sensor readings: middle half, median, 10 to 90 %" in written(found)
    assert "finger-sticks" in written(found)
    assert found.svg.count("<circle ") >= 120


@pytest.mark.parametrize(("count", "boxed"), [(400, False), (401, True)])
def test_up_to_four_hundred_readings_are_points(count: int, boxed: bool) -> None:
    found = drawn("D.I.I.4", sensor=sensor_month()[:count])
    assert ("drawn as a box" in found.words) is boxed
    assert (found.svg.count(MARKERS["triangle"]) >= 400) is not boxed


def test_both_kinds_are_boxes_when_both_are_many() -> None:
    found = drawn("D.I.I.4", self_tests=month_of_tests(each=15), sensor=sensor_month())
    assert "Finger-sticks and sensor readings are drawn as a box for each hour" in found.words


def test_percentiles() -> None:
    # Of 1 to 101 the nth percentile lies n places above 1.
    assert percentiles(range(1, 102)) == (11, 26, 51, 76, 91)
    assert percentiles([90]) == (90, 90, 90, 90, 90)
    assert percentiles([100, 200]) == (110, 125, 150, 175, 190)


# ---------------------------------------------------------------- D.I.F


def test_regimen_words_and_table() -> None:
    orders = (
        insulin("glargine", 1, "2026-01-05"),
        insulin("lispro", 3, "2026-01-05", "2026-06-30"),
        insulin("lispro pen", 3, "2026-07-15", ingredient="lispro", no_ceiling=1),
    )
    found = drawn("D.I.F", insulin=orders)
    # From July 1 to 14 there is one a day: a gap of 14 days, bridged. Six months before the day: 2026-05-20.
    assert found.words == (
        "3 insulin orders, 2 still running on Nov 20, 2026; "
        "the newest is lispro pen, 3 a day, and more as needed or by scale, from Jul 15, 2026. "
        "Unbroken at 3 or more injections a day since Jan 5, 2026, 1 short gap bridged, "
        "before the 6-month mark of May 20, 2026."
    )
    assert found.columns == ("insulin", "from", "to", "injections a day")
    assert found.rows == (
        ("glargine", "Jan 5, 2026", "runs on", "1 a day"),
        ("lispro", "Jan 5, 2026", "Jun 30, 2026", "3 a day"),
        ("lispro pen", "Jul 15, 2026", "runs on", "3 a day, and more as needed or by scale"),
    )
    assert {
        "glargine",
        "1 a day",
        "lispro pen",
        "3 a day, and more as needed or by scale",
        "6 months before: May 20, 2026",
        "day of the order: Nov 20, 2026",
        "3 or more a day, unbroken",
        "gap too short to break it",
    } <= set(written(found))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("2026-05-19", "since May 19, 2026, before the 6-month mark of May 20, 2026"),
        ("2026-05-20", "since May 20, 2026, on the 6-month mark of May 20, 2026"),
        ("2026-05-21", "since May 21, 2026, after the 6-month mark of May 20, 2026"),
    ],
)
def test_where_the_unbroken_run_begins(start: str, words: str) -> None:
    found = drawn("D.I.F", insulin=(insulin("lispro", 3, start),))
    assert f"Unbroken at 3 or more injections a day {words}" in found.words
    assert "gap too short to break it" not in written(found)


@pytest.mark.parametrize(
    "order",
    [
        insulin("premix", 2, "2026-01-05"),
        insulin("lispro", 3, "2025-01-05", "2026-01-05"),
        insulin("x", None, "2026-01-05"),
    ],
    ids=["two a day", "ended long ago", "not readable"],
)
def test_without_an_unbroken_run_nothing_is_shaded(order: InsulinOrder) -> None:
    found = drawn("D.I.F", insulin=(order,))
    assert "No unbroken run at 3 or more injections a day reaches the day" in found.words
    assert "3 or more a day, unbroken" not in written(found)


def test_the_numbers_of_the_regimen_are_parameters() -> None:
    changed = {"regimen_injections": 2, "regimen_months": 3}
    found = plot("D.I.F", insulin=(insulin("premix", 2, "2026-01-05"),), changed=changed)
    assert found is not None and "2 or more injections a day since Jan 5, 2026" in found.words
    assert "3 months before: Aug 20, 2026" in written(found)


@pytest.mark.parametrize(
    ("order", "shown"),
    [
        (insulin("x", 2, "2026-01-05", most=3), "2 to 3 a day"),
        (insulin("x", None, "2026-01-05"), "directions not readable"),
        (insulin("x", 0.5, "2026-01-05"), "0.5 a day"),
        (insulin("x", 3, "2026-01-05", via_pump=True), "for a pump"),
    ],
)
def test_injections_in_the_label(order: InsulinOrder, shown: str) -> None:
    found = drawn("D.I.F", insulin=(order,))
    assert found.rows[0][3] == shown and {"x", shown} <= set(written(found))


def test_at_most_twelve_bars_and_the_words_count_the_rest() -> None:
    began = day("2025-09-01")
    refills = [began + timedelta(days=30 * n) for n in range(14)]
    orders = [insulin(f"refill {d}", 3, str(d), str(d + timedelta(days=29)), ingredient="lispro") for d in refills]
    found = drawn("D.I.F", insulin=(*orders, insulin("glargine", 1, "2025-01-01")))
    # 15 orders: the twelve that run latest are glargine, which runs on, and the last eleven refills.
    assert [row[0] for row in found.rows] == ["glargine", *(f"refill {d}" for d in refills[3:])]
    assert "12 insulin orders" in found.words and "Left out: 3 older orders" in found.words


def test_orders_of_long_ago_are_left_out() -> None:
    old = insulin("old", 3, "2020-01-01", "2024-11-19")
    assert plot("D.I.F", insulin=(old,)) is None
    edge = insulin("edge", 3, "2020-01-01", "2024-11-20")
    found = drawn("D.I.F", insulin=(old, edge))
    assert [row[0] for row in found.rows] == ["edge"] and "Left out: 1 older order." in found.words


@pytest.mark.parametrize(
    "order",
    [insulin("x", 3, None), insulin("x", 3, "2026-11-21"), insulin("x", 3, "2026-05-02", "2026-05-01")],
    ids=["no start", "of tomorrow", "ended before it began"],
)
def test_orders_without_days_are_left_out(order: InsulinOrder) -> None:
    assert plot("D.I.F", insulin=(order,)) is None
    found = drawn("D.I.F", insulin=(order, insulin("lispro", 3, "2026-01-05")))
    assert len(found.rows) == 1 and "Left out: 1 order not begun or without known days" in found.words


def test_an_order_of_a_single_day() -> None:
    assert drawn("D.I.F", insulin=(insulin("x", 3, "2026-11-20", "2026-11-20"),)).rows[0][1:3] == (
        "Nov 20, 2026",
        "Nov 20, 2026",
    )


def test_a_pump_in_use_is_said() -> None:
    when = When(day("2025-01-01"), day("2025-01-01"))
    pump = Record("Device/1", when, frozenset({Concept.PUMP_IN_USE}), "Insulin pump")
    found = drawn("D.I.F", insulin=(insulin("lispro", 3, "2026-01-05"),), pumps=(pump,))
    assert "A pump is already in use, so current orders do not show the injections before it" in found.words
    assert "pump" not in drawn("D.I.F", insulin=(insulin("lispro", 3, "2026-01-05"),)).words


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("insulin $x^{2$ & <b>", "insulin $x^{2$ & <b>"),  # no markup
        ("insulin\n lispro", "insulin lispro"),
        ("insulin \x01 \u65e5", "insulin ? \u65e5"),  # a control character
        ("", "insulin"),
    ],
)
def test_any_label_can_be_drawn(label: str, shown: str) -> None:
    assert shown in written(drawn("D.I.F", insulin=(insulin(label, 1, "2026-01-05"),)))


@pytest.mark.parametrize("letter", ["W", "i"])
def test_a_long_label_is_cut_to_the_narrowest_width(letter: str) -> None:
    found = drawn("D.I.F", insulin=(insulin(letter * 500, 3, "2026-01-05", no_ceiling=1),))
    (name,) = [text for text in written(found) if set(text[:-1]) == {letter}]
    # 300 pixels at 6.6 a character.
    assert name.endswith("…") and len(name) == 45
    assert "3 a day, and more as needed or by scale" in written(found)
