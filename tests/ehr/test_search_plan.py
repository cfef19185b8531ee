"""The search plan: what is asked, in which forms, and how it is kept short."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from cds_service.concepts import Concept
from cds_service.ehr.scopes import Granted, parse
from cds_service.ehr.search_plan import (
    LONGEST_URL,
    PLAN,
    Search,
    code_chunks,
    next_variation,
    reads_for,
    values_for,
)
from cds_service.ehr.searches import searches_for
from cds_service.facts import ChartSection, ResultKind
from fhir_mappings.json.server_messages import Issue

DAY = date(2026, 11, 20)
SEARCHES = [(section, search) for section, each in PLAN.items() for search in each]


WEIGHT = ResultKind("weight", "body weight", frozenset({("http://loinc.org", "29463-7")}), {"kg": 1.0, "g": 0.001})


def test_the_plan_covers_every_part_of_the_chart() -> None:
    assert set(PLAN) | {ChartSection.PATIENT} == set(ChartSection)


def test_each_kind_of_result_has_one_search_of_its_own() -> None:
    """By its codes, the newest first; a server that wants a category is asked for those that may hold it."""
    (search,) = searches_for("weight", [WEIGHT])
    assert search.type == "Observation"
    assert _query(search) == {"patient": ["p/1"], "code": ["29463-7"], "_sort": ["-date"], "_count": ["1000"]}
    last = _query(search, len(search.variations) - 1)
    assert last == {"patient": ["p/1"], "category": ["laboratory,vital-signs,exam,survey"], "_count": ["1000"]}
    assert search.variations[-1].narrows, "it may miss a result that is filed elsewhere"
    assert "http://loinc.org|29463-7" in _query(search, len(search.variations) - 2)["code"]


def test_what_nobody_asks_for_is_not_searched() -> None:
    assert searches_for("weight", []) == ()
    assert searches_for(ChartSection.HBA1C, [WEIGHT]) == PLAN[ChartSection.HBA1C]


def _query(search: Search, variation_index: int | None = None) -> dict[str, list[str]]:
    variation = None if variation_index is None else search.variations[variation_index]
    url = search.url(values_for(search, "p/1", DAY), code_chunks(search, values_for(search, "p/1", DAY))[0], variation)
    return parse_qs(urlsplit(url).query)


@pytest.mark.parametrize(("section", "search"), SEARCHES, ids=[f"{t}-{s.type}" for t, s in SEARCHES])
def test_every_form_of_a_search_names_the_patient(section: ChartSection, search: Search) -> None:
    """And repeats no parameter, and holds no template of its own any more."""
    for index in [None, *range(len(search.variations))]:
        query = _query(search, index)
        assert any("p/1" in value for values in query.values() for value in values)
        assert all(len(values) == 1 for values in query.values())
        assert not any("{" in value for values in query.values() for value in values)


def test_readings_are_asked_for_as_far_back_as_a_rule_uses_them() -> None:
    tests, sensor, undated = PLAN[ChartSection.GLUCOSE]
    # 12 calendar months for D.I.I.2 and 30 days for D.I.G, with some days to spare.
    assert _query(tests)["date"] == ["ge2025-10-16"]  # 400 days before 2026-11-20
    assert _query(sensor)["date"] == ["ge2026-10-18"]  # 33 days before 2026-11-20
    assert _query(undated)["date:missing"] == ["true"]


def test_a_refused_glucose_search_loses_sorting_then_large_pages_then_dates_then_codes() -> None:
    """A server that refuses a page of 1000 is asked for 200 and 100 before it is asked for whatever it likes."""
    tests = PLAN[ChartSection.GLUCOSE][0]
    queries = [_query(tests, index) for index in range(len(tests.variations))]
    assert [query.get("_count") for query in queries[1:4]] == [["200"], ["100"], None]
    forms = [set(query) for query in queries]
    assert forms[0] == {"patient", "code", "date", "_count"}
    assert forms[3] == {"patient", "code", "date"}
    asked = queries[4]["code"][0].split(",")
    assert {code.split("|")[0] for code in asked} == {"http://loinc.org", "http://snomed.info/sct"}
    assert forms[5] == {"patient", "code", "_count"}
    assert forms[6] == {"patient", "category", "_count"}


def test_what_the_server_complains_of_is_changed_first() -> None:
    """HealthLake names `_count`: the next smaller page is asked for, with sorting and dates as before."""
    left = list(PLAN[ChartSection.GLUCOSE][0].variations)
    complaint = [Issue("error", "invalid", diagnostics="Invalid value for _count: at most 100")]
    sizes = [next_variation(left, complaint).put for _ in range(2)]
    assert sizes == [(("_count", size),) for size in ("200", "100")]
    assert "date" in next_variation(left, [Issue("error", "invalid", diagnostics="unknown parameter date")]).drop


def test_long_code_lists_are_cut_into_chunks() -> None:
    """bug-log 34."""
    search = Search("Observation", (("patient", "{patient}"), ("code", "{codes}")), tuple(Concept))
    values = values_for(search, "p1", DAY)
    chunks = code_chunks(search, values)
    assert len(search.url(values, [code for chunk in chunks for code in chunk])) < LONGEST_URL * len(chunks)
    long = Search("Observation", (("patient", "p" * 1500), ("code", "{codes}")), tuple(Concept))
    pieces = code_chunks(long, values)
    assert len(pieces) > 1
    assert all(len(long.url(values, piece)) <= LONGEST_URL for piece in pieces)
    assert sorted(code for piece in pieces for code in piece) == sorted(code for chunk in chunks for code in chunk)


def test_people_are_read_with_their_roles() -> None:
    assert [r.url for r in reads_for(ChartSection.REQUESTER, "p1", ["Practitioner/d/1"])] == [
        "Practitioner/d%2F1",
        "PractitionerRole?practitioner=d%2F1",
    ]
    assert [r.url for r in reads_for(ChartSection.REQUESTER, "p1", ["PractitionerRole/r1"])] == ["PractitionerRole/r1"]
    assert [r.url for r in reads_for(ChartSection.REQUESTER, "p1", ["Organization/o1"])] == ["Organization/o1"]
    assert reads_for(ChartSection.REQUESTER, "p1", ["Patient/p1"]) == []
    assert [r.url for r in reads_for(ChartSection.PATIENT, "p/1", [])] == ["Patient/p%2F1"]


SCOPES = [
    (None, Granted.ALL),
    ("", Granted.ALL),
    ("allScopes", Granted.ALL),
    ("openid launch profile", Granted.NOTHING),
    ("patient/Observation.read", Granted.ALL),
    ("user/*.read", Granted.ALL),
    ("system/*.*", Granted.ALL),
    ("patient/Observation.rs", Granted.ALL),
    ("patient/*.cruds", Granted.ALL),
    ("user/Observation.s", Granted.ALL),
    ("openid patient/Patient.read patient/Observation.rs", Granted.ALL),
    ("patient/Observation.rs?category=laboratory", Granted.PART),
    ("patient/Observation.rs?category=laboratory patient/Observation.read", Granted.ALL),
    ("patient/Condition.read", Granted.NOTHING),
    ("patient/Observation.write", Granted.NOTHING),
    ("patient/Observation.cud", Granted.NOTHING),
]


@pytest.mark.parametrize(("scope", "granted"), SCOPES, ids=[str(s) for s, _ in SCOPES])
def test_scopes_of_both_versions(scope: str | None, granted: Granted) -> None:
    """Requirements 229 and 230."""
    assert parse(scope).granted("Observation") is granted


CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category|"
CONDITION = "http://terminology.hl7.org/CodeSystem/condition-category|"
CONCERN = "http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern"
GRANULAR = [
    (ChartSection.HBA1C, "laboratory", Granted.ALL),
    (ChartSection.EGFR, "laboratory,survey", Granted.ALL),
    (ChartSection.HBA1C, "vital-signs survey", Granted.PART),
    (ChartSection.GLUCOSE, "laboratory", Granted.PART),
    (ChartSection.GLUCOSE, "vital-signs", Granted.PART),
    (ChartSection.GLUCOSE, "vital-signs laboratory", Granted.ALL),
    (ChartSection.GLUCOSE, "vital-signs,laboratory", Granted.ALL),
    (None, "vital-signs laboratory", Granted.PART),
]


@pytest.mark.parametrize(("section", "categories", "granted"), GRANULAR)
def test_granular_scopes_that_together_cover_a_search_are_whole(
    section: ChartSection | None, categories: str, granted: Granted
) -> None:
    """US Core's granular scopes: results are laboratory; home readings are vital signs or laboratory results."""
    each = [",".join(CATEGORY + name for name in part.split(",")) for part in categories.split()]
    scope = " ".join(f"user/Observation.rs?category={part}" for part in each)
    assert parse(scope).granted("Observation", section) is granted
    assert parse(scope.replace("|", "%7C")).granted("Observation", section) is granted


def test_all_three_categories_of_us_core_are_all_conditions() -> None:
    parts = [CONDITION + "encounter-diagnosis", CONDITION + "problem-list-item", CONCERN]
    clauses = [f"patient/Condition.rs?category={part}" for part in parts]
    assert parse(" ".join(clauses)).granted("Condition", ChartSection.CONDITIONS) is Granted.ALL
    for left_out in range(3):
        some = [clause for index, clause in enumerate(clauses) if index != left_out]
        assert parse(" ".join(some)).granted("Condition", ChartSection.CONDITIONS) is Granted.PART


@pytest.mark.parametrize("query", ["status=final", "category=laboratory&status=final", "code=4548-4", "category:in=x"])
def test_scopes_that_are_narrowed_in_another_way_grant_a_part(query: str) -> None:
    scope = f"user/Observation.rs?{query}"
    assert parse(scope).granted("Observation", ChartSection.HBA1C) is Granted.PART


@pytest.mark.parametrize("word", ["EPIC.FHIR.R4.SERVICES.Observation.Search", "Observation.read", "allScopes", "api:x"])
def test_a_word_that_is_not_understood_may_grant_what_the_others_do_not(word: str) -> None:
    scopes = parse(f"launch patient/Patient.read patient/Condition.rs?category={CONCERN} {word}")
    assert scopes.granted("Observation", ChartSection.HBA1C) is Granted.ALL
    # What a clause narrows may still be narrowed.
    assert scopes.granted("Condition", ChartSection.CONDITIONS) is Granted.PART
