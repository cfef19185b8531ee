"""The insulin regimen as a timeline: a bar for each order, and the unbroken run at enough injections (D.I.F)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from cds_service.engine.days import months_before
from cds_service.facts import InsulinOrder, Topic
from cds_service.policies.mp_mm_1316.case import Case
from cds_service.policies.mp_mm_1316.injection_regimen import pump_signs
from cds_service.policies.mp_mm_1316.regimen_timeline import chain_start, segments
from cds_service.web.chart_plots_parts import ChartPlot, counted, not_whole, sentences, short

_MOST_BARS = 12
_MONTHS = 24  # how far back the plot looks: older orders say nothing about the months that count


@dataclass(frozen=True, slots=True)
class Bar:
    """One order: its days, both included, `end` None where it runs on; whether it counts and can be read."""

    label: str
    injections: str
    start: date
    end: date | None
    for_pump: bool
    readable: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days from `start` up to, not including, `end` of the unbroken run; `bridged`: a gap that does not break it."""

    start: date
    end: date
    bridged: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is drawn. `mark`: the day by which the run must have begun; `goal`: injections a day."""

    bars: tuple[Bar, ...]
    run: tuple[Stretch, ...]
    first: date
    as_of: date
    mark: date
    months: int
    goal: float


def regimen_plot(case: Case) -> ChartPlot | None:
    """The plot of D.I.F; None without an insulin order whose days reach into the two years before the day."""
    placed = sorted((o for o in case.chart.insulin if _has_days(o, case.as_of)), key=lambda o: _newness(o, case.as_of))
    reaching = [o for o in placed if o.end is None or o.end >= months_before(case.as_of, _MONTHS)]
    shown = sorted(reaching[-_MOST_BARS:], key=_beginning)
    if not shown:
        return None
    from cds_service.web import chart_plots_drawing  # here, as matplotlib is slow to import

    timeline = _timeline(case, shown)
    return ChartPlot(
        "D.I.F",
        "Insulin orders over time",
        chart_plots_drawing.regimen(timeline),
        _words(case, timeline, len(placed) - len(shown), len(case.chart.insulin) - len(placed)),
        ("insulin", "from", "to", "injections a day"),
        tuple((b.label, b.start.isoformat(), _end(b), b.injections) for b in timeline.bars),
    )


def _has_days(order: InsulinOrder, as_of: date) -> bool:
    return order.start is not None and order.start <= as_of and (order.end is None or order.end >= order.start)


def _newness(order: InsulinOrder, as_of: date) -> tuple[date, date, str]:
    """By the last day up to the day of the order: what still runs is newer than what has ended."""
    return min(order.end or as_of, as_of), order.start or date.min, order.reference


def _beginning(order: InsulinOrder) -> tuple[date, str, str]:
    return order.start or date.min, order.label, order.reference


def _timeline(case: Case, shown: Sequence[InsulinOrder]) -> Timeline:
    p, as_of = case.parameters, case.as_of
    mark = case.months_ago("regimen_months")
    bars = tuple(_bar(o, o.start) for o in shown if o.start is not None)
    run = tuple(_run(case))
    first = max(months_before(as_of, _MONTHS), min([mark, *(b.start for b in bars), *(s.start for s in run)]))
    return Timeline(bars, run, first, as_of, mark, p["regimen_months"], p["regimen_injections"])


def _bar(order: InsulinOrder, start: date) -> Bar:
    label = " ".join((order.label or order.ingredient).split()) or "insulin"
    return Bar(label, _injections(order), start, order.end, order.via_pump, order.least is not None)


def _injections(order: InsulinOrder) -> str:
    if order.via_pump:
        return "for a pump"
    if order.least is None or order.most is None:
        return "directions not readable"
    span = f"{order.least:g}" if order.least == order.most else f"{order.least:g} to {order.most:g}"
    return f"{span} a day" + (f", up to {order.as_needed:g} more as needed" if order.as_needed else "")


def _run(case: Case) -> Iterable[Stretch]:
    goal, gap = case.parameters["regimen_injections"], case.parameters["regimen_gap_days"]
    timeline = segments((o for o in case.chart.insulin if not o.via_pump), case.as_of)
    start = chain_start(timeline, goal, gap, case.as_of)
    if start is None:
        return
    for enough, group in groupby((s for s in timeline if s.start >= start), key=lambda s: s.least >= goal):
        together = list(group)
        yield Stretch(together[0].start, together[-1].end, not enough)


def _end(bar: Bar) -> str:
    return bar.end.isoformat() if bar.end else "runs on"


def _words(case: Case, timeline: Timeline, older: int, without_days: int) -> str:
    bars, as_of = timeline.bars, timeline.as_of
    current = sum(bar.end is None or bar.end >= as_of for bar in bars)
    newest = max(bars, key=lambda bar: bar.start)
    drawn = (
        f"{counted(len(bars), 'insulin order')}, {current} still running on {as_of}; "
        f"the newest is {short(newest.label, 80)}, {newest.injections}, from {newest.start}"
    )
    missing = [counted(older, "older order")] if older else []
    missing += [counted(without_days, "order") + " not begun or without known days"] if without_days else []
    remarks = [f"left out: {' and '.join(missing)}"] if missing else []
    if pump_signs(case):
        remarks.append("a pump is already in use, so today's orders say nothing about the injections before it")
    return sentences((drawn, _about_run(timeline), "; ".join(remarks + not_whole(case, Topic.INSULIN))))


def _about_run(timeline: Timeline) -> str:
    often = f"{timeline.goal:g} or more injections a day"
    mark = f"the {timeline.months}-month mark of {timeline.mark}"
    if not timeline.run:
        return f"no unbroken run at {often} reaches the day; {mark} is drawn as a line"
    start, gaps = timeline.run[0].start, sum(stretch.bridged for stretch in timeline.run)
    place = "after" if start > timeline.mark else "on" if start == timeline.mark else "before"
    bridged = f", {counted(gaps, 'short gap')} bridged" if gaps else ""
    return f"unbroken at {often} since {start}{bridged}, {place} {mark}"
