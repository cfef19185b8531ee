"""Plots as SVG, made here so that a page needs no script. The table beside a plot is its text alternative."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from threading import Lock
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

# Okabe and Ito's colours, told apart by people who are colour-blind; the hatches, in print.
_GREEN, _ORANGE, _RED, _GREY = ("#009e73", ""), ("#e69f00", "//"), ("#d55e00", "xx"), ("#999999", "..")
_SKY, _PINK, _BLUE = ("#56b4e9", "\\\\"), ("#cc79a7", "++"), ("#0072b2", "")
_FILLS = {
    "likely-approved": _GREEN,
    "needs-documentation": _ORANGE,
    "excluded": _RED,
    "not-applicable": _GREY,
    "not-documented": _ORANGE,
    "incomplete": _SKY,
    "needs-attestation": _PINK,
    "needs-review": _BLUE,
    "not-retrieved": _GREY,
    "not-met": _RED,
    "accepted": _GREEN,
    "overridden": _ORANGE,
    "90th percentile ms": _SKY,
}
GREEN, ORANGE, RED, GREY, SKY, BLUE = (look[0] for look in (_GREEN, _ORANGE, _RED, _GREY, _SKY, _BLUE))
INK = "#222222"  # text and thin lines: the other colours are too light for them
_STYLE: Any = {
    "svg.hashsalt": "insulin-pump-cds",  # the same numbers give the same bytes
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.6,
}
_WIDTH_INCHES = 8.5
_PANEL_INCHES = 7.3  # 700 px in a browser
_MOST_TICKS, _MOST_ABREAST = 12, 4
_DRAWING = Lock()


def columns(labels: Sequence[str], series: Mapping[str, Sequence[float]], unit: str) -> str:
    """Stacked columns from left to right, as for a course of time. `series`: a number for each label."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _empty(3.2)
        floor = [0.0] * len(labels)
        for name, numbers in series.items():
            axes.bar(labels, numbers, bottom=floor, label=name, **_look(name))
            floor = [below + number for below, number in zip(floor, numbers, strict=True)]
        every = -(-len(labels) // _MOST_TICKS)
        axes.set_xticks(range(0, len(labels), every or 1))
        axes.tick_params("x", rotation=30)
        axes.set_ylabel(unit)
        return _svg(figure, axes)


def bars(labels: Sequence[str], series: Mapping[str, Sequence[float]], unit: str, stacked: bool = True) -> str:
    """Bars from the top down, stacked or side by side."""
    with matplotlib.rc_context(_STYLE):
        lanes = 1 if stacked else len(series)
        figure, axes = _empty(1.2 + 0.3 * len(labels) * lanes)
        start, thick = [0.0] * len(labels), 0.8 / lanes
        for i, (name, numbers) in enumerate(series.items()):
            at = [place + (0 if stacked else (i - (lanes - 1) / 2) * thick) for place in range(len(labels))]
            axes.barh(at, numbers, thick, left=start if stacked else None, label=name, **_look(name))
            if stacked:
                start = [before + number for before, number in zip(start, numbers, strict=True)]
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xlabel(unit)
        return _svg(figure, axes)


def panel(inches: float, draw: Callable[[Axes], None], abreast: int = 3) -> str:
    """A plot 700 px wide and so many inches high; `draw` fills its axes. For threads: one is drawn at a time.

    The legend is always there, with at most so many names abreast.
    """
    # Settings and text layout are shared by all of matplotlib.
    with _DRAWING, matplotlib.rc_context(_STYLE):
        figure, axes = _empty(inches, _PANEL_INCHES)
        draw(axes)
        return _svg(figure, axes, abreast, least=1)


def fitted(text: str, tail: str, points: float) -> str:
    """Text and tail as the font can show them, the text cut until both fit in so many points; only inside `panel`.

    A character that the font does not have is a question mark.
    """
    font = get_font(findfont(FontProperties()))
    font.set_size(_STYLE["font.size"], 72)
    kept = [each if each.isprintable() and font.get_char_index(ord(each)) else "?" for each in text]
    widths = {each: font.load_char(ord(each)).linearHoriAdvance / 65536 for each in {*kept, *tail, "…"}}
    room = points - sum(widths[each] for each in tail)
    ends = list(accumulate(widths[each] for each in kept))
    if not ends or ends[-1] <= room:
        return "".join(kept) + tail
    return "".join(kept[: bisect_right(ends, room - widths["…"])]).rstrip() + "…" + tail


def _look(name: str) -> dict[str, Any]:
    colour, hatch = _FILLS.get(name, _BLUE)
    return {"color": colour, "hatch": hatch, "edgecolor": "white"}


def _empty(height: float, width: float = _WIDTH_INCHES) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _svg(figure: Figure, axes: Axes, abreast: int = _MOST_ABREAST, least: int = 2) -> str:
    handles, names = axes.get_legend_handles_labels()
    if len(names) >= least:
        figure.legend(handles, names, loc="outside upper left", ncols=min(len(names), abreast), frameon=False)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return drawn.getvalue()
