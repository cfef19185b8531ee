"""Finished events that are dated after the day of the order."""

from __future__ import annotations

from cds_service.engine.plain_text import day_text
from cds_service.facts import Record
from cds_service.policies.rules.case import Case, usable

# Later events that are named one by one.
MOST_NAMED = 50


def later_events(case: Case) -> list[str]:
    """A note on each finished event after the order: it is not used. Of very many the rest is counted."""
    chart = case.chart
    results: tuple[tuple[Record, ...], ...] = (chart.hba1c, chart.albumin_creatinine, chart.egfr)
    events = (chart.education, chart.dialysis, chart.visits, chart.diagnoses, chart.pumps, chart.pump_training)
    later = [record for group in (*results, *events) for record in group if not usable(record.when, case.as_of)]
    notes = [
        f"{record.reference} not used: dated {day_text(record.when)}, after the order"
        for record in later[:MOST_NAMED]
        if record.when
    ]
    more = len(later) - len(notes)
    return [*notes, f"{more} more not used: dated after the order"] if more else notes
