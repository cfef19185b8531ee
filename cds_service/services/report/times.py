"""How long orders waited for documentation, and how long the service took to answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median, quantiles

from cds_service.engine.determination import Outcome
from cds_service.services.report.orders import ReportedDetermination, ReportedOrder
from cds_service.services.report.small_counts import cell, hidden_places
from cds_service.services.report.tables import Cell, Table

_NOTHING = (None, None, None)


def asked(orders: Iterable[ReportedOrder], policy: str) -> list[ReportedOrder]:
    """The orders that documentation was asked for, under a policy."""
    return [order for order in orders if order.first(Outcome.NEEDS_DOCUMENTATION, policy)]


def waits(orders: Iterable[ReportedOrder], policy: str) -> list[float]:
    """Hours from the first time that documentation was asked for to the first likely approval, in order."""
    hours = []
    for order in orders:
        first, approved = order.first(Outcome.NEEDS_DOCUMENTATION, policy), order.first(Outcome.LIKELY_APPROVED, policy)
        if first and approved and approved > first:
            hours.append((approved - first).total_seconds() / 3600)
    return sorted(hours)


def answered_table(orders: Mapping[str, Sequence[ReportedOrder]], *, small_cells: bool) -> Table:
    """How often and how soon documentation was given, by policy. `orders`: by policy, those that it was applied to."""
    rows: list[tuple[Cell, ...]] = []
    for policy, own in orders.items():
        open_orders, hours = asked(own, policy), waits(own, policy)
        if open_orders:
            given, left = len(hours), len(open_orders) - len(hours)
            # The difference of the two numbers tells how many have not answered: it counts as well.
            hidden = {} if small_cells else hidden_places([[given, left, len(open_orders)]])
            times = _NOTHING if (0, 0) in hidden else tuple(map(_rounded, _spread(hours)))
            rows.append((hidden.get((0, 2), len(open_orders)), policy, hidden.get((0, 0), given), *times))
    says = "From the first time that documentation was asked for to the first likely approval of the same order."
    columns = ("asked", "policy", "answered", "median hours", "90th percentile hours", "longest hours")
    labels = {"asked": "orders asked for documentation", "answered": "approved since"}
    return Table("answered", "Time until documentation was given", says, columns, rows, labels=labels)


def duration_table(rows: Iterable[ReportedDetermination], *, small_cells: bool) -> Table:
    """How long calls took, by hook."""
    calls: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        calls[row.hook][row.call_id] = row.duration_ms
    cells: list[tuple[Cell, ...]] = []
    for hook, durations in sorted(calls.items()):
        spread = map(_rounded, _spread(sorted(durations.values())))
        cells.append((hook, cell(len(durations), small_cells=small_cells), *spread))
    columns = ("hook", "calls", "median ms", "90th percentile ms", "longest ms")
    says = "How long the service took for a call with orders in it."
    plotted = ("median ms", "90th percentile ms")
    return Table("durations", "Time to answer", says, columns, cells, plotted, "ms", False)


def _spread(ordered: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    if not ordered:
        return _NOTHING
    tenth = quantiles(ordered, n=10, method="inclusive")[-1] if len(ordered) > 1 else ordered[0]
    return median(ordered), tenth, ordered[-1]


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)
