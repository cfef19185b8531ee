"""The report's tables, counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from cds_service.services.report import report
from cds_service.services.report_tables import Table

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
_ids = count()


def said(outcome: str, when: datetime, assertion: str | None = None, **members: Any) -> SimpleNamespace:
    """One determination with its call, as the store hands it out."""
    body = {"outcome": outcome, "criteria": members.pop("criteria", []), "asOf": "2026-11-02"}
    body |= {"policy": {"id": "MP-MM-1316"}} | members.pop("body", {})
    base = {"call_id": f"c{next(_ids)}", "position": 0, "hook": "order-sign", "duration_ms": 10.0}
    return SimpleNamespace(outcome=outcome, received_at=when, assertion_id=assertion, body=body, **base | members)


def word(outcome: str, determined: str | None, reason: str | None = None) -> SimpleNamespace:
    body = {"criteria": []} if determined else None
    return SimpleNamespace(
        card_uuid=f"k{next(_ids)}",
        client=None,
        service="crd-order-sign",
        outcome=outcome,
        determined=determined,
        override_code=reason,
        body=body,
        shown_in="c" if determined else None,
    )


def table(name: str, determinations: Any = (), feedback: Any = (), by: str = "week") -> Table:
    return next(each for each in report(determinations, feedback, by).tables if each.name == name)


def gap(section: str, kind: str, **members: Any) -> dict[str, Any]:
    return {"id": section, "truth": "unknown", "gap": kind, **members}


NEEDS = "needs-documentation"


def test_an_order_counts_once_under_its_newest_outcome() -> None:
    rows = [
        said(NEEDS, MONDAY, "a"),
        said("likely-approved", MONDAY + timedelta(days=8), "a"),
        said("excluded", MONDAY + timedelta(days=9), "b"),
    ]
    assert table("outcomes", rows).rows == [("2026-11-09", 1, 0, 1, 0, 2)]


def test_orders_without_an_assertion_id_are_told_apart() -> None:
    twice = {"call_id": "c", "hook": "order-sign"}
    rows = [said("likely-approved", MONDAY, **twice), said("likely-approved", MONDAY, **twice | {"position": 1})]
    assert table("outcomes", rows).rows == [("2026-11-02", 2, 0, 0, 0, 2)]


@pytest.mark.parametrize(
    ("by", "days", "periods"),
    [
        ("day", 2, ["2026-11-02", "2026-11-03", "2026-11-04"]),
        ("week", 14, ["2026-11-02", "2026-11-09", "2026-11-16"]),
        ("week", 20, ["2026-11-02", "2026-11-09", "2026-11-16"]),  # a Sunday
        ("month", 60, ["2026-11", "2026-12", "2027-01"]),  # 2 November and 60 days: 1 January
    ],
)
def test_periods_with_nothing_in_them_are_shown(by: str, days: int, periods: list[str]) -> None:
    rows = [said("excluded", MONDAY, "a"), said("excluded", MONDAY + timedelta(days=days), "b")]
    found = table("outcomes", rows, by=by).rows
    assert [row[0] for row in found] == periods
    assert [row[-1] for row in found] == [1, *[0] * (len(periods) - 2), 1]


def test_times_that_carry_no_zone_are_utc() -> None:
    assert table("outcomes", [said("excluded", MONDAY.replace(tzinfo=None))], by="day").rows[0][0] == "2026-11-02"


def test_times_in_a_zone_are_counted_by_their_utc_day() -> None:
    early = datetime(2026, 11, 2, 8, tzinfo=timezone(timedelta(hours=10)))  # 22:00 UTC on Sunday, 1 November
    assert table("outcomes", [said("excluded", early)], by="day").rows[0][0] == "2026-11-01"


def test_a_gap_counts_once_for_an_order_however_often_it_is_signed() -> None:
    first, second = gap("D.I.G", "not-documented"), gap("D.I.G", "incomplete")
    rows = [
        said(NEEDS, MONDAY, "a", criteria=[first]),
        said(NEEDS, MONDAY, "a", criteria=[first]),
        said(NEEDS, MONDAY, "a", criteria=[second]),
        said(NEEDS, MONDAY, "b", criteria=[first, {"id": "D.I.F", "truth": "not-met"}]),
    ]
    found = table("gaps", rows)
    cells = {row[0]: dict(zip(found.columns, row, strict=True)) for row in found.rows}
    assert cells["D.I.G"] | {"not-documented": 2, "incomplete": 1, "not-met": 0} == cells["D.I.G"]
    assert cells["D.I.F"]["not-met"] == 1
    assert list(cells) == ["D.I.F", "D.I.G"]


@pytest.mark.parametrize("outcome", ["likely-approved", "not-applicable"])
def test_what_stood_in_nobodys_way_is_no_gap(outcome: str) -> None:
    rows = [said(outcome, MONDAY, criteria=[gap("D.I.E", "needs-attestation")])]
    assert table("gaps", rows).rows == table("missing", rows).rows == []


def test_the_gaps_of_a_replacement_count() -> None:
    rows = [said(NEEDS, MONDAY, body={"replacement": [gap("D.III.A.3", "not-documented")]})]
    assert [row[0] for row in table("gaps", rows).rows] == ["D.III.A.3"]
    assert [row[0] for row in table("missing", rows).rows] == ["D.III.A.3"]


def test_missing_names_the_open_part_and_what_it_takes() -> None:
    parts = [{"id": "D.I.H.1", "truth": "not-met"}, gap("D.I.H.2", "needs-attestation")]
    rows = [said(NEEDS, MONDAY, criteria=[gap("D.I.H", "needs-attestation", parts=parts)])]
    assert table("missing", rows).rows == [
        (
            "D.I.H.2",
            "Difficulty despite compliance",
            "Is glucose still difficult to control despite compliance with the injections, as the member's log shows?",
            1,
        )
    ]


def test_missing_is_what_a_document_closes_most_orders_first() -> None:
    closed = [gap("D.I.A", "not-documented"), gap("D.I.C", "needs-attestation"), gap("D.I.G", "incomplete")]
    others = [gap("D.I.D", "needs-review"), gap("D.I.F", "not-retrieved"), {"id": "D.I.B", "truth": "not-met"}]
    rows = [said(NEEDS, MONDAY, criteria=closed + others), said(NEEDS, MONDAY, criteria=closed[2:])]
    found = table("missing", rows).rows
    assert [(row[0], row[3]) for row in found] == [("D.I.G", 2), ("D.I.A", 1), ("D.I.C", 1)]
    assert all(row[2] for row in found)


def test_an_excluded_order_asks_for_no_documents() -> None:
    rows = [said("excluded", MONDAY, criteria=[gap("D.I.A", "not-documented")])]
    assert table("missing", rows).rows == []
    assert [row[0] for row in table("gaps", rows).rows] == ["D.I.A"]


def test_words_of_clinicians() -> None:
    given = [word("accepted", NEEDS), word("overridden", NEEDS, "elsewhere"), word("overridden", None)]
    assert table("feedback", feedback=given).rows == [
        (NEEDS, 1, 1, "elsewhere 1"),
        ("unmatched", 0, 1, "no reason given 1"),
    ]


def test_time_until_documentation_was_given() -> None:
    def later(hours: float) -> datetime:
        return MONDAY + timedelta(hours=hours)

    rows = [
        said(NEEDS, MONDAY, "a"),
        said(NEEDS, later(1), "a"),
        said("likely-approved", later(4), "a"),  # 4 hours from the first time, not 3 from the second
        said(NEEDS, MONDAY, "b"),
        said("likely-approved", later(2), "b"),
        said(NEEDS, MONDAY, "still open"),
        said("likely-approved", MONDAY, "never asked"),
    ]
    # Of 2 and 4 hours: the median is 3, the 90th percentile 2 + 0.9 * (4 - 2) = 3.8.
    assert table("answered", rows).rows == [(3, 2, 3.0, 3.8, 4.0)]


def test_nothing_answered_yet() -> None:
    assert table("answered", [said(NEEDS, MONDAY, "a")]).rows == [(1, 0, None, None, None)]


def test_a_call_with_two_orders_took_its_time_once() -> None:
    one = {"call_id": "c", "duration_ms": 30.0}
    rows = [
        said(NEEDS, MONDAY, **one),
        said(NEEDS, MONDAY, **one | {"position": 1}),
        said(NEEDS, MONDAY, duration_ms=10.0),
        said(NEEDS, MONDAY, duration_ms=5.0, hook="order-select"),
    ]
    # Of 10 and 30 ms: the median is 20, the 90th percentile 10 + 0.9 * 20 = 28.
    assert table("durations", rows).rows == [("order-select", 1, 5.0, 5.0, 5.0), ("order-sign", 2, 20.0, 28.0, 30.0)]


def test_an_empty_store_gives_empty_tables() -> None:
    found = report([], [])
    assert ([each.rows for each in found.tables], found.made_under) == ([[]] * 6, "")


# ---------------------------------------------------------------- several policies

OTHER = {"policy": {"id": "NOT-HELD-1"}}


def test_one_policy_is_named_once_for_the_whole_report() -> None:
    found = report([said(NEEDS, MONDAY, "a", criteria=[gap("D.I.A", "not-documented")])], [])
    assert found.made_under == "CareSource medical policy MP-MM-1316"
    assert all("policy" not in each.columns for each in found.tables)


def test_several_policies_are_told_apart_in_every_table_that_speaks_of_orders() -> None:
    rows = [
        said(NEEDS, MONDAY, "a", criteria=[gap("D.I.A", "not-documented")]),
        said("likely-approved", MONDAY + timedelta(hours=2), "a"),
        said(NEEDS, MONDAY, "b", criteria=[gap("D.I.A", "not-documented")], body=OTHER),
    ]
    given = [word("accepted", NEEDS), word("accepted", NEEDS)]
    given[0].body, given[1].body = {"policy": {"id": "MP-MM-1316"}}, dict(OTHER)
    # Four outcomes in the order of the enumeration: likely approved, needs documentation, excluded, not applicable.
    assert table("outcomes", rows).rows == [
        ("2026-11-02", "MP-MM-1316", 1, 0, 0, 0, 1),
        ("2026-11-02", "NOT-HELD-1", 0, 1, 0, 0, 1),
    ]
    assert [row[:3] for row in table("gaps", rows).rows] == [
        ("D.I.A", "MP-MM-1316", "Diagnosis"),
        ("D.I.A", "NOT-HELD-1", ""),
    ]
    assert [(row[0], row[1], bool(row[3]), row[4]) for row in table("missing", rows).rows] == [
        ("D.I.A", "MP-MM-1316", True, 1),
        ("D.I.A", "NOT-HELD-1", False, 1),
    ]
    assert table("answered", rows).rows == [
        (1, "MP-MM-1316", 1, 2.0, 2.0, 2.0),
        (1, "NOT-HELD-1", 0, None, None, None),
    ]
    assert table("feedback", rows, given).rows == [
        (NEEDS, "MP-MM-1316", 1, 0, ""),
        (NEEDS, "NOT-HELD-1", 1, 0, ""),
    ]
    assert "policy" not in table("durations", rows).columns
    assert report(rows, given).made_under == "CareSource medical policy MP-MM-1316 and policy NOT-HELD-1"


def test_an_order_that_came_under_another_policy_counts_under_the_newest() -> None:
    rows = [said(NEEDS, MONDAY, "a", body=OTHER), said("likely-approved", MONDAY, "a")]
    assert [row[1:3] for row in table("outcomes", rows).rows] == [("MP-MM-1316", 1)]
