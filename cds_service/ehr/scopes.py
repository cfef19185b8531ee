"""SMART scopes: what the token of a call lets the service read. Versions 1 and 2 of the syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

# v1: patient/Observation.read, user/*.*; v2: patient/Observation.rs, system/*.cruds, with a query that narrows it.
_SCOPE = re.compile(r"^(patient|user|system)/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(\?.+)?$")


_OTHER = re.compile(r"^(?:openid|profile|fhirUser|launch(?:/\w+)?|offline_access|online_access|smart/.*)$")


class Granted(Enum):
    """How much of a type may be read."""

    ALL = "all"
    PART = "part"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Scopes:
    """The resource scopes of a token. `understood` False: the words are none of SMART's, so everything is asked for."""

    clauses: tuple[tuple[str, str, bool], ...] = ()
    understood: bool = False

    def granted(self, kind: str) -> Granted:
        """How much of one resource type the token grants for reading and searching."""
        if not self.understood:
            return Granted.ALL
        fitting = [narrowed for type_, rights, narrowed in self.clauses if type_ in ("*", kind) and _reads(rights)]
        if not fitting:
            return Granted.NOTHING
        return Granted.PART if all(fitting) else Granted.ALL


def parse(scope: str | None) -> Scopes:
    """Reads a scope string. One that holds no resource scope and words of no known kind says nothing."""
    words = (scope or "").split()
    found = [m for m in map(_SCOPE.match, words) if m is not None and m[3]]
    clauses = tuple((m[2], m[3], m[4] is not None) for m in found)
    return Scopes(clauses, bool(clauses) or (bool(words) and all(_OTHER.match(word) for word in words)))


def _reads(rights: str) -> bool:
    return rights in ("read", "*") or ("r" in rights and rights != "write") or "s" in rights
