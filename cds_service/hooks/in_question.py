"""Which findings of a determination a reader has to act on, and which are required."""

from __future__ import annotations

from cds_service.engine.determination import Determination, Outcome
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN

_REFUSED_REASONS = ("D.III.B", "D.III.C.5.a", "D.III.C.5.b")


def in_question(determination: Determination) -> list[Finding]:
    """The findings that a reader has to act on: what excludes, else what is open."""
    if determination.outcome is Outcome.EXCLUDED:
        return excluding(determination)
    return still_open(determination)


def excluding(determination: Determination) -> list[Finding]:
    """Exclusions that are met on documented or attested evidence."""
    return [f for f in _exclusions(determination) if f.truth is MET and f.basis in (Basis.DOCUMENTED, Basis.ATTESTED)]


def required(determination: Determination) -> list[Finding]:
    """The criteria that this order has to meet: on the replacement path D.I.A and D.III.A."""
    if not determination.on_replacement_path:
        return list(determination.criteria)
    return [determination.criteria[0], *(f for f in determination.replacement if f.id.startswith("D.III.A"))]


def still_open(determination: Determination) -> list[Finding]:
    """What stands between the order and approval: what contradicts it first, then what may exclude it."""
    needed = [f for f in required(determination) if f.truth is not MET]
    against, unknown = ([f for f in needed if f.truth is truth] for truth in (NOT_MET, UNKNOWN))
    return [*against, *doubtful(determination), *unknown]


def doubtful(determination: Determination) -> list[Finding]:
    """Exclusions that may apply: met on less than documents, for a reviewer, or not read.

    Reasons that the policy refuses are read from the same statements as the accepted ones: where those could not be
    read, D.III.A.3 says so once for all.
    """
    unread = any(f.id == "D.III.A.3" and f.gap is Gap.NOT_RETRIEVED for f in determination.replacement)
    return [f for f in _exclusions(determination) if _may_apply(f) and not (unread and f.id in _REFUSED_REASONS)]


def _exclusions(determination: Determination) -> list[Finding]:
    refused = [f for f in determination.replacement if f.id in _REFUSED_REASONS]
    return [*determination.exclusions, *(refused if determination.on_replacement_path else ())]


def _may_apply(exclusion: Finding) -> bool:
    if exclusion.truth is MET:
        return exclusion.basis not in (Basis.DOCUMENTED, Basis.ATTESTED)
    return exclusion.truth is UNKNOWN and exclusion.gap in (Gap.NEEDS_REVIEW, Gap.NOT_RETRIEVED)
