"""SMART scopes: what the token of a call lets the service read. Versions 1 and 2 of the syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

# v1: patient/Observation.read, user/*.*; v2: patient/Observation.rs, system/*.cruds, with a query that narrows it.
_SCOPE = re.compile(r"^(patient|user|system)/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(\?.+)?$")


class Granted(Enum):
    """How much of a type may be read."""

    ALL = "all"
    PART = "part"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Scopes:
    """The resource scopes of a token. None that can be read: nothing is known, and everything is asked for."""

    clauses: tuple[tuple[str, str, bool], ...] = ()

    def granted(self, kind: str) -> Granted:
        """How much of one resource type the token grants for reading and searching."""
        if not self.clauses:
            return Granted.ALL
        fitting = [narrowed for type_, rights, narrowed in self.clauses if type_ in ("*", kind) and _reads(rights)]
        if not fitting:
            return Granted.NOTHING
        return Granted.PART if all(fitting) else Granted.ALL


def parse(scope: str | None) -> Scopes:
    """Reads a scope string; clauses of another kind (openid, launch) and of no known form are passed over."""
    found = (_SCOPE.match(clause) for clause in (scope or "").split())
    return Scopes(tuple((m[2], m[3], m[4] is not None) for m in found if m is not None and m[3]))


def _reads(rights: str) -> bool:
    return rights in ("read", "*") or ("r" in rights and rights != "write") or "s" in rights
