"""Observation → results that only some policies ask for: their codes, units, statuses, and what could not be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.facts import Chart, ChartSection, LabResult, ResultKind, Unusable
from fhir_mappings.chart.chart_reader import ChartReader
from fhir_mappings.chart.observations import read_observations
from fhir_mappings.json.fhir_json import read
from fhir_mappings.json.search_result import SearchResult, failed
from tests.fhir_mappings.builders import JSON, SERVER, chart_context, located
from tests.support import LOINC, observation

# A pound is 0.45359237 kg. https://www.nist.gov/pml/owm/si-units-mass
WEIGHT = ResultKind(
    "weight",
    "body weight",
    frozenset({(LOINC, "29463-7"), (LOINC, "3141-9")}),
    {"kg": 1.0, "g": 0.001, "[lb_av]": 0.45359237, "lb": 0.45359237},
    (2.0, 400.0),
)
RATIO = ResultKind("ownRatio", "albumin by creatinine", frozenset({(LOINC, "9318-7")}), {"mg/g": 1.0})


def weight(value: Any = 80.5, unit: str = "kg", code: str = "29463-7", **members: Any) -> JSON:
    """A final body weight of 2026-10-01, with members replaced; None takes one away."""
    base = observation("w1", code, value, unit, "2026-10-01") | members
    return {key: item for key, item in base.items() if item is not None}


def results(*observations: JSON, kinds: tuple[ResultKind, ...] = (WEIGHT,)) -> list[LabResult]:
    """What some Observations say of the kind."""
    return read_observations(located(*observations), chart_context(), kinds).of_kinds[kinds[0].key]


def notes(*observations: JSON) -> str:
    """What is noted while some Observations are read."""
    context = chart_context()
    read_observations(located(*observations), context, (WEIGHT,))
    return "\n".join(context.notes)


@pytest.mark.parametrize(
    ("value", "unit", "kilograms", "shown"),
    [
        (80.5, "kg", 80.5, "80.5 kg"),
        (80.5, " Kg", 80.5, "80.5 Kg"),
        ("80.5", "kg", 80.5, "80.5 kg"),
        (80500, "g", 80.5, "80500 g (80.5 kg)"),
        # 180 pounds of 0.45359237 kg each: 81.6466266 kg
        (180, "[lb_av]", 81.6466266, "180 [lb_av] (81.65 kg)"),
        (180, "lb", 81.6466266, "180 lb (81.65 kg)"),
    ],
)
def test_a_value_is_in_the_unit_of_its_kind(value: Any, unit: str, kilograms: float, shown: str) -> None:
    (result,) = results(weight(value, unit))
    assert result.value == pytest.approx(kilograms)
    assert (result.shown, result.unusable, result.comparator) == (shown, None, "")
    assert (result.reference, str(result.when)) == ("Observation/w1", "2026-10-01")


def test_a_unit_is_read_as_laboratories_spell_it() -> None:
    """The grammar of units knows `mg/gm creat` as mg/g, and that mg/mmol is another one."""
    one, other = weight(45, "mg/gm creat", "9318-7"), weight(45, "mg/mmol", "9318-7", id="w2")
    spelt, wrong = results(one, other, kinds=(RATIO,))
    assert (spelt.value, spelt.unusable) == (45, None)
    assert (wrong.value, wrong.unusable) == (None, Unusable.WRONG_UNIT)


@pytest.mark.parametrize(
    ("changed", "unusable"),
    [
        (weight(80, "cm"), Unusable.WRONG_UNIT),
        (weight(80, ""), Unusable.WRONG_UNIT),
        # Plausible are 2 to 400 kg, ends included.
        (weight(1.9), Unusable.IMPLAUSIBLE),
        (weight(2), None),
        (weight(400), None),
        (weight(881.85, "lb"), Unusable.IMPLAUSIBLE),  # 400.0004 kg
        (weight("80,5"), Unusable.NO_VALUE),
        (weight(valueQuantity=None, valueString="about eighty"), Unusable.TEXT_ONLY),
        (weight(valueQuantity=None), Unusable.NO_VALUE),
    ],
)
def test_what_cannot_be_compared_says_why(changed: JSON, unusable: Unusable | None) -> None:
    (result,) = results(changed)
    assert result.unusable is unusable


def test_a_comparator_is_kept() -> None:
    changed = weight()
    changed["valueQuantity"]["comparator"] = ">"
    (result,) = results(changed)
    assert (result.value, result.comparator) == (80.5, ">")


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "unknown", None])
def test_what_was_taken_back_is_ignored_and_noted(status: str | None) -> None:
    assert results(weight(status=status)) == []
    assert "Observation/w1 ignored: status" in notes(weight(status=status))


def test_a_preliminary_result_is_pending() -> None:
    (result,) = results(weight(status="preliminary"))
    assert result.pending
    assert "pending" in notes(weight(status="preliminary"))


def test_another_patients_result_is_set_aside() -> None:
    other = weight(subject={"reference": "Patient/p2"})
    assert results(other) == []
    assert "another patient" in notes(other)


@pytest.mark.parametrize("system", [LOINC, "https://loinc.org/", "urn:oid:2.16.840.1.113883.6.1", "LN"])
def test_a_code_counts_under_every_name_of_its_system(system: str) -> None:
    (result,) = results(weight() | {"code": {"coding": [{"system": system, "code": " 29463-7 "}]}})
    assert result.unusable is None


@pytest.mark.parametrize(
    ("system", "unusable"),
    [("urn:local:lab", [Unusable.NAMED_ONLY]), (None, [Unusable.NAMED_ONLY]), ("http://snomed.info/sct", [])],
)
def test_a_code_without_its_system_is_for_a_person_and_one_of_another_system_is_none(
    system: str | None, unusable: list[Unusable]
) -> None:
    coded = weight() | {"code": {"coding": [{"system": system, "code": "29463-7"}]}}
    assert [result.unusable for result in results(coded)] == unusable


def test_a_result_may_be_of_a_kind_and_of_one_that_every_policy_knows() -> None:
    """Albumin by creatinine is a fact of every chart; a policy may ask for it under a key of its own as well."""
    facts = read_observations(located(weight(45, "mg/g", "9318-7")), chart_context(), (RATIO,))
    assert [result.value for result in facts.albumin_creatinine] == [45]
    assert [result.value for result in facts.of_kinds["ownRatio"]] == [45]


def test_without_kinds_nothing_is_read_for_them() -> None:
    facts = read_observations(located(weight()), chart_context())
    assert dict(facts.of_kinds) == {}


# ---------------------------------------------------------------- in a chart


def chart(answers: dict[str, SearchResult], *extras: SearchResult) -> Chart:
    """A chart that is read for body weights."""
    return ChartReader(answers, [], "p1", SERVER, "America/New_York", extras, (WEIGHT,)).chart()


def searched(*resources: JSON) -> SearchResult:
    """A search result that holds them."""
    entries = [{"resource": resource} for resource in resources]
    return read(json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries}).encode())


def test_results_are_found_under_any_key_and_sorted() -> None:
    later, earlier = weight(81, id="w2", effectiveDateTime="2026-11-01"), weight()
    for answers, extras in (
        ({"weight": searched(later, earlier)}, ()),
        ({ChartSection.EGFR: searched(later, earlier)}, ()),
        ({}, (searched(later, earlier),)),
    ):
        found = chart(answers, *extras)
        assert [result.value for result in found.results["weight"]] == [80.5, 81]


def test_a_kind_that_was_not_read_says_so() -> None:
    partial = searched(weight())
    partial.mark_partial("the answer was cut off")
    assert chart({"weight": failed("the search failed")}).unread == {"weight": "the search failed"}
    assert chart({"weight": partial}).partial == {"weight": "the answer was cut off"}
    assert chart({"weight": partial}).results["weight"]
    assert chart({}).results == {"weight": ()}
