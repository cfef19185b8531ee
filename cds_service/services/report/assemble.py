"""Assembles the report for a payer: headline and tables by outcome, gap, exclusion and time. No person is named.

An order is judged more than once: when it is selected, signed, and signed again with more documentation. It counts
once, under its newest outcome. Small counts are hidden, unless they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from cds_service.engine.wording import listed
from cds_service.services.population.small_cells import shown_count, shown_counts
from cds_service.services.report.feedback import feedback_table
from cds_service.services.report.gaps import exclusion_table, gap_table, missing_counts, missing_table
from cds_service.services.report.headline import answered_sentence, figures, headline, unchecked_sentence
from cds_service.services.report.orders import ReportedDetermination, ReportedOrder, group_orders
from cds_service.services.report.outcomes import PERIODS, outcome_table
from cds_service.services.report.policies import ReportedPolicies
from cds_service.services.report.tables import Table
from cds_service.services.report.times import answered_table, asked, duration_table, waits

__all__ = ["PERIODS", "PolicyPart", "Report", "report"]


@dataclass(frozen=True, slots=True)
class PolicyPart:
    """What a report says of one policy: its id, what it is called, its own headline and sentences."""

    id: str
    name: str
    headline: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole. `tables` are of all policies; `made_under`: the policies in words, empty where there are none.

    `small_cells`: whether counts of 1 to 10 are shown.
    """

    headline: str
    sentences: tuple[str, ...]
    parts: tuple[PolicyPart, ...]
    tables: tuple[Table, ...]
    made_under: str
    small_cells: bool


def report(
    determinations: Iterable[Any], feedback: Sequence[Any], by: str = "week", *, small_cells: bool = False
) -> Report:
    """The report. `determinations`: rows with their call's time, client, hook and duration, oldest first.

    `feedback`: rows joined to their determinations, oldest first. `by`: one of PERIODS. `small_cells`: show counts of 1
    to 10 as well.
    """
    rows = [ReportedDetermination.of(row) for row in determinations]
    orders = group_orders(rows)
    policies = ReportedPolicies.of(rows)
    # A policy that orders came under before another one has rows in the tables of gaps, and no part of its own.
    current = {name for order in orders for name in order.current}
    by_policy = {n: [order for order in orders if order.is_checked(n)] for n in policies.ids if n in current}
    parts = tuple(_parts(by_policy, policies, small_cells=small_cells))
    checked = [order for order in orders if order.is_checked()]
    unchecked = unchecked_sentence(len(orders) - len(checked), small_cells=small_cells)
    tables = (
        outcome_table(orders, policies.ids, by, small_cells=small_cells),
        missing_table(orders, policies, small_cells=small_cells),
        exclusion_table(orders, policies, small_cells=small_cells),
        gap_table(orders, policies, small_cells=small_cells),
        answered_table(by_policy, small_cells=small_cells),
        feedback_table(feedback, small_cells=small_cells),
        duration_table(rows, small_cells=small_cells),
    )
    return Report(
        headline=_headline(checked, policies, None, shown_count(len(checked), small_cells=small_cells), small_cells),
        sentences=(*unchecked, *(parts[0].sentences if len(parts) == 1 else ())),
        parts=parts,
        tables=tables,
        made_under=listed(map(policies.name, policies.ids)) if policies.ids else "",
        small_cells=small_cells,
    )


def _parts(
    by_policy: Mapping[str, Sequence[ReportedOrder]], policies: ReportedPolicies, *, small_cells: bool
) -> Iterator[PolicyPart]:
    numbers = shown_counts([len(own) for own in by_policy.values()], small_cells=small_cells)
    for (name, own), shown in zip(by_policy.items(), numbers, strict=True):
        open_orders, hours = asked(own, name), waits(own, name)
        middle = median(hours) if hours else None
        sentences = answered_sentence(len(open_orders), len(hours), middle, small_cells=small_cells)
        line = _headline(own, policies, name, shown, small_cells)
        yield PolicyPart(name, policies.heading(name), line, tuple(sentences))


def _headline(
    orders: Sequence[ReportedOrder], policies: ReportedPolicies, policy: str | None, shown: str, small_cells: bool
) -> str:
    missing = _most_missing(orders, policies, policy)
    return headline(figures(orders, shown, missing, policy, small_cells=small_cells))


def _most_missing(orders: Sequence[ReportedOrder], policies: ReportedPolicies, policy: str | None) -> list[str]:
    """The titles of what is missing on the most orders, under a policy or under any."""
    rows = [row for row in missing_counts(orders, policies) if policy in (None, row[0])]
    most = max((count for _, _, count in rows), default=0)
    return list(dict.fromkeys(policies.title(name, section) for name, section, count in rows if count == most))
