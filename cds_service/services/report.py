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
from cds_service.policies.mp_mm_1316 import SECTIONS
from cds_service.policies.mp_mm_1316.questionnaire import QUESTIONS
from cds_service.services.acceptance import ALL, acceptance
from cds_service.services.tables import Cell, Table
from cds_service.store.records import utc

JSON = dict[str, Any]
PERIODS = ("day", "week", "month")
_OUTCOMES = tuple(str(outcome) for outcome in Outcome)
_GAPS = tuple(str(gap) for gap in Gap)
# Gaps that somebody closes with a document or a statement; the others need a reviewer or a server that answers.
_DOCUMENTS = {Gap.NOT_DOCUMENTED, Gap.INCOMPLETE, Gap.NEEDS_ATTESTATION}
_GROUPS = ("criteria", "replacement")


@dataclass(slots=True)
class _Order:
    """All that was said about one order, oldest first."""

    said: list[Any] = field(default_factory=list)

    def first(self, outcome: Outcome) -> datetime | None:
        return next((utc(each.received_at) for each in self.said if each.outcome == outcome), None)


def report(determinations: Iterable[Any], feedback: Sequence[Any], by: str = "week") -> list[Table]:
    """The tables. `determinations`: rows with their call's time, hook and duration, oldest first.

    `feedback`: rows joined to their determinations, oldest first. `by`: one of PERIODS.
    """
    orders: defaultdict[str, _Order] = defaultdict(_Order)
    durations: dict[str, dict[str, float]] = defaultdict(dict)
    for row in determinations:
        orders[row.assertion_id or f"{row.call_id}/{row.position}"].said.append(row)
        durations[row.hook][row.call_id] = row.duration_ms
    judged = list(orders.values())
    return [
        _by_outcome(judged, by),
        _by_gap(judged),
        _missing(judged),
        _overrides(feedback),
        _to_approval(judged),
        _durations({hook: list(calls.values()) for hook, calls in durations.items()}),
    ]


# ------------------------------------------------------------ orders


def _by_outcome(orders: list[_Order], by: str) -> Table:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for order in orders:
        newest = order.said[-1]
        counts[_period(utc(newest.received_at).date(), by)][newest.outcome] += 1
    rows: list[tuple[Cell, ...]] = [
        (period, *(counts[period][name] for name in _OUTCOMES), counts[period].total())
        for period in _periods(sorted(counts), by)
    ]
    says = f"Each order once, under its newest outcome and the {by} of it."
    return Table("outcomes", "Orders by outcome", says, (by, *_OUTCOMES, "all"), rows, _OUTCOMES)


def _by_gap(orders: list[_Order]) -> Table:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for order in orders:
        for section, word in {(f["id"], _word(f)) for row in order.said for f in _in_the_way(row.body)}:
            counts[section][word] += 1
    rows: list[tuple[Cell, ...]] = [
        (section, _title(section), *(counts[section][word] for word in ("not-met", *_GAPS)))
        for section in sorted(counts)
    ]
    says = "Orders for which the criterion was not shown to be met, at least once; an order counts once in each column."
    return Table("gaps", "Gaps by criterion", says, ("section", "title", "not-met", *_GAPS), rows, ("not-met", *_GAPS))


def _missing(orders: list[_Order]) -> Table:
    counts: Counter[str] = Counter()
    for order in orders:
        counts.update({section for row in order.said for section in _undocumented(row.body)})
    rows: list[tuple[Cell, ...]] = [
        (section, _title(section), " / ".join(_asked(section)), count)
        for section, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]
    says = "Orders that needed documentation on a section at least once, with what it takes."
    return Table(
        "missing", "What is most often missing", says, ("section", "title", "takes", "orders"), rows, ("orders",)
    )


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
        open_parts = [part for part in finding.get("parts") or () if part.get("gap") in _DOCUMENTS]
        for each in open_parts or [finding]:
            if each.get("gap") in _DOCUMENTS:
                yield each["id"]


def _title(section: str) -> str:
    return SECTIONS[section].title if section in SECTIONS else ""


def _asked(section: str) -> list[str]:
    """The questions about a section; where nothing is asked, what the section says, since the chart has to show it."""
    own = [question.text for question in QUESTIONS if f"{question.link_id}.".startswith(f"{section}.")]
    return own or [SECTIONS[section].says]


# ------------------------------------------------------------ words of clinicians


def _overrides(feedback: Sequence[Any]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (row["outcome"], row["accepted"], row["overridden"], row["reasons"])
        for row in acceptance(feedback)
        if row["about"] == ALL
    ]
    says = "Feedback on cards, the newest word on each; with the reasons that were given for overriding it."
    columns = ("outcome", "accepted", "overridden", "reasons")
    return Table("feedback", "Accepted and overridden", says, columns, rows, ("accepted", "overridden"), "cards")


# ------------------------------------------------------------ time


def _to_approval(orders: list[_Order]) -> Table:
    asked = [order for order in orders if order.first(Outcome.NEEDS_DOCUMENTATION)]
    waits = sorted(
        (approved - first).total_seconds() / 3600
        for order in asked
        if (first := order.first(Outcome.NEEDS_DOCUMENTATION))
        and (approved := order.first(Outcome.LIKELY_APPROVED))
        and approved > first
    )
    row = (len(asked), len(waits), *(_rounded(each) for each in _spread(waits)))
    says = "From the first time that documentation was asked for to the first likely approval of the same order."
    columns = ("asked", "answered", "median hours", "90th percentile hours", "longest hours")
    return Table("answered", "Time until documentation was given", says, columns, [row] if asked else [])


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
