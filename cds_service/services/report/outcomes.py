"""Orders by outcome over time, each once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from cds_service.engine.determination import Outcome
from cds_service.services.report.orders import ReportedOrder
from cds_service.services.report.small_counts import hidden_places
from cds_service.services.report.tables import Cell, Table
from cds_service.store.records import utc

PERIODS = ("day", "week", "month")
POLICY, CHECKED = "policy", "checked"
_APPLIED = tuple(outcome.value for outcome in Outcome if outcome is not Outcome.NOT_APPLICABLE)
OUTCOME_LABELS = {
    Outcome.LIKELY_APPROVED.value: "likely approved",
    Outcome.NEEDS_DOCUMENTATION.value: "needs documentation",
    Outcome.EXCLUDED.value: "excluded",
    Outcome.NOT_APPLICABLE.value: "not checked",
}


def outcome_table(orders: Sequence[ReportedOrder], policies: Sequence[str], by: str, *, small_cells: bool) -> Table:
    """Each order under its newest outcome, by the period of that and by policy."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for order in orders:
        for policy, row in order.current.items():
            counts[_period(utc(row.received_at).date(), by), policy][row.outcome] += 1
    periods = _periods(sorted({period for period, _ in counts}), by)
    rows: list[tuple[Cell, ...]] = []
    for policy in {policy for _, policy in counts} & set(policies):
        own = [counts[period, policy] for period in periods]
        cells = _cells(own, small_cells=small_cells)
        rows += [(period, policy, *line) for period, line in zip(periods, cells, strict=True)]
    rows.sort(key=lambda row: (str(row[0]), policies.index(str(row[1]))))
    columns = (by, POLICY, *_APPLIED, CHECKED, Outcome.NOT_APPLICABLE.value)
    says = (
        f"Each order once, under its newest outcome and the {by} of it. Not checked: for another device, or under a "
        "plan that no policy in use governs."
    )
    return Table(
        "outcomes",
        "Orders by outcome",
        says,
        columns,
        rows,
        _APPLIED,
        labels={**OUTCOME_LABELS, CHECKED: "all checked"},
    )


def _cells(own: Sequence[Counter[str]], *, small_cells: bool) -> list[tuple[Cell, ...]]:
    """The counts of one policy by period. Hidden are small ones, and what together with sums would tell them."""
    applied = [[count[name] for name in _APPLIED] for count in own]
    summed = [[*row, sum(row)] for row in applied]
    aside = [[count[Outcome.NOT_APPLICABLE]] for count in own]
    hidden = {} if small_cells else hidden_places(summed)
    hidden_aside = {} if small_cells else hidden_places(aside)
    return [
        (
            *(hidden.get((at, column), count) for column, count in enumerate(summed[at])),
            hidden_aside.get((at, 0), aside[at][0]),
        )
        for at in range(len(own))
    ]


def _periods(counted: list[str], by: str) -> list[str]:
    """From the first to the last, those in which nothing was ordered among them."""
    if not counted:
        return []
    days = [date.fromisoformat(f"{each}-01" if by == "month" else each) for each in (counted[0], counted[-1])]
    span = (days[0] + timedelta(days=n) for n in range((days[1] - days[0]).days + 1))
    return sorted({_period(day, by) for day in span})


def _period(day: date, by: str) -> str:
    """A day, the Monday of a week, or a month, in UTC."""
    if by == "month":
        return f"{day:%Y-%m}"
    return str(day if by == "day" else day - timedelta(days=day.weekday()))
