"""The policy's text and the service's model of it, held against each other in both directions."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from cds_service.engine.parameters import Parameter
from cds_service.engine.rule import Rule
from cds_service.policies import mp_mm_1316
from cds_service.policies.mp_mm_1316 import POLICY

SECTIONS, RULES, PARAMETERS = POLICY.sections, POLICY.rules, POLICY.parameters
VERSIONS = tuple(version.start for version in POLICY.versions)
REPO = Path(__file__).parents[3]
TEXT = REPO.parent / "shared" / "reference" / "policy-MP-MM-1316.txt"

# Sections that define or delimit and so have no rule of their own: A names the subject, C defines words that
# parameters and rules of D use, E lists the states that decide whether the policy governs a coverage.
DEFINITIONAL = {"A": "the order's scope", "C": "parameters of D.I.H.1 and D.I.I.4", "E": "coverage.py"}
# D.I.A is one rule over its two arms.
PART_OF = {"D.I.A.1": "D.I.A", "D.I.A.2": "D.I.A"}

_CONTENTS = re.compile(r"^([A-I])\. \D+\t\d+$")
_MARK = re.compile(r"^\s*(?:- )?(III|II|I|[A-I]|[1-6]|[ab])\. ")


# ---------------------------------------------------------------- the outline of the text


def _outline_of_d(lines: list[str]) -> Iterator[str]:
    """Ids of section D: Roman part, letter, number, small letter. After H of part I, `I.` is the letter."""
    part = letter = number = ""
    for line in lines:
        found = _MARK.match(line)
        if found is None:
            continue
        mark = found[1]
        if mark in ("II", "III") or (mark == "I" and not part):
            part, letter, number = mark, "", ""
        elif mark.isdigit():
            number = mark
        elif mark.islower():
            yield f"D.{part}.{letter}.{number}.{mark}"
            continue
        else:
            letter, number = mark, ""
        yield ".".join(step for step in ("D", part, letter, number) if step)


@cache
def outline() -> tuple[str, ...]:
    """Ids of all sections of the policy's text; skips, or fails where all has to be there."""
    if not TEXT.exists():
        why = f"{TEXT} is not there: the sections cannot be held against the policy's text"
        if os.environ.get("PUMP_TESTS_REQUIRE_ALL") == "1":
            pytest.fail(why)
        pytest.skip(why)
    lines = TEXT.read_text(encoding="utf-8").splitlines()
    tops = [found[1] for found in map(_CONTENTS.match, lines) if found]
    begin, end = lines.index("D. Policy"), lines.index("E. State-Specific Information")
    return tuple(sorted({*tops, *_outline_of_d(lines[begin + 1 : end])}))


def leaves() -> list[str]:
    """Sections without sections below them."""
    return [one for one in outline() if not any(other.startswith(f"{one}.") for other in outline())]


def test_the_outline_is_read_whole() -> None:
    # Counted by hand in the text: 9 letters; parts I (9 letters, 2 + 2 + 6 numbers), II (2 letters, 2 + 5 numbers)
    # and III (3 letters, 3 + 5 numbers, 2 small letters).
    part_1, part_2, part_3 = 1 + 9 + 2 + 2 + 6, 1 + 2 + 2 + 5, 1 + 3 + 3 + 5 + 2
    assert len(outline()) == 9 + part_1 + part_2 + part_3
    for section in ("A", "I", "D.I.A.2", "D.I.H.1", "D.I.I.6", "D.II.B.5", "D.III.B", "D.III.C.5.b"):
        assert section in outline()


def test_every_section_of_the_text_is_modelled_or_listed() -> None:
    assert [section for section in outline() if section not in SECTIONS] == []


def test_no_section_is_told_that_the_text_does_not_have() -> None:
    assert [section for section in SECTIONS if section not in outline()] == []


def test_every_leaf_has_a_rule_or_says_why_not() -> None:
    def accounted(section: str) -> bool:
        told = SECTIONS.get(section)
        why_not = told is not None and told.why_not is not None
        return section in RULES or PART_OF.get(section) in RULES or why_not or section in DEFINITIONAL

    assert [section for section in leaves() if not accounted(section)] == []


def test_what_has_a_rule_does_not_say_that_it_has_none() -> None:
    modelled = {*RULES, *PART_OF, *DEFINITIONAL}
    assert [section for section in modelled if SECTIONS[section].why_not is not None] == []


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_told_in_words(section: str) -> None:
    told = SECTIONS[section]
    assert told.id == section
    assert told.title.strip()
    assert told.says.strip()
    assert told.why_not is None or told.why_not.strip()


def test_no_section_is_told_twice() -> None:
    text = (Path(mp_mm_1316.__file__).parent / "sections.toml").read_text(encoding="utf-8")
    ids = re.findall(r'^id = "(.+)"$', text, re.MULTILINE)
    assert len(ids) == len(set(ids)) == len(SECTIONS)


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
class TestRule:
    """Every rule cites its section and says how it reads it."""

    def test_cites_a_section_of_the_policy(self, rule: Rule) -> None:
        assert rule.section in SECTIONS
        assert rule.section in outline()

    def test_has_a_title_and_an_interpretation(self, rule: Rule) -> None:
        assert rule.title.strip()
        assert len(rule.interpretation) >= 8

    def test_uses_parameters_that_exist(self, rule: Rule) -> None:
        assert set(rule.parameters) <= set(PARAMETERS)
        assert len(rule.parameters) == len(set(rule.parameters))


def test_a_section_has_one_rule() -> None:
    groups = (mp_mm_1316.CRITERIA, mp_mm_1316.PARTS, mp_mm_1316.EXCLUSIONS, mp_mm_1316.REPLACEMENT)
    sections = [rule.section for group in groups for rule in group]
    assert len(sections) == len(set(sections)) == len(RULES)


def test_criteria_are_the_nine_of_part_i() -> None:
    assert [rule.section for rule in mp_mm_1316.CRITERIA] == [f"D.I.{letter}" for letter in "ABCDEFGHI"]


def test_exclusions_are_the_seven_of_part_ii() -> None:
    expected = ["D.II.A.1", "D.II.A.2", *(f"D.II.B.{n}" for n in range(1, 6))]
    assert [rule.section for rule in mp_mm_1316.EXCLUSIONS] == expected


# ---------------------------------------------------------------- parameters


@cache
def code() -> str:
    """The source of everything that may read a parameter."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((REPO / "cds_service").rglob("*.py")))


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=PARAMETERS.keys())
class TestParameter:
    """Every parameter has a start date, a unit, a section, a source, and a reader."""

    def test_is_told_whole(self, parameter: Parameter) -> None:
        assert parameter.section in SECTIONS
        assert parameter.section in outline()
        assert all(text.strip() for text in (parameter.unit, parameter.says, parameter.source))

    def test_has_start_dates_that_ascend(self, parameter: Parameter) -> None:
        starts = [dated.start for dated in parameter.values]
        assert starts
        assert all(type(start) is date for start in starts)
        assert starts == sorted(set(starts))

    def test_begins_with_the_policy(self, parameter: Parameter) -> None:
        # "Date Effective 05/01/2026"; no text before it is held.
        assert parameter.values[0].start == date(2026, 5, 1)

    def test_is_read_somewhere(self, parameter: Parameter) -> None:
        named = any(parameter.name in rule.parameters for rule in RULES.values())
        assert named or f'"{parameter.name}"' in code()


def test_versions_begin_with_the_policy() -> None:
    assert VERSIONS[0] == date(2026, 5, 1)
    assert list(VERSIONS) == sorted(set(VERSIONS))


PRINTED = {
    # What the policy prints, word for word.
    "education_window_months": 12,  # "within the last 12 months"
    "regimen_injections": 3,  # "at least 3 injections of insulin per day"
    "regimen_months": 6,  # "for at least 6 months"
    "self_tests_per_day": 4,  # "at least 4 times per day"
    "albuminuria_low": 30,  # "between 30 and 300mg/gram creatinine"
    "albuminuria_high": 300,
    "hba1c_threshold": 7,  # "HbA1C greater than 7%"
    "dawn_from_minute": 2 * 60,  # "between 2am and 8am"
    "dawn_until_minute": 8 * 60,
    "dawn_level": 200,  # "exceeding 200 mg/dl"
    "states": ["GA", "IN", "OH", "WV"],
}
READ = {
    # Where the text leaves room, as the specification reads it.
    "regimen_gap_days": 30,
    "self_test_window_days": 30,
    "cgm_counts_as_self_testing": False,
    "albuminuria_results": 2,
    "albuminuria_window_months": 12,
    "difficulty_days_apart": 90,
    "hba1c_stale_months": 6,
    "hypoglycemia_level": 70,
    "hypoglycemia_days": 2,
    "hypoglycemia_window_months": 12,
    "albuminuria_newest": 3,
    "difficulty_hba1c": 7,
    "hypoglycemia_apart_minutes": 120,
    "episode_apart_hours": 24,
    "sensor_low_level": 54,
    "sensor_low_minutes": 15,
    "sensor_low_days": 2,
    "dawn_sensor_readings": 5,
    "dawn_sensor_above": 2,
    "excursion_window_months": 12,
    "transfer_hours": 24,
    "breakdown_months": 6,
    "fluctuation_readings": 10,
    "dawn_mornings": 7,
    "dawn_share": 0.5,
    "night_until_minute": 6 * 60,
    "night_level": 54,
    "night_nights": 2,
    "hospital_stays": 2,
    "dialysis_window_days": 90,
    "kidney_failure_egfr": 15,
    "egfr_days_apart": 90,
    "order_age_days": 30,
}


@pytest.mark.parametrize(("name", "value"), (PRINTED | READ).items(), ids=(PRINTED | READ).keys())
def test_value_of_a_parameter(name: str, value: object) -> None:
    held = PARAMETERS[name].on(date(2026, 5, 1))
    assert (sorted(held) if isinstance(held, list) else held) == value
