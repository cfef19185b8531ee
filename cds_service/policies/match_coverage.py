"""Which coverage an order is held against, and whether the policy governs it on the day.

The only place that judges a coverage: determination, card, coverage-information and what a Da Vinci CRD client is
refused for are all made from its answer, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from cds_service.engine.coverage_match import CoverageMatch, MatchReason, Members, dates_of, label, payer_of
from cds_service.engine.determination import Applicability
from cds_service.engine.plain_text import on_text, status_text
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.states import STATE_NAMES
from cds_service.facts import Chart, ChartSection, Coverage, DeviceOrder
from cds_service.payers.identify import Identity, Payer, identify, payer_named

GOVERNED, NOT_GOVERNED, NOT_IN_FORCE, UNVERIFIED = (
    Applicability.GOVERNED,
    Applicability.NOT_GOVERNED,
    Applicability.NOT_IN_FORCE,
    Applicability.UNVERIFIED,
)


def match_coverage(
    order: DeviceOrder, chart: Chart, as_of: date, policy: PolicyOnDay, members: Members | None = None
) -> CoverageMatch:
    """The coverage of an order: the one that its insurance names, else the first in force by `order`.

    `members`: the plan's list, None when it gives none. Nothing is said of other coverages where some were not read.
    """
    candidates = [_of_one(coverage, chart.state, policy) for coverage in chart.coverages]
    # A program's members are on no plan's list.
    listed = None if _payer(policy).program else members
    match = _with_member(_match(order, candidates, as_of), as_of, listed)
    unread = ChartSection.COVERAGE in chart.unread and match.applicability is not GOVERNED
    # Of several coverages the primary one decides: with some unread, nobody knows which that is.
    if unread or ChartSection.COVERAGE in chart.partial:
        why = "the coverage could not be read in full"
        match = replace(match, applicability=UNVERIFIED, reason=MatchReason.UNREAD, why=why)
    return match


def _match(order: DeviceOrder, candidates: Sequence[CoverageMatch], as_of: date) -> CoverageMatch:
    in_force = [candidate for candidate in candidates if _in_force(candidate, as_of)]
    named = [candidate for candidate in in_force if _reference(candidate) in order.coverage_references]
    first = _first(named or [candidate for candidate in in_force if not candidate.pays_after] or in_force)
    if not first:
        return _none_in_force(order, candidates, as_of)
    chosen = _agreed(first, [] if named else in_force)
    notes = list(chosen.notes)
    if chosen.coverage is not None and not _surely_covers(chosen.coverage, as_of):
        notes.append(
            f"{_reference(chosen)}: its period is only known as {dates_of(chosen.coverage)}, taken as in force"
        )
    known = {_reference(candidate) for candidate in candidates}
    over = [r for r in order.coverage_references if r not in {_reference(candidate) for candidate in named}]
    for reference in over:
        how = "is not in force on the day" if reference in known else "is not among the coverages that count"
        notes.append(f"{reference}, which the order names as its insurance, {how}")
    return replace(chosen, notes=tuple(notes))


def _first(candidates: Sequence[CoverageMatch]) -> list[CoverageMatch]:
    """Those with the lowest `order`; a missing order comes after any that is given."""
    orders = [
        candidate.coverage.order
        for candidate in candidates
        if candidate.coverage and candidate.coverage.order is not None
    ]
    lowest = min(orders, default=None)
    return [candidate for candidate in candidates if candidate.coverage and candidate.coverage.order == lowest]


def _agreed(first: Sequence[CoverageMatch], others: Sequence[CoverageMatch]) -> CoverageMatch:
    """What the coverages that stand first say together; `others`: those that they may stand before."""
    rivals = tuple(candidate.coverage for candidate in first if candidate.coverage) if len(first) > 1 else ()
    applicabilities = {candidate.applicability for candidate in first}
    if len(applicabilities) > 1:
        named = "; ".join(label(candidate.coverage) for candidate in first if candidate.coverage)
        listed = ", ".join(_reference(candidate) for candidate in first)
        why = f"several coverages are primary and disagree ({named})"
        notes = (f"Coverages that disagree: {listed}",)
        return CoverageMatch(UNVERIFIED, MatchReason.DISAGREE, why, rivals=rivals, notes=notes, own=_own(first))
    chosen = min(
        first, key=lambda candidate: (not (candidate.coverage and candidate.coverage.nameable), _reference(candidate))
    )
    behind = [c for c in others if c.applicability is GOVERNED or (c.pays_after and c.payer is True)]
    if chosen.applicability is NOT_GOVERNED and behind and chosen.coverage and behind[0].coverage:
        why = f"{label(behind[0].coverage)} is secondary, {label(chosen.coverage)} is primary"
        chosen = replace(chosen, reason=MatchReason.SECONDARY, why=why)
    return replace(chosen, rivals=rivals, own=_own(first))


def _own(first: Sequence[CoverageMatch]) -> Coverage | None:
    """Of the coverages that stand first the one that the policy governs, else one of its payer that it may govern."""
    claimed = [candidate for candidate in first if candidate.applicability is GOVERNED]
    claimed += [c for c in first if c.applicability is UNVERIFIED and c.payer is True]
    named = [candidate for candidate in claimed if candidate.coverage and candidate.coverage.nameable]
    return next((candidate.coverage for candidate in (*named, *claimed)), None)


def _none_in_force(order: DeviceOrder, candidates: Sequence[CoverageMatch], as_of: date) -> CoverageMatch:
    """Coverages, but none in force on the day: the last one of this payer tells that."""

    def recent(candidate: CoverageMatch) -> tuple[bool, bool, date, str]:
        start, end = candidate.coverage.period if candidate.coverage else (None, None)
        last = end.last if end else start.first if start else date.min
        nameable = candidate.coverage is not None and candidate.coverage.nameable
        return _reference(candidate) in order.coverage_references, nameable, last, _reference(candidate)

    if not candidates:
        return CoverageMatch(UNVERIFIED, MatchReason.ABSENT, "no active insurance was found")
    ours = [candidate for candidate in candidates if candidate.payer is True]
    if not ours:
        why = "no coverage is in force, and those on file are not of a known payer"
        return CoverageMatch(UNVERIFIED, MatchReason.OTHERS_NOT_IN_FORCE, why)
    might = [candidate for candidate in ours if candidate.applicability is not NOT_GOVERNED]
    last = max(might or ours, key=recent)
    if not might or last.coverage is None:
        return last
    why = f"{label(last.coverage)} {_how_over(last.coverage, as_of)}"
    return replace(last, applicability=NOT_IN_FORCE, reason=MatchReason.OVER, why=why)


def _with_member(match: CoverageMatch, as_of: date, members: Members | None) -> CoverageMatch:
    """The match with what the plan's list says of the member."""
    coverage = match.coverage
    if (
        members is None
        or coverage is None
        or match.payer is not True
        or match.applicability in (NOT_GOVERNED, NOT_IN_FORCE)
    ):
        return match
    if not members.knows(coverage.member_ids):
        why = "the plan does not know the member id on the coverage"
        return replace(match, applicability=UNVERIFIED, reason=MatchReason.MEMBER_UNKNOWN, why=why)
    span = members.span_on(coverage.member_ids, as_of)
    if span is None:
        why = f"the plan lists no membership on that day ({label(coverage)}, {dates_of(coverage)})"
        return replace(match, applicability=NOT_IN_FORCE, reason=MatchReason.NO_MEMBERSHIP, why=why)
    return replace(match, ends=min((end for end in (match.ends, span[1]) if end), default=None))


# ---------------------------------------------------------------- one coverage


def _of_one(coverage: Coverage, home_state: str | None, policy: PolicyOnDay) -> CoverageMatch:
    """Whether the policy governs one coverage, whether or not it is in force."""
    governs, parameters = policy.policy.governs, policy.parameters
    identity = identify(coverage, _payer(policy), parameters.get(governs.identifiers, ()))
    end, after = coverage.period[1], identity.pays_after
    ends = end.last if end else None
    match = partial(CoverageMatch, coverage=coverage, payer=identity.payer, ends=ends, pays_after=after)
    name = governs.product_name
    others = identity.products - governs.products
    other = " and ".join(sorted(product.value for product in others))
    if identity.implies:
        why = f"{label(coverage)} is {other}, which stands beside a {name} plan that is not on file"
        return match(UNVERIFIED, MatchReason.BESIDE_ONLY, why)
    if identity.payer is True and after:
        why = f"{label(coverage)} pays second, and the plan that pays first is not on file"
        return match(UNVERIFIED, MatchReason.BESIDE_ONLY, why)
    if identity.payer is False:
        return match(NOT_GOVERNED, MatchReason.OTHER_PAYER, f"the payer is {payer_of(coverage)}")
    if identity.payer is None:
        if others and not governs.products & identity.products:
            return match(NOT_GOVERNED, MatchReason.OTHER_PRODUCT, f"the plan is {other}, not {name}")
        return match(UNVERIFIED, MatchReason.PAYER_UNKNOWN, "the payer could not be identified")
    state = identity.state or home_state
    states = parameters[governs.states] if governs.states is not None else None
    if states is not None and state is not None and state not in states:
        why = f"the plan is of {STATE_NAMES.get(state, state)}, which the policy does not cover"
        return match(NOT_GOVERNED, MatchReason.OTHER_STATE, why)
    if others and governs.products & identity.named:
        return match(UNVERIFIED, MatchReason.PRODUCTS_DISAGREE, f"{label(coverage)} names the {name} and {other}")
    if others:
        why = f"the plan is another {policy.payer} plan ({other})"
        return match(NOT_GOVERNED, MatchReason.OTHER_PRODUCT, why)
    return _of_product(coverage, identity, state, policy, match)


def _payer(policy: PolicyOnDay) -> Payer:
    governs = policy.policy.governs
    return payer_named(governs.payer, governs.payer_data)


def _of_product(
    coverage: Coverage,
    identity: Identity,
    state: str | None,
    policy: PolicyOnDay,
    match: Callable[[Applicability, MatchReason, str], CoverageMatch],
) -> CoverageMatch:
    """Whether the policy governs a coverage of its payer that names no other product."""
    governs = policy.policy.governs
    if not governs.products & identity.products:
        why = f"nothing says that the plan is a {governs.product_name} plan"
        return match(UNVERIFIED, MatchReason.PRODUCT_UNKNOWN, why)
    if governs.states is not None and state is None:
        return match(UNVERIFIED, MatchReason.STATE_UNKNOWN, "nothing says which state the plan is of")
    if coverage.period_unread or not coverage.status:
        what = "a period that cannot be read" if coverage.period_unread else "no status"
        return match(UNVERIFIED, MatchReason.NOT_READABLE, f"{label(coverage)} has {what}")
    where = f" in {STATE_NAMES.get(state or '', state)}" if governs.states is not None else ""
    why = f"{label(coverage)} is a {governs.product_name} plan of the payer{where}"
    return match(GOVERNED, MatchReason.GOVERNED, why)


def _in_force(match: CoverageMatch, day: date) -> bool:
    """Whether a coverage is active with the day in its period, both ends included.

    A partial date counts in its favor; a coverage with no status is not known to be over.
    """
    coverage = match.coverage
    if coverage is None or coverage.status not in ("active", ""):
        return False
    start, end = coverage.period
    return (start is None or start.first <= day) and (end is None or day <= end.last)


def _surely_covers(coverage: Coverage, day: date) -> bool:
    """Whether the day lies in the period, whichever day of a partial date is meant."""
    start, end = coverage.period
    return (start is None or start.last <= day) and (end is None or day <= end.first)


def _how_over(coverage: Coverage, day: date) -> str:
    """Why a coverage is not in force on a day."""
    start, end = coverage.period
    if start is not None and day < start.first:
        return f"starts {on_text(start)}, after the order"
    if end is not None and end.last < day:
        return f"ended {on_text(end)}, before the order"
    return f"is {status_text(coverage.status)} ({dates_of(coverage)})"


def _reference(match: CoverageMatch) -> str:
    return match.coverage.reference if match.coverage else ""
