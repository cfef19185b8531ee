"""The content of the value sets: valid, dated, sourced, licensed, and held against the reference list."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.valueset import ValueSet

from cds_service.concepts import Concept
from fhir_mappings.common.code_systems import normal_code, system_key
from tests.fhir_mappings.builders import CPT

REPO = Path(__file__).parents[3]
FOLDER = REPO / "fhir_mappings" / "valuesets"
REFERENCE = REPO.parent / "shared" / "reference" / "terminology.json"
FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}

# Sets that let a criterion be met, an exclusion apply or an order be in scope, with the topic of the reference
# list whose traps must not be in them.
INCLUDING = {
    "type-1-diabetes": "D.I.A",
    "type-2-diabetes": "D.I.A",
    "due-to-type-1-diabetes": "D.I.A",
    "due-to-type-2-diabetes": "D.I.A",
    "insulin-dependency": "D.I.A",
    "may-order": "D.I.B",
    "endocrinology": "D.I.C",
    "diabetes-education": "D.I.D",
    "self-management-education": "D.I.D",
    "insulin-rapid": "D.I.F",
    "insulin-short": "D.I.F",
    "insulin-intermediate": "D.I.F",
    "insulin-long": "D.I.F",
    "insulin-premix": "D.I.F",
    "insulin-with-glp1": "D.I.F",
    "insulin-unspecified": "D.I.F",
    "route-subcutaneous": "D.I.F",
    "dosing-events": "D.I.F",
    "glucose-self-test": "D.I.G",
    "glucose-general": "D.I.G",
    "self-monitoring": "D.I.G",
    "albumin-creatinine-ratio": "D.I.H.1",
    "microalbuminuria": "D.I.H.1",
    "hba1c": "D.I.I.1",
    "hba1c-unit-required": "D.I.I.1",
    "hypoglycemia-episode": "D.I.I.2",
    "severe-glycemic-excursion": "D.I.I.5",
    "ketoacidosis": "D.I.I.6",
    "inpatient-stay": "D.I.I.6",
    "inpatient-admission": "D.I.I.6",
    "end-stage-renal-disease": "D.II.A.1",
    "chronic-dialysis": "D.II.A.1",
    "dialysis-any": "D.II.A.1",
    "kidney-failure-for-review": "D.II.A.1",
    "dialysis-for-review": "D.II.A.1",
    "other-end-stage-organ-failure": "D.II.A.1",
    "cgm-device": "D.I.G",
    "pump-breakdown": "D.III",
    "pump-in-use": "routes to D.III",
    "insulin-pump": "order match",
    "insulin-pump-product": "order match",
    "insulin-pump-supplies": "order match",
    "implanted-infusion-device": "order match",
    "jet-pressure-device": "order match",
    "intravenous-insulin-therapy": "order match",
}


def rows(value_set: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every listed concept with its system."""
    for include in value_set["compose"]["include"]:
        for row in include.get("concept", ()):
            yield include["system"], row


ALL_CODES = sorted({(s, row["code"]) for value_set in FILES.values() for s, row in rows(value_set)})


# ---------------------------------------------------------------- each file by itself


@pytest.mark.parametrize("name", FILES)
def test_is_a_valid_value_set(name: str) -> None:
    ValueSet.model_validate(FILES[name])


@pytest.mark.parametrize("name", FILES)
def test_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    value_set = FILES[name]
    assert value_set["id"] == name
    assert Concept(name)
    assert value_set["url"].endswith(f"/ValueSet/{name}")
    assert re.fullmatch(r"\d+\.\d+\.\d+", value_set["version"])
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", value_set["date"])
    assert re.search(r"Sources?: \S+", value_set["purpose"])
    assert value_set["copyright"].strip()
    assert value_set["description"].strip()


def test_every_concept_has_a_file() -> None:
    assert {concept.value for concept in Concept} == set(FILES)


def test_urls_are_unique() -> None:
    assert len({value_set["url"] for value_set in FILES.values()}) == len(FILES)


@pytest.mark.parametrize("name", FILES)
def test_lists_no_code_twice_and_none_with_spaces(name: str) -> None:
    listed = [(system, row["code"]) for system, row in rows(FILES[name])]
    assert len(listed) == len(set(listed))
    assert all(code == code.strip() and code for _, code in listed)


@pytest.mark.parametrize("name", FILES)
def test_has_no_cpt_descriptor(name: str) -> None:
    # CPT descriptors belong to the AMA: codes only. CPT is level I of HCPCS, so its codes may hide there too.
    for system, row in rows(FILES[name]):
        level_1 = "cms.gov" in system and re.fullmatch(r"\d{5}|\d{4}[FT]", row["code"])
        assert not ((system == CPT or level_1) and "display" in row), row


def test_including_sets_are_those_of_the_service() -> None:
    assert set(INCLUDING) <= set(FILES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("type-1-diabetes", "not-diabetes"),
        ("type-2-diabetes", "not-diabetes"),
        *((f"{due}type-{n}-diabetes", "other-diabetes-type") for n in (1, 2) for due in ("", "due-to-")),
        ("type-1-diabetes", "due-to-type-1-diabetes"),
        ("type-2-diabetes", "due-to-type-2-diabetes"),
        ("type-1-diabetes", "type-2-diabetes"),
        ("due-to-type-1-diabetes", "due-to-type-2-diabetes"),
        ("hba1c", "not-hba1c"),
        ("albumin-creatinine-ratio", "not-albumin-creatinine-ratio"),
        ("glucose-self-test", "glucose-laboratory"),
        ("glucose-self-test", "cgm-reading"),
        ("insulin-pump", "not-an-insulin-pump"),
        ("insulin-pump", "implanted-infusion-device"),
        ("may-order", "may-not-order"),
        ("inpatient-stay", "not-inpatient"),
        ("end-stage-renal-disease", "acute-kidney-injury"),
        ("end-stage-renal-disease", "chronic-kidney-disease-not-end-stage"),
        ("end-stage-renal-disease", "kidney-failure-for-review"),
        ("end-stage-renal-disease", "kidney-transplant"),
        ("chronic-dialysis", "dialysis-any"),
        ("chronic-dialysis", "dialysis-for-review"),
        ("dialysis-any", "dialysis-for-review"),
        ("diabetes-education", "not-comprehensive-education"),
        *((f"insulin-{kind}", "insulin-inhaled") for kind in ("rapid", "short", "intermediate", "long", "premix")),
        *((f"insulin-{kind}", "insulin-animal") for kind in ("rapid", "short", "intermediate", "long", "premix")),
        *((f"insulin-{kind}", "insulin-intravenous") for kind in ("rapid", "short", "intermediate", "long", "premix")),
    ],
)
def test_a_set_shares_nothing_with_its_contrary(one: str, other: str) -> None:
    mine, theirs = ({(s, row["code"]) for s, row in rows(FILES[name])} for name in (one, other))
    assert not mine & theirs


# ---------------------------------------------------------------- check digits


def loinc_check_digit(number: str) -> int:
    """Luhn's mod 10: digits from the right are doubled by turns, digit sums added, filled up to the next ten."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return -total % 10


def verhoeff_holds(number: str) -> bool:
    """Verhoeff's check over the dihedral group of the pentagon, as SNOMED CT identifiers carry it."""
    permuted, check = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = permuted[value]
        if check < 5:
            check = (check + value) % 5 + (5 if value >= 5 else 0)
        else:
            check = (check - value) % 5 + (0 if value >= 5 else 5)
    return check == 0


def test_the_check_functions_know_right_from_wrong() -> None:
    assert loinc_check_digit("4548") == 4  # 8*2=16, 4, 5*2=10, 4: 7 + 4 + 1 + 4 = 16, 20 - 16 = 4
    assert loinc_check_digit("74246") == 0  # 74246-8 is a known misprint
    assert verhoeff_holds("46635009")
    assert verhoeff_holds("73211009")
    assert not verhoeff_holds("698607006")  # a known misprint
    assert not verhoeff_holds("46635008")


@pytest.mark.parametrize("code", [code for system, code in ALL_CODES if system == "http://loinc.org"])
def test_loinc_check_digit(code: str) -> None:
    number, _, check = code.partition("-")
    assert check == str(loinc_check_digit(number))


@pytest.mark.parametrize("code", [code for system, code in ALL_CODES if system == "http://snomed.info/sct"])
def test_snomed_check_digit(code: str) -> None:
    assert 6 <= len(code) <= 18
    assert verhoeff_holds(code)


# ---------------------------------------------------------------- against the reference list


@cache
def field_terms() -> frozenset[str]:
    """SNOMED CT codes of the list of terms from the field."""
    text = (REFERENCE.parent / "field-terms.md").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^\| (\d{6,18}) \|", text, re.MULTILINE))


@cache
def reference() -> dict[tuple[str | None, str], list[dict[str, Any]]]:
    """Rows of the reference list by code, each with its topic; skips, or fails where all has to be there."""
    if not REFERENCE.exists():
        why = f"{REFERENCE} is not there: the value sets cannot be held against it"
        if os.environ.get("PUMP_TESTS_REQUIRE_ALL") == "1":
            pytest.fail(why)
        pytest.skip(why)
    found = defaultdict(list)
    for name, group in json.loads(REFERENCE.read_text(encoding="utf-8")).items():
        for row in group.get("codes", ()) if name != "_meta" else ():
            system = system_key(row["system"])
            found[system, normal_code(system, row["code"])].append(row | {"topic": group["criterion"]})
    return found


def listed(system: str, code: str) -> list[dict[str, Any]]:
    """What the reference list says of one code."""
    key = system_key(system)
    return reference().get((key, normal_code(key, code)), [])


@pytest.mark.parametrize("name", FILES)
def test_codes_are_verified(name: str) -> None:
    unverified = [row["code"] for s, row in rows(FILES[name]) for r in listed(s, row["code"]) if not r["verified"]]
    assert not unverified


@pytest.mark.parametrize("name", INCLUDING)
def test_no_trap_is_in_an_including_set(name: str) -> None:
    topic = INCLUDING[name]
    traps = [
        row["code"]
        for system, row in rows(FILES[name])
        for r in listed(system, row["code"])
        if r["use"] == "trap" and r["topic"].startswith(topic)
    ]
    assert not traps


SOURCES = json.loads((Path(__file__).parent / "code_sources.json").read_text(encoding="utf-8"))
# What publishes a code system needs no second source.
PUBLISHERS = ("PyPI simple-icd-10-cm", "CMS file HCPC2019")


def sources_of(system: str, code: str) -> list[str]:
    """Where a code that is not on the reference list was seen with its meaning."""
    return [SOURCES["sources"][place] for place in SOURCES["codes"].get(system, {}).get(code, ())]


def test_every_code_is_on_the_reference_list_or_has_two_sources() -> None:
    # HL7's own tables (degrees, roles, patient classes, act codes) need none.
    own = ("v2-0360", "v2-0004", "v3-ActCode", "practitioner-role")
    elsewhere = [(s, c) for s, c in ALL_CODES if not listed(s, c) and not s.endswith(own)]
    # field-terms.md lists SNOMED CT codes that two families of public lists agree on.
    elsewhere = [(s, c) for s, c in elsewhere if not (s == "http://snomed.info/sct" and c in field_terms())]
    weak = [
        (system, code)
        for system, code in elsewhere
        if len(set(found := sources_of(system, code))) < 2 and not any(f.startswith(PUBLISHERS) for f in found)
    ]
    assert not weak


def test_no_source_is_listed_for_a_code_that_no_set_has() -> None:
    named = {(system, code) for system, codes in SOURCES["codes"].items() for code in codes}
    assert named <= set(ALL_CODES)
