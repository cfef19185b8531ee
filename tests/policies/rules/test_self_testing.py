"""D.I.G: counts, complete records, sensors, what was set aside, and the statement beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Finding, Gap
from cds_service.engine.plain_text import day_text
from cds_service.engine.truth import MET, NOT_MET, UNKNOWN
from cds_service.facts import (
    Answer,
    ChartSection,
    GlucoseReading,
    LabResult,
    OtherReading,
    ReadingOrigin,
    Record,
    SensorReading,
    When,
)
from cds_service.policies.rules.self_testing import tests_often_enough as judge
from tests.policies.charts import AS_OF, case

LAST = AS_OF - timedelta(days=1)
FIRST = AS_OF - timedelta(days=30)


def sticks(a_day: int, days: int) -> tuple[GlucoseReading, ...]:
    """So many self-tests on each of the last days before the order."""
    found = [(LAST - timedelta(days=d), n) for d in range(days) for n in range(a_day)]
    return tuple(GlucoseReading(day, n, 120, False, f"Observation/{day}-{n}") for day, n in sorted(found))


def sensed(days: int, a_day: int = 24) -> tuple[SensorReading, ...]:
    """Sensor readings on each of the last days before the order."""
    return tuple(SensorReading(LAST - timedelta(days=d), n, 120) for d in range(days) for n in range(a_day))


def others(origin: ReadingOrigin, count: int, day: date = LAST) -> tuple[OtherReading, ...]:
    """Readings that are no self-tests."""
    return tuple(OtherReading(day, origin, f"Observation/o{n}", "Glucose") for n in range(count))


def stated(average: float, **more: Any) -> dict[str, Any]:
    """A statement of so many tests a day, signed in the window. `more`: `source` and `through`."""
    said = {"average": average, **more}
    signed = When(LAST, LAST)
    return {
        "answers": {
            f"D.I.G.{name}": (Answer(value, signed, "QuestionnaireResponse/q"),) for name, value in said.items()
        }
    }


def wear(days: float, first: date, last: date) -> LabResult:
    """Stated days of sensor wear in a period."""
    concepts = frozenset({Concept.CGM_DAYS_OF_WEAR})
    return LabResult("Observation/w", When(first, last), concepts, "wear", value=days, shown=f"{days:g} days")


def counting(**chart: Any) -> Finding:
    """The finding of a plan that counts sensor data."""
    made = case(**chart)
    return judge(replace(made, parameters={**made.parameters, "cgm_counts_as_self_testing": True}))


def test_a_hundred_and_twenty_pass_and_one_less_does_not() -> None:
    assert judge(case(self_tests=sticks(4, 30))).truth is MET
    assert judge(case(self_tests=sticks(4, 30)[1:])).truth is NOT_MET


@pytest.mark.parametrize(
    ("a_day", "days", "truth"),
    [
        (3, 24, NOT_MET),
        (3, 23, UNKNOWN),  # 24 days are a complete record
        (2, 30, NOT_MET),
        (1, 30, UNKNOWN),  # two or more on most days
        (4, 24, UNKNOWN),  # 4 on the days that have any
    ],
)
def test_only_a_complete_record_stands_against_it(a_day: int, days: int, truth: object) -> None:
    found = judge(case(self_tests=sticks(a_day, days)))
    assert found.truth is truth
    assert found.basis is (Basis.DOCUMENTED if truth is NOT_MET else None)
    assert found.gap is (None if truth is NOT_MET else Gap.INCOMPLETE)


def test_most_days_of_a_complete_record_have_two() -> None:
    """12 days of 24 are not most, 13 are."""
    for full, truth in ((12, UNKNOWN), (13, NOT_MET)):
        single = tuple(r for r in sticks(1, 24) if r.day < LAST - timedelta(days=full - 1))
        assert judge(case(self_tests=(*single, *sticks(2, full)))).truth is truth


# ---------------------------------------------------------------- sensors


SENSORS: dict[str, dict[str, Any]] = {
    "a reading": {"sensor": sensed(1, 1)},
    "stated wear": {"sensor_wear": (wear(5, FIRST, LAST),)},
    "a summary of the window": {
        "sensor_signs": (Record("Observation/gmi", When(LAST, LAST), frozenset({Concept.CGM_SUMMARY}), "GMI"),)
    },
    "a device": {"sensor_signs": (Record("Device/d", None, frozenset({Concept.CGM_DEVICE}), "Dexcom G7"),)},
    "an order of last year": {
        "sensor_signs": (
            Record("DeviceRequest/r", When(date(2025, 1, 1), date(2025, 1, 1)), frozenset(), "E2103 receiver"),
        )
    },
}


@pytest.mark.parametrize("signs", SENSORS.values(), ids=SENSORS.keys())
def test_a_sensor_leaves_a_complete_record_to_a_reviewer(signs: dict[str, Any]) -> None:
    found = judge(case(self_tests=sticks(3, 30), **signs))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
    assert "sensor" in found.explanation
    assert "Medicare's contractors" in (found.closes or "")


NO_SENSORS: dict[str, dict[str, Any]] = {
    "a reading before the window": {"sensor": (SensorReading(FIRST - timedelta(days=1), 0, 120),)},
    "a reading of the day of the order": {"sensor": (SensorReading(AS_OF, 0, 120),)},
    "no day of wear": {"sensor_wear": (wear(0, FIRST, LAST),)},
    "an old summary": {
        "sensor_signs": (
            Record("Observation/gmi", When(date(2026, 9, 1), date(2026, 9, 14)), frozenset(), "GMI of September"),
        )
    },
    "an order of tomorrow": {
        "sensor_signs": (Record("DeviceRequest/r", When(date(2026, 11, 21), date(2026, 11, 21)), frozenset(), "E2103"),)
    },
}


@pytest.mark.parametrize("signs", NO_SENSORS.values(), ids=NO_SENSORS.keys())
def test_what_shows_no_sensor_in_the_window(signs: dict[str, Any]) -> None:
    assert judge(case(self_tests=sticks(3, 30), **signs)).truth is NOT_MET


@pytest.mark.parametrize(("a_day", "days", "gap"), [(21, 3, Gap.NEEDS_REVIEW), (21, 2, Gap.INCOMPLETE)])
def test_days_of_implausible_rate(a_day: int, days: int, gap: Gap) -> None:
    """More than 20 in a day are no self-tests; three such days are a sensor worn."""
    few = tuple(r for r in sticks(2, 10) if r.day < LAST - timedelta(days=4))
    found = judge(case(self_tests=(*few, *sticks(a_day, days))))
    assert found.gap is gap
    assert found.explanation.startswith("10 self-tests on 5 of 30 days")
    assert f"{a_day * days} readings" in found.explanation


def test_twenty_a_day_are_plausible() -> None:
    assert judge(case(self_tests=sticks(20, 6))).truth is MET


def test_open_readings_count_for_the_rate_of_a_day() -> None:
    rows = [r for d in range(3) for r in others(ReadingOrigin.VISIT_UNREAD, 21, LAST - timedelta(days=d))]
    found = judge(case(other_readings=tuple(rows)))
    assert (found.gap, "sensor was worn on 3" in found.explanation) == (Gap.NEEDS_REVIEW, True)


@pytest.mark.parametrize(
    ("days", "a_day", "truth", "gap"),
    [(21, 0, MET, None), (20, 0, UNKNOWN, Gap.INCOMPLETE), (21, 1, MET, None), (20, 3, UNKNOWN, Gap.INCOMPLETE)],
)
def test_a_plan_that_counts_sensor_data_wants_21_days(days: int, a_day: int, truth: object, gap: Gap | None) -> None:
    found = counting(sensor=sensed(days), self_tests=sticks(a_day, 30))
    assert (found.truth, found.gap) == (truth, gap)
    assert found.basis is (Basis.SUPPORTED if truth is MET else None)


@pytest.mark.parametrize(
    ("stated_days", "first", "last", "truth"),
    [
        (21, FIRST, LAST, MET),
        (20, FIRST, LAST, UNKNOWN),
        (28, FIRST - timedelta(days=7), LAST - timedelta(days=7), MET),  # 7 days may lie before: 28 - 7 = 21
        (28, FIRST - timedelta(days=8), LAST - timedelta(days=7), UNKNOWN),
        (28, LAST, LAST, MET),  # no period: the days up to its date
        (90, FIRST - timedelta(days=60), LAST, MET),
        (60, FIRST - timedelta(days=60), LAST, UNKNOWN),  # all 60 may lie before
    ],
)
def test_stated_wear_counts_as_far_as_it_surely_lies_in_the_window(
    stated_days: int, first: date, last: date, truth: object
) -> None:
    assert counting(sensor_wear=(wear(stated_days, first, last),)).truth is truth


def test_days_of_implausible_rate_cover_days_of_a_plan_that_counts_them() -> None:
    assert counting(self_tests=sticks(96, 21)).truth is MET


# ---------------------------------------------------------------- set aside and open


@pytest.mark.parametrize(
    ("origin", "count", "gap"),
    [
        (ReadingOrigin.LABORATORY, 120, Gap.NEEDS_REVIEW),
        (ReadingOrigin.LABORATORY, 119, Gap.NOT_DOCUMENTED),
        (ReadingOrigin.POINT_OF_CARE, 2, Gap.NOT_DOCUMENTED),
        (ReadingOrigin.HOSPITAL, 120, Gap.NEEDS_REVIEW),
        (ReadingOrigin.NAMED_ONLY, 5, Gap.INCOMPLETE),
        (ReadingOrigin.VISIT_UNREAD, 5, Gap.INCOMPLETE),
        (ReadingOrigin.PENDING, 120, Gap.NOT_DOCUMENTED),
        (ReadingOrigin.ANOTHER_PATIENT, 120, Gap.NOT_DOCUMENTED),
    ],
)
def test_readings_that_are_no_self_tests_are_said(origin: ReadingOrigin, count: int, gap: Gap) -> None:
    spread = [others(origin, 1, LAST - timedelta(days=n % 30))[0] for n in range(count)]
    found = judge(case(other_readings=tuple(spread)))
    assert (found.truth, found.gap) == (UNKNOWN, gap)
    assert f"{count} readings {origin.value}" in found.explanation
    assert "No self-tests found" not in found.explanation


def test_a_complete_record_stands_against_ward_values_but_not_against_open_ones() -> None:
    for origin, truth in ((ReadingOrigin.HOSPITAL, NOT_MET), (ReadingOrigin.VISIT_UNREAD, UNKNOWN)):
        rows = tuple(others(origin, 2, LAST - timedelta(days=d)) for d in range(30))
        found = judge(case(self_tests=sticks(3, 30), other_readings=tuple(r for row in rows for r in row)))
        assert found.truth is truth
        assert f"60 readings {origin.value}" in found.explanation


def test_nothing_at_all_is_said_as_such() -> None:
    found = judge(case())
    assert (found.gap, found.explanation) == (Gap.NOT_DOCUMENTED, "No self-tests are charted, Oct 21 to Nov 19, 2026")


# ---------------------------------------------------------------- statements and counts


def beside(average: float, tests: Iterable[GlucoseReading], **chart: Any) -> Finding:
    """The finding beside a statement."""
    return judge(case(self_tests=tuple(tests), **stated(average), **chart))


def test_a_statement_beside_the_chart() -> None:
    assert (beside(6, sticks(3, 30)).truth, beside(6, sticks(3, 30)).gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
    assert (beside(2, sticks(5, 30)).truth, beside(2, sticks(5, 30)).gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
    assert (beside(3, sticks(3, 30)).truth, beside(3, sticks(3, 30)).basis) == (NOT_MET, Basis.DOCUMENTED)
    assert (beside(6, sticks(5, 30)).truth, beside(6, sticks(5, 30)).basis) == (MET, Basis.DOCUMENTED)
    for average, truth in ((6, MET), (4, MET), (3.9, NOT_MET)):
        found = beside(average, sticks(2, 5))
        assert (found.truth, found.basis) == (truth, Basis.ATTESTED)


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, "4.2 a day"),
        ({"source": "meter-download"}, "4.2 a day, meter download"),
        ({"through": When(LAST, LAST)}, f"4.2 a day, through {day_text(LAST)}"),
        ({"source": "log", "through": When(LAST, LAST)}, f"4.2 a day, log through {day_text(LAST)}"),
        (
            {"source": "device-report", "through": When(LAST, LAST)},
            f"4.2 a day, device report through {day_text(LAST)}",
        ),
        # Another client's code, and an answer of another type, say nothing that could be shown.
        ({"source": "hearsay", "through": "yesterday"}, "4.2 a day"),
        ({"source": True, "through": 7.0}, "4.2 a day"),
    ],
)
def test_a_stated_figure_is_shown_with_its_source_and_its_last_day(more: dict[str, Any], shown: str) -> None:
    found = judge(case(**stated(4.2, **more)))
    assert (found.truth, found.basis, found.remarks) == (MET, Basis.ATTESTED, ())
    assert [(each.reference, each.value) for each in found.evidence] == [("QuestionnaireResponse/q", shown)]
    assert found.explanation.startswith(shown.replace("4.2 a day", "4.2 self-tests a day on average"))


@pytest.mark.parametrize(
    ("through", "remarks"),
    [(FIRST, 0), (FIRST - timedelta(days=1), 1), (AS_OF, 0)],
)
@pytest.mark.parametrize("average", [4.2, 3.9])
def test_a_figure_that_ends_before_the_window_counts_and_says_so(through: date, remarks: int, average: float) -> None:
    """The day is optional in what counts, so it turns nothing; a reader sees that it does not fit."""
    found, without = (judge(case(**stated(average, **more))) for more in ({"through": When(through, through)}, {}))
    assert (found.truth, found.basis, found.gap) == (without.truth, without.basis, without.gap)
    named = f"The last day of the stated figure, {day_text(through)}, lies before the days that count"
    assert [each.partition(" (")[0] for each in found.remarks] == [named] * remarks


def test_source_and_day_of_an_older_statement_are_not_mixed_into_a_newer_one() -> None:
    old = When(LAST - timedelta(days=9), LAST - timedelta(days=9))
    answers = stated(4.2)["answers"] | {"D.I.G.source": (Answer("log", old, "QuestionnaireResponse/older"),)}
    assert judge(case(answers=answers)).evidence[0].value == "4.2 a day"


def test_a_sensor_does_not_silence_a_statement() -> None:
    assert beside(6, sticks(3, 30), sensor=sensed(30)).basis is Basis.ATTESTED
    found = beside(2, (), sensor=sensed(30))
    assert found.truth is NOT_MET
    assert any("Medicare's contractors" in remark for remark in found.remarks)


def a_count(value: float) -> LabResult:
    """A recorded number of tests a day."""
    shown = f"{value:g} a day"
    return LabResult("Observation/n", When(LAST, LAST), frozenset(), "tests a day", value=value, shown=shown)


def test_a_recorded_count_supports_where_the_readings_do_not_decide() -> None:
    assert judge(case(self_test_counts=(a_count(5),))).basis is Basis.SUPPORTED
    assert judge(case(self_test_counts=(a_count(3),))).truth is NOT_MET
    assert judge(case(self_test_counts=(a_count(3),), sensor=sensed(30))).gap is Gap.NEEDS_REVIEW
    assert judge(case(self_test_counts=(a_count(5),), self_tests=sticks(3, 30))).truth is NOT_MET
    assert judge(case(self_test_counts=(a_count(3),), **stated(6))).basis is Basis.ATTESTED


# ---------------------------------------------------------------- what could not be read


def test_what_was_not_read_decides_nothing_that_it_could_change() -> None:
    unread = {ChartSection.GLUCOSE: "refused"}
    assert judge(case(self_tests=sticks(3, 30), unread=unread)).gap is Gap.NOT_RETRIEVED
    assert judge(case(self_tests=sticks(4, 30), partial=unread)).truth is MET
    devices = {ChartSection.DEVICES: "refused"}
    assert judge(case(self_tests=sticks(3, 30), unread=devices)).gap is Gap.NOT_RETRIEVED
    assert judge(case(self_tests=sticks(4, 30), unread=devices)).truth is MET
    visits = {ChartSection.ENCOUNTERS: "refused"}
    assert judge(case(unread=visits)).gap is Gap.NOT_DOCUMENTED
    rows = others(ReadingOrigin.VISIT_UNREAD, 5)
    assert judge(case(other_readings=rows, unread=visits)).gap is Gap.NOT_RETRIEVED


def _in_words(a_day: int, days: int) -> tuple[OtherReading, ...]:
    found = [LAST - timedelta(days=d) for d in range(days) for _ in range(a_day)]
    return tuple(OtherReading(day, ReadingOrigin.NAMED_ONLY, f"Observation/w{n}", "") for n, day in enumerate(found))


BESIDE_A_STATEMENT = {
    "3 a day in words on 30 days": ({"other_readings": _in_words(3, 30)}, Gap.NEEDS_REVIEW),
    "2 a day by code and 1 in words on 24 days": (
        {"self_tests": sticks(2, 24), "other_readings": _in_words(1, 24)},
        Gap.NEEDS_REVIEW,
    ),
    "in words on 23 days, which is no complete record": ({"other_readings": _in_words(3, 23)}, MET),
    "4 a day in words": ({"other_readings": _in_words(4, 30)}, MET),
    "a sensor beside them": ({"other_readings": _in_words(3, 30), "sensor": sensed(30)}, MET),
    "of a laboratory": ({"other_readings": others(ReadingOrigin.LABORATORY, 90)}, MET),
}


@pytest.mark.parametrize(("chart", "what"), BESIDE_A_STATEMENT.values(), ids=BESIDE_A_STATEMENT.keys())
def test_readings_that_words_name_may_stand_against_a_statement(chart: dict[str, Any], what: object) -> None:
    """A code that nobody knows never turns a record that stands against a statement into an approval."""
    found = judge(case(**chart, **stated(6)))
    assert what in (found.truth, found.gap)


def test_readings_that_words_name_agree_with_a_statement_below_the_goal() -> None:
    found = judge(case(other_readings=_in_words(3, 30), **stated(3)))
    assert (found.truth, found.basis) == (NOT_MET, Basis.ATTESTED)
