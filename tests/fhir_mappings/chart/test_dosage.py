"""Directions → scheduled injections a day: frequency in its period, else events, else the timing's code, else text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.facts import Moment
from tests.fhir_mappings.builders import JSON, SNOMED, dosing
from tests.support import concept

GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
SUBCUTANEOUS = concept(SNOMED, "34206005")
INTRAVENOUS = concept(SNOMED, "47625008")


def repeat(**members: Any) -> JSON:
    """A line with a timing.repeat."""
    return {"timing": {"repeat": members}}


def code(text: str, **members: Any) -> JSON:
    """A line with a timing.code."""
    return {"timing": {"code": concept(GTS, text)}, **members}


# ---------------------------------------------------------------- timing.repeat

REPEAT = {
    "three a day": (repeat(frequency=3, period=1, periodUnit="d"), 3, 3),
    "one in six hours": (repeat(frequency=1, period=6, periodUnit="h"), 4, 4),
    "one in 480 minutes": (repeat(frequency=1, period=480, periodUnit="min"), 3, 3),
    "every other day": (repeat(frequency=1, period=2, periodUnit="d"), 0.5, 0.5),
    "once a week": (repeat(frequency=1, period=1, periodUnit="wk"), 1 / 7, 1 / 7),
    "21 a week": (repeat(frequency=21, period=1, periodUnit="wk"), 3, 3),
    "frequency range": (repeat(frequency=2, frequencyMax=4, period=1, periodUnit="d"), 2, 4),
    # Every 6 to 8 hours: 24 / 8 to 24 / 6.
    "period range": (repeat(frequency=1, period=6, periodMax=8, periodUnit="h"), 3, 4),
    # 3 a day on 5 of 7 days.
    "on weekdays": (repeat(frequency=3, period=1, periodUnit="d", dayOfWeek=WEEKDAYS), 15 / 7, 15 / 7),
    "a day named twice is one": (repeat(frequency=7, period=1, periodUnit="d", dayOfWeek=["mon", "mon"]), 1, 1),
    "before meals": (repeat(when=["AC"]), 3, 3),
    "before each meal, named": (repeat(when=["ACM", "ACD", "ACV"]), 3, 3),
    "meals and bedtime": (repeat(when=["C", "HS"]), 4, 4),
    "bedtime": (repeat(when=["HS"]), 1, 1),
    "bedtime on one day of seven": (repeat(when=["HS"], dayOfWeek=["sun"]), 1 / 7, 1 / 7),
    "times of day": (repeat(timeOfDay=["08:00:00", "12:00:00", "18:00:00"]), 3, 3),
    "a period without a frequency is once in it": (repeat(period=8, periodUnit="h"), 3, 3),
    "once a day at three times may be three": (
        repeat(frequency=1, period=1, periodUnit="d", timeOfDay=["08:00:00", "12:00:00", "18:00:00"]),
        1,
        3,
    ),
    "a time named twice is one": (repeat(timeOfDay=["08:00:00", "08:00:00"]), 1, 1),
}


@pytest.mark.parametrize(("line", "least", "most"), REPEAT.values(), ids=REPEAT.keys())
def test_repeat(line: JSON, least: float, most: float) -> None:
    found = dosing(line)
    assert (found.certain, found.possible) == (pytest.approx(least, abs=0.001), pytest.approx(most, abs=0.001))
    assert not found.from_text


UNREADABLE = {
    "no line": [],
    "an empty line": [{}],
    "a unit that UCUM does not have": [repeat(frequency=3, period=1, periodUnit="fortnight")],
    "a period of nothing": [repeat(frequency=3, period=0, periodUnit="d")],
    "an event that nobody knows": [repeat(when=["TEA"])],
    "one event known, one not": [repeat(when=["HS", "TEA"])],
    "a timing code that nobody knows": [code("XYZ")],
    "as directed": [{"text": "use as directed"}],
}


@pytest.mark.parametrize("lines", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_counted_is_no_number(lines: list[JSON]) -> None:
    assert dosing(*lines).possible is None


def test_what_one_line_says_for_certain_stands_beside_one_that_cannot_be_read() -> None:
    found = dosing(repeat(frequency=3, period=1, periodUnit="d"), {"text": "use as directed"})
    assert (found.certain, found.possible) == (3, None)


def test_first_match_counts() -> None:
    line = {"text": "four times a day", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"},
                                                   "code": concept(GTS, "TID")}}  # fmt: skip
    assert dosing(line).certain == 1
    line["timing"] = {"repeat": {"when": ["ACM", "ACV"]}, "code": concept(GTS, "TID")}
    assert dosing(line).certain == 2
    line["timing"] = {"repeat": {"boundsPeriod": {"start": "2026-01-01"}}, "code": concept(GTS, "TID")}
    assert dosing(line).certain == 3


@pytest.mark.parametrize(
    ("name", "count"),
    [("QD", 1), ("BID", 2), ("TID", 3), ("QID", 4), ("AM", 1), ("BED", 1), ("QOD", 0.5), ("Q6H", 4), ("Q8H", 3)],
)
def test_timing_code(name: str, count: float) -> None:
    assert (dosing(code(name)).certain, dosing(code(name)).from_text) == (count, False)


@pytest.mark.parametrize(
    ("text", "count"), [("FOUR  TIMES DAILY", 4), ("TID", 3), ("three times daily", 3), ("twice a day", 2)]
)
def test_timing_code_in_words_is_text(text: str, count: float) -> None:
    found = dosing({"timing": {"code": {"text": text}}})
    assert (found.certain, found.possible, found.from_text) == (count, count, True)


def test_lines_add_up() -> None:
    meals = [repeat(frequency=1, period=1, periodUnit="d", when=[event]) for event in ("ACM", "ACD", "ACV")]
    assert dosing(*meals).certain == 3
    assert dosing(*meals, code("BED")).certain == 4
    assert dosing(repeat(frequency=1, frequencyMax=2, period=1, periodUnit="d"), code("BED")).possible == 3


# ---------------------------------------------------------------- as needed and scales

PRN = {
    "boolean": repeat(frequency=4, period=1, periodUnit="d") | {"asNeededBoolean": True},
    "concept": repeat(frequency=4, period=1, periodUnit="d") | {"asNeededCodeableConcept": {"text": "high glucose"}},
    "in the timing's codes": {"timing": {"code": {"coding": [{"code": "QID"}, {"code": "PRN"}]}}},
    "in the text": {"text": "8 units four times a day PRN"},
    "as needed in the text": {"text": "8 units 4 times a day as needed"},
}


@pytest.mark.parametrize("line", PRN.values(), ids=PRN.keys())
def test_as_needed_lines_are_possible_and_not_certain(line: JSON) -> None:
    found = dosing(line)
    assert (found.certain, found.possible, found.no_ceiling, found.as_needed) == (0, 4, 0, True)


@pytest.mark.parametrize(
    "line",
    [
        {"text": "8 units as needed for high glucose"},
        {"text": "8 units", "asNeededBoolean": True},
        {"text": "sliding scale"},
        {"text": "Use as directed per sliding scale, max 50 units/day"},
        {"text": "1 unit per 10 g of carbohydrate"},
    ],
    ids=["as needed", "boolean", "scale", "scale with a daily maximum of units", "ratio"],
)
def test_what_states_no_ceiling_is_counted_as_such(line: JSON) -> None:
    found = dosing(line)
    assert (found.certain, found.possible, found.no_ceiling) == (0, 0, 1)


@pytest.mark.parametrize("text", ["four times a day per sliding scale", "SSI four times a day", "per scale QID"])
def test_a_scale_with_a_timing_is_scheduled_and_shows_self_adjustment(text: str) -> None:
    found = dosing({"text": text})
    assert (found.certain, found.possible, found.no_ceiling) == (4, 4, 0)
    assert found.adjusts


def test_a_scale_with_a_structured_timing_is_scheduled() -> None:
    found = dosing(repeat(frequency=3, period=1, periodUnit="d") | {"text": "150-199 2 units, 200-249 4 units"})
    assert (found.certain, found.possible) == (3, 3)


def test_a_scale_beside_scheduled_lines() -> None:
    found = dosing(code("TID"), {"text": "sliding scale"})
    assert (found.certain, found.possible, found.no_ceiling) == (3, 3, 1)


def test_a_dose_as_needed_beside_a_scheduled_one_in_one_text() -> None:
    found = dosing({"text": "8 units with meals, plus 2 units as needed for high glucose"})
    assert (found.certain, found.possible, found.no_ceiling) == (3, 3, 1)


# ---------------------------------------------------------------- structured timing and text


@pytest.mark.parametrize(
    ("frequency", "text", "least", "most"),
    [
        (1, "inject 6 units three times daily before meals, correction 1:50", 1, 3),
        (3, "10 units at bedtime", 1, 3),
        (3, "up to 3 times a day", 0, 3),
        (3, "use as directed", 3, 3),
        (3, "1 unit per 10 g carbohydrate before meals, plus correction 1:50 above 150", 3, 3),
        (1, "10 units with dinner plus correction 1:50", 1, 1),
        (2, "20 units before breakfast and dinner, mix in same syringe with regular", 2, 2),
        (1, "10 units at bedtime, increase by 2 units every 3 days until fasting is under 130", 1, 1),
    ],
)
def test_two_counts_are_two_ends_of_a_range(frequency: int, text: str, least: float, most: float) -> None:
    found = dosing(repeat(frequency=frequency, period=1, periodUnit="d") | {"text": text})
    assert (found.certain, found.possible, found.from_text) == (least, most, False)


@pytest.mark.parametrize("event", ["AC", "C", "PC"])
def test_meals_beside_a_frequency_of_one_are_three(event: str) -> None:
    assert dosing(repeat(frequency=1, period=1, periodUnit="d", when=[event])).certain == 3
    assert dosing(repeat(frequency=2, period=1, periodUnit="d", when=[event])).certain == 2


def test_named_meals_beside_a_frequency_of_one_may_be_meant() -> None:
    found = dosing(repeat(frequency=1, period=1, periodUnit="d", when=["ACM", "ACD", "ACV"]))
    assert (found.certain, found.possible) == (1, 3)


# ---------------------------------------------------------------- several lines


def test_a_time_of_day_is_one_injection_however_many_lines_name_it() -> None:
    found = dosing({"text": "8 units before meals"}, {"text": "per sliding scale before meals and at bedtime"})
    assert (found.certain, found.possible) == (4, 7)


def test_lines_that_bound_themselves_to_courses_follow_one_another() -> None:
    steps = [{"text": "10 units once daily for 7 days"}, {"text": "12 units once daily for 7 days"}]
    assert dosing(*steps, {"text": "then 14 units once daily"}).certain == 1
    assert dosing(*steps, {"text": "then 14 units once daily"}).possible == 1
    assert dosing(*steps).course_days == 14
    assert dosing(*steps, {"text": "then 14 units once daily"}).course_days is None


def test_meals_that_share_a_course_add() -> None:
    meals = [{"text": f"8 units with {meal} for 90 days"} for meal in ("breakfast", "lunch", "dinner")]
    assert (dosing(*meals).certain, dosing(*meals).course_days) == (3, 90)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("10 units daily for 7 days", 7),
        ("10 units daily for 2 weeks", 14),
        ("10 units daily for 1 month", 30),
        ("10 units daily x90 days", 90),
        ("discard open vial after 28 days", None),
        ("as directed for 28 days inject 25 units at bedtime", None),
        ("vial expires 30 days after first opening", None),
    ],
)
def test_a_course_in_words(text: str, days: int | None) -> None:
    assert dosing({"text": text}).course_days == days


def test_not_as_needed_counts() -> None:
    assert dosing(repeat(frequency=3, period=1, periodUnit="d") | {"asNeededBoolean": False}).certain == 3


ADJUSTS = {
    "carb ratio": "TID, carb ratio 1:10",
    "ratio in units": "TID, 1 unit per 10 g of carbohydrate",
    "insulin-to-carb": "TID by insulin-to-carb ratio",
    "correction factor": "TID with correction factor 50",
    "correction": "TID plus correction dose",
    "sensitivity": "TID; sensitivity factor 40",
    "ICR and ISF": "TID ICR 10, ISF 50",
}


@pytest.mark.parametrize("text", ADJUSTS.values(), ids=ADJUSTS.keys())
def test_words_of_self_adjustment(text: str) -> None:
    assert dosing({"text": text}).adjusts
    assert dosing({"text": text}).certain == 3


@pytest.mark.parametrize("text", ["20 units at bedtime", "8 units TID", "U-100 10 units daily"])
def test_fixed_doses_show_no_self_adjustment(text: str) -> None:
    assert dosing({"text": text}).adjusts is None


@pytest.mark.parametrize(
    ("line", "at_meals"),
    [
        (repeat(when=["AC"]), True),
        (repeat(when=["ACM"]), True),
        (code("PC"), True),
        ({"text": "8 units with breakfast"}, True),
        ({"text": "8 units before meals"}, True),
        (repeat(when=["HS"]), False),
        ({"text": "20 units at bedtime"}, False),
    ],
)
def test_at_meals(line: JSON, at_meals: bool) -> None:
    assert dosing(line).at_meals is at_meals


# ---------------------------------------------------------------- pump and route


@pytest.mark.parametrize("text", ["via insulin pump", "per CSII", "basal rate 0.8 U/h", "fill Omnipod every 3 days"])
def test_via_pump(text: str) -> None:
    assert dosing({"text": text}).via_pump


@pytest.mark.parametrize(
    ("route", "intravenous"),
    [
        (SUBCUTANEOUS, False),
        (INTRAVENOUS, True),
        ({"text": "IV"}, True),
        ({"text": "intravenous infusion"}, True),
        ({"text": "subcutaneous"}, False),
        (None, False),
    ],
    ids=["code subcutaneous", "code intravenous", "IV", "intravenous infusion", "subcutaneous", "no route"],
)
def test_route(route: JSON | None, intravenous: bool) -> None:
    assert dosing(code("TID") | {"route": route}).intravenous is intravenous


def test_a_route_whose_code_and_name_disagree_cannot_be_counted() -> None:
    route = {"coding": [{"system": SNOMED, "code": "47625008", "display": "Subcutaneous route"}]}
    found = dosing(code("TID") | {"route": route})
    assert (found.certain, found.possible, found.intravenous) == (0, None, False)


@given(st.text(max_size=60))
def test_nothing_raises(text: str) -> None:
    found = dosing({"text": text, "timing": {"repeat": {"when": [text], "periodUnit": text}, "code": {"text": text}}})
    assert found.possible is None or found.certain <= found.possible


# ---------------------------------------------------------------- what mutants of this module left open

MEALS = ["C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV"]


@pytest.mark.parametrize("event", MEALS)
def test_every_event_of_a_meal_says_at_meals(event: str) -> None:
    assert dosing(repeat(when=[event])).at_meals
    assert dosing(code(event)).at_meals


@pytest.mark.parametrize("event", ["HS", "MORN", "NOON", "EVE", "NIGHT", "WAKE"])
def test_other_events_do_not(event: str) -> None:
    assert not dosing(repeat(when=[event])).at_meals


@pytest.mark.parametrize("event", ["C", "AC", "PC"])
def test_all_meals_name_three_times_of_day(event: str) -> None:
    three = {Moment.BREAKFAST, Moment.LUNCH, Moment.DINNER}
    assert dosing(repeat(when=[event])).certain_at == three
    assert dosing(code(event)).certain_at == three


def test_lines_that_name_no_time_add_to_those_that_do() -> None:
    twice = repeat(frequency=2, period=1, periodUnit="d")
    found = dosing(twice, repeat(when=["CM"]), repeat(when=["HS"]))
    assert (found.certain, found.certain_at) == (4, {Moment.BREAKFAST, Moment.BEDTIME})


def test_as_needed_doses_name_no_certain_time() -> None:
    found = dosing({"timing": {"repeat": {"when": ["CM"]}}, "asNeededBoolean": True})
    assert (found.certain, found.possible, found.certain_at) == (0, 1, frozenset())
    assert found.moments == {Moment.BREAKFAST}


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("20 units at bedtime", False),
        ("20 units at bedtime plus sliding scale", False),
        ("20 units at bedtime and 4 units as needed", True),
    ],
)
def test_a_dose_is_asked_for_only_where_the_words_say_as_needed(text: str, asked: bool) -> None:
    found = dosing({"text": text})
    assert (found.certain, found.any_as_needed, found.as_needed) == (1, asked, False)
