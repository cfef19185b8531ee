"""The report's tables, counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from cds_service.services.report.assemble import report
from cds_service.services.report.tables import Table

MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)
_ids = count()


def said(outcome: str, when: datetime, assertion: str | None = None, **members: Any) -> SimpleNamespace:
    """One determination with its call, as the store hands it out."""
    body = {"outcome": outcome, "criteria": members.pop("criteria", []), "asOf": "2026-11-02"}
    body |= {"policy": {"id": "MP-MM-1316"}} | members.pop("body", {})
    base = {"call_id": f"c{next(_ids)}", "position": 0, "hook": "order-sign", "duration_ms": 10.0}
    base |= {"order_id": None, "client": None}
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
    """A table with all its counts; the policy is left out where there is one only."""
    found = report(determinations, feedback, by, small_cells=True)
    named = next(each for each in found.tables if each.name == name)
    policies = {row[named.columns.index("policy")] for row in named.rows} if "policy" in named.columns else set()
    return named if len(policies) > 1 else named.without("policy")


def gap(section: str, kind: str, **members: Any) -> dict[str, Any]:
    return {"id": section, "truth": "unknown", "gap": kind, **members}


NEEDS = "needs-documentation"


def test_an_order_counts_once_under_its_newest_outcome() -> None:
    rows = [
        said(NEEDS, MONDAY, "a"),
        said("likely-approved", MONDAY + timedelta(days=8), "a"),
        said("excluded", MONDAY + timedelta(days=9), "b"),
    ]
    assert table("outcomes", rows).rows == [("2026-11-09", 1, 0, 1, 2, 0)]


def test_orders_without_an_assertion_id_are_told_apart() -> None:
    twice = {"call_id": "c", "hook": "order-sign"}
    rows = [said("likely-approved", MONDAY, **twice), said("likely-approved", MONDAY, **twice | {"position": 1})]
    assert table("outcomes", rows).rows == [("2026-11-02", 2, 0, 0, 2, 0)]


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
    assert [row[-2] for row in found] == [1, *[0] * (len(periods) - 2), 1]


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
    """Of a replacement, its own criteria and the diagnosis decide; on the other pathway they are only shown."""
    criteria = [gap("D.I.A", "not-documented"), gap("D.I.G", "incomplete")]
    shown = {"replacement": [gap("D.III.A.3", "not-documented"), {"id": "D.III.B", "truth": "not-met"}]}
    replaces = [said(NEEDS, MONDAY, criteria=criteria, body={**shown, "path": "replacement"})]
    assert [row[0] for row in table("gaps", replaces).rows] == ["D.I.A", "D.III.A.3"]
    assert [row[0] for row in table("missing", replaces).rows] == ["D.I.A", "D.III.A.3"]
    new = [said(NEEDS, MONDAY, criteria=criteria, body={**shown, "path": "new"})]
    assert [row[0] for row in table("gaps", new).rows] == ["D.I.A", "D.I.G"]


def test_missing_names_the_criterion_of_an_open_part_and_what_closes_it() -> None:
    """A criterion with parts counts once, however many of them are open: they are ways to the same end."""
    parts = [{"id": "D.I.H.1", "truth": "not-met"}, gap("D.I.H.2", "needs-attestation")]
    rows = [said(NEEDS, MONDAY, criteria=[gap("D.I.H", "needs-review", parts=parts)])]
    assert table("missing", rows).rows == [
        (
            "D.I.H",
            "Risk of complications",
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
    assert table("missing", rows).rows == table("gaps", rows).rows == []


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
    assert ([each.rows for each in found.tables], found.made_under) == ([[]] * 7, "")
    assert found.headline == "No pump order was checked in these days."


# ---------------------------------------------------------------- several policies

OTHER = {"policy": {"id": "NOT-HELD-1"}}


def test_one_policy_is_named_once_for_the_whole_report() -> None:
    found = report([said(NEEDS, MONDAY, "a", criteria=[gap("D.I.A", "not-documented")])], [])
    assert found.made_under == "CareSource MP-MM-1316"
    assert [part.id for part in found.parts] == ["MP-MM-1316"]


def test_several_policies_are_told_apart_in_every_table_that_speaks_of_orders() -> None:
    rows = [
        said(NEEDS, MONDAY, "a", criteria=[gap("D.I.A", "not-documented")]),
        said("likely-approved", MONDAY + timedelta(hours=2), "a"),
        said(NEEDS, MONDAY, "b", criteria=[gap("D.I.A", "not-documented")], body=OTHER),
    ]
    given = [word("accepted", NEEDS), word("accepted", NEEDS)]
    given[0].body, given[1].body = {"policy": {"id": "MP-MM-1316"}}, dict(OTHER)
    # Likely approved, needs documentation, excluded, their sum, not checked.
    assert table("outcomes", rows).rows == [
        ("2026-11-02", "MP-MM-1316", 1, 0, 0, 1, 0),
        ("2026-11-02", "NOT-HELD-1", 0, 1, 0, 1, 0),
    ]
    assert [row[:3] for row in table("gaps", rows).rows] == [
        ("D.I.A", "MP-MM-1316", "Diagnosis"),
        ("D.I.A", "NOT-HELD-1", "D.I.A"),
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
    assert report(rows, given).made_under == "CareSource MP-MM-1316 and policy NOT-HELD-1"


def test_an_order_that_came_under_another_policy_counts_under_the_newest() -> None:
    rows = [said(NEEDS, MONDAY, "a", body=OTHER), said("likely-approved", MONDAY, "a")]
    assert [row[1:3] for row in table("outcomes", rows).rows] == [(1, 0)]


# ---------------------------------------------------------------- one order


def test_an_order_is_one_whatever_its_coverage_and_though_no_policy_speaks_about_it() -> None:
    rows = [
        said("not-applicable", MONDAY, order_id="o"),
        said("not-applicable", MONDAY, order_id="o"),
        said(NEEDS, MONDAY, "before it had an id", order_id=None),
        said(NEEDS, MONDAY, "before it had an id", order_id="p"),
        said("likely-approved", MONDAY, "with another coverage", order_id="p"),
    ]
    assert table("outcomes", rows).rows == [("2026-11-02", 1, 0, 0, 1, 1)]


def test_orders_of_two_clients_are_two() -> None:
    rows = [said(NEEDS, MONDAY, "a", order_id="o", client=client) for client in ("one", "other")]
    assert table("outcomes", rows).rows == [("2026-11-02", 0, 2, 0, 2, 0)]


def test_an_order_that_two_policies_judged_counts_once_under_each_and_once_in_all() -> None:
    call = {"call_id": "c", "order_id": "o"}
    rows = [said(NEEDS, MONDAY, "a", **call), said(NEEDS, MONDAY, "b", body=OTHER, **call | {"position": 1})]
    assert [row[2:] for row in table("outcomes", rows).rows] == [(0, 1, 0, 1, 0), (0, 1, 0, 1, 0)]
    found = report(rows, [], small_cells=True)
    assert found.headline.startswith("1 order;")
    assert [part.headline.partition(";")[0] for part in found.parts] == ["1 order", "1 order"]


# ---------------------------------------------------------------- exclusions


def exclusion(section: str, truth: str, **members: Any) -> dict[str, Any]:
    return {"id": section, "truth": truth, **members}


def test_exclusions_stand_apart_from_gaps() -> None:
    refused = {"exclusions": [exclusion("D.II.A.1", "met", basis="documented"), exclusion("D.II.B.1", "not-met")]}
    doubted = {
        "exclusions": [
            exclusion("D.II.A.1", "unknown", gap="needs-review"),
            exclusion("D.II.A.2", "unknown", gap="needs-attestation"),  # nobody needs to say so
            exclusion("D.II.B.2", "met", basis="supported"),
        ]
    }
    rows = [
        said("excluded", MONDAY, "a", body=refused),
        said("excluded", MONDAY, "a", body=refused),
        said(NEEDS, MONDAY, "b", body=doubted),
    ]
    assert table("exclusions", rows).rows == [
        ("D.II.A.1", "End-stage complications", 1, 1),
        ("D.II.B.2", "Implanted devices", 0, 1),
    ]
    assert table("gaps", rows).rows == []


def test_the_refusals_of_a_replacement_are_exclusions() -> None:
    refusal = {"replacement": [exclusion("D.III.C.5.a", "met", basis="attested")], "path": "replacement"}
    assert [row[0] for row in table("exclusions", [said("excluded", MONDAY, body=refusal)]).rows] == ["D.III.C.5.a"]


# ---------------------------------------------------------------- sentences


def test_the_headline_says_how_many_were_ready_and_what_is_missing() -> None:
    rows = [said("likely-approved", MONDAY, f"r{n}") for n in range(14)]
    rows += [said(NEEDS, MONDAY, f"m{n}", criteria=[gap("D.I.G", "incomplete")]) for n in range(86)]
    assert report(rows, []).headline == "100 orders; 14% were ready at first signing; most often missing: self-testing."


def test_first_signing_is_neither_the_selection_before_nor_the_signing_after() -> None:
    rows = [said("likely-approved", MONDAY, "a", hook="order-select"), said(NEEDS, MONDAY, "a")]
    rows += [said(NEEDS, MONDAY, "b"), said("likely-approved", MONDAY, "b")]
    rows += [said("not-applicable", MONDAY, "c", order_id="c"), said("likely-approved", MONDAY, "c", order_id="c")]
    rows += [said("likely-approved", MONDAY, "d", hook="order-select")]
    # a and b were not ready, c was when a policy first spoke about it, d was never signed: 1 of 3.
    found = report(rows, [], small_cells=True).headline
    assert found == "4 orders; 33% of the 3 that were signed were ready at first signing."


@pytest.mark.parametrize(
    ("ready", "open_orders", "words"),
    [
        (0, 20, "20 orders; none was ready at first signing."),
        (20, 0, "20 orders; all were ready at first signing."),
        (5, 20, "25 orders; fewer than 11 were ready at first signing."),
        (20, 5, "25 orders; all but fewer than 11 were ready at first signing."),
        (3, 2, "Fewer than 11 orders; fewer than 11 were ready at first signing."),
        (20, 20, "40 orders; 50% were ready at first signing."),
    ],
)
def test_the_headline_tells_no_small_count(ready: int, open_orders: int, words: str) -> None:
    rows = [said("likely-approved", MONDAY, f"r{n}") for n in range(ready)]
    rows += [said(NEEDS, MONDAY, f"m{n}") for n in range(open_orders)]
    assert report(rows, []).headline == words


def test_what_is_level_is_named_together() -> None:
    rows = [said(NEEDS, MONDAY, "a", criteria=[gap("D.I.I", "incomplete"), gap("D.I.G", "incomplete")])]
    headline = report(rows, [], small_cells=True).headline
    assert headline.endswith("most often missing: self-testing and symptoms or conditions.")


def test_orders_that_were_not_checked_are_named() -> None:
    rows = [said("not-applicable", MONDAY, order_id=f"o{n}") for n in range(12)]
    assert report(rows, []).sentences[0].startswith("12 more orders were not checked: for another device")
    assert report(rows[:3], []).sentences[0].startswith("Fewer than 11 more orders were not checked")
    assert report(rows[:1], [], small_cells=True).sentences[0].startswith("1 more order was not checked")


def test_how_soon_documentation_was_given() -> None:
    rows = []
    for n in range(24):
        rows.append(said(NEEDS, MONDAY, f"a{n}"))
        if n < 12:
            rows.append(said("likely-approved", MONDAY + timedelta(hours=30 if n < 7 else 90), f"a{n}"))
    rows.sort(key=lambda row: row.received_at)
    assert report(rows, []).sentences == (
        "Documentation was asked for on 24 orders and given for 12, half of them within 30 hours.",
    )
    assert report(rows[:30], []).sentences == ()  # given for 6: too few to tell


def test_small_counts_are_hidden_in_every_table() -> None:
    rows = [said(NEEDS, MONDAY, "a", criteria=[gap("D.I.G", "incomplete")]), said("excluded", MONDAY, "b")]
    rows += [said("likely-approved", MONDAY + timedelta(hours=2), "a")]
    found = report(rows, [word("overridden", NEEDS, "elsewhere")])
    told = [cell for each in found.tables for row in each.rows for cell in row if isinstance(cell, int) and cell]
    assert told == []
    shown = report(rows, [word("overridden", NEEDS, "elsewhere")], small_cells=True)
    assert any(cell == 1 for each in shown.tables for row in each.rows for cell in row)
    reasons = next(each for each in found.tables if each.name == "feedback").rows[0][-1]
    assert reasons == "elsewhere <11"
