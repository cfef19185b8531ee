"""The orders of a report: all determinations of one order together, however often it was selected and signed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cds_service.engine.determination import Outcome
from cds_service.services.feedback_statistics import policy_of
from cds_service.store.records import utc

_SIGNING = "order-sign"


@dataclass(slots=True)
class ReportedOrder:
    """All determinations of one order, oldest first, as the store hands them out."""

    determinations: list[Any] = field(default_factory=list)

    @property
    def newest(self) -> Any:
        """The last determination."""
        return self.determinations[-1]

    @property
    def current(self) -> dict[str, Any]:
        """The determinations of the newest call by policy: several where several policies may govern the coverage."""
        call = self.newest.call_id
        return {policy_of(row.body): row for row in self.determinations if row.call_id == call}

    def is_checked(self, policy: str | None = None) -> bool:
        """Whether a policy was applied to it when it came last; None: any."""
        current = self.current
        rows = current.values() if policy is None else [current[policy]] if policy in current else []
        return any(row.outcome != Outcome.NOT_APPLICABLE for row in rows)

    def first(self, outcome: Outcome, policy: str) -> datetime | None:
        """When this outcome was first given under a policy."""
        times = (
            utc(r.received_at) for r in self.determinations if r.outcome == outcome and policy_of(r.body) == policy
        )
        return next(times, None)

    def first_signing(self, policy: str | None = None) -> Any | None:
        """The determination at the first signing under a policy, or under any; None when it was never signed so."""
        return next(
            (
                row
                for row in self.determinations
                if row.hook == _SIGNING
                and row.outcome != Outcome.NOT_APPLICABLE
                and policy in (None, policy_of(row.body))
            ),
            None,
        )


def group_orders(determinations: Iterable[Any]) -> list[ReportedOrder]:
    """The orders, in the order in which they came. `determinations`: oldest first.

    An order is told by its client and its id. What was stored before orders had ids goes by its assertion's id, which
    later determinations of the same order have as well; what has neither is an order of its own in each call.
    """
    rows = list(determinations)
    known = {(r.client, r.assertion_id): r.order_id for r in rows if r.order_id and r.assertion_id}
    orders: defaultdict[tuple[str | None, str], ReportedOrder] = defaultdict(ReportedOrder)
    for row in rows:
        identity = row.order_id or known.get((row.client, row.assertion_id)) or row.assertion_id
        orders[row.client, identity or f"{row.call_id}/{row.position}"].determinations.append(row)
    return list(orders.values())
