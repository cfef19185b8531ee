"""Columns and bars of the payer's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from cds_service.web.plots.canvas import RIGHT, Canvas, LegendEntry, Scale, round_ticks

_HEIGHT, _MOST_TICKS, _BAR = 220, 8, 16
# Looks by the name of what is counted; others take those that are left.
_LOOKS = {
    "likely-approved": "enough",
    "needs-documentation": "few",
    "excluded": "above",
    "not-applicable": "aside",
    "not-documented": "few",
    "incomplete": "sensor",
    "needs-attestation": "bridge",
    "needs-review": "enough",
    "not-retrieved": "aside",
    "not-met": "above",
    "accepted": "enough",
    "overridden": "few",
    "refused": "above",
    "possible": "few",
    "small counts together": "aside",
}
_SPARE = ("enough", "few", "sensor", "other")


def draw_columns(
    name: str, labels: Sequence[str], series: Mapping[str, Sequence[float]], unit: str, titles: Mapping[str, str]
) -> Markup:
    """Stacked columns from left to right, as for a course of time. `series`: a number for each label.

    `titles`: what readers call a series, where that is not its name.
    """
    canvas = Canvas(name, _HEIGHT)
    totals = [sum(numbers) for numbers in zip(*series.values(), strict=True)]
    x, y = Scale(-0.6, len(labels) - 0.4), canvas.values(0, 1.08 * max(totals))
    canvas.y_axis(y, round_ticks(0, y.high), unit)
    floors = [0.0] * len(labels)
    half = 0.4 * (x(1) - x(0))
    for look, numbers in zip(_looks(series), series.values(), strict=True):
        for at, number in enumerate(numbers):
            if number:
                top = y(floors[at] + number)
                canvas.rect(x(at) - half, top, 2 * half, y(floors[at]) - top, look)
                floors[at] += number
    every = -(-len(labels) // _MOST_TICKS) or 1
    canvas.x_axis([(x(at), labels[at]) for at in range(0, len(labels), every)])
    return canvas.drawn(_words(series, labels, titles), _legend(series, titles))


def draw_bars(
    name: str,
    labels: Sequence[str],
    series: Mapping[str, Sequence[float]],
    unit: str,
    titles: Mapping[str, str],
    *,
    stacked: bool,
) -> Markup:
    """Bars from the top down, each under its label, stacked or one below the other. `titles`: see `draw_columns`."""
    lanes = 1 if stacked else len(series)
    lane = 20 + lanes * _BAR + 6
    canvas = Canvas(name, lane * len(labels))
    ends = zip(*series.values(), strict=True)
    most = max(sum(numbers) if stacked else max(numbers) for numbers in ends)
    x = Scale(0, 1.02 * most, 1.0, RIGHT)
    for tick in round_ticks(0, x.high):
        canvas.line(x(tick), canvas.top, x(tick), canvas.bottom, "grid")
    for row, label in enumerate(labels):
        top, start = canvas.top + row * lane, 0.0
        canvas.text(1.0, top + 14, label, "start", "over")
        for number, (look, numbers) in enumerate(zip(_looks(series), series.values(), strict=True)):
            value = numbers[row]
            if value:
                y = top + 20 + (0 if stacked else number * _BAR)
                canvas.rect(x(start), y, x(value) - x(0), _BAR - 2, look)
                start += value if stacked else 0.0
    canvas.text(0.5, 10, unit)
    canvas.x_axis([(x(tick), f"{tick:g}") for tick in round_ticks(0, x.high)], x.first)
    return canvas.drawn(_words(series, labels, titles), _legend(series, titles))


def _looks(series: Mapping[str, Sequence[float]]) -> list[str]:
    return [_LOOKS.get(name, _SPARE[at % len(_SPARE)]) for at, name in enumerate(series)]


def _legend(series: Mapping[str, Sequence[float]], titles: Mapping[str, str]) -> list[LegendEntry]:
    looks = zip(_looks(series), series, strict=True)
    keys = [LegendEntry(look, "bar", titles.get(name, name)) for look, name in looks]
    return keys if len(keys) > 1 else []


def _words(series: Mapping[str, Sequence[float]], labels: Sequence[str], titles: Mapping[str, str]) -> str:
    named = ", ".join(titles.get(name, name) for name in series)
    return f"Chart of {named} for {len(labels)} rows; the table below has its numbers."
