"""Which policy governs an order on a day, and the determination it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

from cds_service.engine.determination import CoverageStanding, Determination, Outcome, outcome_of
from cds_service.engine.finding import Finding
from cds_service.engine.parameters import ParametersOn
from cds_service.errors import NoVersionInForce
from cds_service.facts import Chart, DeviceOrder, Record, Scope, Topic
from cds_service.policies import mp_mm_1316
from cds_service.policies.mp_mm_1316 import replacement
from cds_service.policies.mp_mm_1316.case import Case, usable
from cds_service.policies.mp_mm_1316.coverage import standing

_JUDGED = (Scope.PUMP, Scope.EXCLUDED_DEVICE, Scope.REPAIR)


def is_governed_kind(order: DeviceOrder) -> bool:
    """Whether this is an order that the policy speaks about, so that the chart has to be read."""
    return order.scope in _JUDGED and order.out_of_scope is None


def parameters_on(day: date, overrides: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """The parameters in force on a day, with a plan's own values on top; NoVersionInForce before the first."""
    in_force = _parameters_on(day)
    return {**in_force, **overrides} if overrides else in_force


def payer_parameters(day: date, overrides: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """What says who the payer is; also known of days before the first version of the policy."""
    return parameters_on(max(day, mp_mm_1316.VERSIONS[0]), overrides)


@lru_cache(maxsize=64)
def _parameters_on(day: date) -> Mapping[str, Any]:
    return MappingProxyType(dict(ParametersOn(mp_mm_1316.PARAMETERS, day)))


def version_on(day: date) -> str:
    """The policy version in force on a day, named by its start date; NoVersionInForce before the first."""
    held = [start for start in mp_mm_1316.VERSIONS if start <= day]
    if not held:
        raise NoVersionInForce(f"no version of {mp_mm_1316.POLICY_ID} is held for {day.isoformat()}")
    return max(held).isoformat()


def determine(
    order: DeviceOrder, chart: Chart, as_of: date, overrides: Mapping[str, Any] | None = None
) -> Determination:
    """The determination for one order; pure: the same facts on the same day always give the same one."""
    notes = tuple(dict.fromkeys((*order.notes, *chart.notes)))
    said = partial(Determination, order.reference, as_of=as_of, policy_id=mp_mm_1316.POLICY_ID)
    unjudged = partial(said, Outcome.NOT_APPLICABLE, policy_version=None, notes=notes)
    if not is_governed_kind(order):
        reason = order.out_of_scope or "The order is not for an insulin pump"
        return unjudged(coverage=CoverageStanding.UNVERIFIED, reason=reason)
    try:
        version = version_on(as_of)
    except NoVersionInForce as error:
        reason = f"The order is of {as_of}: {error}. It is not judged by a later text"
        return unjudged(coverage=CoverageStanding.UNVERIFIED, reason=reason, before_policy=True)
    parameters = parameters_on(as_of, overrides)
    covered = _coverage(chart, as_of, parameters)
    if covered["coverage"] is CoverageStanding.NOT_GOVERNED:
        reason = f"The policy does not govern this coverage: {covered['coverage_note']}"
        return unjudged(policy_version=version, reason=reason, **covered)
    case = Case(order, chart, as_of, parameters)
    notes = (*notes, *_later(case))
    if covered["coverage"] is CoverageStanding.UNVERIFIED:
        notes = (f"Coverage not verified: {covered['coverage_note']}", *notes)
    return said(policy_version=version, notes=notes, **covered, **_judged(case))


def _coverage(chart: Chart, as_of: date, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a determination says of the member's coverage, by its names."""
    found = standing(chart.coverages, chart.state, as_of, parameters)
    covered, why = found.standing, found.why
    unread = chart.unread.get(Topic.COVERAGE) and covered is not CoverageStanding.GOVERNED
    # Of several coverages the primary one decides: with some unread, nobody knows which that is.
    if unread or chart.partial.get(Topic.COVERAGE):
        covered, why = CoverageStanding.UNVERIFIED, "the coverage could not be read whole"
    coverage = found.coverage
    return {
        "coverage": covered,
        "coverage_note": why,
        "coverage_reference": coverage.reference if coverage and coverage.nameable else None,
        "coverage_ends": coverage.period[1] if coverage else None,
    }


def _judged(case: Case) -> dict[str, Any]:
    """The outcome with the findings behind it, by a determination's names."""
    criteria = tuple(case.finding(unit) for unit in mp_mm_1316.CRITERIA)
    exclusions = tuple(case.finding(unit) for unit in mp_mm_1316.EXCLUSIONS)
    required, excluding = criteria, exclusions
    replaced: tuple[Finding, ...] = ()
    replaces = replacement.takes_replacement_path(case)
    if replaces or replacement.may_replace(case):
        replaced = tuple(case.finding(unit) for unit in mp_mm_1316.REPLACEMENT)
    if replaces:
        required = (criteria[0], *_named(replaced, replacement.REQUIREMENTS))
        excluding = (*exclusions, *_named(replaced, replacement.REFUSED_REASONS))
    outcome = outcome_of(required, excluding)
    reason = None
    if outcome is Outcome.LIKELY_APPROVED and not case.order.coded:
        outcome = Outcome.NEEDS_DOCUMENTATION
        reason = "The order names an insulin pump only in words"
    return {
        "outcome": outcome,
        "criteria": criteria,
        "exclusions": exclusions,
        "replacement": replaced,
        "reason": reason,
        "on_replacement_path": replaces,
    }


def _later(case: Case) -> list[str]:
    """Finished events dated after the day of the order: not used, and noted."""
    chart = case.chart
    results: tuple[tuple[Record, ...], ...] = (chart.hba1c, chart.albumin_creatinine, chart.egfr)
    events = (chart.education, chart.dialysis, chart.stays, chart.diagnoses, chart.pumps, chart.pump_training)
    return [
        f"{record.reference} not used: dated {record.when}, after the order"
        for group in (*results, *events)
        for record in group
        if not usable(record.when, case.as_of)
    ]


def _named(findings: Sequence[Finding], units: Sequence[Any]) -> tuple[Finding, ...]:
    sections = {unit.section for unit in units}
    return tuple(finding for finding in findings if finding.id in sections)
