"""Values steer the code, not sentences: nothing is decided on the words of an explanation, a reason or a note."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SENTENCES = frozenset({"explanation", "explanations", "reason", "reasons", "why", "note", "notes", "closes"})
LOOKS_INTO = frozenset(
    {"startswith", "endswith", "find", "index", "count", "split", "rsplit", "partition", "rpartition"}
)
COMPARES = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Lt, ast.Gt, ast.LtE, ast.GtE)
PATTERNS = frozenset({"match", "search", "fullmatch", "findall", "finditer"})
# What looks into a sentence all the same, by its line, with the reason.
ALLOWED = {
    (
        "cds_service/hooks/crd_cards.py",
        "notes[0].split('. ')",
    ): "a title takes the first sentence of a note: no decision",
    ("cds_service/demo/live.py", "note.startswith(_SEARCHED)"): "the demo reads a response as any client would",
}


def _modules() -> list[Path]:
    return sorted(path for package in ("cds_service", "fhir_mappings") for path in (ROOT / package).rglob("*.py"))


def _is_sentence(node: ast.expr) -> bool:
    """Whether an expression is a sentence, a part of one, or one made over: `finding.explanation.casefold()`."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) if name in SENTENCES:
            return True
        case ast.Subscript(slice=ast.Constant(value=name)) if name in SENTENCES:
            return True
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=name), *_]) if name in SENTENCES:
            return True
        case ast.Subscript(value=inner):
            return _is_sentence(inner)
        case ast.Call(func=ast.Attribute(value=inner)):
            return _is_sentence(inner)
    return False


def decisions(source: str) -> Iterator[str]:
    """The expressions that compare a sentence, or look for something in it."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Compare(left=left, ops=ops, comparators=others):
                told = any(map(_is_sentence, (left, *others))) and any(isinstance(op, COMPARES) for op in ops)
            case ast.Call(func=ast.Attribute(attr=name, value=value), args=given):
                looked = name in LOOKS_INTO and _is_sentence(value)
                told = looked or (name in PATTERNS and any(map(_is_sentence, given)))
            case _:
                continue
        if told:
            yield ast.unparse(node)


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_decided_on_words(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    assert [told for told in decisions(path.read_text(encoding="utf-8")) if (name, told) not in ALLOWED] == []


def test_what_is_allowed_is_there() -> None:
    for name, expression in ALLOWED:
        assert expression in list(decisions((ROOT / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "source",
    [
        "'attested' in finding.explanation.casefold()",
        "reading.why.startswith('the FHIR server answered')",
        "int(reading.why.rsplit(' ', 1)[-1])",
        "what, _, why = reason.partition(': ')",
        "SEARCHED.match(note)",
        "finding['explanation'].startswith('Not read')",
        "'days old' in determination.get('reason', '')",
        "match.why == 'another product'",
        "part.explanation not in whole.explanation",
    ],
)
def test_a_decision_on_words_is_found(source: str) -> None:
    assert list(decisions(source))


@pytest.mark.parametrize(
    "source",
    [
        "match.reason is MatchReason.OVER",
        "reason.code in CODES",
        "f'{finding.explanation}.'",
        "if finding.reason: pass",
    ],
)
def test_a_value_or_a_sentence_that_is_passed_on_is_no_decision(source: str) -> None:
    assert not list(decisions(source))
