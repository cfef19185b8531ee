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
from cds_service.errors import BadSetting
from cds_service.facts import Chart, DeviceOrder, Record, Scope
from cds_service.policies import mp_mm_1316
from cds_service.policies.mp_mm_1316 import replacement
from cds_service.policies.mp_mm_1316.case import Case, usable
from cds_service.policies.mp_mm_1316.coverage import CoverageMatch, Members, match_coverage

_JUDGED = (Scope.PUMP, Scope.EXCLUDED_DEVICE, Scope.REPAIR)


def check_policies(named: str) -> None:
    """BadSetting unless every named policy is held; `named` are ids, separated by commas."""
    ids = [name.strip() for name in named.split(",") if name.strip()]
    missing = [name for name in ids if name != mp_mm_1316.POLICY_ID]
    if missing or not ids:
        what = f"names {missing[0]}, which is not held" if missing else "names no policy"
        raise BadSetting(f"PUMP_CDS_POLICIES {what}: this version holds {mp_mm_1316.POLICY_ID}")


def is_governed_kind(order: DeviceOrder) -> bool:
    """Whether this is an order that the policy speaks about, so that the chart has to be read."""
    return order.scope in _JUDGED and order.out_of_scope is None


def parameters_on(day: date, overrides: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """The parameters in force on a day, with a plan's own values on top; NoVersionInForce before the first."""
    in_force = _parameters_on(day)
    return {**in_force, **overrides} if overrides else in_force


@lru_cache(maxsize=64)
def _parameters_on(day: date) -> Mapping[str, Any]:
    return MappingProxyType(dict(ParametersOn(mp_mm_1316.PARAMETERS, day)))


def version_on(day: date) -> str | None:
    """The policy version in force on a day, named by its start date; None before the first."""
    held = [start for start in mp_mm_1316.VERSIONS if start <= day]
    return max(held).isoformat() if held else None


def match(
    order: DeviceOrder,
    chart: Chart,
    as_of: date,
    overrides: Mapping[str, Any] | None = None,
    members: Members | None = None,
) -> CoverageMatch:
    """The coverage that an order is held against; also of days before the first version of the policy."""
    parameters = parameters_on(max(as_of, mp_mm_1316.VERSIONS[0]), overrides)
    return match_coverage(order, chart, as_of, parameters, members)


def determine(
    order: DeviceOrder,
    chart: Chart,
    as_of: date,
    overrides: Mapping[str, Any] | None = None,
    matched: CoverageMatch | None = None,
) -> Determination:
    """The determination for one order; pure: the same facts on the same day always give the same one.

    `matched`: the order's coverage, where it was matched before.
    """
    notes = tuple(dict.fromkeys((*order.notes, *chart.notes)))
    said = partial(Determination, order.reference, as_of=as_of, policy_id=mp_mm_1316.POLICY_ID)
    if not is_governed_kind(order):
        unjudged = partial(said, Outcome.NOT_APPLICABLE, policy_version=None, coverage=CoverageStanding.UNVERIFIED)
        return unjudged(reason=order.out_of_scope or "The order is not for an insulin pump", notes=notes)
    matched = matched or match(order, chart, as_of, overrides)
    said = partial(said, policy_version=version_on(as_of), **_covered(matched))
    notes = (*_coverage_notes(matched), *notes)
    if matched.standing is CoverageStanding.NOT_GOVERNED:
        reason = f"The policy does not govern this coverage: {matched.why}"
        return said(Outcome.NOT_APPLICABLE, reason=reason, notes=notes)
    if version_on(as_of) is None:
        reason = f"The order is of {as_of}: no version of {mp_mm_1316.POLICY_ID} is held for {as_of}"
        reason = f"{reason}. It is not judged by a later text"
        covered = CoverageStanding.UNVERIFIED if matched.standing is CoverageStanding.GOVERNED else matched.standing
        return said(Outcome.NOT_APPLICABLE, reason=reason, before_policy=True, notes=notes, coverage=covered)
    case = Case(order, chart, as_of, parameters_on(as_of, overrides))
    return said(notes=(*notes, *_later(case)), **_judged(case, matched))


def _covered(matched: CoverageMatch) -> dict[str, Any]:
    """What a determination says of the member's coverage, by its names."""
    coverage = matched.coverage
    return {
        "coverage": matched.standing,
        "coverage_note": matched.why,
        "coverage_reference": coverage.reference if coverage and coverage.nameable else None,
        "coverage_ends": matched.ends,
        "eligibility": matched.eligibility,
    }


_HEADS = {
    CoverageStanding.UNVERIFIED: "Coverage not verified",
    CoverageStanding.NOT_IN_FORCE: "Coverage not in force",
}


def _coverage_notes(matched: CoverageMatch) -> tuple[str, ...]:
    head = _HEADS.get(matched.standing)
    return (*((f"{head}: {matched.why}",) if head else ()), *matched.notes)


def _judged(case: Case, matched: CoverageMatch) -> dict[str, Any]:
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
    if matched.eligibility:
        head = _HEADS[matched.standing]
        reason = f"{head}: {matched.why}" + (f". {reason}" if reason else "")
        outcome = Outcome.NEEDS_DOCUMENTATION if outcome is Outcome.LIKELY_APPROVED else outcome
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
    events = (chart.education, chart.dialysis, chart.visits, chart.diagnoses, chart.pumps, chart.pump_training)
    return [
        f"{record.reference} not used: dated {record.when}, after the order"
        for group in (*results, *events)
        for record in group
        if not usable(record.when, case.as_of)
    ]


def _named(findings: Sequence[Finding], units: Sequence[Any]) -> tuple[Finding, ...]:
    sections = {unit.section for unit in units}
    return tuple(finding for finding in findings if finding.id in sections)
