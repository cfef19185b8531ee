"""Which coverage an order is held against, and whether a policy governs it: what every consumer reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from typing import Protocol

from cds_service.engine.determination import Applicability
from cds_service.engine.plain_text import day_text
from cds_service.facts import Coverage


class MatchReason(Enum):
    """Why a coverage match is what it is."""

    GOVERNED = auto()
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
    SEVERAL_POLICIES = auto()
    BESIDE_ONLY = auto()
    OVER = auto()
    NO_MEMBERSHIP = auto()
    MEMBER_UNKNOWN = auto()


# What has to be settled with the plan first, where the coverage alone says it.
_TO_SETTLE = {
    MatchReason.MEMBER_UNKNOWN: "check the member id, the plan does not know it",
    MatchReason.SEVERAL_POLICIES: "ask which plan pays first",
    MatchReason.BESIDE_ONLY: "check for the main coverage, only one beside it is on file",
}


class Members(Protocol):
    """The plan's own list of members."""

    def knows(self, member_ids: Iterable[str]) -> bool:
        """Whether any of these ids is a member's."""

    def span_on(self, member_ids: Iterable[str], day: date) -> tuple[date, date | None] | None:
        """The span of membership that holds the day; None when there is none."""


@dataclass(frozen=True, slots=True)
class CoverageMatch:
    """The coverage that an order is held against, and whether the policy governs it.

    `why`: in a clause. `payer`: True the policy's payer, False another one, None nobody knows. `rivals`: coverages
    that stand equally first, where there are several. `ends`: the last day that is known of it. `own`: of the coverages
    that stand first, the one that the policy governs or may govern; None where it has none. `pays_after`: it never pays
    first beside another.
    """

    applicability: Applicability
    reason: MatchReason
    why: str
    coverage: Coverage | None = None
    payer: bool | None = None
    rivals: tuple[Coverage, ...] = ()
    ends: date | None = None
    notes: tuple[str, ...] = field(default=())
    own: Coverage | None = None
    pays_after: bool = False

    @property
    def eligibility(self) -> str:
        """What has to be settled with the plan first, in a few words; empty where nothing has."""
        settle = _TO_SETTLE.get(self.reason)
        if settle is not None:
            return settle
        if self.applicability is not Applicability.NOT_IN_FORCE:
            return ""
        known = "not on the plan list" if self.reason is MatchReason.NO_MEMBERSHIP else self._on_file
        return f"check eligibility ({known})"

    @property
    def _on_file(self) -> str:
        return f"on file: {dates_of(self.coverage)}" if self.coverage else "none on file"


def dates_of(coverage: Coverage) -> str:
    """The period of a coverage in words."""
    start, end = coverage.period
    if start and end:
        return f"{day_text(start)} to {day_text(end)}"
    if start:
        return f"from {day_text(start)}"
    return f"until {day_text(end)}" if end else "no dates"


def label(coverage: Coverage) -> str:
    """A coverage as a clinician knows it: the payer and the plan."""
    payer = payer_of(coverage)
    plan = next((text for text in coverage.plan_texts if not any(character.isdigit() for character in text)), "")
    if not plan:
        return f"the coverage of {payer}"
    return plan if plan.casefold().startswith(payer.casefold()) else f"{payer} {plan}"


def payer_of(coverage: Coverage) -> str:
    """The payer's name, as the coverage gives it."""
    return next(iter(coverage.payer_names), "a payer without a name")
