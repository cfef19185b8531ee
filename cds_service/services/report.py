"""What the store tells a payer's own people: tables by outcome, gap, document, override reason and time. Nobody named.

An order is judged more than once: when it is selected, signed, and signed again with more documentation. What is the
same order for the same patient and coverage carries the same assertion id, and counts once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from statistics import median, quantiles
from typing import Any

from cds_service.engine.determination import Outcome
from cds_service.engine.finding import Gap
from cds_service.engine.policy import PolicyOnDay
from cds_service.engine.wording import listed
from cds_service.policies.registry import policy_named, policy_on
from cds_service.services.feedback_statistics import ALL, feedback_statistics, policy_of
from cds_service.services.report_tables import Cell, Table
from cds_service.store.records import utc

JSON = dict[str, Any]
PERIODS = ("day", "week", "month")
_OUTCOMES = tuple(str(outcome) for outcome in Outcome)
_GAPS = tuple(str(gap) for gap in Gap)
# Gaps that somebody closes with a document or a statement; the others need a reviewer or a server that answers.
_DOCUMENTS = {Gap.NOT_DOCUMENTED, Gap.INCOMPLETE, Gap.NEEDS_ATTESTATION}
_GROUPS = ("criteria", "replacement")
_POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Report:
    """The tables, and what the predictions in them were made under, in words; empty where there are none."""

    tables: list[Table]
    made_under: str


@dataclass(slots=True)
class _Order:
    """All determinations of one order, oldest first."""

    determinations: list[Any] = field(default_factory=list)

    def first(self, outcome: Outcome) -> datetime | None:
        return next((utc(each.received_at) for each in self.determinations if each.outcome == outcome), None)

    @property
    def newest(self) -> Any:
        return self.determinations[-1]

    @property
    def policy(self) -> str:
        return policy_of(self.newest.body)


def report(determinations: Iterable[Any], feedback: Sequence[Any], by: str = "week") -> Report:
    """The report. `determinations`: rows with their call's time, hook and duration, oldest first.

    `feedback`: rows joined to their determinations, oldest first. `by`: one of PERIODS. The tables tell policies apart
    where there are several.
    """
    by_order: defaultdict[str, _Order] = defaultdict(_Order)
    durations: dict[str, dict[str, float]] = defaultdict(dict)
    for row in determinations:
        by_order[row.assertion_id or f"{row.call_id}/{row.position}"].determinations.append(row)
        durations[row.hook][row.call_id] = row.duration_ms
    orders = list(by_order.values())
    policies = _policies(orders)
    tables = [
        _by_outcome(orders, by),
        _by_gap(orders, policies),
        _missing(orders, policies),
        _overrides(feedback),
        _to_approval(orders),
        _durations({hook: list(calls.values()) for hook, calls in durations.items()}),
    ]
    ids = {*policies, *(policy_of(row.body) for row in feedback)} - {""}
    return Report(tables if len(ids) > 1 else [table.without(_POLICY) for table in tables], _made_under(policies))


def _policies(orders: Iterable[_Order]) -> dict[str, PolicyOnDay | None]:
    """The policies of all determinations by id, each as it reads on the newest day; None for one that is not held."""
    days: dict[str, date | None] = {}
    for row in (row for order in orders for row in order.determinations):
        newest, stated = days.get(policy_of(row.body)), row.body.get("asOf")
        day = date.fromisoformat(stated) if stated else None
        days[policy_of(row.body)] = max((each for each in (newest, day) if each), default=None)
    return {name: _as_read(name, days[name]) for name in sorted(days) if name}


def _as_read(policy_id: str, day: date | None) -> PolicyOnDay | None:
    policy = policy_named(policy_id)
    return policy_on(policy_id, day or policy.versions[-1].start) if policy is not None else None


def _made_under(policies: dict[str, PolicyOnDay | None]) -> str:
    names = [f"{p.payer} medical policy {name}" if p is not None else f"policy {name}" for name, p in policies.items()]
    return listed(names) if names else ""


# ------------------------------------------------------------ orders


def _by_outcome(orders: list[_Order], by: str) -> Table:
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for order in orders:
        counts[_period(utc(order.newest.received_at).date(), by), order.policy][order.newest.outcome] += 1
    rows: list[tuple[Cell, ...]] = [
        (period, policy, *(counts[period, policy][name] for name in _OUTCOMES), counts[period, policy].total())
        for period in _periods(sorted({period for period, _ in counts}), by)
        for policy in sorted({order.policy for order in orders})
    ]
    says = f"Each order once, under its newest outcome and the {by} of it."
    return Table("outcomes", "Orders by outcome", says, (by, _POLICY, *_OUTCOMES, "all"), rows, _OUTCOMES)


def _by_gap(orders: list[_Order], policies: dict[str, PolicyOnDay | None]) -> Table:
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for order in orders:
        gaps = {(policy_of(row.body), f["id"], _word(f)) for row in order.determinations for f in _in_the_way(row.body)}
        for policy, section, word in gaps:
            counts[policy, section][word] += 1
    rows: list[tuple[Cell, ...]] = [
        (section, policy, _title(section, policies.get(policy)), *(count[word] for word in ("not-met", *_GAPS)))
        for (policy, section), count in sorted(counts.items(), key=lambda each: each[0])
    ]
    says = "Orders for which the criterion was not shown to be met, at least once; an order counts once in each column."
    columns = ("section", _POLICY, "title", "not-met", *_GAPS)
    return Table("gaps", "Gaps by criterion", says, columns, rows, ("not-met", *_GAPS))


def _missing(orders: list[_Order], policies: dict[str, PolicyOnDay | None]) -> Table:
    counts: Counter[tuple[str, str]] = Counter()
    for order in orders:
        counts.update({(policy_of(row.body), s) for row in order.determinations for s in _undocumented(row.body)})
    rows: list[tuple[Cell, ...]] = [
        (section, policy, _title(section, policies.get(policy)), _takes(section, policies.get(policy)), count)
        for (policy, section), count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]
    says = "Orders that needed documentation on a section at least once, with what it takes."
    columns = ("section", _POLICY, "title", "takes", "orders")
    return Table("missing", "What is most often missing", says, columns, rows, ("orders",))


def _in_the_way(body: JSON) -> Iterator[JSON]:
    """Criteria that are not met or unknown, of an order that is not approved for want of them."""
    if body.get("outcome") not in (Outcome.NEEDS_DOCUMENTATION, Outcome.EXCLUDED):
        return
    for group in _GROUPS:
        for finding in body.get(group) or ():
            if finding["truth"] != "met":
                yield finding


def _word(finding: JSON) -> str:
    return str(finding.get("gap") or "not-met")


def _undocumented(body: JSON) -> Iterator[str]:
    """Sections that a document or a statement would close: of a criterion with parts, each open part."""
    if body.get("outcome") != Outcome.NEEDS_DOCUMENTATION:
        return
    for finding in _in_the_way(body):
        yield from _open_sections(finding)


def _open_sections(finding: JSON) -> Iterator[str]:
    parts = [section for part in finding.get("parts") or () for section in _open_sections(part)]
    if parts or finding.get("gap") in _DOCUMENTS:
        yield from parts or [finding["id"]]


def _title(section: str, policy: PolicyOnDay | None) -> str:
    """What the policy calls a section; empty where policy or section is not held."""
    known = policy.sections.get(section) if policy is not None else None
    return known.title if known is not None else ""


def _takes(section: str, policy: PolicyOnDay | None) -> str:
    """The questions about a section; where nothing is asked, what the section says, since the chart has to show it."""
    if policy is None:
        return ""
    own = [question.text for question in policy.questions if f"{question.link_id}.".startswith(f"{section}.")]
    return " / ".join(own) or policy.says(section)


# ------------------------------------------------------------ words of clinicians


def _overrides(feedback: Sequence[Any]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (row["outcome"], row["policy"], row["accepted"], row["overridden"], row["reasons"])
        for row in feedback_statistics(feedback)
        if row["about"] == ALL
    ]
    says = "Feedback on cards, the newest word on each; with the reasons that were given for overriding it."
    columns = ("outcome", _POLICY, "accepted", "overridden", "reasons")
    return Table("feedback", "Accepted and overridden", says, columns, rows, ("accepted", "overridden"), "cards")


# ------------------------------------------------------------ time


def _to_approval(orders: list[_Order]) -> Table:
    asked = [order for order in orders if order.first(Outcome.NEEDS_DOCUMENTATION)]
    rows: list[tuple[Cell, ...]] = []
    for policy in sorted({order.policy for order in asked}):
        own = [order for order in asked if order.policy == policy]
        waits = sorted(_hours_to_approval(own))
        rows.append((len(own), policy, len(waits), *(_rounded(each) for each in _spread(waits))))
    says = "From the first time that documentation was asked for to the first likely approval of the same order."
    columns = ("asked", _POLICY, "answered", "median hours", "90th percentile hours", "longest hours")
    return Table("answered", "Time until documentation was given", says, columns, rows)


def _hours_to_approval(orders: Iterable[_Order]) -> Iterator[float]:
    for order in orders:
        first, approved = order.first(Outcome.NEEDS_DOCUMENTATION), order.first(Outcome.LIKELY_APPROVED)
        if first and approved and approved > first:
            yield (approved - first).total_seconds() / 3600


def _durations(calls: dict[str, list[float]]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (hook, len(durations), *(_rounded(each) for each in _spread(sorted(durations))))
        for hook, durations in sorted(calls.items())
    ]
    columns = ("hook", "calls", "median ms", "90th percentile ms", "longest ms")
    says = "How long the service took for a call with a pump order in it."
    return Table("durations", "Time to answer", says, columns, rows, ("median ms", "90th percentile ms"), "ms", False)


def _spread(ordered: list[float]) -> tuple[float | None, float | None, float | None]:
    if not ordered:
        return None, None, None
    tenth = quantiles(ordered, n=10, method="inclusive")[-1] if len(ordered) > 1 else ordered[0]
    return median(ordered), tenth, ordered[-1]


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


def _periods(counted: list[str], by: str) -> list[str]:
    """From the first to the last, those in which nothing was ordered among them."""
    if not counted:
        return []
    days = [date.fromisoformat(f"{each}-01" if by == "month" else each) for each in (counted[0], counted[-1])]
    span = (days[0] + timedelta(days=n) for n in range((days[1] - days[0]).days + 1))
    return sorted({_period(day, by) for day in span})


def _period(day: date, by: str) -> str:
    """A day, the Monday of a week, or a month, in UTC."""
    if by == "month":
        return f"{day:%Y-%m}"
    return str(day if by == "day" else day - timedelta(days=day.weekday()))
