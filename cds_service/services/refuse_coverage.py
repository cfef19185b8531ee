"""Da Vinci CRD's rules for the coverage of a call: what a CRD client gets an error for.

What an EHR has to mend is refused with a status of its own; what the plan knows of a member is an answer like any
other (section Q of the guide's decision order: coverage absent, several, of no named or another payer → 400; not
readable → 412; member unknown or not active → 200).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from cds_service.engine.coverage_match import CoverageMatch, MatchReason
from cds_service.engine.policy import Policy
from cds_service.errors import BadRequest, PreconditionFailed


class Problem(Enum):
    """What an EHR has to mend about the coverage of a call."""

    UNREAD = auto()
    ABSENT = auto()
    SEVERAL = auto()
    UNNAMED = auto()
    PAYER_UNREAD = auto()
    PAYER_UNIDENTIFIED = auto()
    OTHER_PAYER = auto()


def problem_of(match: CoverageMatch) -> Problem | None:
    """What a CRD client has to mend about the coverage of an order; None where it gets an answer."""
    coverage = match.coverage
    if match.rivals:
        return Problem.SEVERAL
    if match.reason is MatchReason.UNREAD and (coverage is None or match.payer is False):
        return Problem.UNREAD
    if coverage is None:
        return Problem.ABSENT if match.reason is MatchReason.ABSENT else Problem.OTHER_PAYER
    if not coverage.nameable:
        return Problem.UNNAMED
    if match.reason is MatchReason.OVER:
        return None
    if not coverage.payer_identifiers:
        return Problem.PAYER_UNREAD if coverage.payer_unread else Problem.PAYER_UNIDENTIFIED
    return None if match.payer is True else Problem.OTHER_PAYER


_FIELD = "prefetch.coverage"
_REFUSALS: dict[Problem, tuple[type[BadRequest], str, str]] = {
    Problem.UNREAD: (
        PreconditionFailed,
        "the patient's Coverage could not be read: prefetch it, or give fhirServer and a token that grants it",
        "incomplete",
    ),
    Problem.ABSENT: (
        BadRequest,
        "the patient has no Coverage: send the one active Coverage of {payers}, with the patient as beneficiary",
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
        "the Coverage is not known as one of {payers}: this service answers for {only} only",
        "business-rule",
    ),
}
# What a look at prefetched coverages already settles, before anything is fetched.
_SETTLED = (Problem.ABSENT, Problem.SEVERAL, Problem.UNNAMED, Problem.PAYER_UNIDENTIFIED, Problem.OTHER_PAYER)


def refuse(match: CoverageMatch, policies: Sequence[Policy], *, before_fetching: bool = False) -> None:
    """Raises what an EHR has to mend; with `before_fetching` only what no further reading could mend."""
    problem = problem_of(match)
    if problem is None or (before_fetching and problem not in _SETTLED):
        return
    kind, message, code = _REFUSALS[problem]
    payers = list(dict.fromkeys(policy.payer for policy in policies))
    only = "that payer" if len(payers) == 1 else "these payers"
    raise kind(message.format(payers=" or ".join(payers), only=only), _FIELD, code)
