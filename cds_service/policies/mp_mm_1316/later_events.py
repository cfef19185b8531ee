"""Finished events that are dated after the day of the order."""

from __future__ import annotations

from cds_service.facts import Record
from cds_service.policies.mp_mm_1316.case import Case, usable


def later_events(case: Case) -> list[str]:
    """One note for each finished event after the order: it is not used."""
    chart = case.chart
    results: tuple[tuple[Record, ...], ...] = (chart.hba1c, chart.albumin_creatinine, chart.egfr)
    events = (chart.education, chart.dialysis, chart.visits, chart.diagnoses, chart.pumps, chart.pump_training)
    return [
        f"{record.reference} not used: dated {record.when}, after the order"
        for group in (*results, *events)
        for record in group
        if not usable(record.when, case.as_of)
    ]
