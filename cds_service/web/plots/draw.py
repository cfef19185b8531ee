"""The drawing of a plot, by the class of its data."""

from __future__ import annotations

from markupsafe import Markup

from cds_service.engine.plot_data import DayCounts, HoursOfDay, PlotData, Trend
from cds_service.web.plots.day_counts import draw_day_counts
from cds_service.web.plots.hours import draw_hours
from cds_service.web.plots.timeline import draw_timeline
from cds_service.web.plots.trend import draw_trend


def draw(plot: PlotData) -> Markup:
    """Inline SVG with its legend; the same numbers give the same text."""
    name, data, words = f"plot-{plot.section}", plot.data, plot.words
    if isinstance(data, DayCounts):
        return draw_day_counts(name, data, words)
    if isinstance(data, Trend):
        return draw_trend(name, data, words)
    if isinstance(data, HoursOfDay):
        return draw_hours(name, data, words)
    return draw_timeline(name, data, words)
