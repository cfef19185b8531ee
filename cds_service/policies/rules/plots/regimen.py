"""The insulin regimen as a timeline: a bar for each order, and the unbroken run at enough injections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from cds_service.engine.days import months_before
from cds_service.engine.plain_text import day_text
from cds_service.engine.plot_data import OrderBar, PlotData, Stretch, Timeline
from cds_service.engine.wording import counted, cut_to
from cds_service.facts import ChartSection, InsulinOrder
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.plots.words import not_whole, sentences
from cds_service.policies.rules.pump_use import pump_signs, regimen_chain, regimen_timeline
from cds_service.policies.rules.regimen_timeline import Starts, last_day

_MOST_BARS = 12
_MONTHS = 24  # how far back the plot looks: older orders say nothing about the months that count


def regimen_plot(case: Case, section: str) -> PlotData | None:
    """The plot; None without an insulin order whose days reach into the two years before the day."""
    dated = sorted(_dated_orders(case), key=lambda p: _recency(p, case.as_of))
    reaching = [p for p in dated if p.end is None or p.end >= months_before(case.as_of, _MONTHS)]
    shown = sorted(reaching[-_MOST_BARS:], key=_start_key)
    if not shown:
        return None

    timeline = _timeline(case, shown)
    return PlotData(
        section,
        "Insulin orders over time",
        timeline,
        _words(case, timeline, len(dated) - len(shown), len(case.chart.insulin) - len(dated)),
        ("insulin", "from", "to", "injections a day"),
        tuple((b.label, day_text(b.start), _end(b), b.amount) for b in timeline.bars),
    )


@dataclass(frozen=True, slots=True)
class _DatedOrder:
    """An order with its first and last day; `end` is None while it is still running."""

    order: InsulinOrder
    start: date
    end: date | None


def _dated_orders(case: Case) -> Iterator[_DatedOrder]:
    """The orders whose days are known, with the days that the rule uses."""
    as_of = case.as_of
    begun = [o for o in case.chart.insulin if o.start is not None and o.start <= as_of]
    starts = Starts(begun)
    for order in begun:
        last = last_day(order, starts, case.parameters["assumed_supply_days"], as_of)
        if order.start is not None and last is not None and last >= order.start:
            yield _DatedOrder(order, order.start, None if order.live and order.end is None else last)


def _recency(dated: _DatedOrder, as_of: date) -> tuple[date, date, str]:
    """Sort key: the last day up to the day of the order, so that running orders come after ended ones."""
    return min(dated.end or as_of, as_of), dated.start, dated.order.reference


def _start_key(dated: _DatedOrder) -> tuple[date, str, str]:
    return dated.start, dated.order.label, dated.order.reference


def _timeline(case: Case, shown: Sequence[_DatedOrder]) -> Timeline:
    p, as_of = case.parameters, case.as_of
    # A policy may ask for injections without saying for how long.
    months = p.get("regimen_months", 0)
    mark = case.months_ago("regimen_months") if months else None
    bars = tuple(_bar(each) for each in shown)
    run = tuple(_run(case))
    days = [*(b.start for b in bars), *(s.start for s in run), *([mark] if mark else [])]
    first = max(months_before(as_of, _MONTHS), min(days))
    often = f"{p['regimen_injections']:g} or more a day, unbroken"
    return Timeline(bars, run, first, as_of, mark, months, often)


def _bar(dated: _DatedOrder) -> OrderBar:
    order = dated.order
    label = " ".join((order.label or order.ingredient).split()) or "insulin"
    readable = order.possible is not None or bool(order.certain)
    return OrderBar(label, _injections(order), dated.start, dated.end, order.via_pump, readable)


def _injections(order: InsulinOrder) -> str:
    if order.via_pump:
        return "for a pump"
    if order.possible is None and not order.certain:
        return "directions not readable"
    most = order.possible
    span = f"{order.certain:g}" if most is None or most <= order.certain else f"{order.certain:g} to {most:g}"
    more = ", and more as needed or by scale" if order.no_ceiling else ""
    return f"{span} a day{more if order.certain or most else ', only as needed or by scale'}"


def _run(case: Case) -> Iterable[Stretch]:
    goal, start = case.parameters["regimen_injections"], regimen_chain(case)
    if start is None:
        return
    timeline = regimen_timeline(case)
    for enough, group in groupby((s for s in timeline if s.start >= start), key=lambda s: s.count.certain >= goal):
        together = list(group)
        yield Stretch(together[0].start, together[-1].end, not enough)


def _end(bar: OrderBar) -> str:
    return day_text(bar.end) if bar.end else "runs on"


def _words(case: Case, timeline: Timeline, older: int, without_days: int) -> str:
    bars, as_of = timeline.bars, timeline.as_of
    current = sum(bar.end is None or bar.end >= as_of for bar in bars)
    newest = max(bars, key=lambda bar: bar.start)
    drawn = (
        f"{counted(len(bars), 'insulin order')}, {current} still running on {day_text(as_of)}; "
        f"the newest is {cut_to(newest.label, 80)}, {newest.amount}, from {day_text(newest.start)}"
    )
    missing = [counted(older, "older order")] if older else []
    missing += [counted(without_days, "order") + " not begun or without known days"] if without_days else []
    remarks = [f"left out: {' and '.join(missing)}"] if missing else []
    if pump_signs(case):
        remarks.append("a pump is already in use, so current orders do not show the injections before it")
    return sentences(
        (
            drawn,
            _about_run(timeline, case.parameters["regimen_injections"]),
            "; ".join(remarks + not_whole(case, ChartSection.INSULIN)),
        )
    )


def _about_run(timeline: Timeline, goal: float) -> str:
    often = f"{goal:g} or more injections a day"
    mark = f"the {timeline.months}-month mark of {day_text(timeline.mark)}" if timeline.mark is not None else ""
    if not timeline.run:
        drawn = f"; {mark} is drawn as a line" if mark else ""
        return f"no unbroken run at {often} reaches the day{drawn}"
    start, gaps = timeline.run[0].start, sum(stretch.bridged for stretch in timeline.run)
    bridged = f", {counted(gaps, 'short gap')} bridged" if gaps else ""
    unbroken = f"unbroken at {often} since {day_text(start)}{bridged}"
    return f"{unbroken}, {_place(start, timeline.mark)} {mark}" if timeline.mark is not None else unbroken


def _place(start: date, mark: date) -> str:
    return "after" if start > mark else "on" if start == mark else "before"
