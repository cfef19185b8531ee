"""Scope and section E: which coverage an order is held against, and whether the policy governs it on the day.

The only place that judges a coverage: determination, card, coverage-information and what a Da Vinci CRD client is
refused for are all made from its answer, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum, auto
from typing import Any, Protocol

from cds_service.concepts import Product
from cds_service.engine.determination import CoverageStanding
from cds_service.facts import Chart, Coverage, DeviceOrder, Topic, When
from cds_service.payers.identify import identify

GOVERNED, NOT_GOVERNED, NOT_IN_FORCE, UNVERIFIED = (
    CoverageStanding.GOVERNED,
    CoverageStanding.NOT_GOVERNED,
    CoverageStanding.NOT_IN_FORCE,
    CoverageStanding.UNVERIFIED,
)
PAYER = "CareSource"


class Reason(Enum):
    """Why a coverage match is what it is."""

    MARKETPLACE = auto()
    UNREAD = auto()
    ABSENT = auto()
    OTHERS_NOT_IN_FORCE = auto()
    OTHER_PAYER = auto()
    PAYER_UNKNOWN = auto()
    OTHER_STATE = auto()
    STATE_UNKNOWN = auto()
    OTHER_PRODUCT = auto()
    PRODUCT_UNKNOWN = auto()
    PRODUCTS_DISAGREE = auto()
    NOT_READABLE = auto()
    DISAGREE = auto()
    SECONDARY = auto()
    OVER = auto()
    NO_MEMBERSHIP = auto()
    MEMBER_UNKNOWN = auto()


class Members(Protocol):
    """The plan's own list of members."""

    def knows(self, member_ids: Iterable[str]) -> bool:
        """Whether any of these ids is a member's."""

    def span_on(self, member_ids: Iterable[str], day: date) -> tuple[date, date | None] | None:
        """The span of membership that holds the day; None when there is none."""


@dataclass(frozen=True, slots=True)
class CoverageMatch:
    """The coverage that an order is held against, and how it stands to the policy.

    `why`: in a clause. `payer`: True the policy's payer, False another one, None nobody knows. `rivals`: coverages
    that stand equally first, where there are several. `ends`: the last day that is known of it.
    """

    standing: CoverageStanding
    reason: Reason
    why: str
    coverage: Coverage | None = None
    payer: bool | None = None
    rivals: tuple[Coverage, ...] = ()
    ends: date | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def eligibility(self) -> str:
        """What has to be settled with the plan first, in a few words; empty where nothing has."""
        if self.reason is Reason.MEMBER_UNKNOWN:
            return "check the member id, the plan does not know it"
        if self.standing is not NOT_IN_FORCE:
            return ""
        return f"check eligibility ({'not on the plan list' if self.reason is Reason.NO_MEMBERSHIP else self._on_file})"

    @property
    def _on_file(self) -> str:
        return f"on file: {dates_of(self.coverage)}" if self.coverage else "none on file"


def match_coverage(
    order: DeviceOrder, chart: Chart, as_of: date, parameters: Mapping[str, Any], members: Members | None = None
) -> CoverageMatch:
    """The coverage of an order: the one that its insurance names, else the first in force by `order`.

    `members`: the plan's list, None when it gives none. Nothing is said of other coverages where some were not read.
    """
    judged = [_judged(coverage, chart.state, parameters) for coverage in chart.coverages]
    match = _with_member(_match(order, judged, as_of), as_of, members)
    unread = Topic.COVERAGE in chart.unread and match.standing is not GOVERNED
    # Of several coverages the primary one decides: with some unread, nobody knows which that is.
    if unread or Topic.COVERAGE in chart.partial:
        why = "the coverage could not be read whole"
        match = replace(match, standing=UNVERIFIED, reason=Reason.UNREAD, why=why)
    return match


def _match(order: DeviceOrder, judged: Sequence[CoverageMatch], as_of: date) -> CoverageMatch:
    in_force = [each for each in judged if _in_force(each, as_of)]
    named = [each for each in in_force if _reference(each) in order.coverage_references]
    first = _first(named or in_force)
    if not first:
        return _none_in_force(order, judged, as_of)
    chosen = _agreed(first, [] if named else in_force)
    notes = list(chosen.notes)
    if chosen.coverage is not None and not _surely_covers(chosen.coverage, as_of):
        notes.append(
            f"{_reference(chosen)}: its period is only known as {dates_of(chosen.coverage)}, taken as in force"
        )
    known = {_reference(each) for each in judged}
    over = [r for r in order.coverage_references if r not in {_reference(each) for each in named}]
    for reference in over:
        how = "is not in force on the day" if reference in known else "is not among the coverages that count"
        notes.append(f"{reference}, which the order names as its insurance, {how}")
    return replace(chosen, notes=tuple(notes))


def _first(judged: Sequence[CoverageMatch]) -> list[CoverageMatch]:
    """Those with the lowest `order`; a missing order comes after any that is given."""
    orders = [each.coverage.order for each in judged if each.coverage and each.coverage.order is not None]
    lowest = min(orders, default=None)
    return [each for each in judged if each.coverage and each.coverage.order == lowest]


def _agreed(first: Sequence[CoverageMatch], others: Sequence[CoverageMatch]) -> CoverageMatch:
    """What the coverages that stand first say together; `others`: those that they may stand before."""
    rivals = tuple(each.coverage for each in first if each.coverage) if len(first) > 1 else ()
    standings = {each.standing for each in first}
    if len(standings) > 1:
        named = "; ".join(label(each.coverage) for each in first if each.coverage)
        listed = ", ".join(_reference(each) for each in first)
        why = f"several coverages stand equally first and disagree ({named})"
        return CoverageMatch(
            UNVERIFIED, Reason.DISAGREE, why, rivals=rivals, notes=(f"Coverages that disagree: {listed}",)
        )
    chosen = min(first, key=lambda each: (not (each.coverage and each.coverage.nameable), _reference(each)))
    behind = [each for each in others if each.standing is GOVERNED]
    if chosen.standing is NOT_GOVERNED and behind and chosen.coverage and behind[0].coverage:
        why = f"{label(behind[0].coverage)} is secondary, {label(chosen.coverage)} is primary"
        chosen = replace(chosen, reason=Reason.SECONDARY, why=why)
    return replace(chosen, rivals=rivals)


def _none_in_force(order: DeviceOrder, judged: Sequence[CoverageMatch], as_of: date) -> CoverageMatch:
    """Coverages, but none in force on the day: the last one of this payer tells that."""

    def recent(each: CoverageMatch) -> tuple[bool, bool, date, str]:
        start, end = each.coverage.period if each.coverage else (None, None)
        last = end.last if end else start.first if start else date.min
        nameable = each.coverage is not None and each.coverage.nameable
        return _reference(each) in order.coverage_references, nameable, last, _reference(each)

    if not judged:
        return CoverageMatch(UNVERIFIED, Reason.ABSENT, "no active insurance of the patient was found")
    ours = [each for each in judged if each.payer is True]
    if not ours:
        why = "no coverage is in force, and those on file are not known as the payer's"
        return CoverageMatch(UNVERIFIED, Reason.OTHERS_NOT_IN_FORCE, why)
    might = [each for each in ours if each.standing is not NOT_GOVERNED]
    last = max(might or ours, key=recent)
    if not might or last.coverage is None:
        return last
    why = f"{label(last.coverage)} {_how_over(last.coverage, as_of)}"
    return replace(last, standing=NOT_IN_FORCE, reason=Reason.OVER, why=why)


def _with_member(match: CoverageMatch, as_of: date, members: Members | None) -> CoverageMatch:
    """The match with what the plan's list says of the member."""
    coverage = match.coverage
    if members is None or coverage is None or match.payer is not True or match.standing in (NOT_GOVERNED, NOT_IN_FORCE):
        return match
    if not members.knows(coverage.member_ids):
        why = "the plan does not know the member id on the coverage"
        return replace(match, standing=UNVERIFIED, reason=Reason.MEMBER_UNKNOWN, why=why)
    span = members.span_on(coverage.member_ids, as_of)
    if span is None:
        why = f"the plan's list holds no membership of that day ({label(coverage)}, {dates_of(coverage)})"
        return replace(match, standing=NOT_IN_FORCE, reason=Reason.NO_MEMBERSHIP, why=why)
    return replace(match, ends=min((end for end in (match.ends, span[1]) if end), default=None))


# ---------------------------------------------------------------- one coverage


def _judged(coverage: Coverage, home_state: str | None, parameters: Mapping[str, Any]) -> CoverageMatch:
    """How one coverage stands to the policy, whether or not it is in force."""
    said = identify(coverage, parameters.get("payer_identifiers", ()))
    state, others = said.state or home_state, said.products - {Product.MARKETPLACE}
    other = " and ".join(sorted(product.value for product in others))
    marketplace = Product.MARKETPLACE in said.products

    def match(standing: CoverageStanding, reason: Reason, why: str) -> CoverageMatch:
        end = coverage.period[1]
        return CoverageMatch(standing, reason, why, coverage, said.payer, ends=end.last if end else None)

    if said.payer is False:
        return match(NOT_GOVERNED, Reason.OTHER_PAYER, f"the payer is another one: {_payer_of(coverage)}")
    if said.payer is None:
        if others and not marketplace:
            return match(NOT_GOVERNED, Reason.OTHER_PRODUCT, f"the plan is no Marketplace plan: {other}")
        return match(UNVERIFIED, Reason.PAYER_UNKNOWN, "the payer could not be identified")
    if state is not None and state not in parameters["states"]:
        return match(NOT_GOVERNED, Reason.OTHER_STATE, f"the plan is of {state}, which the policy does not cover")
    if others and said.in_words:
        why = f"{label(coverage)} names the Marketplace and {other}"
        return match(UNVERIFIED, Reason.PRODUCTS_DISAGREE, why)
    if others:
        return match(NOT_GOVERNED, Reason.OTHER_PRODUCT, f"the plan is another product of {PAYER}: {other}")
    if not marketplace:
        return match(UNVERIFIED, Reason.PRODUCT_UNKNOWN, "nothing says that the plan is a Marketplace plan")
    if state is None:
        return match(UNVERIFIED, Reason.STATE_UNKNOWN, "nothing says which state the plan is of")
    if coverage.period_unread or not coverage.status:
        what = "a period that cannot be read" if coverage.period_unread else "no status"
        return match(UNVERIFIED, Reason.NOT_READABLE, f"{label(coverage)} has {what}")
    return match(GOVERNED, Reason.MARKETPLACE, f"{label(coverage)} is a Marketplace plan of the payer in {state}")


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
        return f"starts {_on(start)}, after the order"
    if end is not None and end.last < day:
        return f"ended {_on(end)}, before the order"
    return f"has the status {coverage.status} ({dates_of(coverage)})"


def _on(when: When) -> str:
    return f"{'on' if when.first == when.last else 'in'} {when}"


def dates_of(coverage: Coverage) -> str:
    """The period of a coverage in words."""
    start, end = coverage.period
    if start and end:
        return f"{start} to {end}"
    if start:
        return f"from {start}"
    return f"until {end}" if end else "no dates"


def label(coverage: Coverage) -> str:
    """A coverage as a clinician knows it: the payer and the plan."""
    payer = _payer_of(coverage)
    plan = next((text for text in coverage.plan_texts if not any(character.isdigit() for character in text)), "")
    if not plan:
        return f"the coverage of {payer}"
    return plan if plan.casefold().startswith(payer.casefold()) else f"{payer} {plan}"


def _payer_of(coverage: Coverage) -> str:
    return next(iter(coverage.payer_names), "a payer without a name")


def _reference(match: CoverageMatch) -> str:
    return match.coverage.reference if match.coverage else ""
