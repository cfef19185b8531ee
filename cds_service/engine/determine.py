"""The determination of one order under one policy; pure: the same facts on the same day always give the same one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from cds_service.engine.case import Case
from cds_service.engine.coverage_match import CoverageMatch
from cds_service.engine.determination import Applicability, Determination, Outcome, outcome_of
from cds_service.engine.finding import Finding, Gap
from cds_service.engine.plain_text import day_text
from cds_service.engine.policy import PolicyOnDay, Replacement
from cds_service.engine.rule import Rule
from cds_service.facts import DeviceOrder, Scope

_HEADS = {
    Applicability.UNVERIFIED: "Coverage not verified",
    Applicability.NOT_IN_FORCE: "Coverage not in force",
}


def not_applicable(order: DeviceOrder, as_of: date, policy_id: str, notes: tuple[str, ...] = ()) -> Determination:
    """The determination of an order that no policy covers, or that was not assessed."""
    reason = order.out_of_scope or "The order is not for an insulin pump"
    return Determination(
        order.reference,
        Outcome.NOT_APPLICABLE,
        as_of,
        policy_id,
        None,
        Applicability.UNVERIFIED,
        reason=reason,
        notes=notes,
        not_reached=order.not_reached,
    )


def determine(case: Case, policy: PolicyOnDay, match: CoverageMatch) -> Determination:
    """What the policy says of an order under the coverage that it is held against."""
    order, as_of = case.order, case.as_of
    notes = (*_coverage_notes(match), *dict.fromkeys((*order.notes, *case.chart.notes)))
    coverage = match.coverage
    version = policy.policy.version_on(as_of)
    determination = Determination(
        order=order.reference,
        outcome=Outcome.NOT_APPLICABLE,
        as_of=as_of,
        policy_id=policy.id,
        policy_version=version,
        coverage=match.applicability,
        coverage_note=match.why,
        coverage_reference=coverage.reference if coverage and coverage.nameable else None,
        coverage_ends=match.ends,
        eligibility=match.eligibility,
        notes=notes,
    )
    if match.applicability is Applicability.NOT_GOVERNED:
        return replace(determination, reason=f"{policy.id} is not the policy for this coverage: {match.why}")
    if version is None:
        reason = f"The order is of {day_text(as_of)}, before the first version of {policy.id} that is known here"
        governed = match.applicability is Applicability.GOVERNED
        return replace(
            determination,
            reason=f"{reason}. A later version is not applied to it",
            before_policy=True,
            coverage=Applicability.UNVERIFIED if governed else match.applicability,
        )
    notes = (*notes, *policy.policy.later(case))
    return replace(determination, notes=notes, **_combined(case, policy, match))


def _coverage_notes(match: CoverageMatch) -> tuple[str, ...]:
    head = _HEADS.get(match.applicability)
    return (*((f"{head}: {match.why}",) if head else ()), *match.notes)


def _combined(case: Case, policy: PolicyOnDay, match: CoverageMatch) -> dict[str, Any]:
    """The outcome with its findings, as fields of a Determination."""
    refill = policy.in_force(policy.policy.refill) if case.order.scope is Scope.REFILL else ()
    required, excluding = refill or policy.criteria, () if refill else policy.exclusions
    criteria = tuple(map(case.finding, required))
    exclusions = tuple(map(case.finding, excluding))
    findings: tuple[Finding, ...] = ()
    replacement = policy.policy.replacement
    replaces = replacement is not None and replacement.taken(case)
    if replacement is not None and (replaces or replacement.possible(case)):
        findings = tuple(map(case.finding, policy.in_force(replacement.rules)))
    if replacement is not None and replaces:
        required = policy.in_force((*replacement.also_required, *replacement.required))
        excluding = (*policy.exclusions, *_refusals(case, replacement))
    outcome = outcome_of(tuple(map(case.finding, required)), tuple(map(case.finding, excluding)))
    reason = None
    if outcome is Outcome.LIKELY_APPROVED and not case.order.coded:
        outcome = Outcome.NEEDS_DOCUMENTATION
        reason = "The order names an insulin pump in words, without its HCPCS code"
    if match.eligibility:
        head = f"{_HEADS[match.applicability]}: {match.why}"
        reason = f"{head}. {reason}" if reason else head
        outcome = Outcome.NEEDS_DOCUMENTATION if outcome is Outcome.LIKELY_APPROVED else outcome
    return {
        "outcome": outcome,
        "criteria": criteria,
        "exclusions": exclusions,
        "replacement": findings,
        "reason": reason,
        "on_replacement_path": replaces,
        "required": tuple(rule.section for rule in required),
        "excluding": tuple(rule.section for rule in excluding),
    }


def _refusals(case: Case, replacement: Replacement) -> tuple[Rule, ...]:
    """Reasons that the policy refuses. They are read from the same statements as the accepted ones: where those could
    not be read, the missing justification says so once for all."""
    unread = case.finding(replacement.justification).gap is Gap.NOT_RETRIEVED
    return tuple(rule for rule in replacement.refusals if not (unread and case.finding(rule).gap is not None))
