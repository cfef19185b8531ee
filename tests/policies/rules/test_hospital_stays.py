"""D.I.I.6: which visits are stays, which stays are one, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Gap
from cds_service.engine.truth import MET, UNKNOWN
from cds_service.facts import Visit
from cds_service.policies.rules.hospital_stays import distinct_stays, recurrent_hospital_stays
from cds_service.policies.rules.low_glucose import by_time, last_moment, may_follow
from tests.policies.charts import case, diagnosis, visit

DKA = Concept.KETOACIDOSIS


def stay(start: str | None, end: str | None = None, *concepts: Concept, **members: Any) -> Visit:
    return visit(start, end, *(concepts or (DKA,)), **({"inpatient": True} | members))


STAYS = {
    "two": ([stay("2026-03-01", "2026-03-03"), stay("2026-04-01", "2026-04-03")], MET),
    "years ago": ([stay("2016-03-01", "2016-03-03"), stay("2019-04-01", "2019-04-03")], MET),
    "one for each reason": ([stay("2026-03-01", "2026-03-03", Concept.HYPOGLYCEMIA), stay("2026-04-01")], MET),
    "E16.2 in diabetes": (
        [
            stay("2026-03-01", None, Concept.HYPOGLYCEMIA_GENERIC),
            stay("2026-04-01", None, Concept.HYPOGLYCEMIA_GENERIC),
        ],
        MET,
    ),
    "overlapping": ([stay("2026-03-01", "2026-03-09"), stay("2026-03-05", "2026-03-12")], UNKNOWN),
    "inside the other": ([stay("2026-03-01", "2026-03-30"), stay("2026-03-05", "2026-03-06")], UNKNOWN),
    "a transfer within 24 hours": (
        [stay("2026-03-01T08:00", "2026-03-03T10:00"), stay("2026-03-04T10:00", "2026-03-09T09:00")],
        UNKNOWN,
    ),
    "more than 24 hours after": (
        [stay("2026-03-01T08:00", "2026-03-03T10:00"), stay("2026-03-04T10:01", "2026-03-09T09:00")],
        MET,
    ),
    "days that may be within 24 hours": ([stay("2026-03-01", "2026-03-03"), stay("2026-03-04", "2026-03-09")], UNKNOWN),
    "a day between": ([stay("2026-03-01", "2026-03-03"), stay("2026-03-05", "2026-03-09")], MET),
    "a chain of transfers": (
        [stay("2026-03-01", "2026-03-03"), stay("2026-03-03", "2026-03-06"), stay("2026-03-07", "2026-03-09")],
        UNKNOWN,
    ),
    "one without a date": ([stay("2026-03-01", "2026-03-03"), stay(None)], UNKNOWN),
    "one after the order": ([stay("2026-03-01", "2026-03-03"), stay("2026-11-21")], UNKNOWN),
}


@pytest.mark.parametrize(("visits", "truth"), STAYS.values(), ids=STAYS.keys())
def test_stays(visits: list[Visit], truth: object) -> None:
    for order in (visits, visits[::-1]):
        found = recurrent_hospital_stays(case(visits=tuple(order)))
        assert found.truth is truth
        assert found.basis is Basis.DOCUMENTED if truth is MET else found.gap is Gap.NEEDS_REVIEW


def test_the_length_of_a_stay_is_said() -> None:
    one = recurrent_hospital_stays(case(visits=(stay("2026-03-01", "2026-03-10"),)))
    assert "One inpatient stay of 9 days (Mar 1, 2026)" in one.explanation
    moved = case(visits=(stay("2026-03-01", "2026-03-03"), stay("2026-03-03", "2026-03-10")))
    assert "One inpatient stay of 9 days" in recurrent_hospital_stays(moved).explanation


def test_visits_whose_class_cannot_be_read_are_for_a_reviewer_and_named() -> None:
    visits = (stay("2026-03-01", inpatient=None), stay("2026-04-01", inpatient=None))
    found = recurrent_hospital_stays(case(visits=visits))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
    assert "Mar 1, 2026" in found.explanation
    assert "Apr 1, 2026" in found.explanation
    assert len(found.evidence) == 2


def test_reasons_in_words_are_for_a_reviewer_and_named() -> None:
    visits = tuple(visit(day, None, inpatient=True, review=frozenset({DKA})) for day in ("2026-03-01", "2026-04-01"))
    found = recurrent_hospital_stays(case(visits=visits))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
    assert "Mar 1, 2026" in found.explanation


def test_emergency_visits_are_no_stays_and_are_named() -> None:
    found = recurrent_hospital_stays(case(visits=(visit("2026-03-01", None, DKA), visit("2026-04-01", None, DKA))))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)
    assert "not inpatient stays: a visit (Mar 1, 2026)" in found.explanation


def test_ketoacidosis_without_a_stay_is_named() -> None:
    found = recurrent_hospital_stays(case(diagnosis("2026-03-01", DKA)))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)
    assert "Mar 1, 2026" in found.explanation


def test_a_hyperosmolar_state_is_no_ketoacidosis_and_is_named() -> None:
    visits = (
        stay("2026-03-01", None, Concept.HYPEROSMOLAR_STATE),
        stay("2026-04-01", None, Concept.HYPEROSMOLAR_STATE),
    )
    found = recurrent_hospital_stays(case(visits=visits))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)
    assert "hyperosmolar" in found.explanation


def test_nothing_is_said_to_be_missing_only_in_silence() -> None:
    found = recurrent_hospital_stays(case())
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NOT_DOCUMENTED)


_MOMENTS = st.builds(
    lambda day, hour: f"2026-03-{day:02d}" + (f"T{hour:02d}:00" if hour is not None else ""),
    st.integers(1, 6),
    st.none() | st.sampled_from([0, 9, 23]),
)


_ENDS = st.tuples(_MOMENTS, _MOMENTS).map(sorted)


@settings(max_examples=500)
@given(st.lists(_ENDS.map(lambda ends: stay(*ends)), max_size=6), st.sampled_from([12, 24]))
def test_a_stay_that_follows_any_stay_of_a_group_is_no_other_one(stays: list[Visit], hours: int) -> None:
    """As each stay would be held against every other one before it."""
    groups: list[list[Visit]] = []
    for one in sorted(stays, key=by_time):
        if groups and any(may_follow(last_moment(before), one, hours) for before in groups[-1]):
            groups[-1].append(one)
        else:
            groups.append([one])
    assert distinct_stays(stays, hours) == groups
