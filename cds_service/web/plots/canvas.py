"""What plots are drawn with: scales, ticks, shapes, a legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10

from markupsafe import Markup, escape

from cds_service.engine.days import months_before

# The plot's own area in percent of its width: the labels of the y axis stand at its left.
LEFT, RIGHT = 11.0, 99.0
# Above the plot stands what it is of; its uppermost tick has to stay clear of that.
_TOP, _AXIS = 20, 24
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Of a small screen: labels that stay apart there stay apart everywhere.
NARROWEST = 300.0
CHARACTER = 6.6


@dataclass(frozen=True, slots=True)
class Scale:
    """From values between `low` and `high` to places between `first` and `last`."""

    low: float
    high: float
    first: float = LEFT
    last: float = RIGHT

    def __call__(self, value: float) -> float:
        """The place of a value."""
        span = (self.high - self.low) or 1.0
        return self.first + (value - self.low) / span * (self.last - self.first)


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One entry of a legend: how it looks, `shape` being `bar`, `line`, `dashed`, or a marker; and its words."""

    look: str
    shape: str
    words: str


class Canvas:
    """One drawing under way. `name` is unique on its page, since patterns are found by their names."""

    def __init__(self, name: str, height: int) -> None:
        """`height`: of the plot's own area, in pixels."""
        self._name = "".join(letter if letter.isalnum() else "-" for letter in name)
        self.top, self.bottom = _TOP, _TOP + height
        self._height = self.bottom + _AXIS
        self._parts: list[str] = []

    def values(self, low: float, high: float) -> Scale:
        """The scale from values to pixels."""
        return Scale(low, high, self.bottom, self.top)

    def rect(self, x: float, y: float, width: float, height: float, look: str) -> None:
        """A box; `look` is a class of the style sheet, with a hatch where that has one."""
        fill = f' fill="url(#{self._name}-{look})"' if look in _HATCHES else ""
        self._parts.append(
            f'<rect class="{look}"{fill} x="{x:.2f}%" y="{y:.1f}" width="{max(width, 0.3):.2f}%" '
            f'height="{max(height, 0.5):.1f}"/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, look: str) -> None:
        """A line."""
        self._parts.append(f'<line class="{look}" x1="{x1:.2f}%" y1="{y1:.1f}" x2="{x2:.2f}%" y2="{y2:.1f}"/>')

    def text(self, x: float, y: float, words: str, anchor: str = "start", look: str = "") -> None:
        """Text at a point; `anchor`: start, middle or end."""
        kind = f' class="{look}"' if look else ""
        shown = escape(printable(words))
        self._parts.append(f'<text{kind} x="{x:.2f}%" y="{y:.1f}" text-anchor="{anchor}">{shown}</text>')

    def marker(self, x: float, y: float, shape: str, look: str) -> None:
        """A point of some shape."""
        self._parts.append(f'<svg class="{look}" x="{x:.2f}%" y="{y:.1f}">{MARKERS[shape]}</svg>')

    def level(self, y: float, words: str, *, at_left: bool = False) -> None:
        """A dashed line across, with its words above it at the right end, or at the left one."""
        self.line(LEFT, y, RIGHT, y, "level")
        self.text(LEFT + 0.5 if at_left else RIGHT, y - 4, words, "start" if at_left else "end", "over")

    def y_axis(self, scale: Scale, ticks: Iterable[float], quantity: str) -> None:
        """Lines across with their values at the left, and what they are of."""
        for tick in ticks:
            y = scale(tick)
            self.line(LEFT, y, RIGHT, y, "grid")
            self.text(LEFT - 1.5, y + 4, f"{tick:g}", "end")
        self.text(0.5, 10, quantity)

    def x_axis(self, ticks: Sequence[tuple[float, str]], left: float = LEFT) -> None:
        """Words below the axis, at places in percent; every second one is left out where the screen is narrow."""
        self.line(left, self.bottom, RIGHT, self.bottom, "axis")
        for number, (x, words) in enumerate(ticks):
            anchor = "end" if x > RIGHT - 4 else "start" if x < LEFT / 2 else "middle"
            self.text(x, self.bottom + 17, words, anchor, "second" if number % 2 else "")

    def drawn(self, words: str, legend: Sequence[LegendEntry]) -> Markup:
        """The drawing with its legend; `words`: its text alternative."""
        patterns = "".join(pattern(self._name, look) for look in _HATCHES)
        label = escape(printable(words))
        svg = (
            f'<svg class="plot" role="img" aria-label="{label}" width="100%" height="{self._height}">'
            f"<defs>{patterns}</defs>{''.join(self._parts)}</svg>"
        )
        return Markup(svg) + legend_of(self._name, legend)  # noqa: S704 (every text in it was escaped)


# Shapes around their own middle.
MARKERS = {
    "circle": '<circle r="4.5"/>',
    "triangle": '<path d="M0 -5.5 5.5 4.5 -5.5 4.5Z"/>',
    "square": '<rect x="-4" y="-4" width="8" height="8"/>',
    "cross": '<path class="stroke" d="M-4 -4 4 4M-4 4 4 -4"/>',
    "left": '<path d="M-4 0 4 -6 4 6Z"/>',
    "right": '<path d="M4 0 -4 -6 -4 6Z"/>',
}
# Hatches tell looks apart in print and for people who see few colors.
_HATCHES = {
    "few": "M0 8 8 0",
    "sensor": "M0 0 8 8",
    "aside": "M0 4 8 4",
    "bridge": "M0 8 8 0M-2 2 2 -2M6 10 10 6",
    "open": "M0 8 8 0",
    "other": "M4 0 4 8",
}


def pattern(name: str, look: str) -> str:
    """The pattern that fills a look: its color, with lines over it."""
    return (
        f'<pattern id="{name}-{look}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<rect class="{look}" width="8" height="8"/><path class="hatch" d="{_HATCHES[look]}"/></pattern>'
    )


def legend_of(name: str, keys: Sequence[LegendEntry]) -> Markup:
    """A list of what the looks mean; empty where there is nothing to tell apart."""
    rows = []
    for key in keys:
        if key.shape in MARKERS:
            sample = f'<svg class="{key.look}" x="8" y="8">{MARKERS[key.shape]}</svg>'
        elif key.shape == "bar":
            fill = f' fill="url(#{name}-{key.look})"' if key.look in _HATCHES else ""
            sample = f'<rect class="{key.look}"{fill} x="1" y="2" width="14" height="12"/>'
        else:
            sample = f'<line class="{key.look}" x1="0" y1="8" x2="16" y2="8"/>'
        drawing = f'<svg class="plot" width="16" height="16" aria-hidden="true">{sample}</svg>'
        rows.append(f"<li>{drawing}{escape(key.words)}</li>")
    listed = f'<ul class="legend">{"".join(rows)}</ul>' if rows else ""
    return Markup(listed)  # noqa: S704 (every text in it was escaped)


def printable(text: str) -> str:
    """The text with a question mark for each character that cannot be printed."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def round_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most so many round values between two."""
    step = 10 ** floor(log10(max(high - low, 1e-9)))
    for factor in (0.1, 0.2, 0.5, 1, 2, 5, 10):
        first, last = ceil(low / (step * factor)), floor(high / (step * factor))
        if last - first + 1 <= most:
            return [round(number * step * factor, 6) for number in range(first, last + 1)]
    return [low, high]


def day_ticks(days: Sequence[date], scale: Scale, most: int = 8) -> list[tuple[float, str]]:
    """At most `most` ticks, evenly spaced over the days: the place in percent, and a label such as `Nov 2`."""
    every = -(-len(days) // most) or 1
    return [(scale(day.toordinal()), f"{_MONTHS[day.month - 1]} {day.day}") for day in days[::every]]


def month_ticks(start: date, end: date, scale: Scale, most: int = 7) -> list[tuple[float, str]]:
    """At most `most` ticks on the first of a month: the place in percent, and a label such as `Nov 2026`."""
    total = (end.year - start.year) * 12 + end.month - start.month
    every = -(-(total + 1) // most)
    firsts = [months_before(end.replace(day=1), back) for back in range(0, total + 1, every)]
    days = [day for day in reversed(firsts) if day >= start]
    return [(scale(day.toordinal()), f"{_MONTHS[day.month - 1]} {day.year}") for day in days]
