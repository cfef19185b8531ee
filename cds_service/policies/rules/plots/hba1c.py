"""HbA1c over two years against the threshold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite

from cds_service.engine.days import compared, months_before, within
from cds_service.engine.plain_text import day_text, month_text
from cds_service.engine.plot_data import PlotData, Trend, TrendPoint
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.engine.wording import counted
from cds_service.facts import ChartSection, LabResult
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.glycemic_indication import hba1c_above_threshold
from cds_service.policies.rules.plots.words import MOST_ROWS, not_whole, sentences

_MONTHS = 24  # how far back the plot looks: the policy names no age


def hba1c_plot(case: Case, section: str) -> PlotData | None:
    """The plot; None without a usable numeric result in the two years before the day."""
    start, threshold = months_before(case.as_of, _MONTHS), case.parameters["hba1c_threshold"]
    inside = [r for r in case.chart.hba1c if r.when is None or within(r.when, start, case.as_of) is not NOT_MET]
    points = sorted((p for r in inside if (p := _point(r, start, case))), key=_order)
    if not points:
        return None

    columns, rows = _table(points, threshold)
    return PlotData(
        section,
        "HbA1c over the last two years",
        Trend(tuple(p.drawn for p in points), start, case.as_of, threshold, "HbA1c", "%"),
        _words(case, points, len(inside) - len(points)),
        columns,
        rows,
    )


@dataclass(frozen=True, slots=True)
class _Point:
    """What is drawn, with the result that it is of."""

    drawn: TrendPoint
    result: LabResult


def _point(result: LabResult, start: date, case: Case) -> _Point | None:
    if result.when is None or result.value is None or result.unusable or result.pending or not isfinite(result.value):
        return None
    first, last = max(result.when.first, start), min(result.when.last, case.as_of)
    side = compared(result, case.parameters["hba1c_threshold"])
    shown = _shown(result.value, result.comparator)
    return _Point(TrendPoint(first, last, result.value, shown, side, bool(result.comparator)), result)


def _shown(value: float, comparator: str) -> str:
    """With one decimal, as laboratories print a measured value, and with more only where there are more."""
    return f"{value:.1f}" if round(value, 1) == value and not comparator else f"{comparator}{value:g}"


def _day(point: _Point) -> str:
    return day_text(point.result.when) if point.result.when is not None else ""


def _order(point: _Point) -> tuple[date, date, float, str]:
    return point.drawn.last, point.drawn.first, point.drawn.value, point.result.reference


def _words(case: Case, points: Sequence[_Point], left_out: int) -> str:
    values = sorted(points, key=lambda p: p.drawn.value)
    low, high = values[0].drawn.shown, values[-1].drawn.shown
    span = f"{low} %" if low == high else f"from {low} to {high} %"
    threshold = case.parameters["hba1c_threshold"]
    above, below, either = (sum(p.drawn.above is side for p in points) for side in (MET, NOT_MET, UNKNOWN))
    sides = f"{above} above the line of {threshold:g} %, {below} at or below it"
    sides += f", {either} may be either" if either else ""
    remarks = [f"{counted(left_out, 'more result')} pending, undated or unusable, not drawn"] if left_out else []
    sides = "; ".join([sides, *remarks, *not_whole(case, ChartSection.HBA1C)])
    drawn = f"{counted(len(points), 'HbA1c result')} in the two years before {day_text(case.as_of)}, {span}"
    return sentences((drawn, _newest(case, points), sides))


def _newest(case: Case, points: Sequence[_Point]) -> str:
    """What the rule takes for the newest result, which may be one that cannot be drawn."""
    evidence = hba1c_above_threshold(case).evidence
    deciding = {(each.reference, each.date) for each in evidence}
    newest = [p for p in points if (p.result.reference, str(p.result.when)) in deciding]
    if newest:
        return "the newest is " + " or ".join(f"{p.drawn.shown} % ({_day(p)})" for p in newest)
    named = " or ".join(each.value or "a result" for each in evidence)
    return f"the newest in the chart is not a number that can be drawn: {named}"


def _table(points: Sequence[_Point], threshold: float) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    if len(points) > MOST_ROWS:
        return _by_month(points, threshold)
    names = {MET: f"above {threshold:g} %", NOT_MET: "at or below", UNKNOWN: "may be either"}
    rows = tuple((_day(p), p.drawn.shown, names[p.drawn.above]) for p in points)
    return ("date", "HbA1c, %", "against the line"), rows


def _by_month(points: Sequence[_Point], threshold: float) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    months: dict[str, list[_Point]] = defaultdict(list)
    for point in points:
        months[month_text(point.drawn.last)].append(point)
    rows = []
    for month, of_month in months.items():
        values = sorted(of_month, key=lambda p: p.drawn.value)
        above = sum(p.drawn.above is MET for p in of_month)
        rows.append((month, str(len(of_month)), values[0].drawn.shown, values[-1].drawn.shown, str(above)))
    return ("month", "results", "lowest, %", "highest, %", f"above {threshold:g} %"), tuple(rows)
