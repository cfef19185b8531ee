"""A column for each day, and a cross for each day without data."""

from __future__ import annotations

from markupsafe import Markup

from cds_service.engine.plot_data import DayCounts
from cds_service.web.plots.canvas import Canvas, LegendEntry, Scale, day_ticks, round_ticks

_HEIGHT = 170


def draw_day_counts(name: str, data: DayCounts, words: str) -> Markup:
    """Columns against the goal, where there is one."""
    canvas, days = Canvas(name, _HEIGHT), list(data.counts)
    x = Scale(days[0].toordinal() - 0.6, days[-1].toordinal() + 0.6)
    y = canvas.values(0, 1.15 * max(data.goal or 0, *data.counts.values()))
    canvas.y_axis(y, [tick for tick in round_ticks(0, y.high) if tick == int(tick)], f"{data.what} a day")
    width = 0.78 * (x(1) - x(0))
    for day, count in data.counts.items():
        place = x(day.toordinal())
        if count:
            canvas.rect(place - width / 2, y(count), width, canvas.bottom - y(count), _look(data, count))
        else:
            canvas.marker(place, canvas.bottom - 6, "cross", "none")
    if data.goal is not None:
        canvas.level(y(data.goal), f"{data.goal:g} a day")
    canvas.x_axis(day_ticks(days, x))
    return canvas.drawn(words, _legend(data))


def _look(data: DayCounts, count: int) -> str:
    if data.goal is None:
        return "sensor"
    return "enough" if count >= data.goal else "few"


def _legend(data: DayCounts) -> list[LegendEntry]:
    looks = {_look(data, count) for count in data.counts.values() if count}
    named = {"sensor": data.name}
    if data.goal is not None:
        named = {"enough": f"{data.goal:g} or more a day", "few": f"fewer than {data.goal:g} a day"}
    keys = [LegendEntry(look, "bar", words) for look, words in named.items() if look in looks]
    return [*keys, *([LegendEntry("none", "cross", "no data")] if not all(data.counts.values()) else [])]
