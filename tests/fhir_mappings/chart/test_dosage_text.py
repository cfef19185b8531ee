"""Directions in words → scheduled injections a day; only a plain pattern reads."""

from __future__ import annotations

import pytest

from tests.fhir_mappings.builders import dosing

TEXTS = {
    "inject 8 units three times daily": 3,
    "8 units three times a day before meals": 3,
    "8 units 3 times per day": 3,
    "8 units 3x daily": 3,
    "8 units TID": 3,
    "8 units t.i.d. with meals": 3,
    "8 units tid with meals and qhs": 4,
    "8 units QID": 4,
    "10 units BID": 2,
    "10 units b.i.d.": 2,
    "10 units twice daily": 2,
    "20 units once daily": 1,
    "20 units daily": 1,
    "20 units every day": 1,
    "20 units nightly": 1,
    "20 units at bedtime": 1,
    "20 units qhs": 1,
    "20 units every morning": 1,
    "5 units with each meal": 3,
    "5 units before meals": 3,
    "5 units before meals and at bedtime": 4,
    "5 units AC & HS": 4,
    "5 units with breakfast, lunch and dinner": 3,
    "5 units before breakfast and supper": 2,
    "every 6 hours": 4,
    "q8h": 3,
    "every 12 hrs": 2,
    "every 24 hours": 1,
    "20 units in the morning and in the evening": 2,
    "20 units every morning and at bedtime": 2,
}


@pytest.mark.parametrize(("text", "count"), TEXTS.items(), ids=TEXTS.keys())
def test_plain_words(text: str, count: float) -> None:
    found = dosing({"text": text})
    assert (found.certain, found.possible, found.from_text) == (count, count, True)


NOT_A_COUNT = {
    "10 units at bedtime, 30 day supply": 1,
    "10 units at bedtime. Dispense 90-day supply": 1,
    "14 day supply: inject 10 units twice daily": 2,
    "Lantus 20 daily": 1,
    "20u daily": 1,
    "one injection daily for 10 days": 1,
}


@pytest.mark.parametrize(("text", "most"), NOT_A_COUNT.items(), ids=NOT_A_COUNT.keys())
def test_a_number_that_is_no_frequency_is_not_counted(text: str, most: float) -> None:
    found = dosing({"text": text})
    assert found.certain <= most


@pytest.mark.parametrize("text", ["2 to 4 times a day", "2-4 times daily", "two to four times a day", "2 or 4 x daily"])
def test_a_range_in_words_has_two_ends_or_is_not_read(text: str) -> None:
    # "A range (frequency 2, frequencyMax 4) whose ends fall on both sides of 3 is unknown": never 4 for certain.
    found = dosing({"text": text})
    assert found.certain <= 2


@pytest.mark.parametrize(
    "text",
    [
        "three times a week",
        "once weekly",
        "every 3 days",
        "every 4-6 hours",
        "as directed",
        "inject 10 units",
        "",
        "2 mL",
    ],
)
def test_words_that_say_no_daily_count(text: str) -> None:
    found = dosing({"text": text})
    assert (found.certain, found.possible) == (0, None)


def test_every_occasion_that_is_named_counts() -> None:
    # Morning and evening are two injections; fewer would stand against the member.
    found = dosing({"text": "20 units in the morning and evening"})
    assert found.certain == 2


def test_patient_instructions_are_read_too() -> None:
    assert dosing({"patientInstruction": "inject 8 units three times daily"}).certain == 3
    assert dosing({"additionalInstruction": [{"text": "with each meal"}]}).certain == 3
