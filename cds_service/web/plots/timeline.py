"""A bar for each order under its name; the unbroken run behind them."""

from __future__ import annotations

from markupsafe import Markup

from cds_service.engine.plain_text import day_text
from cds_service.engine.plot_data import OrderBar, Timeline
from cds_service.engine.wording import cut_to
from cds_service.web.plots.canvas import CHARACTER, NARROWEST, Canvas, LegendEntry, Scale, month_ticks

_LANE, _BAR = 54, 12


def draw_timeline(name: str, data: Timeline, words: str) -> Markup:
    """Bars in lanes from the top down."""
    canvas = Canvas(name, _LANE * max(2, len(data.bars)))
    start, end = data.first.toordinal(), data.as_of.toordinal()
    edge = 0.02 * (end - start)
    x = Scale(start - edge, end + edge, 1.0, 99.0)
    height = canvas.bottom - canvas.top
    for stretch in data.run:
        left, right = x(max(stretch.start.toordinal(), start - edge)), x(stretch.end.toordinal())
        canvas.rect(left, canvas.top, right - left, height, "bridge" if stretch.bridged else "run")
    for day, look in ((data.mark, "dashed"), (data.as_of, "whisker")):
        if day is None:
            continue
        canvas.line(x(day.toordinal()), canvas.top, x(day.toordinal()), canvas.bottom, look)
    for lane, bar in enumerate(data.bars):
        _draw_bar(canvas, bar, canvas.top + lane * _LANE, x)
    canvas.x_axis(month_ticks(data.first, data.as_of, x), x.first)
    return canvas.drawn(words, _legend(data))


def _draw_bar(canvas: Canvas, bar: OrderBar, top: float, x: Scale) -> None:
    look = _look(bar)
    first, after = bar.start.toordinal(), bar.end.toordinal() + 1 if bar.end else x.high
    left, right = x(max(first, x.low)), x(min(after, x.high))
    y = top + 20
    canvas.rect(left, y, right - left, _BAR, look)
    if first < x.low:
        canvas.marker(left, y + _BAR / 2, "left", look)
    if after >= x.high:
        canvas.marker(right, y + _BAR / 2, "right", look)
    canvas.text(1.5, top + 14, fitted(bar.label), "start", "over")
    canvas.text(1.5, y + _BAR + 14, fitted(bar.amount), "start", "over")


def fitted(text: str, width: float = NARROWEST) -> str:
    """The text cut so that it fits into so many pixels; the table beside the plot has all of it."""
    return cut_to(text, int(width / CHARACTER))


def _look(bar: OrderBar) -> str:
    if bar.aside:
        return "aside"
    return "enough" if bar.readable else "few"


def _legend(data: Timeline) -> list[LegendEntry]:
    keys = []
    if any(not stretch.bridged for stretch in data.run):
        keys.append(LegendEntry("run", "bar", data.run_name))
    if any(stretch.bridged for stretch in data.run):
        keys.append(LegendEntry("bridge", "bar", "gap too short to break it"))
    if data.mark is not None:
        keys.append(LegendEntry("dashed", "line", f"{data.months} months before: {day_text(data.mark)}"))
    return [*keys, LegendEntry("whisker", "line", f"day of the order: {day_text(data.as_of)}")]
