"""What the chart says beside a statement, and which answers contradict it before they are signed."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cds_service.engine.chart_and_statement import charted_findings, contradicts, differences
from cds_service.engine.finding import Basis, Evidence, Gap, met, not_met, unknown
from cds_service.engine.truth import UNKNOWN
from cds_service.facts import Answer, GlucoseReading, When
from cds_service.policies.mp_mm_1316 import POLICY
from tests.policies.charts import AS_OF, case

SEEN = (Evidence("Observation/o"),)
CHARTED = {
    "met": met("seen", Basis.DOCUMENTED, SEEN),
    "not met": not_met("seen", Basis.SUPPORTED, SEEN),
    "open": unknown(Gap.INCOMPLETE, "half of it", "the rest", SEEN),
    "without evidence": not_met("nobody said so"),
}
STATED = {
    "met": met("said", Basis.ATTESTED),
    "not met": not_met("said", Basis.ATTESTED),
    "review": unknown(Gap.NEEDS_REVIEW, "they differ", "a reviewer"),
}


@pytest.mark.parametrize(
    ("charted", "stated"), [("met", "not met"), ("met", "review"), ("not met", "review")], ids="-".join
)
def test_what_a_reviewer_has_to_settle_and_what_is_denied_contradicts(charted: str, stated: str) -> None:
    assert contradicts(CHARTED[charted], STATED[stated])


@pytest.mark.parametrize(
    ("charted", "stated"),
    [
        ("met", "met"),
        ("not met", "met"),  # the statement may be newer, or complete what the chart lacks
        ("not met", "not met"),
        ("open", "met"),
        ("open", "review"),
        ("without evidence", "review"),
    ],
    ids="-".join,
)
def test_what_the_chart_only_lacks_contradicts_nothing(charted: str, stated: str) -> None:
    assert not contradicts(CHARTED[charted], STATED[stated])


def _found(given: dict[str, Any], sections: set[str], **chart: Any) -> dict[str, tuple[str, str]]:
    found = differences(case(**chart), POLICY.on(AS_OF), given, sections)
    return {each.section: (each.charted.explanation, each.stated.explanation) for each in found}


def _tests(a_day: int) -> tuple[GlucoseReading, ...]:
    """So many self-tests on each of the 30 days before the order: a complete record."""
    days = [AS_OF - timedelta(days=back) for back in range(30, 0, -1)]
    return tuple(GlucoseReading(day, n, 120, False, f"Observation/{day}-{n}") for day in days for n in range(a_day))


@pytest.mark.parametrize(
    ("charted", "stated", "differ"),
    [(3, "6", True), (3, "3.5", False), (5, "2", True), (5, "6", False), (0, "6", False)],
)
def test_a_figure_that_a_complete_record_contradicts_is_named(charted: int, stated: str, differ: bool) -> None:
    """At least 4 a day are asked for: 3 and 6, 5 and 2 lie on two sides of it."""
    found = _found({"D.I.G.average": Decimal(stated)}, {"D.I.G"}, self_tests=_tests(charted))
    assert list(found) == (["D.I.G"] if differ else [])
    if differ:
        chart, both = found["D.I.G"]
        assert f"{30 * charted} self-tests on 30 of 30 days" in chart
        assert f"{stated} self-tests a day on average" in both


def test_an_answer_is_taken_as_if_it_were_signed_last() -> None:
    """A statement of the same day says 3.5, which fits the record; the new one says 6, which does not."""
    old = {"D.I.G.average": (Answer(3.5, When(AS_OF, AS_OF, time(23, 30)), "QuestionnaireResponse/zzz"),)}
    assert list(_found({"D.I.G.average": Decimal(6)}, {"D.I.G"}, self_tests=_tests(3), answers=old)) == ["D.I.G"]


def test_sections_that_are_not_sent_are_left_alone() -> None:
    assert _found({"D.I.G.average": Decimal(6)}, {"D.I.C"}, self_tests=_tests(3)) == {}


@pytest.mark.parametrize("value", [True, 4, 4.5, Decimal("4.5"), date(2026, 1, 1), "log"])
def test_every_kind_of_answer_is_taken(value: Any) -> None:
    answers = {"D.I.G.average": Decimal("4.5"), "D.I.G.source": "log", "D.I.G.through": date(2026, 1, 1)}
    assert _found(answers | {"D.I.G.average": value}, {"D.I.G"}) == {}, "an empty chart contradicts nothing"


def test_of_the_chart_by_itself_nothing_is_told_where_nobody_signed() -> None:
    assert charted_findings(case(), POLICY.on(AS_OF)) == {}


def test_the_chart_by_itself_knows_no_statement() -> None:
    signed = {"answers": {"D.I.C": (Answer(True, When(AS_OF, AS_OF), "QuestionnaireResponse/q"),)}}
    made, policy = case(**signed), POLICY.on(AS_OF)
    assert made.finding(policy.rules["D.I.C"]).basis is Basis.ATTESTED
    charted = charted_findings(made, policy)
    assert charted["D.I.C"].truth is UNKNOWN
    assert set(charted) == set(policy.rules)
