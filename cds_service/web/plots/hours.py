"""Readings by hour of the day, as points or as boxes, with a marked span of hours."""

from __future__ import annotations

from markupsafe import Markup

from cds_service.engine.plot_data import HoursOfDay, ReadingKind
from cds_service.web.plots.canvas import Canvas, LegendEntry, Scale, round_ticks

_HEIGHT = 210


def draw_hours(name: str, data: HoursOfDay, words: str) -> Markup:
    """Boxes first, then points above them."""
    canvas = Canvas(name, _HEIGHT)
    x = Scale(0, 24)
    extent = [value for kind in data.kinds for value in _extent(kind)]
    y = canvas.values(max(0, min(50, *extent) - 10), max(data.level + 50, *extent) + 15)
    first, last = (minute / 60 for minute in data.marked)
    canvas.rect(x(first), canvas.top, x(last) - x(first), canvas.bottom - canvas.top, "marked")
    canvas.y_axis(y, round_ticks(y.low, y.high), f"{data.quantity}, {data.unit}")
    alone = sum(bool(kind.boxes) for kind in data.kinds) < 2
    for kind in sorted(data.kinds, key=lambda kind: not kind.boxes):
        if kind.boxes:
            _draw_boxes(canvas, kind, x, y, shift=0.0 if alone else (-0.2 if kind.chief else 0.2))
        else:
            for spot in kind.spots:
                canvas.marker(x(spot.minute / 60), y(spot.value), _shape(kind), _look(kind))
    canvas.level(y(data.level), f"{data.level:g} {data.unit}")
    canvas.x_axis([(x(hour), f"{hour:02d}:00") for hour in range(0, 25, 3)])
    return canvas.drawn(words, [LegendEntry("marked", "bar", data.marked_name), *map(_key, data.kinds)])


def _draw_boxes(canvas: Canvas, kind: ReadingKind, x: Scale, y: Scale, shift: float) -> None:
    """For each hour the middle half as a box with its median, and a whisker from the 10th to the 90th percentile."""
    for box in kind.boxes:
        middle, half = x(box.hour + 0.5 + shift), x(0.18) - x(0)
        canvas.line(middle, y(box.p10), middle, y(box.p90), "whisker")
        canvas.rect(middle - half, y(box.p75), 2 * half, y(box.p25) - y(box.p75), _look(kind))
        canvas.line(middle - half, y(box.p50), middle + half, y(box.p50), "median")


def _extent(kind: ReadingKind) -> list[float]:
    if kind.boxes:
        return [value for box in kind.boxes for value in (box.p10, box.p90)]
    return [float(spot.value) for spot in kind.spots]


def _look(kind: ReadingKind) -> str:
    return "enough" if kind.chief else "sensor"


def _shape(kind: ReadingKind) -> str:
    return "circle" if kind.chief else "triangle"


def _key(kind: ReadingKind) -> LegendEntry:
    if kind.boxes:
        return LegendEntry(_look(kind), "bar", f"{kind.name}: middle half, median, 10 to 90 %")
    return LegendEntry(_look(kind), _shape(kind), kind.name)
