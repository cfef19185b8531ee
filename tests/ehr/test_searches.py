"""The searches for what only some policies ask for: C-peptide, antibodies, weight, creatinine, visits."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from cds_service.ehr.scopes import Granted, parse
from cds_service.ehr.search_plan import LONGEST_URL, Search, code_chunks, values_for
from cds_service.ehr.searches import searches_by_category, searches_for
from cds_service.facts.known_results import KNOWN
from cds_service.hooks.discovery import prefetch_templates
from cds_service.policies.registry import POLICIES, chart_sections, policy_named, result_kinds

DAY = date(2026, 11, 20)
OWN = ("cPeptide", "antibodies", "weight", "creatinine", "visits")
SEARCHES = [(section, search) for section in OWN for search in searches_for(section, KNOWN)]
IDS = [f"{section} {search.type} {search.only}".strip() for section, search in SEARCHES]


def queries(search: Search, variation_index: int | None = None) -> list[dict[str, list[str]]]:
    variation = None if variation_index is None else search.variations[variation_index]
    values = values_for(search, "p1", DAY)
    chunks = code_chunks(search, values)
    return [parse_qs(urlsplit(search.url(values, codes, variation)).query) for codes in chunks]


def codes_of(section: str) -> set[str]:
    searches = searches_for(section, KNOWN)
    return {
        code for search in searches for query in queries(search) for each in query["code"] for code in each.split(",")
    }


@pytest.mark.parametrize(
    ("section", "codes"),
    [
        # The glucose of the draw and what was said of fasting come with the C-peptide.
        ("cPeptide", {"1986-9", "14633-2", "13037-7", "42180-0", "1558-6", "2345-7", "49541-6"}),
        ("antibodies", {"13926-1", "56540-8", "31209-0", "76651-9", "13927-9", "60463-7"}),
        ("creatinine", {"2160-0", "14682-9", "38483-4", "35591-7", "2164-2"}),
        ("weight", {"29463-7", "3141-9"}),
    ],
)
def test_each_section_is_searched_by_the_codes_of_its_results(section: str, codes: set[str]) -> None:
    assert codes <= codes_of(section)
    template = prefetch_templates(KNOWN)[section]
    assert codes <= set(parse_qs(urlsplit(template).query)["code"][0].split(","))


def test_results_that_count_for_ever_are_searched_for_without_a_limit_of_time() -> None:
    for section in ("cPeptide", "antibodies", "weight", "creatinine"):
        for search in searches_for(section, KNOWN):
            assert all("date" not in query for query in queries(search)), section
    # 750 days before 2026-11-20 is 2024-10-31.
    (visits,) = searches_for("visits", KNOWN)
    assert queries(visits) == [{"patient": ["p1"], "date": ["ge2024-10-31"], "_sort": ["-date"], "_count": ["1000"]}]


def test_a_policy_may_look_back_longer_for_visits() -> None:
    (visits,) = searches_for("visits", KNOWN)
    assert values_for(visits, "p1", DAY, {"visits": 1000})["since"] == "2024-02-24"


def test_specimens_and_reports_come_along_where_the_server_can() -> None:
    for search in searches_for("cPeptide", KNOWN):
        (first,) = queries(search)[:1]
        assert (first["_include"], first["_revinclude"]) == (["Observation:specimen"], ["DiagnosticReport:result"])
        for index in range(len(search.variations)):
            assert not {"_include", "_revinclude"} & queries(search, index)[0].keys()
    (weight,) = searches_for("weight", KNOWN)
    assert "_include" not in queries(weight)[0]


@pytest.mark.parametrize(("section", "search"), SEARCHES, ids=IDS)
def test_every_form_names_the_patient_and_is_short(section: str, search: Search) -> None:
    for index in (None, *range(len(search.variations))):
        for query in queries(search, index):
            assert "p1" in next(iter(query.get("patient") or query["subject"])), section
            assert len("&".join(f"{k}={v}" for k, v in query.items())) <= LONGEST_URL


def test_results_without_a_code_are_searched_for_by_the_category_of_their_kind() -> None:
    by_category = searches_by_category(KNOWN)
    assert by_category["cPeptide"] == by_category["hba1c"]  # one search for all laboratory results
    assert by_category["weight"] == by_category["glucose"]
    assert "visits" not in by_category
    assert "cPeptide" not in searches_by_category(())


def test_a_scope_of_laboratory_results_grants_them_whole() -> None:
    laboratory = parse("patient/Observation.rs?category=laboratory")
    assert laboratory.granted("Observation", "cPeptide") is Granted.ALL
    assert laboratory.granted("Observation", "weight") is Granted.PART


def test_a_policy_that_does_not_read_them_lists_and_searches_none() -> None:
    first = policy_named("MP-MM-1316")
    assert first is not None
    kinds = result_kinds([first])
    assert kinds == ()
    assert not set(OWN) & {*chart_sections([first]), *prefetch_templates(kinds)}
    everything = result_kinds(POLICIES)
    assert set(OWN) <= {*chart_sections(POLICIES)} & {*prefetch_templates(everything)}
    assert all(not searches_for(section, kinds) for section in OWN)
