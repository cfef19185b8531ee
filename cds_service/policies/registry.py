"""The policies that this version holds, and which of them an order is held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from cds_service.engine.coverage_match import CoverageMatch, MatchReason, Members, label
from cds_service.engine.determination import Applicability
from cds_service.engine.policy import Policy, PolicyOnDay
from cds_service.engine.wording import listed
from cds_service.errors import BadSetting
from cds_service.facts import Chart, ChartSection, Coverage, DeviceOrder, ResultKind, Scope
from cds_service.policies import cg_dme_51, medicare_l33794, mp_mm_1316
from cds_service.policies.match_coverage import match_coverage

POLICIES: tuple[Policy, ...] = (mp_mm_1316.POLICY, medicare_l33794.POLICY, cg_dme_51.POLICY)
_GOVERNED_KINDS = (Scope.PUMP, Scope.EXCLUDED_DEVICE, Scope.REPAIR, Scope.REFILL)


def is_governed_kind(order: DeviceOrder) -> bool:
    """Whether this is an order that policies speak about, so that the chart has to be read."""
    return order.scope in _GOVERNED_KINDS and order.out_of_scope is None


def assess_refills(policies: Iterable[Policy]) -> bool:
    """Whether one of these policies judges supplies that are ordered alone, so that the chart has to be read for
    them."""
    return any(policy.refill for policy in policies)


def with_refills(orders: Sequence[DeviceOrder], policies: Iterable[Policy]) -> list[DeviceOrder]:
    """The orders, supplies as a refill where one of these policies judges such and no pump is ordered beside them."""
    pump = any(order.scope is Scope.PUMP and order.out_of_scope is None for order in orders)
    if pump or not assess_refills(policies):
        return list(orders)
    return [replace(order, scope=Scope.REFILL) if order.scope is Scope.SUPPLIES else order for order in orders]


def policy_named(policy_id: str) -> Policy | None:
    """A policy by its id; None when it is not held."""
    return next((policy for policy in POLICIES if policy.id == policy_id), None)


def policy_on(policy_id: str, day: date, overrides: Mapping[str, Any] | None = None) -> PolicyOnDay | None:
    """A policy by its id as it reads on a day; None when it is not held. `overrides`: as of `choose_policy`."""
    policy = policy_named(policy_id)
    return policy.on(day, overrides) if policy is not None else None


def policies_in_use(named: str) -> tuple[Policy, ...]:
    """The policies of a setting: ids, separated by commas. BadSetting for one that is not held, and for none."""
    ids = list(dict.fromkeys(name.strip() for name in named.split(",") if name.strip()))
    held = {policy.id: policy for policy in POLICIES}
    missing = [name for name in ids if name not in held]
    if missing or not ids:
        what = f"names {missing[0]}, which is not held" if missing else "names no policy"
        raise BadSetting(f"PUMP_CDS_POLICIES {what}: this version holds {', '.join(held)}")
    return tuple(held[name] for name in ids)


def result_kinds(policies: Iterable[Policy]) -> tuple[ResultKind, ...]:
    """The kinds of results that these policies ask for on their own, each once."""
    return tuple({kind.key: kind for policy in policies for kind in policy.results}.values())


def chart_sections(policies: Iterable[Policy]) -> tuple[str, ...]:
    """The parts of the chart that these policies depend on, by prefetch key: no other is searched for.

    Whose plan it is and where the member lives is asked for in any case.
    """
    policies = tuple(policies)
    needed = {name for policy in policies for name in policy.dependencies}
    own = dict.fromkeys(kind.chart_section for kind in result_kinds(policies))
    always = (ChartSection.PATIENT, ChartSection.COVERAGE)
    return (*(section for section in ChartSection if section in needed or section in always), *own)


def questionnaires_of(policies: Iterable[Policy]) -> Mapping[str, Mapping[str, str]]:
    """The questionnaires of these policies by id: by linkId, the general name of what each question asks."""
    return {policy.questionnaire.id: policy.question_meanings for policy in policies}


def choose_policies(
    policies: Sequence[Policy],
    order: DeviceOrder,
    chart: Chart,
    as_of: date,
    overrides: Mapping[str, Any] | None = None,
    members: Members | None = None,
) -> tuple[tuple[Policy, CoverageMatch], ...]:
    """The policies that an order is held against, each with the coverage that it governs: one, as a rule.

    The one that governs the member's coverage on the day; else the one that comes nearest to it, of equals the first.
    Where coverages that stand equally first point to several policies, each of these, and nobody knows which decides.
    `members`: the plan's own list, None when it gives none.
    """
    matches = [
        (policy, match_coverage(order, chart, as_of, policy.on(as_of, overrides), members)) for policy in policies
    ]
    held = [(policy, match) for policy, match in matches if match.applicability is not Applicability.NOT_IN_FORCE]
    claims = [(policy, match, match.own) for policy, match in held if match.own is not None]
    if len(claims) > 1:
        why = f"several policies may decide: {listed(f'{policy.id} for {label(own)}' for policy, _, own in claims)}"
        return tuple((policy, _one_of_several(match, own, why)) for policy, match, own in claims)
    return (min(matches, key=lambda pair: _distance(pair[1])),)


def _one_of_several(match: CoverageMatch, own: Coverage, why: str) -> CoverageMatch:
    """A policy's match where another policy claims the order as well."""
    end = own.period[1]
    return replace(
        match,
        applicability=Applicability.UNVERIFIED,
        reason=MatchReason.SEVERAL_POLICIES,
        why=why,
        coverage=own,
        payer=True,
        ends=end.last if end else None,
    )


_NEAREST = (Applicability.GOVERNED, Applicability.NOT_IN_FORCE, Applicability.UNVERIFIED, Applicability.NOT_GOVERNED)


def _distance(match: CoverageMatch) -> tuple[int, bool, int]:
    """How far a match is from governing. Of policies that are not in force the one whose coverage ended last is nearer,
    of unverified ones the one that a coverage points to. That only others' coverages are over says least: a policy that
    knows the payer and does not govern the plan says more."""
    others_only = match.reason is MatchReason.OTHERS_NOT_IN_FORCE
    ended = match.ends.toordinal() if match.ends and match.applicability is Applicability.NOT_IN_FORCE else 0
    near = len(_NEAREST) if others_only else _NEAREST.index(match.applicability)
    return near, match.own is None and not _points(match), -ended


def _points(match: CoverageMatch) -> bool:
    return match.payer is True or match.reason is MatchReason.BESIDE_ONLY
