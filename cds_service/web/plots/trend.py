"""Results over time against a threshold; shape and color tell on which side of it they lie."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from cds_service.engine.plot_data import Trend, TrendPoint
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.web.plots.canvas import (
    CHARACTER,
    LEFT,
    NARROWEST,
    RIGHT,
    Canvas,
    LegendEntry,
    Scale,
    month_ticks,
    round_ticks,
)

_HEIGHT, _EDGE_DAYS, _LINE = 190, 12, 15.0
# Pixels across of a marker; percent of the width that the words of the level may take.
_MARKER, _WORDS_OF_LEVEL = 9.0, 25.0
_LOOKS = {MET: ("above", "triangle"), NOT_MET: ("below", "circle"), UNKNOWN: ("either", "square")}


def draw_trend(name: str, data: Trend, words: str) -> Markup:
    """The results with a line through them, and as many of their values as there is room for."""
    canvas = Canvas(name, _HEIGHT)
    x = Scale(data.start.toordinal() - _EDGE_DAYS, data.end.toordinal() + _EDGE_DAYS)
    values = [data.threshold, *(point.value for point in data.points)]
    room = 0.12 * (max(values) - min(values)) + 0.4
    y = canvas.values(min(values) - room, max(values) + room)
    canvas.y_axis(y, round_ticks(y.low, y.high), f"{data.quantity}, {data.unit}")
    spots = [(x(_middle(point)), y(point.value)) for point in data.points]
    level = f"{data.threshold:g} {data.unit}"
    at_left = _is_crowded(spots, RIGHT, y(data.threshold)) and not _is_crowded(spots, LEFT, y(data.threshold))
    canvas.level(y(data.threshold), level, at_left=at_left)
    for (x1, y1), (x2, y2) in pairwise(spots):
        canvas.line(x1, y1, x2, y2, "course")
    for point, (_, height) in zip(data.points, spots, strict=True):
        if point.first != point.last:
            canvas.line(x(point.first.toordinal()), height, x(point.last.toordinal()), height, "span")
    for point, (across, height) in zip(data.points, spots, strict=True):
        look, shape = _LOOKS[point.above]
        canvas.marker(across, height, shape, look)
    half = 50 * CHARACTER * len(level) / NARROWEST
    middle = LEFT + half if at_left else RIGHT - half
    _write_values(canvas, data.points, spots, _Label(middle, y(data.threshold) - 8, CHARACTER * len(level)))
    canvas.x_axis(month_ticks(data.start, data.end, x))
    return canvas.drawn(words, _legend(data))


def _middle(point: TrendPoint) -> float:
    return (point.first.toordinal() + point.last.toordinal()) / 2


class _Label(NamedTuple):
    """What is drawn at a place: the middle, in percent and in pixels, and the width in pixels."""

    x: float
    y: float
    width: float


def _is_crowded(spots: Sequence[tuple[float, float]], end: float, height: float) -> bool:
    """Whether results lie where the level's words would stand, at one end of its line."""
    return any(abs(x - end) < _WORDS_OF_LEVEL and abs(y - height) < 2 * _LINE for x, y in spots)


def _write_values(
    canvas: Canvas, points: Sequence[TrendPoint], spots: Sequence[tuple[float, float]], level: _Label
) -> None:
    """Values beside their points; those with a comparator always, the others where there is room, newest first."""
    taken = [level, *(_Label(x, y, _MARKER) for x, y in spots)]
    for i in sorted(range(len(points)), key=lambda i: (not points[i].bounded, -i)):
        (x, y), width = spots[i], CHARACTER * (len(points[i].shown) + 1)
        places = [_Label(x, y + by, width) for by in (-_LINE, _LINE)]
        free = [place for place in places if all(_apart(place, other) for other in taken)]
        if not free and not points[i].bounded:
            continue
        place = (free or places)[0]
        taken.append(place)
        canvas.text(x, place.y + 4, points[i].shown, "middle", "over")


def _apart(one: _Label, other: _Label) -> bool:
    """Whether two do not touch on the narrowest screen."""
    across = abs(one.x - other.x) / 100 * NARROWEST >= (one.width + other.width) / 2
    return across or abs(one.y - other.y) >= 0.9 * _LINE


def _legend(data: Trend) -> list[LegendEntry]:
    level = f"{data.threshold:g} {data.unit}"
    names = {MET: f"above {level}", NOT_MET: f"at or below {level}", UNKNOWN: "may be either"}
    sides = {point.above for point in data.points}
    keys = [LegendEntry(*_LOOKS[side], name) for side, name in names.items() if side in sides]
    vague = any(point.first != point.last for point in data.points)
    return [*keys, *([LegendEntry("span", "line", "day not stated")] if vague else [])]
