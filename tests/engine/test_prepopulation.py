"""Prepopulation on a day: numbers of that day in searches and FHIRPath, and CQL only where its numbers hold."""

from __future__ import annotations

import pytest

from cds_service.engine.prepopulation import ChartSearch, InitialAnswer, LogicLibrary, Prepopulation

PREPOPULATION = Prepopulation(
    (LogicLibrary("toy-logic", "ToyLogic", "1.0.0", "Logic", "library ToyLogic", "{}"),),
    (ChartSearch("I", "tests", "Observation?code={codes}&date=ge{{today() - {window_days} days}}", "hba1c", "loinc"),),
    {
        "I.1": InitialAnswer("Tests A Day", "%tests.entry.count() / {window_days}", {"window_days": 30}),
        "I.2": InitialAnswer("Newest", "%tests.entry.first().where(value > {threshold}) | {}"),
    },
)


def test_numbers_of_the_day_are_filled_in() -> None:
    today = PREPOPULATION.on({"window_days": 30, "threshold": 7.0})
    assert today.searches[0].search == "Observation?code={codes}&date=ge{{today() - 30 days}}"
    assert today.answers["I.1"].fhirpath == "%tests.entry.count() / 30"
    assert today.answers["I.2"].fhirpath == "%tests.entry.first().where(value > 7) | {}"
    assert {link: answer.definition for link, answer in today.answers.items()} == {
        "I.1": "Tests A Day",
        "I.2": "Newest",
    }


def test_cql_with_another_days_number_in_it_is_left_out() -> None:
    later = PREPOPULATION.on({"window_days": 14, "threshold": 7.0})
    assert later.answers["I.1"].definition == ""
    assert later.answers["I.1"].fhirpath == "%tests.entry.count() / 14"
    assert later.answers["I.2"].definition == "Newest"


def test_a_placeholder_that_names_no_parameter_is_an_error() -> None:
    with pytest.raises(KeyError):
        PREPOPULATION.on({"window_days": 30})
