"""Feedback on cards: accepted or overridden, and the override reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cds_service.services.feedback_statistics import ALL, NO_ORDER, UNMATCHED, feedback_counts
from cds_service.services.report.outcomes import OUTCOME_LABELS
from cds_service.services.report.small_counts import cell
from cds_service.services.report.tables import Cell, Table

_VALUES = {**OUTCOME_LABELS, UNMATCHED: "card not known here", NO_ORDER: "card about no order"}


def feedback_table(feedback: Sequence[Any], *, small_cells: bool) -> Table:
    """Cards that were accepted or overridden, by the outcome that they showed and by policy."""
    rows: list[tuple[Cell, ...]] = [
        (
            row.outcome,
            row.policy,
            cell(row.accepted, small_cells=small_cells),
            cell(row.overridden, small_cells=small_cells),
            _reasons(row.reasons, small_cells=small_cells),
        )
        for row in feedback_counts(feedback)
        if row.about == ALL
    ]
    says = "The newest answer to each card, with the reasons that were given for overriding it."
    columns = ("outcome", "policy", "accepted", "overridden", "reasons")
    plotted = ("accepted", "overridden")
    return Table("feedback", "Cards accepted and overridden", says, columns, rows, plotted, "cards", values=_VALUES)


def _reasons(counts: Mapping[str, int], *, small_cells: bool) -> str:
    """The reasons with their counts, the most frequent first."""
    return "; ".join(f"{why.replace('-', ' ')} {cell(count, small_cells=small_cells)}" for why, count in counts.items())
