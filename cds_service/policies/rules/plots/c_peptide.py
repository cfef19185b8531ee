"""C-peptide results against the limit, each as a share of the lower limit of normal of its own report."""

from __future__ import annotations

from math import isfinite

from cds_service.engine.days import at_most
from cds_service.engine.plain_text import day_text
from cds_service.engine.plot_data import PlotData, Trend, TrendPoint
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.engine.wording import counted
from cds_service.facts import LabResult
from cds_service.facts.known_results import C_PEPTIDE
from cds_service.policies.rules.case import Case, usable
from cds_service.policies.rules.plots.words import not_whole, sentences

_PERCENT = 100
_SIDES = {MET: "above", NOT_MET: "at or below", UNKNOWN: "may be either"}


def c_peptide_plot(case: Case, section: str) -> PlotData | None:
    """The plot; None without a result that has a date, a value and a reference range of its own."""
    results = [r for r in case.chart.results.get(C_PEPTIDE.key, ()) if usable(r.when, case.as_of)]
    drawn = sorted(
        ((point, result) for result in results if (point := _point(case, result)) is not None),
        key=lambda pair: (pair[0].last, pair[0].value, pair[1].reference),
    )
    if not drawn:
        return None
    share = case.parameters["c_peptide_share"] * _PERCENT
    points = tuple(point for point, _ in drawn)
    unit = "% of the lab's lower limit"
    rows = tuple((day_text(r.when) if r.when else "", r.shown, point.shown, _SIDES[point.above]) for point, r in drawn)
    low = sum(point.above is NOT_MET for point in points)
    words = f"{counted(len(points), 'C-peptide result')}, each as a share of the lower limit of its own report"
    aside = len(results) - len(points)
    more = [f"{counted(aside, 'more result')} without a date, a value or a reference range, not drawn"] if aside else []
    line = f"{low} at or below the line of {share:g} %"
    renal = f"With a low creatinine clearance the line is {case.parameters['c_peptide_share_renal']:.0%}"
    return PlotData(
        section,
        "C-peptide against its limit",
        Trend(points, points[0].first, case.as_of, share, "C-peptide", unit),
        sentences((words, line, renal, *more, *not_whole(case, C_PEPTIDE.key))),
        ("date", "C-peptide", unit, f"against {share:g} %"),
        rows,
    )


def _point(case: Case, result: LabResult) -> TrendPoint | None:
    ranges = result.report.ranges if result.report is not None else ()
    lows = {each.low for each in ranges if each.low}
    if result.when is None or result.value is None or result.unusable or result.pending or len(lows) != 1:
        return None
    low = lows.pop()
    percent = result.value / low * _PERCENT
    if not isfinite(percent):
        return None
    below = at_most(result, round(low * case.parameters["c_peptide_share"], 9))
    above = {MET: NOT_MET, NOT_MET: MET, UNKNOWN: UNKNOWN}[below]
    last = min(result.when.last, case.as_of)
    shown = f"{result.comparator}{percent:.0f}"
    return TrendPoint(result.when.first, last, percent, shown, above, bool(result.comparator))
