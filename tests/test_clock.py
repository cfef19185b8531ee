"""No test reads the clock when it is collected: by the time it runs, minutes later, the value has aged."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CLOCK = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"}
# A day is no moment: see its docstring for what it may be used for.
ALLOWED = {"tests.support.today"}

Names = dict[str, str]


def _dotted(node: ast.expr) -> str:
    """The name of what is called, as it is written."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def _calls(nodes: list[ast.AST], inside: bool) -> Iterator[tuple[str, int]]:
    """Names that are called with their lines; `inside`: also in the bodies of functions and lambdas."""
    for node in nodes:
        if isinstance(node, ast.Call):
            yield _dotted(node.func), node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not inside:
            defaults = [each for each in node.args.kw_defaults if each]
            yield from _calls([*node.decorator_list, *node.args.defaults, *defaults], inside)
        elif not isinstance(node, ast.Lambda) or inside:
            yield from _calls(list(ast.iter_child_nodes(node)), inside)


def _imported(module: str, tree: ast.Module) -> Names:
    """Full names of what a module defines at its top or imports from other tests, and of the clock itself."""
    names: Names = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            names[node.name] = f"{module}.{node.name}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return names


def _full(name: str, names: Names) -> str:
    first, dot, rest = name.partition(".")
    return f"{names.get(first, first)}{dot}{rest}"


def _modules(sources: dict[str, str]) -> dict[str, tuple[ast.Module, Names]]:
    trees = {module: ast.parse(source) for module, source in sources.items()}
    return {module: (tree, _imported(module, tree)) for module, tree in trees.items()}


def _readers(modules: dict[str, tuple[ast.Module, Names]]) -> set[str]:
    """Functions that read the clock, themselves or through another."""
    calls = {
        names[node.name]: {_full(name, names) for name, _ in _calls(list(node.body), True)}
        for tree, names in modules.values()
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    found = set(CLOCK)
    while more := {name for name, called in calls.items() if called & (found - ALLOWED)} - found:
        found |= more
    return found - ALLOWED


def read_when_collected(sources: dict[str, str]) -> list[str]:
    """Calls at the top of modules, in decorators and in defaults that read the clock."""
    modules = _modules(sources)
    readers = _readers(modules)
    return [
        f"{module}:{line} {name}"
        for module, (tree, names) in modules.items()
        for name, line in _calls(list(tree.body), False)
        if _full(name, names) in readers
    ]


def test_no_test_reads_the_clock_when_it_is_collected() -> None:
    sources = {
        ".".join(path.relative_to(TESTS.parent).with_suffix("").parts): path.read_text(encoding="utf-8")
        for path in sorted(TESTS.rglob("*.py"))
        if "benchmarks" not in path.parts  # programs, never collected
    }
    assert read_when_collected(sources) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\nNOW = time.time()",
        "from datetime import datetime\nLIMIT = [datetime.now(UTC)]",
        "@pytest.mark.parametrize('x', [int(time.time()) + 900])\ndef test_x(x):\n    pass",
        "def made():\n    return time.time()\n\nMADE = {'a': made()}",
        "def made():\n    return time.time()\n\ndef more():\n    return made()\n\n@mark(more())\ndef test():\n    ...",
        "def test_x(now=time.time()):\n    pass",
        "class A:\n    at = date.today()",
        "from tests.trust import tokens\nTOKEN = tokens.signed()",
        "from tests.trust.tokens import signed as s\nTOKEN = s()",
    ],
)
def test_each_way_is_seen(source: str) -> None:
    helper = "def claims():\n    return time.time()\n\ndef signed():\n    return claims()"
    assert len(read_when_collected({"tests.made": source, "tests.trust.tokens": helper})) == 1


@pytest.mark.parametrize(
    "source",
    [
        "def test_x():\n    assert time.time()",
        "LATER = [lambda: time.time()]",
        "from tests import support\nRECENT = support.today()",
        "def made():\n    return time.time()\n\n@pytest.fixture\ndef now():\n    return made()",
    ],
)
def test_what_is_asked_when_a_test_runs_is_free(source: str) -> None:
    helper = "def today():\n    return datetime.now(UTC).date()"
    assert read_when_collected({"tests.made": source, "tests.support": helper}) == []
