"""Da Vinci CRD's rules for the coverage of a call: which one it is, and what stops the answer.

What an EHR has to mend is refused with a status of its own; what the plan knows of a member is an answer like any
other (section Q of the guide's decision order: coverage absent, several, of no named or another payer → 400; not
readable → 412; member unknown or not active → 200).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from typing import Any

from cds_service.errors import BadRequest, PreconditionFailed
from cds_service.facts import Chart, Coverage, Topic
from cds_service.policies.mp_mm_1316 import PAYER
from cds_service.policies.mp_mm_1316.coverage import is_payers, primary_coverages
from cds_service.services.member_roster import Roster


class Problem(Enum):
    """What is the matter with the coverage of a call."""

    UNREAD = auto()
    ABSENT = auto()
    SEVERAL = auto()
    UNNAMED = auto()
    PAYER_UNREAD = auto()
    PAYER_UNIDENTIFIED = auto()
    OTHER_PAYER = auto()
    NOT_ACTIVE = auto()
    MEMBER_UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Position:
    """The coverage that an order is held against, what is the matter with it, and the last day that is known of it."""

    coverage: Coverage | None = None
    problem: Problem | None = None
    ends: date | None = None


def position_of(chart: Chart, as_of: date, parameters: Mapping[str, Any], roster: Roster | None) -> Position:
    """Where an order of that day stands with the member's coverages."""
    if not chart.coverages:
        unread = Topic.COVERAGE in chart.unread or Topic.COVERAGE in chart.partial
        return Position(problem=Problem.UNREAD if unread else Problem.ABSENT)
    primary = primary_coverages(chart.coverages, as_of)
    if not primary:
        return _inactive(chart, parameters)
    if len(primary) > 1:
        return Position(problem=Problem.SEVERAL)
    coverage = primary[0]
    if not coverage.nameable:
        return Position(problem=Problem.UNNAMED)
    if not coverage.payer_identifiers:
        problem = Problem.PAYER_UNREAD if coverage.payer_unread else Problem.PAYER_UNIDENTIFIED
        return Position(coverage, problem)
    if is_payers(coverage, parameters) is not True:
        return Position(coverage, Problem.OTHER_PAYER)
    return _member(coverage, as_of, roster)


def _inactive(chart: Chart, parameters: Mapping[str, Any]) -> Position:
    """Coverages, but none in force on the day: the last one of this payer tells that."""
    ours = [c for c in chart.coverages if c.nameable and is_payers(c, parameters) is True]
    if not ours:
        return Position(problem=Problem.OTHER_PAYER)
    last = max(ours, key=lambda c: (c.period[1] or c.period[0] or date.min, c.reference))
    return Position(last, Problem.NOT_ACTIVE)


def _member(coverage: Coverage, as_of: date, roster: Roster | None) -> Position:
    ends = coverage.period[1]
    if roster is None:
        return Position(coverage, ends=ends)
    if not roster.knows(coverage.member_ids):
        return Position(coverage, Problem.MEMBER_UNKNOWN)
    span = roster.span_on(coverage.member_ids, as_of)
    if span is None:
        return Position(coverage, Problem.NOT_ACTIVE)
    return Position(coverage, ends=min((end for end in (ends, span[1]) if end), default=None))


_FIELD = "prefetch.coverage"
_REFUSALS: dict[Problem, tuple[type[BadRequest], str, str]] = {
    Problem.UNREAD: (
        PreconditionFailed,
        "the patient's Coverage could not be read: prefetch it, or give fhirServer and a token that grants it",
        "incomplete",
    ),
    Problem.ABSENT: (
        BadRequest,
        f"the patient has no Coverage: send the one active Coverage of {PAYER}, with the patient as beneficiary",
        "required",
    ),
    Problem.SEVERAL: (
        BadRequest,
        "several active Coverages are primary: send the one that this call is about, or give them an `order`",
        "multiple-matches",
    ),
    Problem.UNNAMED: (
        BadRequest,
        "the Coverage has no id: give it one, so that the answer can refer to it",
        "required",
    ),
    Problem.PAYER_UNREAD: (
        PreconditionFailed,
        "the payor of the Coverage is only referred to and could not be read: send its identifier, or let the "
        "Organization be read",
        "incomplete",
    ),
    Problem.PAYER_UNIDENTIFIED: (
        BadRequest,
        "the payor of the Coverage has no identifier: send Coverage.payor.identifier, or an Organization with one",
        "required",
    ),
    Problem.OTHER_PAYER: (
        BadRequest,
        f"the Coverage is not known as one of {PAYER}: this service answers for that payer only",
        "business-rule",
    ),
}
# What a look at prefetched coverages already settles, before anything is fetched.
_SETTLED = (Problem.ABSENT, Problem.SEVERAL, Problem.UNNAMED, Problem.PAYER_UNIDENTIFIED, Problem.OTHER_PAYER)


def refuse(position: Position, *, before_fetching: bool = False) -> None:
    """Raises what an EHR has to mend; with `before_fetching` only what no further reading could mend."""
    if position.problem is None or (before_fetching and position.problem not in _SETTLED):
        return
    refusal = _REFUSALS.get(position.problem)
    if refusal is not None:
        kind, message, code = refusal
        raise kind(message, _FIELD, code)
