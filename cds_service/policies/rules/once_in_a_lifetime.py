"""Criteria that one result in the record meets, whenever it was: the best result counts, not the newest."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.engine.finding import Finding, best_supported
from cds_service.engine.pathways import effort
from cds_service.engine.plain_text import day_text
from cds_service.engine.truth import MET, UNKNOWN
from cds_service.facts import LabResult, When
from cds_service.policies.rules.case import Case, usable


def best_of_both(charted: Finding, stated: Finding) -> Finding:
    """Combines chart and statement when either is enough: the one that meets the criterion, else the chart's."""
    if stated.truth is MET or not charted.evidence:
        return stated
    return charted


def results_of(case: Case, key: str) -> list[LabResult]:
    """Results up to the day of the order, the newest first."""
    kept = [r for r in case.chart.results.get(key, ()) if usable(r.when, case.as_of)]
    return sorted(kept, key=lambda r: (r.when.last.isoformat() if r.when else "", r.reference), reverse=True)


def best_result(findings: Iterable[Finding]) -> Finding | None:
    """The result that supports the criterion best; among open ones the one that needs least, among
    equals the newest."""
    all_of_them = list(findings)
    met_ones = [finding for finding in all_of_them if finding.truth is MET]
    if met_ones:
        return best_supported(*met_ones)
    still_open = [finding for finding in all_of_them if finding.truth is UNKNOWN]
    if still_open:
        return min(still_open, key=effort)
    return all_of_them[0] if all_of_them else None


def dated(when: When | None) -> str:
    """When a result was, in parentheses behind its value."""
    return f" ({day_text(when)})" if when is not None else " (no date)"
