"""Why orders were not approved, by section: missing documents, exclusions, gaps of open criteria."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from cds_service.engine.finding import Gap
from cds_service.engine.policy import PolicyOnDay
from cds_service.services.feedback_statistics import policy_of
from cds_service.services.report.findings import JSON, applied_exclusions, open_criteria, possible_exclusions
from cds_service.services.report.orders import ReportedDetermination, ReportedOrder
from cds_service.services.report.policies import ReportedPolicies
from cds_service.services.report.small_counts import cell
from cds_service.services.report.tables import Cell, Table

# Gaps that somebody closes with a document or a statement; the others need a reviewer or a server that answers.
_DOCUMENTS = {Gap.NOT_DOCUMENTED, Gap.INCOMPLETE, Gap.NEEDS_ATTESTATION}
_NOT_MET = "not-met"
_GAPS = (_NOT_MET, *(gap.value for gap in Gap))
_REFUSED, _POSSIBLE = "refused", "possible"
_LABELS = {
    "title": "criterion",
    "takes": "what closes it",
    _NOT_MET: "chart shows otherwise",
    Gap.NOT_DOCUMENTED.value: "not documented",
    Gap.NEEDS_REVIEW.value: "needs a reviewer",
    Gap.NEEDS_ATTESTATION.value: "needs a signed statement",
    Gap.NOT_RETRIEVED.value: "could not be read",
    _REFUSED: "excluded",
    _POSSIBLE: "had to be settled",
}
_Counts = dict[tuple[str, str], Counter[str]]
_Select = Callable[[JSON, PolicyOnDay | None], Iterable[JSON]]


def missing_counts(orders: Iterable[ReportedOrder], policies: ReportedPolicies) -> list[tuple[str, str, int]]:
    """Policy, section and number of orders that needed documentation for it at least once; the most frequent first."""
    counts = _count_orders(orders, policies, _undocumented, lambda _finding: "orders")
    rows = [(policy, section, count["orders"]) for (policy, section), count in counts.items()]
    return sorted(rows, key=lambda row: (policies.place(row[0], row[1])[0], -row[2], policies.place(row[0], row[1])))


def missing_table(orders: Iterable[ReportedOrder], policies: ReportedPolicies, *, small_cells: bool) -> Table:
    """What documents and statements are missing, the most frequent first."""
    rows: list[tuple[Cell, ...]] = [
        (
            section,
            policy,
            policies.title(policy, section),
            policies.what_closes(policy, section),
            cell(count, small_cells=small_cells),
        )
        for policy, section, count in missing_counts(orders, policies)
    ]
    says = "Orders that needed documentation for a criterion at least once, and what closes it."
    columns = ("section", "policy", "title", "takes", "orders")
    return Table("missing", "What is most often missing", says, columns, rows, ("orders",), labels=_LABELS)


def gap_table(orders: Iterable[ReportedOrder], policies: ReportedPolicies, *, small_cells: bool) -> Table:
    """How criteria were open, in the order of the policy's text."""
    counts = _count_orders(orders, policies, open_criteria, lambda finding: str(finding.get("gap") or _NOT_MET))
    rows = list(_rows(counts, policies, _GAPS, small_cells=small_cells))
    says = "Orders for which a criterion was open at least once; an order counts once in each column."
    columns = ("section", "policy", "title", *_GAPS)
    return Table("gaps", "Open criteria", says, columns, rows, _GAPS, labels=_LABELS)


def exclusion_table(orders: Sequence[ReportedOrder], policies: ReportedPolicies, *, small_cells: bool) -> Table:
    """Exclusions that refused orders, and those that a person had to settle."""
    counts = _count_orders(orders, policies, applied_exclusions, lambda _finding: _REFUSED)
    for key, count in _count_orders(orders, policies, possible_exclusions, lambda _finding: _POSSIBLE).items():
        counts.setdefault(key, Counter()).update(count)
    rows = list(_rows(counts, policies, (_REFUSED, _POSSIBLE), small_cells=small_cells))
    says = "Orders that an exclusion refused, and orders for which a person had to settle whether one applies."
    columns = ("section", "policy", "title", _REFUSED, _POSSIBLE)
    labels = _LABELS | {"title": "exclusion"}
    return Table("exclusions", "Exclusions", says, columns, rows, (_REFUSED, _POSSIBLE), labels=labels)


def _count_orders(
    orders: Iterable[ReportedOrder], policies: ReportedPolicies, select: _Select, kind: Callable[[JSON], str]
) -> _Counts:
    """Orders by policy and section, and in each by kind; an order counts once however often it came."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for order in orders:
        for policy, section, name in _distinct_rows(order.determinations, policies, select, kind):
            counts[policy, section][name] += 1
    return counts


def _distinct_rows(
    rows: Iterable[ReportedDetermination], policies: ReportedPolicies, select: _Select, kind: Callable[[JSON], str]
) -> set[tuple[str, str, str]]:
    return {
        (policy, finding["id"], kind(finding))
        for row in rows
        for policy in [policy_of(row.body)]
        for finding in select(row.body, policies.on_day.get(policy))
    }


def _rows(
    counts: _Counts, policies: ReportedPolicies, names: Sequence[str], *, small_cells: bool
) -> Iterator[tuple[Cell, ...]]:
    for policy, section in sorted(counts, key=lambda key: policies.place(*key)):
        cells = (cell(counts[policy, section][name], small_cells=small_cells) for name in names)
        yield (section, policy, policies.title(policy, section), *cells)


def _undocumented(body: JSON, policy: PolicyOnDay | None) -> Iterator[JSON]:
    """Criteria that a document or a statement would close, by themselves or by one of their parts."""
    for finding in open_criteria(body, policy):
        if any(each.get("gap") in _DOCUMENTS for each in _with_parts(finding)):
            yield finding


def _with_parts(finding: JSON) -> Iterator[JSON]:
    yield finding
    for part in finding.get("parts") or ():
        yield from _with_parts(part)
