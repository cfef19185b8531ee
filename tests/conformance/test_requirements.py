"""The table of requirements is complete: each number has a rule, a test that exists, or a reason why it has none."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.crd import checker  # noqa: F401 (importing it registers the rules)
from tests.conformance.rulebook import CRD_REQUIREMENTS, REQUIREMENTS
from tests.support import SHARED

TESTS = Path(__file__).parents[1]
CHECKLIST = SHARED / "reference" / "cds-hooks-and-crd.md"
TABLE: dict[int, dict[str, Any]] = {
    int(number): row
    for number, row in tomllib.loads((Path(__file__).parent / "requirements.toml").read_text(encoding="utf-8")).items()
}
ROWS = pytest.mark.parametrize("number", sorted(TABLE))


@cache
def _functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_number_of_the_checklist_is_there() -> None:
    assert sorted(TABLE) == list(range(1, 246))


@ROWS
def test_a_row_names_what_holds_it_or_why_nothing_does(number: int) -> None:
    row = TABLE[number]
    assert row["strength"] in ("SHALL", "SHOULD", "MAY", "info", "client")
    assert len(row["says"]) > 3
    held = row.get("rule", False) or bool(row.get("tests"))
    assert held != bool(row.get("why_not")), "a rule or test, or else a reason"


@ROWS
def test_the_tests_of_a_row_exist(number: int) -> None:
    for name in TABLE[number].get("tests", ()):
        path, _, function = name.partition("::")
        assert function.startswith("test_")
        assert function in _functions(TESTS / path), name


@ROWS
def test_a_rule_of_the_checker_exists_exactly_where_the_row_says(number: int) -> None:
    checked = number in REQUIREMENTS or number in CRD_REQUIREMENTS
    if TABLE[number].get("rule"):
        assert checked
    elif TABLE[number].get("why_not"):
        assert not checked or number == 152, "what is checked is held"


def test_what_binds_a_server_is_held_but_for_what_other_parts_will_hold() -> None:
    """Of the SHALLs only these have a reason in place of a test: hooks and card types that are not offered, the
    proxy's TLS, and the access to the database."""
    without = {number for number, row in TABLE.items() if row["strength"] == "SHALL" and row.get("why_not")}
    not_offered = {72, 74, 152, 154, 155}
    assert without == not_offered | {235, 241}


@pytest.mark.real
def test_no_shall_of_the_checklist_is_taken_for_less() -> None:
    """Held against the checklist itself, where it lies beside the checkout."""
    if not CHECKLIST.exists():
        pytest.skip(f"{CHECKLIST.name} does not lie beside the checkout")
    text = CHECKLIST.read_text(encoding="utf-8")
    found = {int(n): strength for n, strength in re.findall(r"^\| (\d+) \| .*? \| ([^|]*?) \|", text, re.MULTILINE)}
    assert sorted(found) == sorted(TABLE)
    for number, strength in found.items():
        if strength.startswith("SHALL") and "(client" not in strength:
            assert TABLE[number]["strength"] == "SHALL", number
