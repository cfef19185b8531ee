"""No number of the policy stands in a sentence: each comes from a parameter, or is counted from the sections.

What may stand there are numbers that are no quantity of the policy (codes, names of types, ids of sections), and the
few that belong to how a rule works, each listed with its reason.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_service.policies import mp_mm_1316, rules

FOLDER = Path(mp_mm_1316.__file__).parent
# What the policy says stands in its own files and in the rules that it shares with others.
MODULES = sorted([*FOLDER.rglob("*.py"), *Path(rules.__file__).parent.rglob("*.py")])
_NUMBER_WORDS = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|twice|second|third|dozen"
NUMBER = re.compile(rf"\d+(?:\.\d+)?|\b(?:{_NUMBER_WORDS})\b", re.IGNORECASE)
# What has digits and is no quantity.
NO_QUANTITY = re.compile(
    r"\{[^{}]*\}"  # a placeholder
    r"|(?i:mp-mm-1316)"  # the policy's id
    r"|\bD\.(?:I{1,3})(?:\.[A-I])?(?:\.\d)?(?:\.[ab])?|\bC\.[1-5]"  # sections
    r"|\b[Tt]ype [12]\b|\b[Ss]tage 5\b|\blevel [123]\b"  # names of diseases and their degrees
    r"|\b[A-Z]\d[A-Z0-9]*(?:\.[A-Z0-9]+)?-?|ICD-(?:9|10)|HbA1c|\bA1c\b|GLP-1|U-500"  # codes, tests, drugs
    r"|7th character"  # a place in a code
)
# Numbers that belong to how a rule works or are no number of the policy, by a phrase that holds them, with the reason.
ALLOWED = {
    "two HbA1c above": "difficulty is shown by the first and the last of several results: it takes two to lie apart",
    "two above {": "the same",
    "Two HbA1c results above": "the same",
    "eGFR below {kidney_failure_egfr} twice": "the same for filtration rates",
    "below this value twice": "the same",
    "The two eGFR results": "the same",
    "two lows within": "two readings are compared with each other",
    "between two sensor readings": "the same",
    "apart are two": "records that lie apart are counted apart",
    "Three parts, all needed": "the parts that the rule's own code combines: count, duration, self-adjustment",
    "a second": "what follows one",
    "1 reading": "the singular of what is counted",
    "1 insulin injection a day is": "the same",
    "under 1": "what is injected less than daily",
    "0 self-tests counted": "nothing was counted",
    "two years": "how far back a plot looks: no number of the policy",
    **dict.fromkeys(("10 %", "25 %", "75 %", "90 %"), "the percentiles that a plot's boxes show"),
    **dict.fromkeys(("Glutamate decarboxylase 65", "GAD65"), "the name of what an antibody is against"),
    "per 30 minutes": "the official name of a billing code",
    "mL/min/1.73 m2": "a unit",
    "earlier texts from 2022 on": "the years of texts that are not held",
}


def _numbers(sentence: str) -> list[str]:
    for phrase in ALLOWED:
        sentence = sentence.replace(phrase, "")
    return NUMBER.findall(NO_QUANTITY.sub("", sentence))


def test_every_phrase_that_is_allowed_is_said_somewhere() -> None:
    files = sorted(FOLDER.glob("*.toml")) + MODULES
    said = " ".join(" ".join(path.read_text(encoding="utf-8").split()) for path in files)
    assert [phrase for phrase in ALLOWED if phrase not in said] == []


def _sentences(value: Any) -> Iterator[str]:
    """Every text in a table of data, that of ids and dates too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "values":  # a value's own source speaks of that value
                yield from _sentences(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sentences(inner)


@pytest.mark.parametrize("name", ["wording.toml", "questionnaire.toml", "sections.toml", "parameters.toml"])
def test_no_sentence_of_the_data_holds_a_number(name: str) -> None:
    table = tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))
    table.pop("version", None)
    assert {text: numbers for text in _sentences(table) if (numbers := _numbers(text))} == {}


def _literals(tree: ast.AST) -> Iterator[str]:
    """Every text with a space in it that is no docstring, a formatted one with what it fills left out."""
    skipped = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def _has_docstring(node: ast.AST) -> bool:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return isinstance(node, holders) and ast.get_docstring(node) is not None


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(FOLDER.parent)))
def test_no_sentence_of_the_rules_holds_a_number(module: Path) -> None:
    texts = _literals(ast.parse(module.read_text(encoding="utf-8")))
    assert {text: numbers for text in texts if " " in text and (numbers := _numbers(text))} == {}


@pytest.mark.parametrize("rule", mp_mm_1316.POLICY.rules.values(), ids=lambda rule: rule.section)
def test_no_interpretation_holds_a_number(rule: Any) -> None:
    assert _numbers(rule.interpretation) == []
