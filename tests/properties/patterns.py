"""Every compiled pattern of the packages, and texts that were made from a pattern to be slow for it."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

import cds_service
import fhir_mappings

Pattern = re.Pattern[Any]
_ANCHORED = {"match", "fullmatch"}


@dataclass(frozen=True)
class Found:
    """A pattern with the place it stands in; `anchored`: no code searches with it."""

    place: str
    pattern: Pattern
    anchored: bool


def _modules() -> Iterator[ModuleType]:
    for package in (cds_service, fhir_mappings):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name:
                yield importlib.import_module(module.name)


def _inside(value: Any, depth: int = 0) -> Iterator[Pattern]:
    """Patterns in a value, in containers and in dataclasses."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 5:
        held: Any = ()
        if isinstance(value, dict):
            held = value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            held = value
        elif "__dataclass_fields__" in vars(type(value)):
            held = [getattr(value, name, None) for name in type(value).__dataclass_fields__]
        for each in held:
            yield from _inside(each, depth + 1)


def _uses(trees: list[ast.Module]) -> dict[str, set[str]]:
    """The methods that are called on each name."""
    uses: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                uses.setdefault(node.value.id, set()).add(node.attr)
    return uses


def all_patterns() -> list[Found]:
    """Each pattern once. Those that functions without arguments make and keep are made."""
    modules = list(_modules())
    trees = [ast.parse(inspect.getsource(module)) for module in modules]
    uses = _uses(trees)
    found: dict[tuple[Any, int], Found] = {}
    for module, tree in zip(modules, trees, strict=True):
        for name, value in list(vars(module).items()):
            made = value
            if isinstance(value, functools._lru_cache_wrapper) and value.__module__ == module.__name__:
                made = None if inspect.signature(value).parameters else value()
            used = uses.get(name, set())
            anchored = isinstance(value, re.Pattern) and bool(used) and used <= _ANCHORED
            for pattern in _inside(made):
                key = (pattern.pattern, pattern.flags)
                found.setdefault(key, Found(f"{module.__name__}.{name}", pattern, anchored))
        for node in ast.walk(tree):
            for method, pattern in _written(node):
                place, key = f"{module.__name__}:{node.lineno}", (pattern.pattern, pattern.flags)
                found.setdefault(key, Found(place, pattern, method in _ANCHORED))
    return list(found.values())


def _written(node: Any) -> Iterator[tuple[str, Pattern]]:
    """A pattern that stands in a call of `re`, with the function; what is compiled is found by its name."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return
    module, argument = node.func.value, node.args[0]
    of_re = isinstance(module, ast.Name) and module.id == "re" and node.func.attr != "compile"
    if of_re and isinstance(argument, ast.Constant) and isinstance(argument.value, str | bytes):
        yield node.func.attr, re.compile(argument.value)


def sample(pattern: Pattern, chance: random.Random) -> str:
    """A text that fits most of a pattern: what stands in it, one of each alternative."""
    source = pattern.pattern
    flags = pattern.flags
    if isinstance(source, bytes):
        source = source.decode("latin-1")
    return _one(parser.parse(source, flags), chance)


def _one(sequence: Any, chance: random.Random) -> str:
    text = ""
    for kind, value in sequence:
        if kind is constants.LITERAL:
            text += chr(value)
        elif kind in (constants.NOT_LITERAL, constants.ANY):
            text += "a"
        elif kind is constants.IN:
            text += _of_a_set(value, chance)
        elif kind is constants.BRANCH:
            text += _one(chance.choice(value[1]), chance)
        elif kind in (constants.SUBPATTERN, constants.ATOMIC_GROUP):
            text += _one(value[-1] if kind is constants.SUBPATTERN else value, chance)
        elif kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            least, most, inner = value
            times = chance.choice([least, min(most, max(least, 1)), min(most, least + 2)])
            text += "".join(_one(inner, chance) for _ in range(times))
    return text


def _of_a_set(items: Any, chance: random.Random) -> str:
    if items[0][0] is constants.NEGATE:
        return chance.choice("a 1-")
    kind, value = chance.choice(items)
    if kind is constants.LITERAL:
        return chr(value)
    if kind is constants.RANGE:
        return chr(chance.randint(*value))
    return {constants.CATEGORY_DIGIT: "1", constants.CATEGORY_SPACE: " "}.get(value, "a")
