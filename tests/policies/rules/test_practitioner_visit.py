"""A visit with the treating practitioner every three months: which visits count, and until when."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN, Truth
from cds_service.facts import Credential, PractitionerVisit, Provider, SeenHow
from cds_service.policies.medicare_l33794 import POLICY
from cds_service.policies.rules.practitioner_visit import seen_regularly
from tests.policies.charts import moment
from tests.policies.medicare_l33794.facts import ORDER, case, stated

DOCTOR = Provider("Practitioner/d1", Credential.MAY_ORDER)


def seen(when: str | None, how: SeenHow = SeenHow.OFFICE, **members: Any) -> PractitionerVisit:
    more = {"practitioners": frozenset({"Practitioner/d1"}), **members}
    return PractitionerVisit(f"Encounter/{when}", moment(when), frozenset(), "a visit", how=how, **more)


def judged(*visits: PractitionerVisit, **more: Any) -> Finding:
    order = ORDER.__class__(**{**{f: getattr(ORDER, f) for f in ORDER.__slots__}, "orderer": DOCTOR})
    return seen_regularly(case(order, practitioner_visits=visits, **more))


@pytest.mark.parametrize(
    ("day", "truth"),
    [("2026-08-20", MET), ("2026-08-19", NOT_MET), ("2026-11-20", MET), ("2026-11-21", UNKNOWN), ("2026-08", NOT_MET)],
)
def test_a_visit_is_good_for_three_calendar_months(day: str, truth: Truth) -> None:
    # The order is of 2026-11-20: three months after August 20. Of August alone only its first day is sure.
    assert judged(seen(day)).truth is truth


def test_ninety_five_days_ago_is_too_long_by_both_readings() -> None:
    found = judged(seen("2026-08-17"))  # 14 + 30 + 31 + 20 = 95 days
    assert found.truth is NOT_MET
    assert "good until Nov 17, 2026" in found.explanation


def test_the_interval_may_be_read_as_ninety_one_days() -> None:
    def truth(day: str) -> Truth:
        made = case(practitioner_visits=(seen(day),))
        of_days = made.at_event(made.as_of, parameters={"visit_interval": "91 days"})
        return seen_regularly(of_days).truth

    # August 21 is 91 days before November 20 (10 + 30 + 31 + 20), August 20 is 92.
    assert (truth("2026-08-21"), truth("2026-08-20")) == (MET, NOT_MET)


@pytest.mark.parametrize(
    ("how", "truth"),
    [
        (SeenHow.OFFICE, MET),
        (SeenHow.VIRTUAL, MET),
        (SeenHow.HOME, MET),
        (SeenHow.TELEPHONE, UNKNOWN),
        (SeenHow.UNREAD, UNKNOWN),
        (SeenHow.EMERGENCY, UNKNOWN),
        (SeenHow.INPATIENT, UNKNOWN),
        (SeenHow.OBSERVATION, UNKNOWN),
        (SeenHow.NOT_SEEN, UNKNOWN),
    ],
)
def test_kinds_of_visits(how: SeenHow, truth: Truth) -> None:
    found = judged(seen("2026-11-01", how))
    assert found.truth is truth
    unsure = how in (SeenHow.TELEPHONE, SeenHow.UNREAD)
    assert truth is MET or found.gap is (Gap.NEEDS_REVIEW if unsure else Gap.NOT_DOCUMENTED)


def test_with_another_practitioner_a_reviewer_may_still_ask() -> None:
    other = seen("2026-11-01", practitioners=frozenset({"Practitioner/x"}))
    assert judged(other).basis is Basis.SUPPORTED
    assert judged(seen("2026-11-01")).basis is Basis.DOCUMENTED
    assert judged(seen("2026-11-01", practitioners=frozenset(), endocrinology=True)).basis is Basis.DOCUMENTED


def test_a_statement_counts_and_is_good_for_as_long() -> None:
    assert judged(answers=stated("IV.G.3.seen", "2026-08-20")).basis is Basis.ATTESTED
    assert judged(answers=stated("IV.G.3.seen", "2026-08-19")).truth is NOT_MET
    assert judged(seen("2026-01-05"), answers=stated("IV.G.3.seen", "2026-10-01")).truth is MET
    assert judged(answers=stated("IV.G.3.seen", "2026-12-01")).next_step == "correct the day of the last visit"


def test_nothing_on_file_and_what_could_not_be_read() -> None:
    assert judged().gap is Gap.NOT_DOCUMENTED
    assert judged(unread={"visits": "no answer"}).gap is Gap.NOT_RETRIEVED


def test_the_policy_says_the_interval_once() -> None:
    assert POLICY.on(date(2026, 11, 20)).titles["IV.G.3"] == "Seen by the treating practitioner every 3 months"
