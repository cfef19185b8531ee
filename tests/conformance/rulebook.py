"""The register of conformance rules and the small vocabulary they are written in.

A rule is a generator function that looks at one node of a checked document and yields a `Finding` for every
fault: the path below the node and a message. The `rule` decorator ties it to its number in the checklist and
to the kind of node it looks at; `apply` runs all rules of one kind.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Finding = tuple[str, str]
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Violation:
    """One broken requirement: its number in the checklist, the JSON path, and what is wrong there."""

    requirement: int
    where: str
    message: str


@dataclass(frozen=True)
class Spot:
    """One node of a document: its value, its JSON path, the object that holds it and what was asked for."""

    value: Any
    where: str
    given: dict[str, Any] = field(default_factory=dict)
    parent: Any = None
    kind: str = ""

    def get(self, name: str) -> Any:
        """Return the member of that name, or None when there is no such member or the node is no object."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def has(self, name: str) -> bool:
        """Tell whether the node is an object with a member of that name."""
        return isinstance(self.value, dict) and name in self.value

    def member(self, name: str) -> list["Spot"]:
        """Return the object of that name as a list of one spot, or an empty list when it is no object."""
        found = self.get(name)
        if not isinstance(found, dict):
            return []
        return [Spot(found, f"{self.where}.{name}", self.given, self.value)]

    def items(self, name: str) -> list["Spot"]:
        """Return the objects in the array of that name; members that are no objects are left out."""
        return [
            Spot(item, f"{self.where}.{name}[{index}]", self.given, self.value)
            for index, item in enumerate(as_list(self.get(name)))
            if isinstance(item, dict)
        ]


Rule = Callable[[Spot], Iterator[Finding]]
# Requirement numbers and their rules: of plain CDS Hooks, and of Da Vinci CRD (kinds that begin with `crd-`).
REQUIREMENTS: dict[int, list[str]] = {}
CRD_REQUIREMENTS: dict[int, list[str]] = {}
_RULES: dict[str, list[tuple[int, Rule]]] = {}


def rule(requirement: int, *kinds: str) -> Callable[[Rule], Rule]:
    """Register a rule under its requirement number for every kind of node it looks at."""

    def register(check: Rule) -> Rule:
        for kind in kinds:
            register_of_kind = CRD_REQUIREMENTS if kind.startswith("crd-") else REQUIREMENTS
            names = register_of_kind.setdefault(requirement, [])
            names += [] if check.__name__ in names else [check.__name__]
            _RULES.setdefault(kind, []).append((requirement, check))
        return check

    return register


def apply(kind: str, spot: Spot) -> list[Violation]:
    """Run every rule registered for this kind of node."""
    seen = Spot(spot.value, spot.where, spot.given, spot.parent, kind)
    return [
        Violation(number, f"{spot.where}.{path}" if path else spot.where, message)
        for number, check in _RULES.get(kind, [])
        for path, message in check(seen)
    ]


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


def as_list(value: Any) -> list[Any]:
    """Return the value when it is a list, otherwise an empty list."""
    return value if isinstance(value, list) else []


def is_text(value: Any) -> bool:
    """Tell whether the value is a string with something other than white space in it."""
    return isinstance(value, str) and bool(value.strip())


def is_objects(value: Any) -> bool:
    """Tell whether the value is an array whose members are all objects."""
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def is_uuid(value: Any) -> bool:
    """Tell whether the value is a UUID without any prefix."""
    return isinstance(value, str) and UUID.fullmatch(value) is not None


def is_web_url(value: Any) -> bool:
    """Tell whether the value is an absolute http or https URL with a host and no white space."""
    if not isinstance(value, str) or re.search(r"\s", value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def is_absolute_uri(value: Any) -> bool:
    """Tell whether the value is a URI with a scheme, such as a code system has."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", value) is not None


def blanks(value: Any, path: str = "", holder: Any = None, key: str = "") -> Iterator[str]:
    """Yield the path of every null, blank string, empty array and empty object inside the value.

    A null inside an array is let pass where FHIR pairs the array `x` with `_x` and the other one has a value.
    """
    if value is None or value in ([], {}) or (isinstance(value, str) and not value.strip()):
        yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from blanks(item, f"{path}.{name}" if path else name, value, name)
    elif isinstance(value, list):
        twin = as_list(holder.get(key[1:] if key.startswith("_") else f"_{key}")) if holder else []
        for index, item in enumerate(value):
            paired = item is None and index < len(twin) and twin[index] is not None
            if not paired:
                yield from blanks(item, f"{path}[{index}]")
