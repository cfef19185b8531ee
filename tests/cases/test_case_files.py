"""What holds for all case files: each difference has an effect, none repeats another, and all that is there is used."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import date
from functools import cache
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.hooks.discovery import SERVICES
from cds_service.policies.registry import POLICIES
from tests.cases.build import ADD, DIFFERENCES, FIXTURES, base, build, case_files
from tests.cases.edits import JSON, CaseError, resources_in
from tests.cases.runner import EXPECTED, EXPECTED_BY_SECTION, CaseFile, determinations
from tests.cases.series import KEYS as SERIES

TABLES = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in case_files()}
BASES = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8")) if path.suffix == ".toml" else {}
    for path in (FIXTURES / "bases").iterdir()
}
README = (FIXTURES / "README.md").read_text(encoding="utf-8")


def _additions(table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], JSON]]:
    """Every resource or series that a table adds, with the path to it."""
    for section, additions in table.get("add", {}).items():
        if isinstance(additions, dict):
            yield ("add", section), additions
        else:
            yield from ((("add", section, str(number)), addition) for number, addition in enumerate(additions))


def _differences(table: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The path to each single difference of a table; a series is one difference."""
    for kind in DIFFERENCES:
        if kind != "add" and kind in table:
            yield from _single(table[kind], (kind,))
    for path, addition in _additions(table):
        yield path
        yield from _single({key: value for key, value in addition.items() if key not in SERIES}, path)


def _single(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _single(item, (*path, key))
    elif path[-1] in ("remove", "unanswered", "without", "null"):
        yield from ((*path, str(number)) for number in range(len(value)))
    else:
        yield path


def _lacking(table: Mapping[str, Any], path: tuple[str, ...]) -> JSON:
    """The table without one difference."""
    copy: JSON = deepcopy(dict(table))
    place: Any = copy
    for key in path[:-1]:
        place = place[int(key) if isinstance(place, list) else key]
    del place[int(path[-1]) if isinstance(place, list) else path[-1]]
    return copy


def _request(table: Mapping[str, Any], name: str) -> str | None:
    """The request as text, or None where the difference that lacks is needed to build it."""
    try:
        return json.dumps(build(table, name))
    except CaseError:
        return None


def test_every_difference_has_an_effect() -> None:
    without_effect = []
    for name, table in {**TABLES, **BASES}.items():
        if "base" in table:
            request = _request(table, name)
            found = (path for path in _differences(table) if _request(_lacking(table, path), name) == request)
            without_effect += [(name, ".".join(path)) for path in found]
    assert without_effect == []


def test_no_case_repeats_another() -> None:
    names: dict[str, list[str]] = {}
    for name, table in TABLES.items():
        named = [str(table["as_of"]), table.get("policies")]
        request = json.dumps([*named, build(table, "one name for all")], sort_keys=True)
        names.setdefault(request, []).append(name)
    assert [same for same in names.values() if len(same) > 1] == []


def test_each_name_is_there_once() -> None:
    assert len(TABLES) == len(case_files())


def test_a_case_lies_in_the_area_of_its_first_trace() -> None:
    area_of = {}
    for area, traces in re.findall(
        r"^\| `([\w-]+)` \| (`[^|]*`) \|$", README.split("## Areas")[1].split("## ")[0], re.M
    ):
        area_of |= dict.fromkeys(re.findall(r"`([^`]+)`", traces), area)
    elsewhere = {path.stem for path in case_files() if area_of[TABLES[path.stem]["traces"][0]] != path.parent.name}
    assert elsewhere == set()


def test_every_base_and_every_resource_is_used() -> None:
    tables = [*TABLES.values(), *BASES.values()]
    assert {table["base"] for table in tables if "base" in table} == set(BASES)
    likes = {addition.get("like", "/") for table in tables for _, addition in _additions(table)}
    assert {like for like in likes if "/" not in like} == {path.stem for path in (FIXTURES / "resources").iterdir()}


def test_what_is_changed_or_added_are_elements_of_fhir() -> None:
    """A word that is misspelled would become an element that nobody reads."""
    unknown = set()
    for name, table in TABLES.items():
        for reference, changes in table.get("change", {}).items():
            kind = reference.split("/")[0]
            unknown |= {(name, key) for key in set(changes) - _elements(kind) - {"without"}}
        kinds = {reference.split("/")[0] for reference, _, _ in resources_in(build(table, name))}
        known = {element for kind in kinds - {"None"} for element in _elements(kind)}
        added = {key for _, addition in _additions(table) for key in addition if key not in ADD}
        unknown |= {(name, key) for key in added - known}
    assert unknown == {("a-stray-medication-element-does-no-harm", "medication")}


@cache
def _elements(kind: str) -> set[str]:
    elements = get_fhir_model_class(kind).elements_sequence()
    return {*elements, *(f"_{element}" for element in elements), "resourceType"}


@pytest.mark.parametrize("name", sorted(BASES))
def test_a_base_is_what_its_name_says(name: str) -> None:
    """All met is likely approved, on the day in the name; what is open or alone needs documentation."""
    said, day = name.rsplit("-on-", 1)
    call = base(name)
    assert call["context"]["draftOrders"]["entry"][0]["resource"]["authoredOn"] == day
    service = SERVICES["insulin-pump-order-sign"]
    every = ",".join(policy.id for policy in POLICIES)
    response = CaseFile(name, "", (), date.fromisoformat(day), service, json.dumps(call).encode(), {}, every).run()
    (determination,) = determinations(response).values()
    met = said.startswith("all-") or said in ("regimen-charted", "replacement")
    assert determination["outcome"] == ("likely-approved" if met else "needs-documentation")


def test_the_page_on_case_files_names_every_key() -> None:
    text = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    named = {word for code in re.findall(r"`([^`]+)`", text) for word in re.findall(r"\w+", code)}
    assert {*DIFFERENCES, *ADD, *EXPECTED, *EXPECTED_BY_SECTION} - named == set()


def test_the_example_of_the_page_is_a_case() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (name,) = re.findall(r"-m tests\.cases\.build ([\w-]+)", README)
    assert tomllib.loads(example) == TABLES[name]


def test_whole_requests_are_those_of_their_cases() -> None:
    requests = list((FIXTURES.parent / "requests").iterdir())
    assert requests
    for path in requests:
        assert json.loads(path.read_text(encoding="utf-8")) == build(TABLES[path.stem], path.stem)
