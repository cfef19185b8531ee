"""Plots as SVG, made here so that a page needs no script. The table beside a plot is its text alternative."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
_STYLE: Any = {
    "svg.hashsalt": "insulin-pump-cds",  # the same numbers give the same bytes
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.6,
}
_WIDTH_INCHES = 8.5
_MOST_TICKS, _MOST_ABREAST = 12, 4


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


def _look(name: str) -> dict[str, Any]:
    colour, hatch = _FILLS.get(name, _BLUE)
    return {"color": colour, "hatch": hatch, "edgecolor": "white"}


def _empty(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
    return figure, figure.add_subplot()


def _svg(figure: Figure, axes: Axes) -> str:
    handles, names = axes.get_legend_handles_labels()
    if len(names) > 1:
        figure.legend(handles, names, loc="outside upper left", ncols=min(len(names), _MOST_ABREAST), frameon=False)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return drawn.getvalue()
