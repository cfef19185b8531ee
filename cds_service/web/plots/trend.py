"""Results over time against a threshold; shape and color tell on which side of it they lie."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from cds_service.engine.plot_data import Trend, TrendPoint
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.web.plots.canvas import CHARACTER, NARROWEST, Canvas, LegendEntry, Scale, month_ticks, round_ticks

_HEIGHT, _EDGE_DAYS, _LINE = 190, 12, 15.0
_LOOKS = {MET: ("above", "triangle"), NOT_MET: ("below", "circle"), UNKNOWN: ("either", "square")}


def draw_trend(name: str, data: Trend, words: str) -> Markup:
    """The results with a line through them, and as many of their values as there is room for."""
    canvas = Canvas(name, _HEIGHT)
    x = Scale(data.start.toordinal() - _EDGE_DAYS, data.end.toordinal() + _EDGE_DAYS)
    values = [data.threshold, *(point.value for point in data.points)]
    room = 0.12 * (max(values) - min(values)) + 0.4
    y = canvas.values(min(values) - room, max(values) + room)
    canvas.y_axis(y, round_ticks(y.low, y.high), f"{data.quantity}, {data.unit}")
    canvas.level(y(data.threshold), f"{data.threshold:g} {data.unit}")
    spots = [(x(_middle(point)), y(point.value)) for point in data.points]
    for (x1, y1), (x2, y2) in pairwise(spots):
        canvas.line(x1, y1, x2, y2, "course")
    for point, (_, height) in zip(data.points, spots, strict=True):
        if point.first != point.last:
            canvas.line(x(point.first.toordinal()), height, x(point.last.toordinal()), height, "span")
    for point, (across, height) in zip(data.points, spots, strict=True):
        look, shape = _LOOKS[point.above]
        canvas.marker(across, height, shape, look)
    _write_values(canvas, data.points, spots)
    canvas.x_axis(month_ticks(data.start, data.end, x))
    return canvas.drawn(words, _legend(data))


def _middle(point: TrendPoint) -> float:
    return (point.first.toordinal() + point.last.toordinal()) / 2


def _write_values(canvas: Canvas, points: Sequence[TrendPoint], spots: Sequence[tuple[float, float]]) -> None:
    """Values beside their points; those with a comparator always, the others where there is room, newest first."""
    taken = list(spots)
    for i in sorted(range(len(points)), key=lambda i: (not points[i].bounded, -i)):
        (x, y), width = spots[i], CHARACTER * (len(points[i].shown) + 1)
        free = [by for by in (-_LINE, _LINE) if all(_apart((x, y + by), other, width) for other in taken)]
        if not free and not points[i].bounded:
            continue
        by = free[0] if free else -_LINE
        taken.append((x, y + by))
        canvas.text(x, y + by + 4, points[i].shown, "middle", "over")


def _apart(one: tuple[float, float], other: tuple[float, float], width: float) -> bool:
    """Whether two places do not touch on the narrowest screen; x is in percent."""
    return abs(one[0] - other[0]) / 100 * NARROWEST >= width or abs(one[1] - other[1]) >= 0.9 * _LINE


def _legend(data: Trend) -> list[LegendEntry]:
    level = f"{data.threshold:g} {data.unit}"
    names = {MET: f"above {level}", NOT_MET: f"at or below {level}", UNKNOWN: "may be either"}
    sides = {point.above for point in data.points}
    keys = [LegendEntry(*_LOOKS[side], name) for side, name in names.items() if side in sides]
    vague = any(point.first != point.last for point in data.points)
    return [*keys, *([LegendEntry("span", "line", "day not stated")] if vague else [])]
