"""One order, assessed: everything that an answer is made from."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.engine.case import Case
from cds_service.engine.coverage_match import CoverageMatch
from cds_service.engine.determination import Determination
from cds_service.engine.policy import PolicyOnDay
from cds_service.facts import DeviceOrder


@dataclass(frozen=True, slots=True)
class Assessment:
    """One order with everything that a card, a page, coverage-information or a record is made from.

    `policy`: as it reads on the order's day. `match`: the coverage that it is held against, None where no policy speaks
    about the order. `case`: what the rules were handed, None where none was asked.
    """

    order: DeviceOrder
    determination: Determination
    policy: PolicyOnDay
    match: CoverageMatch | None = None
    case: Case | None = None
