"""Every parameter, changed from a later day on: its new value stands in every text that names it, the old one in none.

Each row gives another value and the phrases that it changes, as they read before and after. With them applied, the
texts of the changed policy are the old texts: nothing else has changed, and nothing is left behind.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cds_service.engine.remedies import LONGEST_STEP
from cds_service.policies.mp_mm_1316 import POLICY
from tests.policies.mp_mm_1316.changed import START, changed, texts

Phrases = tuple[tuple[str, str], ...]
CHANGES: dict[str, tuple[Any, Phrases]] = {
    "education_window_months": (
        24,
        (
            ("program in the last 12 months", "program in the last 24 months"),
            ("education in the last 12 months", "education in the last 24 months"),
        ),
    ),
    "regimen_injections": (
        4,
        (
            ("at least 3 insulin injections", "at least 4 insulin injections"),
            ("Three or more insulin", "Four or more insulin"),
            ("certain 3 or more", "certain 4 or more"),
            ("possible below 3 with", "possible below 4 with"),
            ("days at 3 or more", "days at 4 or more"),
        ),
    ),
    "regimen_months": (
        8,
        (
            ("or at least 6 months", "or at least 8 months"),
            ("injections of the last 6 months", "injections of the last 8 months"),
            ("a day for six months", "a day for eight months"),
            ("from 6 calendar months before", "from 8 calendar months before"),
        ),
    ),
    "regimen_gap_days": (14, (("gaps of up to 30 days", "gaps of up to 14 days"),)),
    "unstated_ceiling": (5, (("(3 where they state no ceiling)", "(5 where they state no ceiling)"),)),
    "self_test_window_days": (
        60,
        (
            ("the last month", "the last 60 days"),
            ("the 30 local days", "the 60 local days"),
            ("the last 30 days before", "the last 60 days before"),
            ("over the 30 days", "over the 60 days"),
            ("divided by 30", "divided by 60"),
            # 60 days times 4 tests
            ("120 pass, 119 do not", "240 pass, 239 do not"),
        ),
    ),
    "self_tests_per_day": (
        5,
        (
            ("at least 4 times a day", "at least 5 times a day"),
            # 30 days times 5 tests
            ("120 pass, 119 do not", "150 pass, 149 do not"),
        ),
    ),
    "plausible_self_tests_per_day": (25, (("More than 20 in a day", "More than 25 in a day"),)),
    "self_test_complete_days": (26, (("readings on 24 of the days", "readings on 26 of the days"),)),
    "self_test_complete_per_day": (3, (("days, 2 or more on most", "days, 3 or more on most"),)),
    "sensor_wear_days": (27, (("have to cover 21 days", "have to cover 27 days"),)),
    "cgm_counts_as_self_testing": (
        True,
        (("Sensor (CGM) and laboratory values do", "Laboratory values do"), ("It says no here", "It says yes here")),
    ),
    "albuminuria_low": (20, (("from 30 to 300 mg/g", "from 20 to 300 mg/g"),)),
    "albuminuria_high": (
        400,
        (
            ("from 30 to 300 mg/g", "from 30 to 400 mg/g"),
            ("one above 300, or", "one above 400, or"),
            ("results above 300 are", "results above 400 are"),
        ),
    ),
    "albuminuria_results": (
        4,
        (("order, two from", "order, four from"), ("ratios of two days", "ratios of four days")),
    ),
    "albuminuria_newest": (5, (("of the three newest results", "of the five newest results"),)),
    "albuminuria_window_months": (
        18,
        (("the 12 months before the order, two", "the 18 months before the order, two"),),
    ),
    "difficulty_hba1c": (7.5, (("two HbA1c above 7 % lie", "two HbA1c above 7.5 % lie"),)),
    "difficulty_days_apart": (120, (("at least 90 days apart inside", "at least 120 days apart inside"),)),
    "hba1c_threshold": (8.0, (("HbA1c above 7 %", "HbA1c above 8 %"),)),
    "hba1c_stale_months": (3, (("older than six months", "older than three months"),)),
    "hypoglycemia_level": (65, (("readings below 70 mg/dL", "readings below 65 mg/dL"),)),
    "hypoglycemia_days": (
        4,
        (
            ("episodes on two or more", "episodes on four or more"),
            ("70 mg/dL on two or more", "70 mg/dL on four or more"),
        ),
    ),
    "hypoglycemia_window_months": (9, (("the last 12 months support it; two", "the last 9 months support it; two"),)),
    "hypoglycemia_apart_minutes": (90, (("within 120 minutes are one", "within 90 minutes are one"),)),
    "episode_apart_hours": (48, (("more than 24 hours apart", "more than 48 hours apart"),)),
    "sensor_low_level": (60, (("Sensor readings below 54", "Sensor readings below 60"),)),
    "sensor_low_minutes": (20, (("mg/dL for 15 minutes", "mg/dL for 20 minutes"),)),
    "sensor_low_days": (3, (("or longer on two or more days", "or longer on three or more days"),)),
    "fluctuation_readings": (8, (("there are at least ten in", "there are at least eight in"),)),
    "dawn_from_minute": (
        180,
        (
            ("between 2 and 8 am", "between 3 and 8 am"),
            ("from 02:00 up to", "from 03:00 up to"),
            ("phenomenon, 2 to 8 am", "phenomenon, 3 to 8 am"),
        ),
    ),
    "dawn_until_minute": (
        450,
        (
            ("between 2 and 8 am", "between 2 and 7:30 am"),
            ("not including, 08:00", "not including, 07:30"),
            ("phenomenon, 2 to 8 am", "phenomenon, 2 to 7:30 am"),
        ),
    ),
    "dawn_level": (180, (("above 200 mg/dL", "above 180 mg/dL"),)),
    "dawn_mornings": (9, (("seven measured mornings", "nine measured mornings"),)),
    "dawn_share": (0.75, (("at least 50% of", "at least 75% of"),)),
    "dawn_sensor_readings": (8, (("morning with five or more", "morning with eight or more"),)),
    "dawn_sensor_above": (3, (("counts when two of its", "counts when three of its"),)),
    "night_until_minute": (300, (("not including, 06:00", "not including, 05:00"),)),
    "night_level": (60, (("readings below 54 mg/dL from midnight", "readings below 60 mg/dL from midnight"),)),
    "night_nights": (3, (("on two nights of", "on three nights of"),)),
    "excursion_window_months": (6, (("the last 12 months support it. A", "the last 6 months support it. A"),)),
    "hospital_stays": (3, (("Two or more inpatient stays", "Three or more inpatient stays"),)),
    "transfer_hours": (12, (("begin within 24 hours", "begin within 12 hours"),)),
    "dialysis_window_days": (
        60,
        (
            ("dialysis in the last 90 days", "dialysis in the last 60 days"),
            ("last within 90, meets", "last within 60, meets"),
        ),
    ),
    "dialysis_chronic_days": (100, (("that span 90 days", "that span 100 days"),)),
    "kidney_failure_egfr": (10, (("eGFR below 15 twice", "eGFR below 10 twice"),)),
    "egfr_days_apart": (80, (("twice 90 days apart", "twice 80 days apart"),)),
    "breakdown_months": (3, (("of the last 6 months. A late", "of the last 3 months. A late"),)),
    "states": (
        ["GA", "KY"],
        (("in Georgia, Indiana, Ohio and West Virginia;", "in Georgia and Kentucky;"),),
    ),
}
# Parameters that stand on the policy page with their value, and in no sentence.
UNNAMED = {
    "assumed_supply_days": "it joins orders in the timeline: the sentences name the days that come of it",
    "pump_vial_days": "it tells which vials are left out of account: no sentence speaks of them",
    "implausible_days_of_a_sensor": "what is said is on how many days a sensor was worn, not from how many it is told",
    "sensor_reading_minutes": "it is how the length of a sensor low is measured",
    "sensor_gap_minutes": "it is how sensor readings are joined to one low",
    "attestation_window_days": "a statement that is too old is not used, and nobody is told for how long one counts",
    "order_age_days": "the card names the age of the order itself",
}

# A phrase that stands in this text too, for another parameter.
ELSEWHERE = {"hba1c_threshold": "interpretation D.I.H.2"}

each_change = pytest.mark.parametrize("name", CHANGES)


def _replaced(where: str, text: str, name: str) -> str:
    for old, new in CHANGES[name][1] if where != ELSEWHERE.get(name) else ():
        text = text.replace(old, new)
    return text


def test_every_parameter_is_named_by_a_text_or_listed_as_named_by_none() -> None:
    assert {*CHANGES} | {*UNNAMED} == {*POLICY.parameters}
    assert not {*CHANGES} & {*UNNAMED}


@each_change
def test_a_new_value_stands_in_every_text_that_names_it(name: str) -> None:
    value, phrases = CHANGES[name]
    before, after = texts(POLICY.on(START)), texts(changed(POLICY, {name: value}).on(START))
    assert [old for old, _ in phrases if not any(old in text for text in before.values())] == []
    assert after == {where: _replaced(where, text, name) for where, text in before.items()}


@each_change
def test_until_its_day_the_texts_have_the_old_value(name: str) -> None:
    policy, day_before = changed(POLICY, {name: CHANGES[name][0]}), START - timedelta(days=1)
    assert texts(policy.on(day_before)) == texts(POLICY.on(day_before))


@pytest.mark.parametrize("name", UNNAMED)
def test_a_parameter_that_no_text_names_changes_none(name: str) -> None:
    value = POLICY.parameters[name].on(START) + 1
    assert texts(changed(POLICY, {name: value}).on(START)) == texts(POLICY.on(START))


def test_all_of_them_at_once() -> None:
    policy = changed(POLICY, {name: value for name, (value, _) in CHANGES.items()})
    after = texts(policy.on(START))
    old = {phrase for name in CHANGES for phrase, _ in CHANGES[name][1]}
    assert {where: phrase for where, text in after.items() for phrase in old if phrase in text} == {}
    # Where two numbers stand in one phrase, each has changed.
    assert "from 20 to 400 mg/g" in after["interpretation D.I.H.1"]
    assert "(dawn phenomenon, 3 to 7:30 am) frequently above 180 mg/dL" in after["question D.I.I.4"]
    # 60 days times 5 tests
    assert "300 pass, 299 do not" in after["interpretation D.I.G"]
    assert "divided by 60. Laboratory values do not count" in after["help D.I.G"]
    assert policy.version_on(START) == "2026-05-01"


def test_steps_stay_short_enough_for_a_title_with_other_numbers() -> None:
    after = texts(changed(POLICY, {name: value for name, (value, _) in CHANGES.items()}).on(START))
    steps = {where: text for where, text in after.items() if where.startswith("steps")}
    assert {where: text for where, text in steps.items() if len(text) > LONGEST_STEP} == {}


@pytest.mark.parametrize("name", POLICY.parameters)
def test_what_is_said_of_a_parameter_is_true_of_each_of_its_values(name: str) -> None:
    value = CHANGES[name][0] if name in CHANGES else POLICY.parameters[name].on(START) + 1
    parameter = changed(POLICY, {name: value}).parameters[name]
    told = [parameter.says_of(dated) for dated in parameter.values]
    assert (told[0] == told[1]) == ("{value" not in parameter.says)
    assert parameter.source_of(parameter.values[1]) == "a test"
