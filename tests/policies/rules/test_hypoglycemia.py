"""D.I.I.2 and D.I.I.5: what is one event of low glucose, what recurs, and what only a reviewer can judge."""

from __future__ import annotations

import pytest

from cds_service.concepts import Concept
from cds_service.engine.finding import Basis, Gap
from cds_service.engine.truth import MET, UNKNOWN
from cds_service.facts import Chart, Diagnosis, GlucoseReading, Record, SensorReading
from cds_service.policies.rules.hypoglycemia import recurring_hypoglycemia, severe_excursions
from cds_service.policies.rules.low_glucose import sensor_lows
from tests.policies.charts import ORDER, answers, case, diagnosis, made, sensed, stick, visit

LOW, GENERIC = Concept.HYPOGLYCEMIA, Concept.HYPOGLYCEMIA_GENERIC

# Records, and whether they are episodes of two days (met), may be two (a reviewer looks) or are one.
EPISODES = {
    "two days": ([diagnosis("2026-02-11", LOW), diagnosis("2026-07-03", LOW)], "two"),
    "the same day twice": ([diagnosis("2026-02-11", LOW), visit("2026-02-11", None, LOW)], "one"),
    "consecutive days without times": ([diagnosis("2026-09-28", LOW), diagnosis("2026-09-29", LOW)], "review"),
    "a day between": ([diagnosis("2026-09-28", LOW), diagnosis("2026-09-30", LOW)], "two"),
    "days 1, 2 and 3 are two, measured from the first": (
        [diagnosis("2026-09-01", LOW), diagnosis("2026-09-02", LOW), diagnosis("2026-09-03", LOW)],
        "two",
    ),
    "across midnight": (
        [visit("2026-09-28T23:30", "2026-09-29T02:00", LOW), diagnosis("2026-09-29T00:10", LOW)],
        "review",
    ),
    "consecutive days, times more than 24 hours apart": (
        [visit("2026-09-28T09:00", "2026-09-28T09:00", LOW), visit("2026-09-29T09:01", "2026-09-29T10:00", LOW)],
        "two",
    ),
    "consecutive days, times exactly 24 hours apart": (
        [visit("2026-09-28T09:00", "2026-09-28T09:00", LOW), visit("2026-09-29T09:00", "2026-09-29T10:00", LOW)],
        "review",
    ),
    "a day after the visit began, less after it ended": (
        [visit("2026-09-28T09:00", "2026-09-28T12:00", LOW), visit("2026-09-29T10:00", "2026-09-29T11:00", LOW)],
        "review",
    ),
    "times more than 24 hours apart, one of them unknown": (
        [visit("2026-09-28T01:00", "2026-09-28T02:00", LOW), diagnosis("2026-09-29", LOW)],
        "review",
    ),
    "a diagnosis inside the days of a stay": (
        [visit("2026-09-01", "2026-09-09", LOW, inpatient=True), diagnosis("2026-09-05", LOW)],
        "review",
    ),
    "a diagnosis recorded at the visit, weeks later": (
        [
            visit("2026-09-01", "2026-09-02", LOW, name="Encounter/v"),
            diagnosis("2026-09-20", LOW, encounter="Encounter/v"),
        ],
        "one",
    ),
    "a diagnosis that the visit names, begun before it": (
        [
            visit("2026-09-20", "2026-09-21", LOW, diagnoses=frozenset({"Condition/d"})),
            diagnosis("2026-08-01", LOW, name="Condition/d"),
        ],
        "one",
    ),
    "one problem that two visits name": (
        [
            visit("2026-03-20", "2026-03-21", LOW, diagnoses=frozenset({"Condition/d"})),
            visit("2026-09-20", "2026-09-21", LOW, diagnoses=frozenset({"Condition/d"})),
            diagnosis("2025-08-01", LOW, name="Condition/d"),
        ],
        "two",
    ),
    "two diagnoses of a visit that was not read": (
        [
            diagnosis("2026-03-01", LOW, encounter="Encounter/x"),
            diagnosis("2026-03-20", LOW, GENERIC, encounter="Encounter/x"),
        ],
        "one",
    ),
    "E16.2 beside diabetes": ([visit("2026-07-01", None, GENERIC), visit("2026-09-29", None, GENERIC)], "two"),
    "a year and a later day are two": ([diagnosis("2024", LOW), diagnosis("2026-07-03", LOW)], "two"),
    "a month and a day in it may be one": ([diagnosis("2026-09", LOW), diagnosis("2026-09-20", LOW)], "review"),
    "level codes are no episodes": (
        [diagnosis("2026-02-11", Concept.HYPOGLYCEMIA_LEVEL), diagnosis("2026-07-03", Concept.HYPOGLYCEMIA_LEVEL)],
        "one",
    ),
    "without a date": ([diagnosis(None, LOW), diagnosis(None, LOW, name="Condition/other")], "one"),
    "resolved ones are a history": (
        [diagnosis("2019-02-11", LOW, active=False), diagnosis("2021-07-03", LOW, active=False)],
        "two",
    ),
    "unconfirmed ones reach nothing": (
        [diagnosis("2026-02-11", LOW), diagnosis("2026-07-03", LOW, confirmed=False)],
        "one",
    ),
    "after the day of the order": ([diagnosis("2026-02-11", LOW), diagnosis("2026-11-21", LOW)], "one"),
}


@pytest.mark.parametrize(("records", "what"), EPISODES.values(), ids=EPISODES.keys())
def test_episodes(records: list[Record], what: str) -> None:
    diagnoses = [r for r in records if isinstance(r, Diagnosis)]
    visits = tuple(r for r in records if not isinstance(r, Diagnosis))
    for order in (diagnoses, diagnoses[::-1]):
        found = recurring_hypoglycemia(case(*order, visits=visits))
        if what == "two":
            assert (found.truth, found.basis) == (MET, Basis.DOCUMENTED)
        else:
            assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW if what == "review" else Gap.INCOMPLETE)
            assert "No hypoglycemic episode" not in found.explanation


def test_hypoglycemia_without_a_cause_is_none_without_diabetes() -> None:
    low = (visit("2026-07-01", None, GENERIC), visit("2026-09-29", None, GENERIC))
    found = recurring_hypoglycemia(made(ORDER, Chart(visits=low)))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.INCOMPLETE)
    assert "without charted diabetes" in found.explanation


def test_hypoglycemia_in_words_is_for_a_reviewer_and_named() -> None:
    records = [diagnosis(day, review=frozenset({GENERIC})) for day in ("2026-02-11", "2026-07-03")]
    found = recurring_hypoglycemia(case(*records))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
    assert "Feb 11, 2026" in found.explanation


def test_two_supported_codes_support_it() -> None:
    records = [diagnosis(day, supported=frozenset({LOW})) for day in ("2026-02-11", "2026-07-03")]
    found = recurring_hypoglycemia(case(*records))
    assert (found.truth, found.basis) == (MET, Basis.SUPPORTED)


# ---------------------------------------------------------------- meter readings

# 2025-11-20 is 12 calendar months before 2026-11-20 and inside; 2025-11-19 is outside.
METER = {
    "two days": ([stick("2026-11-01T10:00", 69), stick("2026-11-03T10:00", 60)], True),
    "70 itself is no low": ([stick("2026-11-01T10:00", 70), stick("2026-11-03T10:00", 60)], False),
    "two on one day": ([stick("2026-11-01T03:00", 60), stick("2026-11-01T22:00", 60)], False),
    "across midnight within two hours": ([stick("2026-11-01T23:30", 60), stick("2026-11-02T01:30", 60)], False),
    "across midnight, more than two hours": ([stick("2026-11-01T23:30", 60), stick("2026-11-02T01:31", 60)], True),
    "the first day of the window": ([stick("2025-11-20T10:00", 60), stick("2026-11-03T10:00", 60)], True),
    "a day before the window": ([stick("2025-11-19T10:00", 60), stick("2026-11-03T10:00", 60)], False),
}


@pytest.mark.parametrize(("sticks", "recurring"), METER.values(), ids=METER.keys())
def test_meter_lows(sticks: list[GlucoseReading], recurring: bool) -> None:
    found = recurring_hypoglycemia(case(self_tests=tuple(sticks)))
    assert (found.truth, found.basis) == ((MET, Basis.SUPPORTED) if recurring else (UNKNOWN, None))
    if not recurring:
        assert found.gap is Gap.INCOMPLETE


# ---------------------------------------------------------------- sensor readings

SENSOR = {
    # Three readings of a five-minute sensor stand for 15 minutes.
    "15 minutes": (sensed("2026-11-01T13:00", 80, 53, 50, 53, 80), 1),
    "10 minutes": (sensed("2026-11-01T13:00", 80, 53, 50, 80), 0),
    "54 itself ends it": (sensed("2026-11-01T13:00", 53, 53, 54, 53, 53), 0),
    "two readings a quarter of an hour apart": (sensed("2026-11-01T13:00", 53, 53, every=15), 1),
    "one reading": (sensed("2026-11-01T13:00", 53), 0),
    "a pause ends it": ([*sensed("2026-11-01T13:00", 53, 53), *sensed("2026-11-01T14:00", 53, 53)], 0),
    "across midnight": (sensed("2026-11-01T23:55", 50, 50, 50), 1),
    "the first day of the window": (sensed("2025-11-20T13:00", 50, 50, 50), 1),
    "before the window": (sensed("2025-11-19T13:00", 50, 50, 50), 0),
    "a pause of 20 minutes": (sensed("2026-11-01T13:00", 53, 53, every=20), 1),
    "a pause of 21 minutes": (sensed("2026-11-01T13:00", 53, 53, every=21), 0),
    "after the day": (sensed("2026-11-21T13:00", 50, 50, 50), 0),
    "every minute": (sensed("2026-11-01T13:00", *[50] * 15, every=1), 1),
    "every minute, a minute less": (sensed("2026-11-01T13:00", *[50] * 14, every=1), 0),
}


@pytest.mark.parametrize(("readings", "count"), SENSOR.values(), ids=SENSOR.keys())
def test_sensor_lows(readings: list[SensorReading], count: int) -> None:
    assert len(sensor_lows(case(sensor=tuple(readings)))) == count
    assert len(sensor_lows(case(sensor=tuple(readings[::-1])))) == count


def test_sensor_lows_on_two_days_are_for_a_reviewer_and_named() -> None:
    readings = [*sensed("2026-11-01T13:00", 50, 50, 50), *sensed("2026-11-09T14:00", 50, 50, 50)]
    found = recurring_hypoglycemia(case(sensor=tuple(readings), sensor_reference="Observation/s1"))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
    assert "below 54 mg/dL for 15 minutes or longer on 2 days, last on Nov 9, 2026" in found.explanation
    one = recurring_hypoglycemia(case(sensor=tuple(readings[:3]), sensor_reference="Observation/s1"))
    assert (one.truth, one.gap) == (UNKNOWN, Gap.INCOMPLETE)


def test_an_attestation_decides_beside_sensor_lows() -> None:
    readings = [*sensed("2026-11-01T13:00", 50, 50, 50), *sensed("2026-11-09T14:00", 50, 50, 50)]
    found = recurring_hypoglycemia(case(sensor=tuple(readings), answers=answers(D_I_I_2=True)))
    assert (found.truth, found.basis) == (MET, Basis.ATTESTED)


# ---------------------------------------------------------------- severe excursions


def test_a_coma_coded_at_a_visit_documents_it() -> None:
    found = severe_excursions(case(visits=(visit("2019-03-01", None, LOW, Concept.SEVERE_EXCURSION),)))
    assert (found.truth, found.basis) == (MET, Basis.DOCUMENTED)


@pytest.mark.parametrize(
    "record",
    [
        diagnosis("2026-02-11", Concept.SEVERE_EXCURSION, confirmed=False),
        diagnosis("2026-11-21", Concept.SEVERE_EXCURSION),
        diagnosis("2026-02-11", Concept.KETOACIDOSIS),
    ],
    ids=["unconfirmed", "after the day of the order", "ketoacidosis is judged under D.I.I.6 only"],
)
def test_what_documents_no_excursion(record: Diagnosis) -> None:
    found = severe_excursions(case(record))
    assert (found.truth, found.gap) == (UNKNOWN, Gap.NOT_DOCUMENTED)


@pytest.mark.parametrize("concept", [Concept.HYPEROSMOLAR_STATE, Concept.HYPOGLYCEMIA_LEVEL_3])
def test_states_that_a_reviewer_judges_are_named(concept: Concept) -> None:
    for found in (
        severe_excursions(case(diagnosis("2026-02-11", concept))),
        severe_excursions(case(visits=(visit("2026-02-11", None, concept, inpatient=True),))),
        severe_excursions(case(diagnosis("2026-02-11", review=frozenset({Concept.SEVERE_EXCURSION})))),
    ):
        assert (found.truth, found.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
        assert "Feb 11, 2026" in found.explanation


NIGHTS = {
    "two nights": (["2026-11-01T00:00", "2026-11-03T05:59"], MET),
    "six o'clock is day": (["2026-11-01T00:00", "2026-11-03T06:00"], UNKNOWN),
    "one night": (["2026-11-01T00:00", "2026-11-01T05:00"], UNKNOWN),
    "the first night of the window": (["2025-11-20T03:00", "2026-11-03T03:00"], MET),
    "a night before the window": (["2025-11-19T03:00", "2026-11-03T03:00"], UNKNOWN),
}


@pytest.mark.parametrize(("times", "truth"), NIGHTS.values(), ids=NIGHTS.keys())
def test_meter_lows_at_night(times: list[str], truth: object) -> None:
    assert severe_excursions(case(self_tests=tuple(stick(at, 53) for at in times))).truth is truth
    assert severe_excursions(case(self_tests=tuple(stick(at, 54) for at in times))).gap is Gap.NOT_DOCUMENTED


def test_sensor_lows_at_night_are_for_a_reviewer_and_named() -> None:
    night = severe_excursions(case(sensor=tuple(sensed("2026-11-01T02:00", 50, 50, 50))))
    assert (night.truth, night.gap) == (UNKNOWN, Gap.NEEDS_REVIEW)
    assert "on 1 night, last on Nov 1, 2026" in night.explanation
    for begin in ("2026-11-01T13:00", "2026-11-01T06:00"):  # six o'clock is day
        assert severe_excursions(case(sensor=tuple(sensed(begin, 50, 50, 50)))).gap is Gap.NOT_DOCUMENTED
