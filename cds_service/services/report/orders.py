"""The orders of a report: all determinations of one order together, however often it was selected and signed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from sys import intern
from typing import Any

from cds_service.engine.determination import GROUPS, Outcome
from cds_service.services.feedback_statistics import policy_of
from cds_service.store.records import utc

JSON = dict[str, Any]
_SIGNING = "order-sign"


@dataclass(frozen=True, slots=True)
class ReportedDetermination:
    """What a report needs of a stored determination. `body`: its findings that stood in the way, and no others."""

    call_id: str
    position: int
    client: str | None
    hook: str
    duration_ms: float
    received_at: datetime
    outcome: str
    assertion_id: str | None
    order_id: str | None
    body: JSON

    @staticmethod
    def of(row: Any) -> ReportedDetermination:
        """From a row of the store; keeps only what the report needs, since a year has hundreds of thousands of rows."""
        return ReportedDetermination(
            row.call_id,
            row.position,
            row.client,
            intern(row.hook),
            row.duration_ms,
            row.received_at,
            intern(row.outcome),
            row.assertion_id,
            row.order_id,
            _needed(row.body),
        )


def _needed(body: JSON) -> JSON:
    kept: JSON = {name: _interned(body[name]) for name in ("outcome", "path", "asOf") if name in body}
    kept["policy"] = {"id": intern(policy_of(body))}
    if body.get("outcome") in (Outcome.NEEDS_DOCUMENTATION, Outcome.EXCLUDED):
        for group in GROUPS:
            findings = body.get(group) or ()
            kept[group] = [_finding(f) for f in findings if group != "criteria" or f["truth"] != "met"]
    return kept


def _finding(finding: JSON) -> JSON:
    kept: JSON = {name: _interned(finding[name]) for name in ("id", "truth", "basis", "gap") if name in finding}
    parts = [_finding(part) for part in finding.get("parts") or () if "gap" in part or part.get("parts")]
    return {**kept, "parts": parts} if parts else kept


def _interned(value: Any) -> Any:
    return intern(value) if isinstance(value, str) else value


@dataclass(slots=True)
class ReportedOrder:
    """All determinations of one order, oldest first."""

    determinations: list[ReportedDetermination] = field(default_factory=list)

    @property
    def newest(self) -> ReportedDetermination:
        """The last determination."""
        return self.determinations[-1]

    @property
    def current(self) -> dict[str, ReportedDetermination]:
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

    def first_signing(self, policy: str | None = None) -> ReportedDetermination | None:
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


def group_orders(rows: Sequence[ReportedDetermination]) -> list[ReportedOrder]:
    """The orders, in the order in which they came. `rows`: oldest first.

    An order is identified by client and order id. Rows stored without an order id are matched by assertion id, which
    later determinations of the same order have as well; a row with neither is an order of its own in each call.
    """
    known: dict[tuple[str | None, str | None], str] = {
        (row.client, row.assertion_id): row.order_id for row in rows if row.order_id and row.assertion_id
    }
    orders: defaultdict[tuple[str | None, str], ReportedOrder] = defaultdict(ReportedOrder)
    for row in rows:
        identity = row.order_id or known.get((row.client, row.assertion_id)) or row.assertion_id
        orders[row.client, identity or f"{row.call_id}/{row.position}"].determinations.append(row)
    return list(orders.values())
