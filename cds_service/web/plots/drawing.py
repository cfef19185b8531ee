"""The drawings of chart plots: what stands where. Imports matplotlib, so it is itself imported when a plot is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cds_service.engine.days import months_before
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.web.plots import svg as plots
from cds_service.web.plots.parts import clock
from cds_service.web.plots.plot_data import FINGER_STICKS, Bar, Kind, Point, Timeline

_Look = dict[str, Any]
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SHAPES = {MET: ("^", plots.RED), NOT_MET: ("o", plots.BLUE), UNKNOWN: ("s", plots.ORANGE)}
# Sizes of the HbA1c plot in pixels, near enough to keep its labels apart.
_PLOT_WIDTH, _PLOT_HEIGHT, _LETTER, _LINE = 560.0, 215.0, 8.0, 15.0
_LABEL_POINTS = 480.0  # the room for the name of an order
_LANE_INCHES = 0.4


def hba1c(points: Sequence[Point], start: date, end: date, threshold: float) -> str:
    """Results over time; shape and colour tell on which side of the threshold they lie."""
    names = {MET: f"above {threshold:g} %", NOT_MET: f"at or below {threshold:g} %", UNKNOWN: "may be either"}

    def draw(axes: Axes) -> None:
        _over_months(axes, start, end)
        axes.set_ylabel("HbA1c, %")
        low, high = min(threshold, *(p.value for p in points)), max(threshold, *(p.value for p in points))
        room = 0.12 * (high - low) + 0.4
        axes.set_ylim(low - room, high + room)
        _level(axes, threshold, f"{threshold:g} %")
        axes.plot([_middle(p) for p in points], [p.value for p in points], color=plots.GREY, linewidth=1, zorder=2)
        vague = [p for p in points if p.first != p.last]
        if vague:
            ends = [p.first.toordinal() for p in vague], [p.last.toordinal() for p in vague]
            axes.hlines([p.value for p in vague], *ends, plots.GREY, linewidth=4, zorder=3.4, label="day not stated")
        for side, (shape, colour) in _SHAPES.items():
            found = [p for p in points if p.side is side]
            if found:
                at, values = [_middle(p) for p in found], [p.value for p in found]
                _points(axes, at, values, shape, colour, label=names[side], markersize=9)
        _write_values(axes, points)

    return plots.panel(3.3, draw, abreast=4)


def days(counts: Mapping[date, int], what: str, name: str, goal: float | None) -> str:
    """A column for each day and a cross for each day without data; `goal` None: no line, and all go by `name`."""
    order = list(counts)

    def draw(axes: Axes) -> None:
        for looks, colour, hatch, found in _day_groups(counts, name, goal):
            _bars(axes, [d.toordinal() for d in found], [counts[d] for d in found], colour, hatch, label=looks)
        empty = [d.toordinal() for d in order if not counts[d]]
        if empty:
            look: _Look = {"markersize": 7, "markeredgewidth": 2, "clip_on": False}
            axes.plot(empty, [0] * len(empty), "x", color=plots.RED, zorder=4, label="no data", **look)
        if goal is not None:
            _level(axes, goal, f"{goal:g} a day")
        axes.set_xlim(order[0].toordinal() - 0.8, order[-1].toordinal() + 0.8)
        axes.set_ylim(0, 1.12 * max(goal or 0, *counts.values()))
        ticks = order[:: -(-len(order) // 8)]
        axes.set_xticks([d.toordinal() for d in ticks], [f"{_MONTHS[d.month - 1]} {d.day}" for d in ticks])
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel(f"{what} a day")

    return plots.panel(3.0, draw)


def _day_groups(
    counts: Mapping[date, int], name: str, goal: float | None
) -> Iterator[tuple[str, str, str, list[date]]]:
    """Days with data that look alike: their name, colour and hatch."""
    filled = [day for day, count in counts.items() if count]
    if goal is None:
        yield name, plots.SKY, "\\\\", filled
        return
    enough = [day for day in filled if counts[day] >= goal]
    fewer = [day for day in filled if counts[day] < goal]
    if enough:
        yield f"{goal:g} or more a day", plots.BLUE, "", enough
    if fewer:
        yield f"fewer than {goal:g} a day", plots.ORANGE, "//", fewer


def hours(kinds: Sequence[Kind], dawn: tuple[int, int], level: int) -> str:
    """Readings by hour of the day, as points or as boxes; `dawn`: first minute of the early morning and the next."""

    alone = sum(bool(kind.boxes) for kind in kinds) < 2

    def draw(axes: Axes) -> None:
        name = f"early morning, {clock(dawn[0])} to {clock(dawn[1])}"
        axes.axvspan(dawn[0] / 60, dawn[1] / 60, color=plots.SKY, alpha=0.22, linewidth=0, zorder=0, label=name)
        _level(axes, level, f"{level:g}\nmg/dL")
        for kind in kinds:
            if kind.boxes:
                _boxes(axes, kind, alone)
        for kind in kinds:
            if not kind.boxes:
                _spots(axes, kind)
        values = [v for k in kinds for v in _extent(k)]
        axes.set_xlim(-0.25, 24)
        axes.set_ylim(max(0, min(50, *values) - 10), max(level + 50, *values) + 15)
        axes.set_xticks(range(0, 25, 3), [clock(hour * 60) for hour in range(0, 25, 3)])
        axes.set_ylabel("glucose, mg/dL")

    return plots.panel(3.4, draw, abreast=2 if alone else 1)


def regimen(timeline: Timeline) -> str:
    """A bar for each order under its name; the run at enough injections behind them."""
    start, end = timeline.first.toordinal(), timeline.as_of.toordinal()
    edge = 0.02 * (end - start)
    lanes = max(2, len(timeline.bars))  # in one lane the lines would be stubs

    def draw(axes: Axes) -> None:
        _over_months(axes, timeline.first, timeline.as_of, edge)
        for stretch in timeline.run:
            span = max(stretch.start.toordinal(), start - edge), stretch.end.toordinal()
            axes.axvspan(*span, **_run_look(stretch.bridged))
        often = f"{timeline.goal:g} or more a day, unbroken"
        for bridged, name in ((False, often), (True, "gap too short to break it")):
            if any(stretch.bridged is bridged for stretch in timeline.run):
                axes.axvspan(start, start, label=name, **_run_look(bridged))
        mark = f"{timeline.months} months before: {timeline.mark}"
        axes.axvline(timeline.mark.toordinal(), color=plots.INK, linestyle="--", linewidth=1.3, zorder=1, label=mark)
        axes.axvline(end, color=plots.INK, linewidth=1.3, zorder=1, label=f"day of the order: {timeline.as_of}")
        for lane, bar in enumerate(timeline.bars):
            _order_bar(axes, lane, bar, (start - edge, end + edge))
        axes.set_ylim(lanes - 0.1, -0.35)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)

    legend = 0.55 if timeline.run else 0.35
    return plots.panel(legend + 0.4 + _LANE_INCHES * lanes, draw, abreast=2)


def _run_look(bridged: bool) -> _Look:
    if bridged:
        return {"facecolor": "none", "edgecolor": plots.GREEN, "hatch": "////", "linewidth": 0, "zorder": 0}
    return {"color": plots.GREEN, "alpha": 0.25, "linewidth": 0, "zorder": 0}


def _order_bar(axes: Axes, lane: int, bar: Bar, sides: tuple[float, float]) -> None:
    colour, hatch = (plots.GREY, "--") if bar.for_pump else (plots.BLUE, "") if bar.readable else (plots.ORANGE, "//")
    first, after = float(bar.start.toordinal()), bar.end.toordinal() + 1 if bar.end else sides[1]
    left, right = max(first, sides[0]), min(after, sides[1])
    axes.barh(lane + 0.5, max(right - left, 1), 0.34, left=left, color=colour, hatch=hatch, edgecolor="white", zorder=2)
    for cut, place, shape in ((first < left, left, "<"), (after >= sides[1], right, ">")):
        if cut:
            axes.plot([place], [lane + 0.5], shape, color=colour, markersize=11, clip_on=False, zorder=3)
    words = plots.fitted(bar.label, f": {bar.injections}", _LABEL_POINTS)
    back = {"facecolor": "white", "alpha": 0.9, "linewidth": 0, "pad": 1}
    look: _Look = {"va": "center", "color": plots.INK, "clip_on": True, "bbox": back}
    axes.text(0.026, lane + 0.05, words, transform=axes.get_yaxis_transform(), parse_math=False, **look)


def _over_months(axes: Axes, start: date, end: date, edge: float = 12) -> None:
    """A time axis with a tick on the first of every so many months, so that nine fit."""
    total = (end.year - start.year) * 12 + end.month - start.month
    every = -(-(total + 1) // 9)
    firsts = [months_before(end.replace(day=1), back) for back in range(0, total + 1, every)]
    ticks = [day for day in reversed(firsts) if day >= start]
    axes.set_xticks([d.toordinal() for d in ticks], [f"{_MONTHS[d.month - 1]} {d.year}" for d in ticks])
    axes.set_xlim(start.toordinal() - edge, end.toordinal() + edge)


def _points(axes: Axes, at: Sequence[float], values: Sequence[float], shape: str, colour: str, **look: Any) -> None:
    axes.plot(at, values, shape, color=colour, markeredgecolor="white", markeredgewidth=0.7, zorder=4, **look)


def _bars(axes: Axes, at: Sequence[float], heights: Sequence[float], colour: str, hatch: str, **look: Any) -> None:
    axes.bar(at, heights, color=colour, hatch=hatch, edgecolor="white", zorder=3, **look)


def _level(axes: Axes, level: float, words: str) -> None:
    axes.axhline(level, color=plots.RED, linewidth=1.6, linestyle=(0, (6, 2)), zorder=3.2)
    axes.text(1.01, level, words, transform=axes.get_yaxis_transform(), va="center", color=plots.INK)


def _middle(point: Point) -> float:
    return (point.first.toordinal() + point.last.toordinal()) / 2


def _write_values(axes: Axes, points: Sequence[Point]) -> None:
    """Values beside their points; those with a comparator always, the others where there is room, newest first."""
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    spots = [
        ((_middle(p) - left) / (right - left) * _PLOT_WIDTH, (p.value - bottom) / (top - bottom) * _PLOT_HEIGHT)
        for p in points
    ]
    taken = list(spots)
    for i in sorted(range(len(points)), key=lambda i: (not points[i].result.comparator, -i)):
        (x, y), width = spots[i], _LETTER * len(points[i].shown)
        free = [up for up in (_LINE, -_LINE) if all(_apart((x, y + up), other, width) for other in taken)]
        if not free and not points[i].result.comparator:
            continue
        up = free[0] if free else _LINE
        taken.append((x, y + up))
        place: _Look = {"xytext": (0, 0.75 * up), "textcoords": "offset points", "ha": "center", "va": "center"}
        back: _Look = {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.5}
        at = (_middle(points[i]), points[i].value)
        axes.annotate(points[i].shown, at, color=plots.INK, zorder=4, bbox=back, **place)


def _apart(one: tuple[float, float], other: tuple[float, float], width: float) -> bool:
    return abs(one[0] - other[0]) >= width or abs(one[1] - other[1]) >= 0.9 * _LINE


def _spots(axes: Axes, kind: Kind) -> None:
    meter = kind.name == FINGER_STICKS
    shape, colour, size = ("o", plots.BLUE, 6) if meter else ("^", plots.ORANGE, 5)
    at, values = [spot.minute / 60 for spot in kind.spots], [spot.mg_dl for spot in kind.spots]
    _points(axes, at, values, shape, colour, label=kind.name, markersize=size)


def _boxes(axes: Axes, kind: Kind, alone: bool) -> None:
    """For each hour the middle half as a box with its median, and a whisker from the 10th to the 90th percentile."""
    meter = kind.name == FINGER_STICKS
    colour, shift = (plots.BLUE, -0.2) if meter else (plots.ORANGE, 0.2)
    at = [box.hour + 0.5 + (0 if alone else shift) for box in kind.boxes]
    axes.vlines(at, [b.p10 for b in kind.boxes], [b.p90 for b in kind.boxes], plots.INK, linewidth=1, zorder=2)
    heights, bottoms = [b.p75 - b.p25 for b in kind.boxes], [b.p25 for b in kind.boxes]
    name = f"{kind.name}: middle half, median, 10 to 90 %"
    _bars(axes, at, heights, colour, "" if meter else "//", bottom=bottoms, width=0.36, label=name)
    axes.hlines([b.p50 for b in kind.boxes], [x - 0.18 for x in at], [x + 0.18 for x in at], plots.INK, zorder=3.5)


def _extent(kind: Kind) -> list[float]:
    if kind.boxes:
        return [value for box in kind.boxes for value in (box.p10, box.p90)]
    return [float(spot.mg_dl) for spot in kind.spots]
